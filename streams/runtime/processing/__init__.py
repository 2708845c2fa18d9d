"""Processing of fetched batches: decode, project, reject, apply, acknowledge."""
