"""Recordings that stand in a task more than once, equal sample by sample as clips.

Copies with another gain, codec or cut are not found here; :mod:`hear_audiomosaic.audio.duplicates` compares sounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hear_audiomosaic.files import read_json
from hear_audiomosaic.tasks.convert import Recording, clip_key, recordings_from_json
from hear_audiomosaic.tasks.findings import OTHER_LABELS, SEVERAL_SPLITS, Findings
from hear_audiomosaic.tasks.folder import Clip
from hear_audiomosaic.tasks.layout import PREPARATION
from hear_audiomosaic.tasks.prepared import PreparedTask
from hear_audiomosaic.tasks.splits import Fold

__all__ = ["trained_test_clips", "trained_test_clips_of", "twins_in"]


def twins_in(clips: Sequence[Clip], recordings: Mapping[str, Recording]) -> Findings:
    """Recordings that stand in several splits, and those that stand again with other labels.

    Args:
        clips: of a task.
        recordings: clip key -> recording, with the digest of its clip; silent clips have none and are left out.
    """
    found: Findings = {}
    for same in _groups((recordings[clip_key(clip)].clip_sha256, clip) for clip in clips):
        first, *others = same
        if len({clip.split for clip in same}) > 1:
            again = ", ".join(f"'{clip.source}' in {clip.split}" for clip in others)
            found.setdefault(SEVERAL_SPLITS, {})[first.source] = f"in {first.split}; {again}"
        differing = [clip for clip in others if _labels(clip) != _labels(first)]
        if differing:
            again = ", ".join(f"'{clip.source}'" for clip in differing)
            found.setdefault(OTHER_LABELS, {})[first.source] = f"and {again}"
    return found


def trained_test_clips(recordings: Mapping[str, Recording], folds: Iterable[Fold]) -> int:
    """Test clips whose recording also stands in train or valid of their fold.

    Args:
        recordings: clip key (``split/file``) -> recording.
        folds: of the task.
    """
    by_split: dict[str, list[str]] = {}
    for key, recording in recordings.items():
        by_split.setdefault(key.partition("/")[0], []).append(recording.clip_sha256)
    count = 0
    for fold in folds:
        others = {digest for split in (*fold.train, fold.valid) for digest in by_split.get(split, ()) if digest}
        count += sum(digest in others for digest in by_split.get(fold.test, ()))
    return count


def trained_test_clips_of(task: PreparedTask) -> int:
    """The same of a prepared task; 0 where ``preparation.json`` says nothing of it."""
    try:
        recordings = recordings_from_json(read_json(task.directory / PREPARATION)["recordings"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0
    return trained_test_clips(recordings, task.card.folds)


def _groups(clips: Iterable[tuple[str, Clip]]) -> list[list[Clip]]:
    groups: dict[str, list[Clip]] = {}
    for digest, clip in clips:
        if digest:
            groups.setdefault(digest, []).append(clip)
    return [group for group in groups.values() if len(group) > 1]


def _labels(clip: Clip) -> list[str]:
    return sorted(map(str, clip.labels))
