"""The synthetic suite: five small tasks made on the spot from a seed, for demonstrations and tests without a network.

They ask for what HEAR asks for - pitch, timbre, tags, percussion, events - but for nothing that is known of the
world; a score on them says that the pipeline works, and how encoders differ on simple sounds.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import make_folder, read_json, write_json
from hear_audiomosaic.paths import default_tasks_dir
from hear_audiomosaic.progress import progress
from hear_audiomosaic.tasks import publishing
from hear_audiomosaic.tasks.card import SECTION, TaskCard
from hear_audiomosaic.tasks.catalog import get_card, suites
from hear_audiomosaic.tasks.layout import GROUPS, METADATA, VOCABULARY, sort_labels, write_vocabulary
from hear_audiomosaic.tasks.prepared import PreparedTask
from hear_audiomosaic.tasks.synthetic.events import make_events
from hear_audiomosaic.tasks.synthetic.scenes import make_percussion, make_pitch, make_tags, make_timbre
from hear_audiomosaic.tasks.synthetic.sounds import SynthesisContext, SyntheticClips

__all__ = ["GENERATORS", "REVISION", "SUITE", "generate", "names", "prepare_synthetic"]

SUITE = "synthetic"
REVISION = 1
"""Raised whenever a generator makes other clips; stands in the metadata, so that tasks of two revisions differ."""

GENERATORS: Mapping[str, Callable[[SynthesisContext], SyntheticClips]] = {
    "events": make_events,
    "percussion": make_percussion,
    "pitch": make_pitch,
    "tags": make_tags,
    "timbre": make_timbre,
}

_LOWEST_RATE_HZ = 8000

_log = logging.getLogger(__name__)


def names() -> tuple[str, ...]:
    """Names of the synthetic tasks."""
    return tuple(card.name for card in suites()[SUITE])


def generate(card: TaskCard, rate_hz: int = 16000) -> SyntheticClips:
    """Make the clips of a card; labels and times do not depend on the rate.

    Args:
        card: a card with a generator and a seed.
        rate_hz: sample rate, at least 8000 Hz.

    Raises:
        TaskError: the card names no known generator, or the rate is too low for its sounds.
    """
    generator = GENERATORS.get(card.generator or "")
    if generator is None or card.seed is None:
        raise TaskError(f"{card.name}: no generator '{card.generator}'; there are: {', '.join(GENERATORS)}")
    if rate_hz < _LOWEST_RATE_HZ:
        raise TaskError(f"Synthetic tasks need at least {_LOWEST_RATE_HZ} Hz; found {rate_hz}")
    return generator(SynthesisContext.of(card.name, card.seed, rate_hz))


def prepare_synthetic(
    name: str, tasks_dir: Path | None = None, seed: int = 0, rate_hz: int = 16000, *, overwrite: bool = False
) -> PreparedTask:
    """Make a synthetic task in HEAR's layout; a second call changes nothing, one with another rate adds that rate.

    Args:
        name: one of :func:`names`.
        tasks_dir: folder of all tasks; the user's data folder by default.
        seed: 0 is the task itself (mode ``full``); any other seed makes a sister task (mode ``seed<n>``).
        rate_hz: sample rate, at least 8000 Hz.
        overwrite: replace a folder of the same name whose metadata differ.

    Raises:
        TaskError: no such task, or its folder exists and was made by something else.
    """
    card = get_card(name, SUITE)
    if seed != card.seed:
        card = card.model_copy(update={"seed": seed, "mode": f"seed{seed}"})
    metadata = card.to_metadata()
    metadata[SECTION]["revision"] = REVISION
    target = (default_tasks_dir() if tasks_dir is None else Path(tasks_dir)) / card.directory_name
    partial = publishing.unfinished(target)
    publishing.put_in_place(target)

    def is_there() -> bool:
        return _is_same(target, metadata, overwrite=overwrite)

    # A finished task is opened where nothing can be written, too.
    if not publishing.awaits_publishing(target) and is_there() and _is_whole(target, rate_hz):
        publishing.tidy(target)
        _log.info("%s is made already: nothing to do", target)
        return PreparedTask.open(target)
    with publishing.preparing(target):
        publishing.finish_publishing(target)
        there = is_there()
        if there and _is_whole(target, rate_hz):
            return PreparedTask.open(target)
        shutil.rmtree(partial, ignore_errors=True)
        clips = generate(card, rate_hz)
        files = [f"{card.name}_{i:04d}.wav" for i in range(len(clips.labels))]
        _write_audio(partial / str(rate_hz), clips, files, rate_hz, card.name)
        if there:
            publishing.fill_folder(partial, target)
        else:
            _write_tables(partial, metadata, clips, files)
            publishing.publish(partial, target)
    return PreparedTask.open(target)


def _is_same(target: Path, metadata: dict[str, Any], *, overwrite: bool) -> bool:
    if not target.exists():
        return False
    try:
        with file_errors("read", target / METADATA):  # a task that cannot be read is not taken for another one
            if (target / METADATA).exists() and read_json(target / METADATA) == metadata:
                return True
    except ValueError:
        pass
    if not overwrite:
        raise TaskError(
            f"{target} exists and was made by another version of this package or by hand; remove that folder and "
            "make the task again"
        )
    return False


def _is_whole(target: Path, rate_hz: int) -> bool:
    task = PreparedTask.open(target)
    return all(task.audio_path(split, file, rate_hz).is_file() for split in task.splits for file in task.files(split))


def _write_audio(folder: Path, clips: SyntheticClips, files: list[str], rate_hz: int, title: str) -> None:
    from hear_audiomosaic.audio import write_wav

    for split in sorted(set(clips.splits)):
        make_folder(folder / split)
    rows = list(zip(clips.waveforms, clips.splits, files, strict=True))
    for waveform, split, file in progress(rows, title, unit="clip"):
        write_wav(folder / split / file, waveform, rate_hz)


def _write_tables(partial: Path, metadata: dict[str, Any], clips: SyntheticClips, files: list[str]) -> None:
    labels = [item["label"] if isinstance(item, dict) else item for items in clips.labels for item in items]
    write_json(partial / METADATA, metadata)
    write_vocabulary(partial / VOCABULARY, sort_labels(labels))
    for split in metadata["splits"]:
        rows = zip(files, clips.labels, clips.splits, strict=True)
        write_json(partial / f"{split}.json", {file: items for file, items, own in rows if own == split})
    if clips.groups:
        write_json(partial / GROUPS, dict(zip(files, clips.groups, strict=True)))
