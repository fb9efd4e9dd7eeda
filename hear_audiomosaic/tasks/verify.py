"""Is a task on disk what it should be? Every file against what is known of it.

Compared are: the tables with the card (for modes without a card, with the recipe of the task's preparation), every
clip with the tables, with its other rates and with its folder, and every file with its digest of when the task was
fetched, prepared or verified before (:mod:`hear_audiomosaic.tasks.checksums`).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import FileError, TaskError
from hear_audiomosaic.file_digests import FileDigests
from hear_audiomosaic.file_errors import described
from hear_audiomosaic.progress import progress
from hear_audiomosaic.tasks.balance import label_counts
from hear_audiomosaic.tasks.checksums import (
    Pinned,
    digests_in_threads,
    files_of,
    pinned_digests,
    verified_checksums,
    write_checksums,
)
from hear_audiomosaic.tasks.expected import Difference, against_card
from hear_audiomosaic.tasks.findings import findings_of, summaries
from hear_audiomosaic.tasks.limits import label_limits
from hear_audiomosaic.tasks.prepared import PreparedTask
from hear_audiomosaic.tasks.states import forget_verified, look_at, remember_verified
from hear_audiomosaic.tasks.wav_facts import WavFacts, wav_facts

__all__ = ["Verification", "verify_task"]

_TOLERANCE_S = 2e-3  # cut at the recording's own rate, then resampled and rounded down

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verification:
    """What was found of a task.

    Attributes:
        task: folder name.
        state: "verified", or "wrong" where a difference is not known; "not prepared" where there is no such folder.
        clips: split -> number.
        hours: of audio, at one rate.
        rates_hz: that are there.
        durations_s: shortest and longest clip; None without audio.
        labels: label -> split -> number of clips, or of events.
        pinned: when the digests that were compared are of -> number of files.
        differences: expected and found, those that are known among them.
        notes: in words: what could not be compared, what is odd.
    """

    task: str
    state: str
    clips: Mapping[str, int] = field(default_factory=dict)
    hours: float | None = None
    rates_hz: tuple[int, ...] = ()
    durations_s: tuple[float, float] | None = None
    labels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    pinned: Mapping[str, int] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, each difference with its words."""
        return asdict(self) | {"differences": [asdict(one) | {"words": one.words} for one in self.differences]}


def verify_task(directory: Path, digests_file: Path) -> Verification:
    """Verify one task, and remember it where that can be written.

    Args:
        directory: its folder.
        digests_file: where digests are remembered (:class:`~hear_audiomosaic.file_digests.FileDigests`), so that a
            second verification reads only what has changed.
    """
    try:
        before = look_at(directory)
        task = PreparedTask.open(directory)
        pinned = pinned_digests(directory)
    except (TaskError, FileError) as error:
        forget_verified(directory)
        broken = Difference("tables", directory.name, "a task folder that agrees with itself", str(error))
        return Verification(directory.name, "wrong", differences=(broken,))
    names = list(files_of(directory, task.splits))
    differences = [*_missing(task, names, pinned)]
    differences += _clip_differences(task, facts := _facts(task, names))
    digests, unreadable = _digests(task, names, digests_file)
    differences += unreadable
    differences += [
        Difference("digest", name, f"{pinned[name].sha256} ({pinned[name].when})", digest)
        for name, digest in digests.items()
        if name in pinned and pinned[name].sha256 != digest
    ]
    seconds = {
        (split, file): facts[name].duration_s
        for split in task.splits
        for file in task.labels(split)
        for name in [f"{task.rates_hz[0]}/{split}/{file}" if task.rates_hz else ""]
        if name in facts and not facts[name].fault
    }
    hours = sum(seconds.values()) / 3600.0 if seconds else None
    differences += against_card(task, hours)
    verified = all(one.known for one in differences)
    if verified:
        _remember(task, digests, before)
    else:
        forget_verified(directory)
    when = [pinned[name].when for name in digests if name in pinned]
    return Verification(
        task=directory.name,
        state="verified" if verified else "wrong",
        clips={split: len(task.labels(split)) for split in task.splits},
        hours=None if hours is None else round(hours, 4),
        rates_hz=task.rates_hz,
        durations_s=(round(min(seconds.values()), 4), round(max(seconds.values()), 4)) if seconds else None,
        labels=label_counts(task),
        pinned={one: when.count(one) for one in dict.fromkeys(when)},
        differences=tuple(differences),
        notes=tuple(_notes(task, names, digests, pinned)),
    )


