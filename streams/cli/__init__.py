"""The `storyline` command; its folders follow those of `streams.app`."""
