"""A data set as it was published -> a task, in one command that can be interrupted and repeated."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.files import read_json, rename, sha256_of_json, write_json
from hear_audiomosaic.paths import default_tasks_dir
from hear_audiomosaic.tasks import publishing
from hear_audiomosaic.tasks.catalog import all_cards
from hear_audiomosaic.tasks.checksums import CLIPS, digests_in_threads, files_of
from hear_audiomosaic.tasks.hear2021 import RECIPES as OF_HEAR_2021
from hear_audiomosaic.tasks.layout import PREPARATION
from hear_audiomosaic.tasks.papers import RECIPES as OF_PAPERS
from hear_audiomosaic.tasks.prepared import PreparedTask
from hear_audiomosaic.tasks.steps.choice import Given, choose_mode, find_recipe, look_at
from hear_audiomosaic.tasks.steps.clips import write_clips
from hear_audiomosaic.tasks.steps.draw import Draw, draw
from hear_audiomosaic.tasks.steps.recipe import Found, Recipe, Settings
from hear_audiomosaic.tasks.steps.sources import Sources, unpacked, with_identity
from hear_audiomosaic.tasks.steps.tables import write_tables

__all__ = ["RECIPES", "is_made_from_source", "metadata_of", "prepare_from_source", "tasks_from_source"]

RECIPES = {**OF_HEAR_2021, **OF_PAPERS}
"""Task name -> how it is made, of all suites."""
_IN_WORK = ".made_from.json"
_MADE = "made"
_OF_THE_CARD = ("title", "domain", "source", "licence", "citation", "notes")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Work:
    """One preparation: what of, as what, where."""

    recipe: Recipe
    settings: Settings
    given: Given
    target: Path
    rates_hz: tuple[int, ...]
    workers: int | None

    @property
    def partial(self) -> Path:
        """The task while it is made."""
        return self.target.with_name(f".{self.target.name}.part")

    @property
    def unpacked(self) -> Path:
        """Unpacked archives, while the task is made."""
        return self.target.with_name(f".{self.target.name}.sources")

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the task but the sample rates."""
        return {
            "rules": self.recipe.rules,
            "task": self.settings.folder,
            "labels": list(self.settings.labels),
            "sources": with_identity(self.given.files, self.given.folders),
        }


def tasks_from_source() -> tuple[str, ...]:
    """Names of the tasks that can be made from their data sets."""
    return tuple(RECIPES)


def is_made_from_source(name: str) -> bool:
    """Whether a name means a task that can be made from its data set."""
    try:
        find_recipe(name, RECIPES)
    except TaskError:
        return False
    return True


def metadata_of(folder: str) -> dict[str, Any] | None:
    """The ``task_metadata.json`` that a task of that folder name should have; None where its recipe is not known."""
    for recipe in RECIPES.values():
        for mode, name in recipe.folders.items():
            if name == folder:
                metadata: dict[str, Any] = recipe.settings(mode).metadata
                return metadata
    return None


def prepare_from_source(
    name: str,
    sources: Sequence[str | Path],
    *,
    mode: str | None = None,
    labels: Sequence[str] = (),
    rates_hz: Sequence[int] = (16000,),
    tasks_dir: Path | None = None,
    overwrite: bool = False,
    workers: int | None = None,
) -> PreparedTask:
    """Make ``<tasks_dir>/<name>-<version>-<mode>/`` from a data set, HEAR's tasks by hearpreprocess's rules.

    A second call with the same sources changes nothing; with further rates it adds them. An interrupted call leaves
    hidden folders beside the target, from which the next call resumes at the next clip.

    Args:
        name: a task of HEAR 2021 or of the papers: "esc50", "esc50-v2.0.0" or "esc50-v2.0.0-full".
        sources: archives as published, or folders into which they were unpacked, or a folder that holds them.
        mode: "full", "5h", "50h" or "small"; only needed where neither the name nor the archives say it, and there are
            several.
        labels: labels to keep, for vox_lingua_top10 only; by default the ten most frequent.
        rates_hz: sample rates to write, in Hz; HEAR's archives have 48000, hearpreprocess writes 16000, 22050, 32000,
            44100 and 48000.
        tasks_dir: folder of all tasks; the user's data folder by default.
        overwrite: replace a task of that name that was made from something else.
        workers: threads; None: one per core, at most 8. The result does not depend on it.

    Raises:
        TaskError: no such task or mode, sources that lack something, or the folder exists and was made from others.
        AudioError: recordings are corrupt, empty or not finite.
    """
    recipe, said = find_recipe(name, RECIPES)
    if said is not None and mode is not None and said != mode:
        raise TaskError(f"'{name}' says the mode '{said}', --mode says '{mode}'; leave one out")
    rates = tuple(sorted(set(rates_hz)))
    if not rates or min(rates) < 10:
        raise TaskError(f"--rate expects sample rates in Hz, such as 16000; found {list(rates_hz)}")
    given = look_at([Path(source) for source in sources], recipe)
    settings = recipe.settings(choose_mode(recipe, given, mode or said), labels)
    target = (default_tasks_dir() if tasks_dir is None else Path(tasks_dir)) / settings.folder
    work = _Work(recipe, settings, given, target, rates, workers)
    with publishing.preparing(target):
        publishing.finish_publishing(target)
        _make(work, overwrite=overwrite)
    return PreparedTask.open(target)