def _clip_names(task: PreparedTask) -> Iterator[str]:
    for rate_hz in task.rates_hz:
        for split in task.splits:
            for file in task.labels(split):
                yield f"{rate_hz}/{split}/{file}"


def _missing(task: PreparedTask, names: list[str], pinned: Mapping[str, Pinned]) -> Iterator[Difference]:
    if not task.rates_hz:
        yield Difference("audio", task.directory.name, "a folder of clips for each rate, such as 16000", "none")
    there = set(names)
    clips = dict.fromkeys(_clip_names(task))
    for name in clips:
        if name not in there:
            yield Difference("clip", name, "a file", "nothing")
    for name, pin in pinned.items():
        if name not in there and name not in clips:
            yield Difference("file", name, f"a file ({pin.when})", "nothing")


def _facts(task: PreparedTask, names: list[str]) -> dict[str, WavFacts]:
    there = set(names)
    return {name: wav_facts(task.directory / name) for name in _clip_names(task) if name in there}


def _clip_differences(task: PreparedTask, facts: Mapping[str, WavFacts]) -> Iterator[Difference]:
    """Each clip: whole, mono, 16 bits, at its folder's rate, as long as the card and its other rates say."""
    for name, clip in facts.items():
        rate_hz, _, key = name.partition("/")
        if clip.fault:
            yield Difference("clip", name, "a whole WAV file", clip.fault)
            continue
        if clip.form != f"{rate_hz} Hz, mono, PCM_16":
            yield Difference("clip", name, f"{rate_hz} Hz, mono, PCM_16", clip.form)
        duration_s = task.card.sample_duration_s
        if duration_s is not None and not _near(clip.duration_s, duration_s):
            yield Difference("length", name, f"{duration_s:g} s", f"{clip.duration_s:.4f} s")
            continue
        first = facts.get(f"{task.rates_hz[0]}/{key}")
        if first is not None and not first.fault and not _near(clip.duration_s, first.duration_s):
            expected = f"{first.duration_s:.4f} s, as at {task.rates_hz[0]} Hz"
            yield Difference("length", name, expected, f"{clip.duration_s:.4f} s")


def _near(one_s: float, other_s: float) -> bool:
    return math.isclose(one_s, other_s, rel_tol=0.0, abs_tol=_TOLERANCE_S)


def _digests(task: PreparedTask, names: list[str], digests_file: Path) -> tuple[dict[str, str], list[Difference]]:
    """Name -> SHA-256, and the files that cannot be read."""
    unreadable: list[Difference] = []
    with FileDigests(digests_file) as digests:

        def of(path: Path) -> str:
            try:
                return digests.of(path)
            except OSError as error:
                name = path.relative_to(task.directory).as_posix()
                unreadable.append(Difference("file", name, "readable", described(error, "read", path)))
                return ""

        hashed = digests_in_threads(task.directory, names, of)
        told = progress(hashed, f"verify {task.directory.name}", len(names), "file")
        return {name: digest for name, digest in told if digest}, unreadable


def _remember(task: PreparedTask, digests: Mapping[str, str], looked: str) -> None:
    try:
        write_checksums(verified_checksums(task.directory), digests)
        remember_verified(task.directory, looked)
    except FileError as error:  # a folder of tasks that many share may be read-only
        _log.info("%s: that it is verified is not remembered: %s", task.directory.name, error)


def _notes(
    task: PreparedTask, names: list[str], digests: Mapping[str, str], pinned: Mapping[str, Pinned]
) -> Iterator[str]:
    unnamed = len(set(names) - set(_clip_names(task)) - {name for name in names if "/" not in name})
    if unnamed:
        yield f"{unnamed} files of audio stand in no split and are not used"
    unknown = sum(name not in pinned for name in digests)
    if unknown:
        yield (
            f"{unknown} of {len(digests)} files had no digest from when the task was fetched, prepared or verified; "
            "where all is right, the next verification compares them with what they are now"
        )
    yield from label_limits(task).in_words()
    yield from summaries(findings_of(task.directory))
