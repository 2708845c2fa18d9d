"""The durable views in Cassandra: rows, statements, migrations."""
