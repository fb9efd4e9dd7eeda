"""Whether an encoder reads a task at its own rate: told before anything is embedded."""

from __future__ import annotations

import logging

from hear_audiomosaic.hear import Encoder
from hear_audiomosaic.results.rates import change_in_words
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["tell_rate"]

_log = logging.getLogger(__name__)


def tell_rate(encoder: Encoder, task: PreparedTask) -> None:
    """Log which rate is read where it is not the encoder's: a warning where it is lower, which costs the encoder.

    Args:
        encoder: the loaded encoder.
        task: the prepared task.

    Raises:
        TaskError: the task has no audio at all.
    """
    read_hz, own_hz = task.best_rate(encoder.sample_rate), encoder.sample_rate
    words = change_in_words(read_hz, own_hz)
    if not words:
        return
    cure = f"; prepare the task with --rate {own_hz}, if its recordings have more" if read_hz < own_hz else ""
    level = logging.WARNING if read_hz < own_hz else logging.INFO
    _log.log(level, "%s reads %s as %s%s", encoder.label, task.card.name, words, cure)
