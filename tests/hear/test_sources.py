"""Which source files an encoder's embeddings depend on: its own and what those import, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

import hear_audiomosaic
from hear_audiomosaic.hear.dependencies.installed import installed_versions
from hear_audiomosaic.hear.dependencies.sources import read_sources, source_files

LIBRARY = Path(hear_audiomosaic.__file__).parent
STRANGER = """
import torch
from hear_audiomosaic.nn.positions import sincos_1d
{imports}

class Model(torch.nn.Module):
    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 4

def load_model(path=""):
    torch.manual_seed(0)
    model = Model()
    model.weight = torch.nn.Parameter(torch.zeros(4))
    return model

def get_scene_embeddings(audio, model):
    return torch.zeros(len(audio), 4)

def get_timestamp_embeddings(audio, model):
    return torch.zeros(len(audio), 1, 4), torch.zeros(len(audio), 1)
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A copy of the library's sources that a test may edit."""
    ignore = shutil.ignore_patterns("__pycache__", "_content", "weights")
    return Path(shutil.copytree(LIBRARY, tmp_path / "copy" / LIBRARY.name, ignore=ignore))


def stranger(folder: Path, imports: str = "", name: str = "a_strangers_encoder") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(STRANGER.format(imports=imports))
    return path


def package(folder: Path, imports: str = "") -> Path:
    root = folder / "a_strangers_package"
    (root / "parts").mkdir(parents=True)
    (root / "__init__.py").write_text(STRANGER.format(imports=imports))
    (root / "parts" / "__init__.py").write_text("")
    (root / "parts" / "helper.py").write_text("from hear_audiomosaic.nn import ema\n")
    return root / "__init__.py"


def names(found: dict[str, Path]) -> set[str]:
    return {name.removeprefix("hear_audiomosaic/") for name in found}


FINGERPRINTS = """
import importlib, os, sys
import numpy, pandas, scipy.stats, sklearn.linear_model, soundfile, soxr, torch
assert not [name for name in sys.modules if name.startswith("hear_audiomosaic")]
for first in sys.stdin:
    if os.fork() == 0:
        exec(first)
        from hear_audiomosaic.hear import load_encoder
        print(load_encoder({ref!r}).fingerprint, flush=True)
        os._exit(0)
    os.wait()
"""
"""For each line that is asked: run it, then tell the fingerprint, in a fork that has imported nothing of ours yet."""


