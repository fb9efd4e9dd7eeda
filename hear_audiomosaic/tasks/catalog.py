"""The cards that ship with the package: ``tasks/<suite>/<name>-<version>-<mode>.yaml``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.printable import listed
from hear_audiomosaic.tasks.card import TaskCard
from hear_audiomosaic.tasks.publishing import prepared_names

__all__ = ["all_cards", "describe", "expand", "get_card", "how_to_prepare", "suite_of", "suites"]


def suites(folder: Path | None = None) -> Mapping[str, tuple[TaskCard, ...]]:
    """Suite name -> its cards, sorted by folder name.

    Args:
        folder: where the suites' folders are; the shipped ones by default.

    Raises:
        TaskError: a card is malformed, or its file is not called as the task's folder.
    """
    return _read_suites(content_dir("tasks") if folder is None else folder)


def all_cards() -> tuple[TaskCard, ...]:
    """Every shipped card, suite by suite."""
    return tuple(card for cards in suites().values() for card in cards)


def get_card(name: str, suite: str | None = None) -> TaskCard:
    """One shipped card.

    Args:
        name: folder name (``esc50-v2.0.0-full``), or a beginning of it before a hyphen that only one card has
            (``esc50``).
        suite: look in this suite only.

    Raises:
        TaskError: no such suite or card (with the nearest names), or several cards.
    """
    if suite is not None and suite not in suites():
        raise TaskError(f"There is no suite '{suite}'; there are: {', '.join(suites())}")
    cards = {card.directory_name: card for card in (all_cards() if suite is None else suites()[suite])}
    matching = _matching(name, cards)
    if len(matching) == 1:
        return cards[matching[0]]
    if matching:
        raise TaskError(f"'{name}' names several tasks: {listed(matching)}; give the whole name")
    where = "" if suite is None else f" in the suite '{suite}'"
    raise TaskError(f"There is no task '{name}'{where}.{_suggestion(name, cards)} See: hear-audiomosaic tasks list")


def suite_of(card: TaskCard) -> str | None:
    """Name of the suite that a shipped card stands in; None for any other card."""
    return next((suite for suite, cards in suites().items() if card in cards), None)


def expand(names: Iterable[str], tasks_dir: Path | None = None) -> tuple[str, ...]:
    """Folder names of the tasks that the user means, in the order given, each once.

    Args:
        names: suites, task names or folder names, mixed.
        tasks_dir: prepared tasks; a user's own need no card, and a prepared one goes before a card of the same name.

    Raises:
        TaskError: a name is neither a suite nor a task, or names several tasks.
    """
    prepared = [] if tasks_dir is None else prepared_names(tasks_dir)
    chosen: dict[str, None] = {}
    for name in names:
        if name in suites():
            chosen.update(dict.fromkeys(card.directory_name for card in suites()[name]))
            continue
        matching = _matching(name, prepared)
        if len(matching) > 1:
            raise TaskError(f"'{name}' names several prepared tasks: {listed(matching)}; give the whole name")
        if matching:
            chosen[matching[0]] = None
            continue
        if not _matching(name, (card.directory_name for card in all_cards())):
            known = [*suites(), *prepared, *(card.directory_name for card in all_cards())]
            raise TaskError(
                f"'{name}' is neither a suite nor a task.{_suggestion(name, known)} {_without_a_card(name)}"
            )
        chosen[get_card(name).directory_name] = None
    return tuple(chosen)


def describe(card: TaskCard) -> dict[str, Any]:
    """A card as plain values for ``--json`` and tables, with its folder name and its suite."""
    facts: dict[str, Any] = {"directory_name": card.directory_name, "suite": suite_of(card)}
    facts |= card.model_dump(mode="json")
    facts |= {"counts": [one.model_dump() for one in card.counts], "published_as": list(card.published_as)}
    facts["n_folds"] = None if card.split_mode == "trainvaltest" else len(card.splits)
    return facts


def how_to_prepare(name: str) -> str:
    """The command that makes a task, as a sentence; for a name without a card, the one for a folder of recordings."""
    cards = [card for card in all_cards() if _matching(name, (card.directory_name,))]
    if len(cards) == 1 and cards[0].generator is not None:
        return f"Make it: hear-audiomosaic tasks prepare {cards[0].name}"
    if cards and not (content_dir("tasks") / str(suite_of(cards[0])) / "archives.json").is_file():
        return (
            f"Make it from its data set: hear-audiomosaic tasks prepare {cards[0].directory_name} --from DIR or "
            "ARCHIVE..."
        )
    if cards:
        return (
            f"Fetch it: hear-audiomosaic tasks fetch {cards[0].directory_name}; or make it from its data set: "
            f"hear-audiomosaic tasks prepare {cards[0].directory_name} --from DIR or ARCHIVE...; or put HEAR's folder "
            "there"
        )
    known = [card.directory_name for card in all_cards()]
    return f"{_suggestion(name, known)} {_without_a_card(name)}".strip()


def _without_a_card(name: str) -> str:
    return (
        "See what there is: hear-audiomosaic tasks list; or prepare your own: "
        f"hear-audiomosaic tasks prepare DIR --name {name} --label COLUMN --split COLUMN"
    )


@lru_cache(maxsize=8)
def _read_suites(folder: Path) -> Mapping[str, tuple[TaskCard, ...]]:
    by_suite: dict[str, tuple[TaskCard, ...]] = {}
    for suite in sorted(path for path in folder.iterdir() if path.is_dir()):
        cards = []
        for path in sorted(suite.glob("*.yaml")):
            card = TaskCard.from_yaml(path)
            if path.stem != card.directory_name:
                raise TaskError(f"The task card {path} must be called {card.directory_name}.yaml")
            cards.append(card)
        if cards:
            by_suite[suite.name] = tuple(cards)
    return by_suite


def _matching(name: str, folders: Iterable[str]) -> list[str]:
    """The folder called ``name``, else all that continue with a hyphen."""
    folders = list(folders)
    return [name] if name in folders else [folder for folder in folders if folder.startswith(f"{name}-")]


def _suggestion(name: str, known: Iterable[str]) -> str:
    """`` Did you mean ...?`` with the nearest names, or nothing."""
    whole = list(known)
    short = {folder.split("-")[0]: None for folder in whole}
    near = difflib.get_close_matches(name, [*short, *whole], n=3, cutoff=0.6)
    near = near or [folder for folder in whole if folder.startswith(name)][:3]
    return f" Did you mean {' or '.join(near)}?" if near else ""
