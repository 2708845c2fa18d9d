"""Faust workers that run batches of records from topics through a pipeline, at least once.

No record is lost. The package knows nothing of Storyline: record, batch and effect types are type
variables, and the steps are callables.
"""
