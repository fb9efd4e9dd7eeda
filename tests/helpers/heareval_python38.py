"""Build (once) the Python 3.8 environment of heareval's predictions runner: ``heareval_python38.py FOLDER``.

heareval 2021.1.3 pins numpy 1.19.2, and its predictions runner needs PyTorch Lightning 1.6 to 1.8, so that CPython 3.8
is the newest Python it runs on. An interpreter is taken from HEAREVAL_PYTHON38 (one that already has heareval is used
as it is), the PATH, pyenv or the Windows launcher. Where there is none, nothing is built and the tests skip.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements-python38.txt")
TOOLS = ("pip<24.1", "setuptools<60", "wheel")  # newer pip refuses the metadata of Lightning 1.6.0
NO_PYTHON = "no Python 3.8 here (heareval's predictions runner needs it): set HEAREVAL_PYTHON38 or install one by pyenv"
STAMP = "requirements.sha256"


def find_python38() -> Path | None:
    """Interpreter of CPython 3.8, or None.

    Raises:
        RuntimeError: HEAREVAL_PYTHON38 is set to something that is not Python 3.8.
    """
    wanted = os.environ.get("HEAREVAL_PYTHON38")
    if wanted:
        if not _is_python38(Path(wanted)):
            raise RuntimeError(f"HEAREVAL_PYTHON38 is {wanted}, which is not a Python 3.8 interpreter")
        return Path(wanted)
    return next((path for path in _candidates() if _is_python38(path)), None)


def has_heareval(python: Path) -> bool:
    """Whether the predictions runner can be imported in that interpreter."""
    return _succeeds([str(python), "-c", "import heareval.predictions.runner"], timeout=300)


def ready_python(folder: Path) -> Path | None:
    """Interpreter that has heareval: HEAREVAL_PYTHON38 itself, or the environment built in ``folder``; else None."""
    wanted = os.environ.get("HEAREVAL_PYTHON38")
    if wanted and has_heareval(Path(wanted)):
        return Path(wanted)
    return _interpreter(folder) if _stamp(folder).is_file() and _stamp(folder).read_text() == _digest() else None


def build(folder: Path) -> Path | None:
    """Environment in ``folder``, built unless it stands there for the same requirements; None without a Python 3.8."""
    ready = ready_python(folder)
    if ready is not None:
        return ready
    base = find_python38()
    if base is None:
        return None
    shutil.rmtree(folder, ignore_errors=True)
    _run([str(base), "-m", "venv", str(folder)])
    pip = [str(_interpreter(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, *TOOLS])
    _run([*pip, "--no-deps", "--requirement", str(REQUIREMENTS)])
    if not has_heareval(_interpreter(folder)):
        raise RuntimeError(f"{folder} was built but heareval.predictions.runner cannot be imported in it")
    _stamp(folder).write_text(_digest())
    return _interpreter(folder)


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("python3.8")
    if on_path:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob("versions/3.8.*/bin/python"), reverse=True)
    yield from sorted(pyenv.glob("pyenv-win/versions/3.8.*/python.exe"), reverse=True)
    launcher = shutil.which("py")
    if launcher:
        command = [launcher, "-3.8", "-c", "import sys; sys.stdout.write(sys.executable)"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            yield Path(found.stdout)


def _is_python38(python: Path) -> bool:
    return _succeeds([str(python), "-c", "import sys; sys.exit(sys.version_info[:2] != (3, 8))"], timeout=60)


def _succeeds(command: list[str], timeout: float) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=timeout).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _run(command: list[str]) -> None:
    # The project's own constraints are for today's Python.
    environment = {key: value for key, value in os.environ.items() if key not in ("PIP_CONSTRAINT", "PYTHONPATH")}
    subprocess.run(command, check=True, env=environment)


def _interpreter(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _stamp(folder: Path) -> Path:
    return folder / STAMP


def _digest() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()


def main() -> None:
    """Build the environment in the folder given as the only argument, and say where its interpreter is."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {Path(sys.argv[0]).name} FOLDER")
    python = build(Path(sys.argv[1]))
    sys.stdout.write(f"{python or NO_PYTHON}\n")


if __name__ == "__main__":
    main()
