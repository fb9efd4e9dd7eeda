"""The pre-training data stream: audio of any amount in, batches of random crops out, the same at every resume."""

from hear_audiomosaic.pretraining.data.odd import Odd, OddLog
from hear_audiomosaic.pretraining.data.skips import SkipLog
from hear_audiomosaic.pretraining.data.source import ClipSource, open_clips
from hear_audiomosaic.pretraining.data.stream import ClipBatch, batches

__all__ = ["ClipBatch", "ClipSource", "Odd", "OddLog", "SkipLog", "batches", "open_clips"]
