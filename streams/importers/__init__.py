"""Import of other networks' data as events: edge lists, Jetstream, ActivityPub."""
