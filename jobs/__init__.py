"""The historical fold: Spark jobs that build the star schema from the bronze tables."""
