"""Recordings -> the clips of a task folder: cut or padded, resampled, in threads, resumable.

Decoding (libsndfile) and resampling (soxr) release Python's global lock, so threads use all cores. A clip is written
under another name and renamed, so that what has its name is whole; an interrupted call goes on at the next clip. The
samples depend on the recording only, not on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hear_audiomosaic.audio.pcm16 import Int16, fit, read_pcm16, resample_pcm16, write_pcm16
from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.progress import progress_bar
from hear_audiomosaic.tasks.steps.recipe import Found
from hear_audiomosaic.threads import in_threads

__all__ = ["clip_samples", "write_clips"]

_MOST_WORKERS = 8
_JOBS_AHEAD = 16  # per thread: what is waiting stays small, however many clips there are
_MOST_NAMED = 10


@dataclass(frozen=True)
class _Job:
    clip: Found
    targets: Mapping[int, Path]  # rate in Hz -> file


def write_clips(
    clips: Sequence[Found],
    split_of: Mapping[str, str],
    folder: Path,
    rates_hz: Sequence[int],
    duration_s: float | None,
    *,
    title: str,
    workers: int | None,
) -> None:
    """Write every clip to ``folder/<rate>/<split>/<stem>.wav``; those that are there are kept.

    Args:
        clips: what to write.
        split_of: stem -> split.
        folder: where to; made if need be.
        rates_hz: sample rates.
        duration_s: of every clip; None: as long as its recording.
        title: what the progress bar says.
        workers: threads; None: one per core, at most 8.

    Raises:
        AudioError: recordings are missing, corrupt, empty or not finite; all have been tried, the first ten are named.
    """
    for rate_hz in rates_hz:
        for split in set(split_of.values()):
            (folder / str(rate_hz) / split).mkdir(parents=True, exist_ok=True)
    jobs = (_Job(clip, _targets(folder, clip.stem, split_of[clip.stem], rates_hz)) for clip in clips)
    problems: list[str] = []
    n_workers = workers or min(_MOST_WORKERS, os.cpu_count() or 1)
    with progress_bar(len(clips), title, "clip") as bar:
        write = partial(_write, duration_s=duration_s)
        for problem in in_threads(write, jobs, n_workers, n_workers * _JOBS_AHEAD):
            bar.update()
            if problem:
                problems.append(problem)
    if problems:
        listed = "\n  ".join(sorted(problems)[:_MOST_NAMED])
        more = f"\n  and {len(problems) - _MOST_NAMED} more" if len(problems) > _MOST_NAMED else ""
        raise AudioError(
            f"{len(problems)} of {len(clips)} recordings cannot be used:\n  {listed}{more}\n"
            "Fetch or unpack them again and run this again; what is converted already is kept."
        )


def clip_samples(clip: Found, duration_s: float | None) -> tuple[Int16, int]:
    """A clip, int16 (S,), at the rate of its recording, and that rate in Hz."""
    if clip.cut is None:
        samples, rate_hz = read_pcm16(clip.audio, most_s=duration_s)
    else:
        samples, rate_hz = read_pcm16(clip.audio, *clip.cut)
    return (samples if duration_s is None else fit(samples, round(duration_s * rate_hz))), rate_hz


def _targets(folder: Path, stem: str, split: str, rates_hz: Sequence[int]) -> dict[int, Path]:
    return {rate_hz: folder / str(rate_hz) / split / f"{stem}.wav" for rate_hz in rates_hz}


def _write(job: _Job, duration_s: float | None) -> str:
    """Write one clip; what was wrong with it, empty if nothing was."""
    open_targets = {rate_hz: path for rate_hz, path in job.targets.items() if not path.exists()}
    if not open_targets:
        return ""
    try:
        samples, own_rate_hz = clip_samples(job.clip, duration_s)
        for rate_hz, path in open_targets.items():
            resampled = resample_pcm16(samples, own_rate_hz, rate_hz)
            if len(resampled) == 0:
                raise AudioError(f"{job.clip.audio} is too short: no sample is left at {rate_hz} Hz")
            temporary = path.with_name(f".{path.name}.part")
            write_pcm16(temporary, resampled, rate_hz)
            temporary.replace(path)
    except AudioError as error:
        return str(error)
    return ""
