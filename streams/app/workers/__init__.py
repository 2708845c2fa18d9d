"""Workers, built from the settings: how to run, supervise, observe and wait for them."""
