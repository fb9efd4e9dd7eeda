"""Environments made by venv and pip, from a wheel beside: no network."""

from __future__ import annotations

import platform
import sys
import zipfile
from pathlib import Path

import misbehaving
import numpy as np
import pytest
import torch

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import EncoderRef
from hear_audiomosaic.hear.isolated import environments as made
from hear_audiomosaic.hear.isolated.encoder import load_isolated


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one wheel, which brings an encoder, and this Python's numpy by a path."""
    info = "strangers_kit-1.5.dist-info"
    with zipfile.ZipFile(tmp_path / "strangers_kit-1.5-py3-none-any.whl", "w") as wheel:
        wheel.write(misbehaving.__file__, "strangers_kit.py")
        wheel.writestr("strangers_numpy.pth", f"{Path(np.__file__).parents[1]}\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: strangers-kit\nVersion: 1.5\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"strangers_kit.py,,\nstrangers_numpy.pth,,\n{info}/RECORD,,\n")
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    for name in ("PIP_CONSTRAINT", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def requirements(folder: Path, text: str) -> Path:
    path = folder / "requirements.txt"
    path.write_text(text)
    return path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_environment_from_its_making_to_its_removal(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, commands = made._run, list[str]()

    def killed(command: list[str], failed: str) -> None:
        run(command, failed)
        commands.append(command[2])
        if command[2] == "venv" and len(commands) == 1:
            raise KeyboardInterrupt  # stands for a kill in between

    monkeypatch.setattr(made, "_run", killed)
    remove = made._remove
    monkeypatch.setattr(made, "_remove", lambda folder: None if commands == ["venv"] else remove(folder))
    wanted = requirements(wheels, "strangers-kit\n")
    with pytest.raises(KeyboardInterrupt):
        made.create_environment("mine", sys.executable, wanted)
    assert (made._home() / "mine" / "bin").is_dir()  # what a kill leaves is no environment
    assert made.environments() == []
    with pytest.raises(EncoderError, match="no environment 'mine'"):
        made.interpreter("mine")
    commands.append("killed")

    environment = made.create_environment("mine", sys.executable, wanted)
    assert [one.name for one in made.environments()] == ["mine"]
    assert environment.facts["python"] == platform.python_version()
    assert environment.facts["requirements"] == ["strangers-kit"]
    encoder = load_isolated(EncoderRef("strangers_kit", python="mine"), torch.device("cpu"))
    assert encoder.scene(torch.zeros(2, 800)).shape == (2, 4)
    assert encoder.inventory.packages["strangers-kit"] == "1.5"
    with pytest.raises(EncoderError, match=r"There is an environment 'mine' already.*env remove mine"):
        made.create_environment("mine", sys.executable, wanted)
    made.remove_environment("mine")
    assert made.environments() == []
    with pytest.raises(EncoderError, match=r"no environment 'mine' .none has been made"):
        made.remove_environment("mine")


def test_what_pip_cannot_install(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_pip(command: list[str], failed: str) -> None:
        run([*command, "--without-pip"] if "venv" in command else [sys.executable, *command[1:]], failed)

    run = made._run
    monkeypatch.setattr(made, "_run", without_pip)  # two seconds faster
    with pytest.raises(EncoderError, match=r"pip cannot install .*requirements.txt:\n(.*\n)*.*no-such-thing-at-all"):
        made.create_environment("mine", sys.executable, requirements(wheels, "no-such-thing-at-all==9\n"))
    assert not (made._home() / "mine").exists()
    monkeypatch.setattr(made, "_run", lambda command, failed: run([*command, "--without-pip"], failed)
                        if "venv" in command else None)  # fmt: skip
    with pytest.raises(EncoderError, match=r"no worker runs in it .it needs numpy.*\n(.*\n)*.*No module named 'numpy'"):
        made.create_environment("mine", sys.executable, requirements(wheels, ""))
    assert not (made._home() / "mine").exists()


@pytest.mark.parametrize(("name", "python", "told"), [
    ("a b", "3.8", "'a b' is no name"), ("../a", "3.8", "is no name"), ("a", "new", "'new' is no version"),
    ("a", "3.99", "no Python 3.99 here"), ("a", "./none", "There is no interpreter"),
])  # fmt: skip
def test_what_is_refused(tmp_path: Path, name: str, python: str, told: str) -> None:
    with pytest.raises(EncoderError, match=told):
        made.create_environment(name, python, requirements(tmp_path, ""))
    with pytest.raises(EncoderError, match="There is no file"):
        made.create_environment("a", sys.executable, tmp_path / "none.txt")


def test_an_interpreter_by_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("3.8.9", "3.8.18", "3.80.1"):
        python = tmp_path / "versions" / version / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\necho {version} | tr -d '\\n'\n")
        python.chmod(0o755)
    shim = tmp_path / "shims" / "python3.8"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", f"{shim.parent}:/usr/bin:/bin")
    assert made._interpreter_of("3.8").parents[1].name == "3.8.18"
    assert made._interpreter_of("3.8.9").parents[1].name == "3.8.9"
    assert made._interpreter_of("3.80").parents[1].name == "3.80.1"
