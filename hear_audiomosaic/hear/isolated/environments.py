"""Environments that encoders run in: made by venv and pip, remembered by name, and found by what stands behind ``@``.

An environment is a folder in the user's data folder. A file in it, written last, says that it is complete and what it
was made of; one without it, which a kill or a failure has left, is none, and is made anew. (It is made where it stays:
what pip writes into it has its place in it.)
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import make_folder, read_json, write_json
from hear_audiomosaic.hear.isolated.process import Worker, WorkerFailure
from hear_audiomosaic.locks import locked
from hear_audiomosaic.paths import data_home
from hear_audiomosaic.printable import printable

__all__ = ["Environment", "create_environment", "environments", "interpreter", "remove_environment"]

_NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,63}", re.ASCII)
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")
_COMPLETE = "environment.json"
_TAIL_LINES, _TAIL_LETTERS = 15, 1000
_VERSION_OF = "import sys; sys.stdout.write('.'.join(map(str, sys.version_info[:3])))"


@dataclass(frozen=True)
class Environment:
    """An environment.

    Attributes:
        name: as in ``REF@NAME``.
        folder: that it lies in.
        facts: its name, version of Python, when it was made, of which requirements, and its interpreter.
    """

    name: str
    folder: Path
    facts: dict[str, Any]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return _python(self.folder)


def environments() -> list[Environment]:
    """All environments that are complete, by name."""
    found = []
    for marker in sorted(_home().glob(f"*/{_COMPLETE}")):
        facts = {"name": marker.parent.name, **read_json(marker), "interpreter": str(_python(marker.parent))}
        found.append(Environment(marker.parent.name, marker.parent, facts))
    return found


def create_environment(name: str, python: str, requirements: Path) -> Environment:
    """Make an environment with venv and pip.

    Args:
        name: letters, digits, ``_``, ``.`` and ``-``.
        python: a version such as "3.8", which is looked for on the PATH and among pyenv's; or a path with a slash.
        requirements: file of pip.

    Raises:
        EncoderError: a name that is none or is taken, no such Python, no such file, pip failed, or what it installed
            cannot run a worker: numpy is missing. Nothing is left of what was begun.
        FileError: the disk is full, or cannot be written to.
    """
    folder = _folder(name)
    if not requirements.is_file():
        raise EncoderError(f"There is no file {requirements}; expected the requirements that pip is to install.")
    base = _interpreter_of(python)
    with locked(_home() / f".{name}.lock", f"another process that makes the environment '{name}'", EncoderError):
        if (folder / _COMPLETE).is_file():
            raise EncoderError(
                f"There is an environment '{name}' already; choose another name, or remove it: "
                f"hear-audiomosaic encoders env remove {name}."
            )
        _remove(folder)  # what a kill has left
        try:
            _run([str(base), "-m", "venv", str(folder)], f"{base} cannot make the environment '{name}'")
            pip = [str(_python(folder)), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
            _run([*pip, "--requirement", str(requirements.absolute())], f"pip cannot install {requirements}")
            _check(folder)
            write_json(
                folder / _COMPLETE,
                {
                    "python": _version(_python(folder)),
                    "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                    "requirements": requirements.read_text(encoding="utf-8", errors="replace").splitlines(),
                },
            )
        finally:
            if not (folder / _COMPLETE).is_file():
                _remove(folder)
    return next(one for one in environments() if one.name == name)


def remove_environment(name: str) -> None:
    """Remove an environment.

    Raises:
        EncoderError: there is none of that name.
        FileError: it cannot be removed.
    """
    folder = _folder(name)
    if not (folder / _COMPLETE).is_file():
        raise _unknown(name)
    with locked(_home() / f".{name}.lock", f"another process that makes the environment '{name}'", EncoderError):
        _remove(folder)


def interpreter(text: str) -> Path:
    """The interpreter that a path, or the name of an environment, means.

    Args:
        text: a path has a slash.

    Raises:
        EncoderError: there is none, or it cannot be run.
    """
    if "/" not in text:
        folder = _folder(text)
        if not (folder / _COMPLETE).is_file():
            raise _unknown(text)
        return _python(folder)
    python = Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - the link of a venv is not followed
    if not python.is_file():
        raise EncoderError(f"There is no interpreter {python}; expected a Python, such as /path/to/venv/bin/python.")
    if not os.access(python, os.X_OK):
        raise EncoderError(f"{python} cannot be run; expected a Python, such as /path/to/venv/bin/python.")
    return python


def _home() -> Path:
    return data_home() / "environments"


def _folder(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise EncoderError(f"'{name}' is no name of an environment; expected letters, digits, '_', '.' and '-'.")
    return _home() / name


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _unknown(name: str) -> EncoderError:
    known = ", ".join(one.name for one in environments()) or "none has been made"
    return EncoderError(
        f"There is no environment '{name}' ({known}). Make it: hear-audiomosaic encoders env create {name} "
        "--python VERSION --requirements FILE. Or name an interpreter by a path with a slash, such as "
        "@./venv/bin/python; or, if the @ belongs to what stands before it, write another @ at the very end."
    )


def _remove(folder: Path) -> None:
    """The marker goes first: what is left half-way is no environment."""
    with file_errors("removed", folder):
        (folder / _COMPLETE).unlink(missing_ok=True)
        if folder.exists():
            shutil.rmtree(folder)


def _interpreter_of(python: str) -> Path:
    if "/" in python:
        return interpreter(python)
    if not _VERSION.fullmatch(python):
        raise EncoderError(f"'{python}' is no version of Python; expected one such as 3.8, or a path with a slash.")
    for candidate in _candidates(python):
        if f"{_version(candidate)}.".startswith(f"{python}."):
            return candidate
    raise EncoderError(
        f"There is no Python {python} here (looked on the PATH and among pyenv's); install it, such as by "
        f"'pyenv install {python}', or give the path of its interpreter."
    )


def _candidates(version: str) -> Iterator[Path]:
    on_path = shutil.which("python" + ".".join(version.split(".")[:2]))
    if on_path:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = {one: [int(part) for part in re.findall(r"\d+", one.parents[1].name)] for one in pyenv.glob(
        f"versions/{version}*/bin/python"
    )}  # fmt: skip
    yield from sorted(found, key=lambda one: found[one], reverse=True)


def _version(python: Path) -> str:
    """Such as 3.8.18; empty where it does not run, as a shim of pyenv for a version that is not chosen."""
    try:
        ended = subprocess.run([python, "-c", _VERSION_OF], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout if ended.returncode == 0 else ""


def _run(command: list[str], failed: str) -> None:
    """Run a command, or say how its output ends."""
    make_folder(_home())
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    try:
        ended = subprocess.run(  # noqa: S603
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, check=False
        )
    except OSError as error:
        raise EncoderError(f"{failed}: {error.strerror or error}.") from error
    if ended.returncode:
        lines = printable(ended.stdout.decode("utf-8", "replace")).strip().splitlines()
        raise EncoderError(f"{failed}:\n" + "\n".join(lines[-_TAIL_LINES:])[-_TAIL_LETTERS:])


def _check(folder: Path) -> None:
    try:
        Worker(_python(folder)).end()
    except WorkerFailure as error:
        raise EncoderError(f"The environment was made, but no worker runs in it (it needs numpy): {error}") from error
