"""Floors: what every trained encoder must beat, without learning: log-mel statistics, random weights."""
