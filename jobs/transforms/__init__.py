"""Pure functions from DataFrames to DataFrames: no table is read or written here."""
