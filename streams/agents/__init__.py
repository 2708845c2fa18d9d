"""The consumer groups: which topics each reads, through which projections, into which stores."""
