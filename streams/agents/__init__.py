"""Consumer groups: the topics that each reads, their projections, and the stores they write to."""
