"""The accounts database (PostgreSQL) and its change stream (Debezium in Kafka Connect)."""
