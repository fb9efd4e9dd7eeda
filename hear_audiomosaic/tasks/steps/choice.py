"""Which task, in which mode, a name and the given files mean."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.archives import check_archive
from hear_audiomosaic.tasks.steps.recipe import Recipe
from hear_audiomosaic.tasks.steps.sources import TABLES, GivenFile, digests

__all__ = ["Given", "choose_mode", "find_recipe", "look_at"]

_AS_THEY_ARE = (".wav", ".flac", ".mp3", ".ogg", *TABLES)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Given:
    """What the user gave: archives to unpack, recordings and tables as they are, folders."""

    archives: tuple[GivenFile, ...]
    recordings: tuple[GivenFile, ...]
    folders: tuple[Path, ...]

    @property
    def files(self) -> tuple[GivenFile, ...]:
        """Everything but the folders."""
        return self.archives + self.recordings


def find_recipe(name: str, recipes: Mapping[str, Recipe]) -> tuple[Recipe, str | None]:
    """The task that a name means, and its mode if the name says it.

    Args:
        name: a task name ("esc50"), that with its version, or the whole name of a folder ("esc50-v2.0.0-small").
        recipes: task name -> recipe.

    Raises:
        TaskError: no such task, or several; the message lists them.
    """
    if name in recipes:
        return recipes[name], None
    for recipe in recipes.values():
        for mode, folder in recipe.folders.items():
            if name == folder:
                return recipe, mode
            if name == folder.removesuffix(f"-{mode}"):
                return recipe, None
    of_name = [recipe for recipe in recipes.values() if name == recipe.name or recipe.name.startswith(f"{name}_")]
    if len(of_name) > 1:
        raise TaskError(f"'{name}' names several tasks: {', '.join(recipe.name for recipe in of_name)}; give one")
    folders = [folder for recipe in recipes.values() for folder in recipe.folders.values()]
    near = difflib.get_close_matches(name, [*recipes, *folders], n=3, cutoff=0.6)
    near = near or [known for known in recipes if name in known]
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise TaskError(
        f"There is no task '{name}' that can be made from its data set.{hint} There are: {', '.join(recipes)}"
    )


def look_at(paths: Sequence[Path], recipe: Recipe) -> Given:
    """Sort what was given; a folder that holds archives of the task stands for these.

    Raises:
        TaskError: a path is not there, a file is neither an archive nor a recording or a table, or another program
            must unpack it.
    """
    if not paths:
        raise TaskError(f"Which data set is {recipe.name} to be made from? Give --from DIR or ARCHIVE...")
    known = {one.name for files in recipe.published.values() for one in files}
    files: list[Path] = []
    folders: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(child for child in path.iterdir() if child.name in known and child.is_file())
            files += inside
            folders += [] if inside else [path]
        elif path.is_file():
            files.append(path)
        else:
            raise TaskError(f"There is no {path} (--from); expected a folder or an archive")
    recordings = [path for path in files if path.suffix.lower() in _AS_THEY_ARE]
    archives = [path for path in files if path not in recordings]
    for path in archives:
        check_archive(path)
    if len({path.name for path in files}) < len(files):
        raise TaskError(f"A file is given twice (--from): {', '.join(map(str, files))}")
    return Given(tuple(map(digests, archives)), tuple(map(digests, recordings)), tuple(folders))


def choose_mode(recipe: Recipe, given: Given, mode: str | None) -> str:
    """The mode that the files are of, or that the user says.

    A file is known by its MD5 or by its name. Where files are of several modes (the same archive makes 5h and full), or
    are not known, the user must say; not where there is one mode only.

    Raises:
        TaskError: not to be known, or the files are of another mode than the user says.
    """
    possible = set(recipe.modes)
    for one in given.files:
        fitting = _modes_of(one, recipe)
        if fitting and not possible & fitting:
            raise TaskError(f"{one.path} is of {_listed(recipe, fitting)}, other files are not; give those of one mode")
        possible &= fitting or possible
    if mode is not None:
        recipe.settings(mode)
        if mode not in possible:
            raise TaskError(f"The files given are of {_listed(recipe, possible)}, not of the mode '{mode}'")
        return mode
    if len(recipe.modes) == 1:
        return possible.pop()
    is_known = any(_modes_of(one, recipe) for one in given.files)
    if is_known and len(possible) == 1:
        return possible.pop()
    why = "could be" if is_known else f"are not known by name or digest ({_known(recipe)}); they could be"
    raise TaskError(f"The sources {why} {_listed(recipe, possible)}: give the whole name, or --mode")


def _modes_of(one: GivenFile, recipe: Recipe) -> set[str]:
    by_md5 = {mode for mode, files in recipe.published.items() if one.md5 in {known.md5 for known in files}}
    if by_md5:
        return by_md5
    by_name = {mode for mode, files in recipe.published.items() if one.path.name in {known.name for known in files}}
    of_name = [known for files in recipe.published.values() for known in files if known.name == one.path.name]
    if any(known.md5 for known in of_name):
        _log.warning("%s is not the file that was published (MD5 %s); it is taken by its name", one.path, one.md5)
    return by_name


def _listed(recipe: Recipe, modes: set[str]) -> str:
    return " or ".join(folder for mode, folder in recipe.folders.items() if mode in modes)


def _known(recipe: Recipe) -> str:
    return ", ".join(dict.fromkeys(one.name for files in recipe.published.values() for one in files)) or "none is"
