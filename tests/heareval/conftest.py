"""Fixtures that run the real heareval beside this package; everything runs on the CPU with one thread.

heareval's embeddings runner needs, in the project's own Python: ``heareval==2021.1.3`` without its dependencies, and
click, intervaltree, python-slugify and a current TensorFlow (``tox -e heareval``). Its predictions runner needs
Python 3.8 (``heareval_python38.py``).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from heareval_python38 import NO_PYTHON, find_python38, ready_python
from heareval_tasks import TASKS, write_tasks
from heareval_tools import Tools
from probe_fixtures import event_task, scene_task, tagging_task  # noqa: F401 - fixtures

HERE = Path(__file__).resolve().parent

ENCODER = "hear_audiomosaic:random:micro"
OPTIONS = {"model_file_path": "random:micro"}


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """No GPU (heareval wants TensorFlow to see it too), one thread, a home of their own."""
    chosen = {
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "HEAR_AUDIOMOSAIC_HOME": str(tmp_path_factory.mktemp("home")),
    }
    return Tools({key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | chosen)


@pytest.fixture(scope="session")
def heareval_here() -> None:
    """Skip unless heareval's embeddings runner can run in this interpreter."""
    needed = ("heareval.embeddings", "tensorflow", "click", "intervaltree", "slugify")
    missing = [name for name in needed if not _importable(name)]
    if missing:
        pytest.skip(f"not installed in this Python: {', '.join(missing)} (run: tox -e heareval)")


@pytest.fixture(scope="session")
def python38() -> Path:
    """Interpreter of Python 3.8 that has heareval's predictions runner."""
    python = ready_python(Path(os.environ.get("HEAREVAL_ENVIRONMENT", HERE.parents[1] / ".tox" / "heareval-python38")))
    if python is None:
        pytest.skip("the Python 3.8 environment is not built (run: tox -e heareval)" if find_python38() else NO_PYTHON)
    return python


@pytest.fixture(scope="session")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tasks directory with the four tiny tasks."""
    return write_tasks(tmp_path_factory.mktemp("work") / "tasks")


@pytest.fixture(scope="session")
def their_embeddings(heareval_here: None, tools: Tools, tasks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What heareval's embeddings runner makes of MODULE ``hear_audiomosaic``: a folder of task directories."""
    return tools.heareval_embeddings("hear_audiomosaic", OPTIONS, tasks, tmp_path_factory.mktemp("theirs"))


@pytest.fixture(scope="session")
def our_embeddings(tools: Tools, tasks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``hear-audiomosaic embed --layout heareval`` makes of the same: a folder of task directories."""
    out = tmp_path_factory.mktemp("ours")
    arguments = ["embed", "--encoder", ENCODER, "--tasks", *TASKS, "--tasks-dir", tasks, "--out", out]
    tools.hear_audiomosaic(*arguments, "--layout", "heareval", folder=out)
    folders = {marker.parent.parent for marker in out.rglob(".done.embeddings")}
    assert len(folders) == 1, f"expected one folder of task directories in {out}, found {folders}"
    return folders.pop()


@pytest.fixture
def copies(tmp_path: Path) -> Callable[[Path, Sequence[int], str], list[Path]]:
    """Copy an embeddings directory to ``<tmp>/<who>/seed<K>/<task>`` for each seed."""

    def copy(directory: Path, seeds: Sequence[int], who: str) -> list[Path]:
        targets = [tmp_path / who / f"seed{seed}" / directory.name for seed in seeds]
        for target in targets:
            shutil.copytree(directory, target)
        return targets

    return copy


def _importable(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return False
    return spec is not None
