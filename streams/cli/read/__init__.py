"""Commands that read the views."""
