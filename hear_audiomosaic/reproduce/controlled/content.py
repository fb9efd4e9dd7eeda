"""Which clips hold the sound of a test clip, under whatever name: :func:`find_shared_sound`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.audio import read_audio
from hear_audiomosaic.audio.duplicates import RATE_HZ, find_duplicates
from hear_audiomosaic.errors import PretrainingError
from hear_audiomosaic.files import read_json, sha256_of_json, write_json
from hear_audiomosaic.reproduce.controlled.sets import FixedSplit, read_rows
from hear_audiomosaic.threads import in_threads

__all__ = ["SAME_SOUND", "Clip", "SharedSound", "clips_and_tests", "find_shared_sound", "same_sound_as_test"]

Clip = tuple[str, str]
"""A set's name and a file of it."""

SAME_SOUND = 0.9
"""Correlation of the samples from which two clips hold the same recording.

Copies that were recoded (Vorbis), given noise 30 dB below or cut out had .92 to 1 (159 clips); of clips of different
sets the 9,000 pairs that looked most alike had .72 at most. Short words of one speaker and steady tones of one pitch
come to .91, rarely .96: a few of them are left out for nothing, which costs less than a copy that stays.
"""

_THREADS = 4
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SharedSound:
    """A clip that holds the sound of a test clip.

    Attributes:
        clip: set and file, not of a test split.
        test: set and file of the test clip.
        correlation: of their samples where they agree.
    """

    clip: Clip
    test: Clip
    correlation: float


def find_shared_sound(
    data_dir: Path, clips: Sequence[Clip], tests: Sequence[Clip], cache: Path | None = None
) -> list[SharedSound]:
    """Compare clips with test clips by their samples, in a few minutes for thousands of each.

    Args:
        data_dir: holds one folder per set.
        clips: those that train.
        tests: those that are tested on.
        cache: JSON file with the pairs, so that an unchanged search is not repeated.

    Returns:
        All pairs, each also logged.

    Raises:
        AudioError: a recording is missing or corrupt.
    """
    files = [data_dir / name / file for name, file in (*clips, *tests)]
    changed = [(path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    identity = sha256_of_json([list(clips), list(tests), changed, SAME_SOUND])
    if cache is not None and cache.is_file() and (before := read_json(cache))["identity"] == identity:
        return [SharedSound(tuple(p["clip"]), tuple(p["test"]), p["correlation"]) for p in before["pairs"]]
    samples = list(in_threads(_read, files, _THREADS, 2 * _THREADS))
    found = find_duplicates(samples[: len(clips)], samples[len(clips) :], SAME_SOUND)
    pairs = [SharedSound(clips[one.first], tests[one.second], round(one.correlation, 4)) for one in found]
    for pair in pairs:
        clip, test = "/".join(pair.clip), "/".join(pair.test)
        _log.info("%s holds the sound of the test clip %s (correlation %.3f)", clip, test, pair.correlation)
    if cache is not None:
        write_json(cache, {"identity": identity, "pairs": [asdict(pair) for pair in pairs]})
    return pairs


def clips_and_tests(data_dir: Path, sets: Sequence[str], splits: Sequence[FixedSplit]) -> tuple[list[Clip], list[Clip]]:
    """All clips of the named sets and of the tasks' sets that no task tests on, and those that one does."""
    tests = sorted({(split.source.name, file) for split in splits for file in split.test})
    names = sorted({*sets, *(split.source.name for split in splits)})
    rows = {name: read_rows(data_dir / name, PretrainingError) for name in names}
    return sorted({(name, row["filename"]) for name in names for row in rows[name]} - set(tests)), tests


def same_sound_as_test(split: FixedSplit, shared: Sequence[SharedSound]) -> list[str]:
    """Files of a task's train and valid that hold the sound of one of its test clips."""
    name, tests = split.source.name, set(split.test)
    found = {pair.clip[1] for pair in shared if pair.clip[0] == pair.test[0] == name and pair.test[1] in tests}
    return sorted(file for file in found if file in split.split_of and file not in tests)


def _read(path: Path) -> npt.NDArray[np.float32]:
    return read_audio(path, RATE_HZ)[0]
