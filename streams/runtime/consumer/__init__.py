"""Reading from Kafka: fetches, offsets, and the rules for both."""
