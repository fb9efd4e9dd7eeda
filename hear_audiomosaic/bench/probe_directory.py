"""Probing an embeddings directory of heareval's layout, as ``hear-audiomosaic probe`` does."""

from __future__ import annotations

import logging
from pathlib import Path

from hear_audiomosaic.heareval.read import read_heareval_directory
from hear_audiomosaic.heareval.write import write_predictions
from hear_audiomosaic.probing import ProbeResult, Protocol, run_protocol
from hear_audiomosaic.probing.event_targets import frame_limits_in_words
from hear_audiomosaic.probing.unfinished import Unfinished, unfinished_folder

__all__ = ["probe_directory"]

_log = logging.getLogger(__name__)


def probe_directory(
    directory: Path, protocol: Protocol, *, seed: int, device: str, precision: str, strict: bool, trainer: str
) -> ProbeResult:
    """Probe a directory and write ``test.predicted-scores.json`` into it; one that was killed goes on where it was.

    Arguments as in :func:`hear_audiomosaic.probing.run_protocol`; errors, too, and EmbeddingError: the directory is not
    one of heareval's, or contradicts itself.
    """
    task = read_heareval_directory(directory)
    unfinished = Unfinished(unfinished_folder(directory / "probe"))
    result = run_protocol(
        task,
        protocol,
        seed=seed,
        device=device,
        precision=precision,
        strict=strict,
        trainer=trainer,
        unfinished=unfinished,
    )
    write_predictions(directory, result, task.embedding_size)
    unfinished.remove()
    for words in frame_limits_in_words(task, protocol):
        _log.warning("%s: %s", task.name, words)
    return result
