"""Output, errors, files and progress bars of every command."""
