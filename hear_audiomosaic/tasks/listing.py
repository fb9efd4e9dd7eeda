"""Cards and prepared tasks together, as the command line shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.card import TaskCard
from hear_audiomosaic.tasks.catalog import all_cards, describe, expand, suite_of, suites
from hear_audiomosaic.tasks.findings import findings_of
from hear_audiomosaic.tasks.layout import METADATA
from hear_audiomosaic.tasks.limits import label_limits
from hear_audiomosaic.tasks.prepared import PreparedTask
from hear_audiomosaic.tasks.publishing import prepared_names

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
    """The facts of a task's card, and if it is prepared, what is odd about it.

    Returns:
        The card's fields; ``findings``: kind -> name -> more, as the preparation remembers them; ``limits``: what the
        labels do not allow, in words. Both are empty where the task is not prepared.

    Raises:
        TaskError: no such task, or several; or a prepared one that is broken.
    """
    card = find_card(name, tasks_dir)
    directory = tasks_dir / expand([name], tasks_dir)[0]
    prepared = (directory / METADATA).is_file()
    return describe(card) | {
        "findings": findings_of(directory) if prepared else {},
        "limits": label_limits(PreparedTask.open(directory)).in_words() if prepared else [],
    }


def list_rows(suite: str | None, tasks_dir: Path) -> list[dict[str, Any]]:
    """One row of facts per task: the shipped ones, then prepared ones without a card.

    Args:
        suite: this suite only; None for everything.
        tasks_dir: folder of prepared tasks; need not exist.

    Raises:
        TaskError: no such suite.
    """
    if suite is not None and suite not in suites():
        raise TaskError(f"There is no suite '{suite}'; there are: {', '.join(suites())}")
    prepared = set(prepared_names(tasks_dir))
    cards = list(all_cards() if suite is None else suites()[suite])
    rows = [_row(card, suite_of(card), card.directory_name in prepared) for card in cards]
    if suite is None:
        own = sorted(prepared - {card.directory_name for card in cards})
        rows += [_row(PreparedTask.open(tasks_dir / folder).card, None, True) for folder in own]
    return rows


def _row(card: TaskCard, suite: str | None, prepared: bool) -> dict[str, Any]:
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
        "prepared": prepared,
    }
