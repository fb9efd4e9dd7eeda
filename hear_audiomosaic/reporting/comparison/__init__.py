"""The comparison: the scores of encoders on tasks, their provenance, and which are missing."""