@contextmanager
def fingerprints(ref: str, paths: list[Path]) -> Iterator[Callable[[str], str]]:
    """Of the encoder, each in a process of its own, which first does what is asked."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, "-c", FINGERPRINTS.format(ref=ref)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment, cwd=paths[0]) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answers = process.stdin, process.stdout

        def fingerprint(first: str = "pass") -> str:
            asked.write(f"{first}\n")
            asked.flush()
            answer = answers.readline().strip()
            assert len(answer) == 64
            return answer

        yield fingerprint


def test_one_file_depends_on_what_it_imports_step_by_step(library: Path, tmp_path: Path) -> None:
    path = stranger(tmp_path / "own", "from hear_audiomosaic.hear.patches import PatchModel")
    found = names(source_files("a_strangers_encoder", path, library))
    assert {"a_strangers_encoder.py", "nn/positions.py", "hear/patches.py", "hear/windows.py", "errors.py"} <= found
    assert {"audio/files.py", "audio/resampling.py"} <= found  # how clips reach it
    assert "nn/vit.py" in found  # patches -> nn -> vit
    assert not [name for name in found if name.startswith(("audiomosaic", "reporting", "bench", "probing", "floors"))]


def test_imports_in_functions_count_and_those_for_type_checkers_do_not(library: Path, tmp_path: Path) -> None:
    imports = (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from hear_audiomosaic.nn import ema\nelse:\n    from hear_audiomosaic.nn import heads\n"
        "def later():\n    import hear_audiomosaic.nn.masking as masking\n"
    )
    found = names(source_files("a_strangers_encoder", stranger(tmp_path / "own", imports), library))
    assert "nn/ema.py" not in found
    assert {"nn/heads.py", "nn/masking.py"} <= found


def test_a_package_that_imports_lazily_is_followed_by_name(library: Path, tmp_path: Path) -> None:
    path = stranger(tmp_path / "own", "from hear_audiomosaic.hear import registered_encoders")
    found = names(source_files("a_strangers_encoder", path, library))
    assert {"hear/__init__.py", "hear/registry.py"} <= found
    assert not {"hear/encoder.py", "hear/conformance/__init__.py"} & found


def test_a_package_counts_whole_with_what_its_helpers_import(library: Path, tmp_path: Path) -> None:
    found = names(source_files("a_strangers_package", package(tmp_path), library))
    assert {"a_strangers_package/__init__.py", "a_strangers_package/parts/helper.py", "nn/ema.py"} <= found


def test_a_file_of_a_package_takes_the_whole_package(library: Path, tmp_path: Path) -> None:
    root = package(tmp_path).parent
    (root / "encoder.py").write_text(STRANGER.format(imports="from .parts import helper"))
    (root / "other.py").write_text("")
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "old.py").write_text("")
    found = names(source_files("a_strangers_package.encoder", root / "encoder.py", library))
    assert {"a_strangers_package/encoder.py", "a_strangers_package/parts/helper.py", "nn/ema.py"} <= found
    assert {"a_strangers_package/other.py", "a_strangers_package/__init__.py"} <= found
    assert "a_strangers_package/__pycache__/old.py" not in found


def test_installed_packages_are_named_and_those_of_python_are_not(library: Path, tmp_path: Path) -> None:
    path = stranger(tmp_path / "own", "import json, os.path, typer\nimport not_there_at_all")
    sources = read_sources("a_strangers_encoder", path, library)
    assert sources.installed_by_own == {"torch", "typer"}
    assert sources.installed.keys() >= {"torch", "typer", "numpy", "soundfile"}  # how clips are read
    versions = installed_versions(sources.installed, sources.installed_by_own)
    assert versions["typer"] == version("typer")
    assert versions["rich"] == version("rich")  # typer requires it
    assert "sympy" not in versions  # that torch requires it is no reason
    assert not [name for name in versions if name in ("pytest", "setuptools")]


def test_modules_are_told_apart_by_when_they_are_imported(library: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    for name, text in (("at_once", "import further"), ("later", ""), ("further", "")):
        (tmp_path / "own" / f"{name}.py").write_text(text)
    path = stranger(tmp_path / "own", "import at_once\ndef inside():\n    import later, further")
    sources = read_sources("a_strangers_encoder", path, library)
    assert sources.own.keys() == {"a_strangers_encoder", "at_once", "later", "further"}
    assert sources.eager == {"a_strangers_encoder", "at_once", "further"}


@pytest.mark.parametrize("imports", ["import hear_audiomosaic", "from hear_audiomosaic import get_scene_embeddings"])
def test_the_library_itself_stands_for_its_hear_functions(library: Path, tmp_path: Path, imports: str) -> None:
    found = names(source_files("a_strangers_encoder", stranger(tmp_path / "own", imports), library))
    assert {"audiomosaic/__init__.py", "audiomosaic/encoder.py", "audio/fbank.py"} <= found
    assert not [name for name in found if name.startswith(("reporting", "bench", "api", "__init__"))]


@pytest.mark.parametrize("name", ["hear_audiomosaic", "hear_audiomosaic.audiomosaic"])
def test_our_own_encoder_depends_on_neither_reports_nor_benches(name: str) -> None:
    path = LIBRARY / ("__init__.py" if name == "hear_audiomosaic" else "audiomosaic/__init__.py")
    found = names(source_files(name, path))
    assert {"audiomosaic/encoder.py", "audiomosaic/model.py", "hear/patches.py", "nn/vit.py", "audio/fbank.py"} <= found
    floors = ("bench", "cli", "embedding", "floors", "heareval", "pretraining", "probing", "reporting", "tasks")
    assert not [one for one in found if one.startswith((*floors, "results", "reproduce", "metrics", "statistics"))]
    assert not {"audiomosaic/objective.py", "audiomosaic/augment.py", "nn/objective.py"} & found


def test_what_is_not_of_this_python_is_part_of_it_all_the_same(library: Path, tmp_path: Path) -> None:
    root = package(tmp_path).parent
    (root / "old.py").write_text("print 'old'\n")
    assert "a_strangers_package/old.py" in source_files("a_strangers_package", root / "__init__.py", library)


def test_fingerprints_follow_the_files_they_depend_on_and_no_others(library: Path, tmp_path: Path) -> None:
    root = package(tmp_path).parent
    with fingerprints("a_strangers_package", [tmp_path, library.parent]) as fingerprint:
        before = fingerprint()
        edit_and_compare(fingerprint, before, library, root)


def edit_and_compare(fingerprint: Callable[..., str], before: str, library: Path, root: Path) -> None:
    for unrelated in ("reporting/report.py", "nn/block_masking.py", "audiomosaic/encoder.py", "__init__.py"):
        with (library / unrelated).open("a") as file:
            file.write("\n# edited\n")
    much = "import hear_audiomosaic.reporting, hear_audiomosaic.probing, hear_audiomosaic.floors.random"
    assert fingerprint(much) == before  # whatever else a process has loaded

    seen = {before}
    for edited in (library / "nn" / "ema.py", library / "audio" / "resampling.py", root / "parts" / "helper.py"):
        with edited.open("a") as file:
            file.write("\n# edited\n")
        seen.add(fingerprint())
    assert len(seen) == 4
