"""The lake's bronze tables and its quarantine, written with delta-rs, each record once."""
