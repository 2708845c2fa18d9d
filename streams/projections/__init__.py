"""Pure folds of events into effects on the views."""