def _make(work: _Work, *, overwrite: bool) -> None:
    identity = work.identity
    is_there = work.target.exists() and _made_from(work.target, identity, overwrite=overwrite)
    rates = [rate for rate in work.rates_hz if not (is_there and (work.target / str(rate)).is_dir())]
    if not rates:
        _log.info("%s is prepared already, from the same sources: nothing to do", work.target)
        return
    _resume_or_begin(work, identity)
    sources = _sources(work)
    drawn = draw(_inside(sources, work.recipe.read(sources, work.settings)), work.settings)
    _warn_of_another_number(work.settings.folder, len(drawn.clips))
    _write(work, drawn, rates)
    clips = [name for name in files_of(work.partial, work.settings.splits) if "/" in name]
    digests = dict(digests_in_threads(work.partial, clips))
    if is_there:
        for rate in rates:
            rename(work.partial / str(rate), work.target / str(rate))
        digests = read_json(work.target / PREPARATION).get(CLIPS, {}) | digests
        write_json(work.target / PREPARATION, identity | {CLIPS: _by_rate(digests)})
        shutil.rmtree(work.partial)
    else:
        write_tables(work.partial, drawn, work.settings, _facts(work, drawn))
        write_json(work.partial / PREPARATION, identity | {CLIPS: _by_rate(digests)})
        (work.partial / _IN_WORK).unlink()
        publishing.publish(work.partial, work.target)
    shutil.rmtree(work.unpacked, ignore_errors=True)


def _by_rate(digests: Mapping[str, str]) -> dict[str, str]:
    """In one order, whichever rate was made first."""
    return dict(sorted(digests.items(), key=lambda pair: (int(pair[0].partition("/")[0]), pair[0])))


def _sources(work: _Work) -> Sources:
    folders = (*unpacked(work.given.archives, work.unpacked, _MADE), *work.given.folders)
    recordings = tuple(one.path for one in work.given.recordings)
    return Sources(folders, recordings, work.recipe.needs, work.unpacked / _MADE)


def _inside(sources: Sources, found: Iterable[Found]) -> Iterator[Found]:
    """The clips, none of which leads out of the sources: their names stand in tables that somebody else wrote.

    Raises:
        TaskError: one does.
    """
    roots = tuple(f"{folder}{os.sep}" for folder in (*sources.folders, sources.work))
    files = frozenset(map(str, sources.files))
    for clip in found:
        root = next((root for root in roots if clip.audio.startswith(root)), None)
        if clip.audio not in files and (root is None or ".." in Path(clip.audio[len(root) :]).parts):
            raise TaskError(f"The data set names a recording outside of it: {clip.audio}; give the folder that has all")
        yield clip


def _write(work: _Work, drawn: Draw, rates_hz: Sequence[int]) -> None:
    for left in work.partial.glob("[1-9]*"):  # of an interrupted call that was asked for other rates
        if left.name not in map(str, rates_hz):
            shutil.rmtree(left)
    write_clips(
        drawn.clips,
        drawn.split_of,
        work.partial,
        rates_hz,
        work.settings.duration_s,
        title=work.settings.folder,
        workers=work.workers,
    )


def _facts(work: _Work, drawn: Draw) -> dict[str, Any]:
    """What the card says and HEAR has no word for; nothing for HEAR's tasks, which are as hearpreprocess makes them."""
    card = {card.directory_name: card for card in all_cards()}.get(work.settings.folder)
    if card is None or work.recipe.name in OF_HEAR_2021:
        return {}
    facts: dict[str, Any] = {name: getattr(card, name) for name in _OF_THE_CARD if getattr(card, name)}
    facts["n_classes"] = len(drawn.vocabulary(is_event=work.settings.is_event))
    facts["n_clips"] = len(drawn.clips)
    if drawn.missing:
        n_missing = len(drawn.missing)
        facts["notes"] = f"{card.notes} Of the files that the data set names, {n_missing} were missing here.".strip()
    return facts


def _warn_of_another_number(folder: str, n_clips: int) -> None:
    """Log when a task has other clips than its card says: perhaps a part of the data set was taken for the whole."""
    expected = {card.directory_name: card.n_clips for card in all_cards()}.get(folder)
    if expected not in (None, n_clips):
        _log.warning("%s has %d clips, its card says %d: is the data set complete?", folder, n_clips, expected)


def _resume_or_begin(work: _Work, identity: dict[str, Any]) -> None:
    """Keep what an interrupted call has made of the same sources; else begin anew."""
    mark = work.partial / _IN_WORK
    if mark.is_file() and read_json(mark) == {"identity_sha256": sha256_of_json(identity)}:
        return
    for left in (work.partial, work.unpacked):
        if left.exists():
            shutil.rmtree(left)
    write_json(mark, {"identity_sha256": sha256_of_json(identity)})


def _made_from(target: Path, identity: dict[str, Any], *, overwrite: bool) -> bool:
    """Whether an existing task was made from these sources.

    Raises:
        TaskError: it was not, and may not be overwritten.
    """
    try:
        before = read_json(target / PREPARATION)
    except (OSError, ValueError):
        before = None
    if isinstance(before, dict) and {key: value for key, value in before.items() if key != CLIPS} == identity:
        return True
    if not overwrite:
        raise TaskError(
            f"{target} exists and was made from other sources; remove that folder, choose another --tasks-dir, or "
            "allow to overwrite it (--overwrite)"
        )
    return False
