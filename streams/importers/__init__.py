"""Other networks' data as events: edge lists, Jetstream, ActivityPub."""
