"""Clips that a data set has -> which goes to which split, in which order its labels stand: hearpreprocess's arithmetic.

Follows ``pipeline.py`` of hearpreprocess 2021.1.1 (ExtractMetadata, SubsampleSplit, SubcorpusMetadata). The draws
themselves are in :mod:`hear_audiomosaic.tasks.splits`.
"""

from __future__ import annotations

import io
import itertools
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.paths import plain_name_fault
from hear_audiomosaic.tasks.splits import first_files, hear_folds, hear_folds_with_labels, hold_out, string_seed
from hear_audiomosaic.tasks.steps.recipe import Found, Settings

__all__ = ["Draw", "draw", "in_published_order"]

_MOST_BYTES = 245  # of a file name, so that it has room for a mark while it is written
_PERCENT = {"train": 80, "valid": 10, "test": 10}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Draw:
    """The clips of a task, sorted by stem, labels as they are to be written; and stem -> split.

    ``missing`` are recordings that the data set names and that are not there.
    """

    clips: tuple[Found, ...]
    split_of: Mapping[str, str]
    missing: tuple[str, ...] = ()

    def labels(self, split: str, *, is_event: bool) -> dict[str, list[Any]]:
        """Content of ``<split>.json``: file name -> labels or events, sorted by file name."""
        of_split = {f"{clip.stem}.wav": clip for clip in self.clips if self.split_of[clip.stem] == split}
        return {
            file: [{"label": label, "start": start, "end": end} for start, end, label in of_split[file].labels]
            if is_event
            else list(of_split[file].labels)
            for file in sorted(of_split)
        }

    def vocabulary(self, *, is_event: bool) -> set[str]:
        """The labels that occur, as text."""
        return {str(label) for clip in self.clips for label in _plain(clip, is_event)}


def draw(found: Iterable[Found], settings: Settings) -> Draw:
    """Order labels, drop what is not there, assign splits, subsample.

    Raises:
        TaskError: two recordings with one name, missing recordings (in small mode they are dropped, and where a recipe
            says so), a multiclass clip with several labels, an empty split, or labels that a split lacks (in small mode
            and in event tasks they may be lacking, and where a recipe says so).
    """
    clips = sorted(found, key=lambda clip: clip.stem)
    _check_stems(clips)
    clips = in_published_order(clips)
    clips, missing = _present(clips, settings)
    split_of = _splits(clips, settings)
    if settings.is_event:
        clips = _as_read_from_csv([_within(clip, settings.duration_s) for clip in clips])
    elif settings.values["prediction_type"] == "multiclass":
        _check_one_label(clips)
    clips = _with_integers(clips, is_event=settings.is_event)
    kept = _subsampled(split_of, settings)
    chosen = tuple(clip for clip in clips if clip.stem in kept)
    drawn = Draw(chosen, {stem: split_of[stem] for stem in sorted(kept)}, tuple(missing))
    _check_splits(drawn, settings)
    return drawn


def in_published_order(clips: Sequence[Found]) -> list[Found]:
    """Put the labels of every clip into the order in which hearpreprocess leaves them.

    It sorts all rows (one label of one clip each) by stem, start, end and label, and shuffles them as pandas'
    ``sample(frac=1)`` does, before anything is dropped: the order depends on all rows that a data set names.

    Args:
        clips: sorted by stem.
    """
    n_rows = sum(len(clip.labels) + clip.n_later for clip in clips)
    # The legacy generator is the one that pandas uses for an integer random_state.
    permutation = np.random.RandomState(string_seed("postprocess_all_metadata")).permutation(n_rows)
    place = np.empty(n_rows, dtype=np.int64)  # (rows,): sorted row -> its place after the shuffle
    place[permutation] = np.arange(n_rows)
    ordered: list[Found] = []
    first = 0
    for clip in clips:
        if len(clip.labels) > 1:
            labels = sorted(clip.labels)
            order = np.argsort(place[first : first + len(labels)])
            ordered.append(replace(clip, labels=tuple(labels[int(i)] for i in order)))
        else:
            ordered.append(clip)
        first += len(clip.labels) + clip.n_later
    return ordered


def _plain(clip: Found, is_event: bool) -> Iterator[Any]:
    return (event[2] for event in clip.labels) if is_event else iter(clip.labels)


def _check_stems(clips: Sequence[Found]) -> None:
    if not clips:
        raise TaskError("The sources (--from) hold no clip of this task")
    for one, other in itertools.pairwise(clips):
        if one.stem == other.stem:
            raise TaskError(f"Two recordings would become '{one.stem}.wav': {one.audio} and {other.audio}; remove one")
    for clip in clips:
        if fault := plain_name_fault(f"{clip.stem}.wav", "clip", _MOST_BYTES):
            raise TaskError(f"In {clip.audio}: {fault}")


def _present(clips: Sequence[Found], settings: Settings) -> tuple[list[Found], list[str]]:
    """Clips whose recordings are there, and the recordings that are not."""
    named = {clip.audio for clip in clips}
    missing = sorted(_missing(named))
    may_be_missing = settings.is_small or settings.drops_missing
    if missing and (not may_be_missing or len(missing) == len(named)):
        raise TaskError(
            f"{len(missing)} of {len(named)} recordings of {settings.folder} are missing, such as {missing[0]}; fetch "
            "or unpack the data set again"
        )
    if missing and settings.drops_missing:
        _log.warning(
            "%s: %d of %d recordings are missing, such as %s; their clips are left out",
            *(settings.folder, len(missing), len(named), missing[0]),
        )
    missing_ones = frozenset(missing)
    return [clip for clip in clips if clip.audio not in missing_ones], missing


