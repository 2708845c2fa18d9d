"""Commands that write events, read them, and manage topics and schemas."""
