"""Events, ids and schemas: their encoding, decoding and validation; the tables of the lake."""