def _missing(paths: Iterable[str]) -> Iterator[str]:
    """Paths at which there is no file; folders are listed once, since a data set may name 300,000 files."""
    names: dict[str, frozenset[str]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in names:
            names[folder] = (
                frozenset(child.name for child in Path(folder).iterdir()) if Path(folder).is_dir() else frozenset()
            )
        if name not in names[folder]:
            yield path


def _splits(clips: Sequence[Found], settings: Settings) -> dict[str, str]:
    """Stem -> split."""
    split_mode = settings.values["split_mode"]
    given = {clip.stem: clip.split for clip in clips}
    if split_mode == "presplit_kfold":
        return given
    key_of = {clip.stem: clip.key or clip.stem for clip in clips}
    if split_mode == "trainvaltest":
        return _carved(given, key_of, settings)
    labels_of: dict[str, set[str]] = {}
    for clip in clips:
        labels_of.setdefault(key_of[clip.stem], set()).update(map(str, _plain(clip, settings.is_event)))
    k = len(settings.splits)
    if len(labels_of) < k:
        raise TaskError(f"{settings.folder}: {len(labels_of)} files or groups cannot fill {k} folds")
    first_draw = settings.is_small or settings.is_event
    folds = hear_folds(labels_of, k) if first_draw else hear_folds_with_labels(labels_of, k)
    fold_of = {key: fold for fold, keys in folds.items() for key in keys}
    return {stem: fold_of[key] for stem, key in key_of.items()}


def _carved(given: Mapping[str, str], key_of: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Cut missing splits from train; a key goes with all its clips, wherever they were."""
    lacking = sorted(set(settings.splits) - set(given.values()))
    if not lacking:
        return dict(given)
    if "train" in lacking:
        raise TaskError(f"{settings.folder}: no clip is marked as train")
    percent = settings.values.get("split_percentage", _PERCENT)
    whole = percent["train"] + sum(percent[split] for split in lacking)
    share = {split: percent[split] / whole for split in lacking}
    keys = {key_of[stem] for stem, split in given.items() if split == "train"}
    drawn = hold_out(keys, share.get("valid", 0.0), share.get("test", 0.0))
    if any(not drawn[split] for split in ("train", *lacking)):
        raise TaskError(f"{settings.folder}: {len(keys)} files or groups are too few to cut {', '.join(lacking)} from")
    split_of_key = {key: split for split in lacking for key in drawn[split]}
    return {stem: split_of_key.get(key_of[stem], split) for stem, split in given.items()}


def _within(clip: Found, duration_s: float | None) -> Found:
    """The events that begin in the clip, cut at its end."""
    if duration_s is None:
        return clip
    end_ms = duration_s * 1000.0
    inside = tuple((start, min(end, end_ms), label) for start, end, label in clip.labels if start < end_ms)
    if not inside:
        raise TaskError(f"{clip.audio} has no event in its first {duration_s:g} s")
    return replace(clip, labels=inside)


def _as_read_from_csv(clips: Sequence[Found]) -> list[Found]:
    """Times of events as pandas reads them from the CSV file that hearpreprocess keeps them in, to the last bit."""
    import pandas as pd

    times = [repr(float(time)) for clip in clips for event in clip.labels for time in event[:2]]
    read = iter(pd.read_csv(io.StringIO("\n".join(["ms", *times])))["ms"].astype(float).tolist())
    return [
        replace(clip, labels=tuple((next(read), next(read), label) for _, _, label in clip.labels)) for clip in clips
    ]


def _with_integers(clips: Sequence[Found], *, is_event: bool) -> list[Found]:
    """Labels as they are after that CSV file: integers if all are digits."""
    labels = {str(label) for clip in clips for label in _plain(clip, is_event)}
    if not all(re.fullmatch(r"-?[0-9]{1,18}", label) for label in labels):
        return list(clips)
    if is_event:
        return [replace(clip, labels=tuple((*event[:2], int(event[2])) for event in clip.labels)) for clip in clips]
    return [replace(clip, labels=tuple(map(int, clip.labels))) for clip in clips]


def _check_one_label(clips: Sequence[Found]) -> None:
    for clip in clips:
        if len(clip.labels) != 1:
            raise TaskError(f"{clip.audio} has {len(clip.labels)} labels; a clip of this task has exactly one")


def _subsampled(split_of: Mapping[str, str], settings: Settings) -> set[str]:
    """Stems that are kept: of every split as many as its share of seconds holds."""
    stems: dict[str, list[str]] = {split: [] for split in settings.splits}
    for stem, split in split_of.items():
        if split not in stems:
            raise TaskError(f"'{stem}' stands in '{split}'; the splits are {', '.join(settings.splits)}")
        stems[split].append(stem)
    kept: set[str] = set()
    for split, of_split in stems.items():
        most_s = settings.most_seconds(split)
        if most_s is None or settings.duration_s is None:
            kept.update(of_split)
        else:
            kept.update(first_files(of_split, split, int(most_s / settings.duration_s)))
    return kept


def _check_splits(drawn: Draw, settings: Settings) -> None:
    labels: dict[str, set[Any]] = {split: set() for split in settings.splits}
    for clip in drawn.clips:
        labels[drawn.split_of[clip.stem]].update(_plain(clip, settings.is_event))
    every = set().union(*labels.values())
    for split, there in labels.items():
        if not there:
            raise TaskError(f"{settings.folder}: the split '{split}' has no clip")
        lacking = sorted(map(str, every - there))
        if not lacking:
            continue
        message = f"{settings.folder}: {split} lacks {len(lacking)} of {len(every)} labels, such as {lacking[0]}"
        if not (settings.is_small or settings.is_event or settings.lacks_labels):
            raise TaskError(f"{message}; every split of this task has every label. Is the data set complete?")
        _log.info("%s", message)
