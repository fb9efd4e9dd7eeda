"""What the command line does with tasks, from Python; :mod:`hear_audiomosaic.api` offers it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hear_audiomosaic.paths import default_downloads_dir, default_store_dir, default_tasks_dir

if TYPE_CHECKING:
    from hear_audiomosaic.tasks import PreparedTask, TaskCard
    from hear_audiomosaic.tasks.fetch import FetchRow
    from hear_audiomosaic.tasks.verify import Verification

__all__ = [
    "StrPath",
    "fetch_tasks",
    "folder_of_downloads",
    "folder_of_store",
    "folder_of_tasks",
    "get_task",
    "list_tasks",
    "prepare_task",
    "several",
    "show_task",
    "verify_tasks",
]

StrPath = str | Path
T = TypeVar("T")


def list_tasks(
    suite: str | None = None, *, tasks_dir: StrPath | None = None, downloads: StrPath | None = None
) -> list[dict[str, Any]]:
    """One row of facts a task: the shipped cards, then prepared tasks without a card.

    ``state`` says how far it is: "card", "fetched" (its archive is here), "prepared", "verified".

    Args:
        suite: this suite only. (Default: everything)
        tasks_dir: folder of prepared tasks. (Default: the user's own)
        downloads: folder of archives. (Default: the user's own)

    Raises:
        TaskError: no such suite.
    """
    from hear_audiomosaic.tasks import list_rows

    return list_rows(suite, folder_of_tasks(tasks_dir), folder_of_downloads(downloads))


def get_task(name: str, *, tasks_dir: StrPath | None = None) -> TaskCard:
    """Return a task's card: splits, scores, grid, source, licence.

    Raises:
        TaskError: no such task, or several.
    """
    from hear_audiomosaic.tasks import find_card

    return find_card(name, folder_of_tasks(tasks_dir))


def show_task(name: str, *, tasks_dir: StrPath | None = None) -> dict[str, Any]:
    """What is known of a task: its card, and what published systems reach on it; of a prepared one also what is there.

    Returns:
        The card's fields; ``published``: best, median and number of the published figures, by protocol, with their
        sources; of a prepared task ``rates_hz``, ``labels`` (label -> split -> clips, or events), ``findings`` (what is
        odd about it) and ``limits`` (what its labels do not allow).

    Raises:
        TaskError: no such task, or several.
    """
    from hear_audiomosaic.reporting.published.reached import reached_on
    from hear_audiomosaic.tasks.listing import describe_task

    facts = describe_task(name, folder_of_tasks(tasks_dir))
    facts["published"] = [dataclasses.asdict(one) for one in reached_on(facts["published_as"])]
    return facts


def verify_tasks(
    names: Sequence[str], *, tasks_dir: StrPath | None = None, store_dir: StrPath | None = None
) -> Iterator[Verification]:
    """Compare prepared tasks, every clip of them, with their cards and with what they were when they were made.

    Args:
        names: tasks, or suites, of which what is not prepared is said to be so.
        tasks_dir: folder of prepared tasks. (Default: the user's own)
        store_dir: folder of the embedding store, where digests of clips are remembered. (Default: the user's own)

    Yields:
        What was found of each task, as soon as it is; ``state`` is "verified", "wrong" or "not prepared".

    Raises:
        TaskError: no such task, one that is not prepared, or a suite of which nothing is.
    """
    from hear_audiomosaic.tasks import expand, find_task, suites
    from hear_audiomosaic.tasks.publishing import prepared_names
    from hear_audiomosaic.tasks.verify import Verification, verify_task

    folder = folder_of_tasks(tasks_dir)
    chosen = expand(several(names), folder)
    prepared = prepared_names(folder)
    named = expand([name for name in several(names) if name not in suites()], folder)
    for task in chosen if not set(chosen) & set(prepared) else named:
        if task not in prepared:
            find_task(task, folder)  # says what is there, and how to have it
    for task in chosen:
        if task in prepared:
            yield verify_task(folder / task, folder_of_store(store_dir) / "digests" / f"{task}.txt")
        else:
            yield Verification(task, "not prepared")


def fetch_tasks(
    names: Sequence[str],
    *,
    tasks_dir: StrPath | None = None,
    downloads: StrPath | None = None,
    dry_run: bool = False,
    **options: Any,
) -> list[FetchRow]:
    """Fetch HEAR's tasks as they are published, and unpack them; resumes where it was.

    Args:
        names: tasks or suites.
        tasks_dir: where to. (Default: the user's own folder of prepared tasks)
        downloads: folder of archives. (Default: the user's own)
        dry_run: only say what would be loaded. (Default: False)
        options: other fields of :class:`~hear_audiomosaic.tasks.fetch.FetchOptions`, such as ``mirrors``, ``offline``.

    Returns:
        A row for each task; ``state`` is "failed" where it could not be had, with the reason in ``error``.

    Raises:
        TaskError: no such task, or one that nobody publishes.
    """
    import hear_audiomosaic
    from hear_audiomosaic.tasks import expand, fetch

    given = fetch.FetchOptions(
        tasks_dir=folder_of_tasks(tasks_dir),
        downloads=folder_of_downloads(downloads),
        user_agent=f"hear_audiomosaic/{hear_audiomosaic.__version__}",
        **options,
    )
    chosen = expand(several(names))
    return fetch.fetch_plan(chosen, given) if dry_run else list(fetch.fetch_tasks(chosen, given))


def prepare_task(
    source: StrPath,
    name: str | None = None,
    *,
    sources: Sequence[StrPath] = (),
    tasks_dir: StrPath | None = None,
    **options: Any,
) -> PreparedTask:
    """Make a task: of a folder of audio and a CSV, one of a suite from its original data set, or a synthetic one.

    Args:
        source: a folder of audio with a ``metadata.csv``, or the name of a task of HEAR 2021, of the papers, or of a
            synthetic one.
        name: the task's name, for a folder of audio.
        sources: the data set of a task that is named: its archives as published, lists beside them, or folders.
        tasks_dir: where to. (Default: the user's own folder of prepared tasks)
        options: those of :func:`hear_audiomosaic.tasks.prepare_folder`, such as ``label_column``, ``split_column``,
            ``fold_column``, ``group_column``, ``folds``, ``events_file``, ``overwrite``; with ``sources`` those of
            :func:`hear_audiomosaic.tasks.prepare_from_source`: ``mode``, ``rates_hz``, ``workers``, ``overwrite``.

    Raises:
        TaskError: a folder without a name, or one that makes no sound task; the message says why.
    """
    from hear_audiomosaic.errors import TaskError
    from hear_audiomosaic.tasks import prepare_folder, prepare_from_source, prepare_synthetic, synthetic_names
    from hear_audiomosaic.tasks.from_source import is_made_from_source

    folder = folder_of_tasks(tasks_dir)
    if sources:
        return prepare_from_source(str(source), list(several(sources)), tasks_dir=folder, **options)
    if str(source) in synthetic_names() and not Path(source).is_dir():
        return prepare_synthetic(str(source), folder, overwrite=bool(options.get("overwrite", False)))
    if name is None and not Path(source).is_dir() and is_made_from_source(str(source)):
        raise TaskError(f"Which data set is {source} to be made from? Give --from DIR or ARCHIVE...")
    if name is None:
        raise TaskError("A folder of audio needs a name for its task: --name NAME")
    return prepare_folder(Path(source), name, tasks_dir=folder, **options)


def several(things: Sequence[T]) -> Sequence[T]:
    """The things; a single name is a list of one, not of its letters."""
    return [things] if isinstance(things, str) else things  # type: ignore[list-item]  # T is then str


def folder_of_tasks(folder: StrPath | None) -> Path:
    """That folder, or the user's own of prepared tasks."""
    return default_tasks_dir() if folder is None else Path(folder)


def folder_of_store(folder: StrPath | None) -> Path:
    """That folder, or the user's own embedding store."""
    return default_store_dir() if folder is None else Path(folder)


def folder_of_downloads(folder: StrPath | None) -> Path:
    """That folder, or the user's own of archives."""
    return default_downloads_dir() if folder is None else Path(folder)
