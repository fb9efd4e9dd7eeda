"""Recordings for measurements: found by folder or by a column of its metadata, cut and trimmed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from hear_audiomosaic.audio import read_audio
from hear_audiomosaic.errors import AudioError

__all__ = ["find_recordings", "first_seconds", "read_trimmed"]

_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3"})
_QUIET = 1e-3  # of full scale


def find_recordings(data_dir: Path, sources: Sequence[str]) -> list[Path]:
    """Recordings of several sources, each sorted.

    Args:
        data_dir: what sources are relative to.
        sources: each ``FOLDER`` (anywhere below it) or ``FOLDER:COLUMN=VALUE[,VALUE]`` (those that the rows of
            ``FOLDER/metadata.csv`` with one of these values name, column ``filename``).

    Raises:
        AudioError: there is no recording.
    """
    files: list[Path] = []
    for source in sources:
        name, _, condition = source.partition(":")
        folder = data_dir / name
        if condition:
            column, _, values = condition.partition("=")
            path = folder / "metadata.csv"
            if not path.is_file():
                raise AudioError(f"There is no {path}; expected the set's folder with its metadata.csv and recordings.")
            rows = pd.read_csv(path, dtype=str)
            if column not in rows or "filename" not in rows:
                raise AudioError(f"{path} has no columns filename and {column}; it has {', '.join(rows.columns)}.")
            files += [folder / name for name in sorted(rows["filename"][rows[column].isin(values.split(","))])]
        else:
            files += sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
    if not files:
        raise AudioError(f"There is no recording in {', '.join(sources)} (below {data_dir}).")
    return files


def read_trimmed(path: Path, rate_hz: int) -> Tensor:
    """A recording (S,), without the silence (60 dB below the peak) in front and behind."""
    clip = torch.from_numpy(read_audio(path, rate_hz)[0])
    loud = (clip.abs() > 1e-3 * clip.abs().max()).nonzero()
    return clip[int(loud[0]) : int(loud[-1]) + 1] if len(loud) else clip[:0]


def first_seconds(data_dir: Path, sources: Sequence[str], n_clips: int, duration_s: float, rate_hz: int) -> Tensor:
    """The first seconds of the first recordings that last long enough and are not silent, (n, S).

    Args:
        data_dir: what sources are relative to.
        sources: see `find_recordings`.
        n_clips: at most.
        duration_s: of a clip.
        rate_hz: of the clips.

    Raises:
        AudioError: there is none.
    """
    clips, n_samples = [], round(duration_s * rate_hz)
    for path in find_recordings(data_dir, sources):
        clip = torch.from_numpy(read_audio(path, rate_hz)[0][:n_samples])
        if len(clip) == n_samples and clip.abs().max() > _QUIET:
            clips.append(clip)
        if len(clips) == n_clips:
            break
    if not clips:
        raise AudioError(f"{', '.join(sources)} holds no recording of {duration_s:g} s or more (below {data_dir}).")
    return torch.stack(clips)
