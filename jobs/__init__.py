"""The historical fold: Spark jobs that make the star schema from the bronze tables."""
