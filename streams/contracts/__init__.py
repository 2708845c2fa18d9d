"""Events, ids and schemas: how they are written, read and validated; the tables of the lake."""
