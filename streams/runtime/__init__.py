"""The Faust side: batches from topics through a pipeline, at least once, nothing lost.

Knows nothing of Storyline: record, batch and effect types come in as type variables, steps as
callables.
"""
