"""The programs under test - heareval's two runners and our command line - each in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Tools:
    """Runs programs; a test fails with their output when they do.

    Attributes:
        environment: of every process.
    """

    environment: dict[str, str]

    def run(self, command: Sequence[str | Path], folder: Path) -> str:
        """Run a command; returns what it wrote, and fails the test with it when the exit code is not 0."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.fail(f"{' '.join(map(str, command))}\nexit code {done.returncode}\n{done.stdout[-4000:]}")
        return done.stdout

    def hear_audiomosaic(self, *arguments: str | Path, folder: Path) -> str:
        """Our command line."""
        main = "import sys; from hear_audiomosaic.cli import main; sys.exit(main())"
        return self.run([sys.executable, "-c", main, *arguments], folder)

    def heareval_embeddings(
        self, module: str, options: dict[str, Any], tasks: Path, out: Path, task: str = "all"
    ) -> Path:
        """heareval's embeddings runner; returns the folder of the module's task directories."""
        command = [sys.executable, "-m", "heareval.embeddings.runner", module]
        command += ["--tasks-dir", str(tasks), "--task", task, "--embeddings-dir", str(out)]
        command += ["--model-options", json.dumps(options)]
        self.run(command, tasks.parent)
        (folder,) = out.iterdir()
        return folder

    def heareval_predictions(self, python: Path, directories: Sequence[Path], folder: Path) -> list[dict[str, Any]]:
        """heareval's predictions runner with its "faster" grid; directories are ``.../seed<K>/<task>``."""
        self.run([python, HERE / "heareval_predict.py", "faster", *directories], folder)
        return [read_scores(directory) for directory in directories]

    def our_probe(self, directories: Sequence[Path], protocol: str = "hear-2021-faster") -> list[dict[str, Any]]:
        """Our probe, with the seed that stands in ``.../seed<K>/<task>``."""
        for directory in directories:
            seed = directory.parent.name.removeprefix("seed")
            self.hear_audiomosaic("probe", directory, "--protocol", protocol, "--seed", seed, folder=directory.parent)
        return [read_scores(directory) for directory in directories]


def read_scores(directory: Path) -> dict[str, Any]:
    """The scores that a predictions runner left in a directory (bare Infinity and NaN allowed)."""
    scores: dict[str, Any] = json.loads((directory / "test.predicted-scores.json").read_text())
    return scores


def task_value(scores: dict[str, Any]) -> float:
    """The value of the task: the test score, or its mean over the folds."""
    aggregated = scores.get("aggregated_scores")
    return float(aggregated["test_score_mean"] if aggregated else scores["test"]["test_score"])
