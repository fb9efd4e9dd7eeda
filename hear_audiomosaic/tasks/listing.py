"""Cards and prepared tasks together, as the command line shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.balance import label_counts
from hear_audiomosaic.tasks.card import TaskCard
from hear_audiomosaic.tasks.catalog import all_cards, describe, expand, suite_of, suites
from hear_audiomosaic.tasks.findings import findings_of
from hear_audiomosaic.tasks.layout import METADATA, rates_in
from hear_audiomosaic.tasks.limits import label_limits
from hear_audiomosaic.tasks.prepared import PreparedTask
from hear_audiomosaic.tasks.publishing import prepared_names
from hear_audiomosaic.tasks.states import CARD, PREPARED, VERIFIED, is_verified, state_without_folder

__all__ = ["describe_task", "find_card", "list_rows"]


def find_card(name: str, tasks_dir: Path) -> TaskCard:
    """Card of a task, shipped or prepared; the shipped one, which says more, if there are both.

    Raises:
        TaskError: no such task, or several.
    """
    if name in suites():
        raise TaskError(f"'{name}' is a suite; its tasks: hear-audiomosaic tasks list --suite {name}")
    folder = expand([name], tasks_dir)[0]
    shipped = {card.directory_name: card for card in all_cards()}
    return shipped[folder] if folder in shipped else PreparedTask.open(tasks_dir / folder).card


def describe_task(name: str, tasks_dir: Path) -> dict[str, Any]:
    """The facts of a task's card, and if it is prepared, what is there of it and what is odd about it.

    Returns:
        The card's fields; ``rates_hz`` that are there; ``labels``: label -> split -> clips, or events; ``findings``:
        kind -> name -> more, as the preparation remembers them; ``limits``: what the labels do not allow, in words.
        All four are empty where the task is not prepared.

    Raises:
        TaskError: no such task, or several; or a prepared one that is broken.
    """
    card = find_card(name, tasks_dir)
    directory = tasks_dir / expand([name], tasks_dir)[0]
    facts = describe(card)
    if not (directory / METADATA).is_file():
        return facts | {"rates_hz": [], "labels": {}, "findings": {}, "limits": []}
    task = PreparedTask.open(directory)
    return facts | {
        "rates_hz": list(task.rates_hz),
        "labels": label_counts(task),
        "findings": findings_of(directory),
        "limits": label_limits(task).in_words(),
    }


def list_rows(suite: str | None, tasks_dir: Path, downloads: Path | None = None) -> list[dict[str, Any]]:
    """One row of facts per task: the shipped ones, each with its other modes that are prepared, then those without.

    ``state`` is "card", "fetched" (its archive is here), "prepared", or "verified" (and not changed since);
    ``rates_hz`` are those that are there.

    Args:
        suite: this suite only; None for everything.
        tasks_dir: folder of prepared tasks; need not exist.
        downloads: folder of archives; None: where there are none.

    Raises:
        TaskError: no such suite.
    """
    if suite is not None and suite not in suites():
        raise TaskError(f"There is no suite '{suite}'; there are: {', '.join(suites())}")
    prepared = dict.fromkeys(prepared_names(tasks_dir))
    cards = list(all_cards() if suite is None else suites()[suite])
    folders = {card.directory_name for card in all_cards()}
    rows = []
    for card in cards:
        rows.append(_row(card, suite_of(card), card.directory_name in prepared, tasks_dir, downloads))
        prepared.pop(card.directory_name, None)
        for folder in [one for one in prepared if one not in folders and _is_of(one, card)]:
            rows.append(_row(PreparedTask.open(tasks_dir / folder).card, suite_of(card), True, tasks_dir, downloads))
            del prepared[folder]
    if suite is None:
        rows += [
            _row(PreparedTask.open(tasks_dir / folder).card, None, True, tasks_dir, downloads) for folder in prepared
        ]
    return rows


def _is_of(folder: str, card: TaskCard) -> bool:
    """Whether a folder is a task in another mode than its card's."""
    return folder.rpartition("-")[0] == f"{card.name}-{card.version}"


def _row(
    card: TaskCard, suite: str | None, is_prepared: bool, tasks_dir: Path, downloads: Path | None
) -> dict[str, Any]:
    folder = tasks_dir / card.directory_name
    rates: list[int] = []
    if is_prepared:
        state = VERIFIED if is_verified(folder) else PREPARED
        rates = list(rates_in(folder))
    else:
        state = CARD if downloads is None else state_without_folder(card, downloads)
    return {
        "task": card.directory_name,
        "suite": suite,
        "domain": card.domain,
        "type": f"{card.embedding_type}, {card.prediction_type}",
        "splits": "train, valid, test" if card.split_mode == "trainvaltest" else f"{len(card.splits)} folds",
        "classes": card.n_classes,
        "clips": card.n_clips,
        "hours": card.hours,
        "score": card.evaluation[0],
        "state": state,
        "rates_hz": rates,
    }
