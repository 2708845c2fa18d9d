"""Workers, put together from settings: run, supervise, observe, wait."""
