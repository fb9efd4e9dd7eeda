"""Pre-training: one engine for every method's objective, and the data stream that feeds it.

- :func:`pretrain`: train, or resume where a run stopped.
- :class:`PretrainSettings`: what a run is made of.
"""

from __future__ import annotations

from hear_audiomosaic.pretraining.engine import Pretrained, pretrain
from hear_audiomosaic.pretraining.settings import PretrainSettings

__all__ = ["PretrainSettings", "Pretrained", "pretrain"]
