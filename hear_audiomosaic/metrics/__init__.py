"""Scores: arrays in, numbers out. Knows nothing of encoders, tasks or probes."""

from hear_audiomosaic.metrics.event_data import Events
from hear_audiomosaic.metrics.scores import SCORES, Score, evaluate_clips, evaluate_events, get_score

__all__ = ["SCORES", "Events", "Score", "evaluate_clips", "evaluate_events", "get_score"]
