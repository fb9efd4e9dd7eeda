"""The results of a folder as one object: iterate over them, or ask for a table, a comparison, a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from hear_audiomosaic.paths import default_tasks_dir
from hear_audiomosaic.reporting.analysis.encoder_comparison import EncoderComparisons, compare_encoders
from hear_audiomosaic.reporting.comparison.status import Status, status_of
from hear_audiomosaic.reporting.render.html.audio_playback import AudioPlayback
from hear_audiomosaic.reporting.report import Report, write_report
from hear_audiomosaic.results.load import LoadedResult, ResultFolder, load_results
from hear_audiomosaic.results.schema import Result, find_results

__all__ = ["Results"]


@dataclass(frozen=True)
class Results:
    """The results of a folder: iterate over them, or ask for a table, a comparison, a report.

    Attributes:
        loaded: what was read of the folder: ``loaded.results``, each with its file, and ``loaded.skipped``, JSON files
            that could not be used, and why.
        finished: result files that :func:`~hear_audiomosaic.api.evaluate` wrote now.
        kept: result files that it was asked for and that were there already.
        failures: one line for each encoder or cell that failed in it.
    """

    loaded: ResultFolder
    finished: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()
    failures: tuple[str, ...] = ()

    @classmethod
    def of_run(cls, folder: Path, finished: Iterable[Path], kept: Iterable[Path], failures: Iterable[str]) -> Results:
        """Read the folder that a run wrote into; there may be no result file when every encoder failed to load."""
        failed = tuple(failures)
        nothing = bool(failed) and not any(find_results(folder))
        loaded = ResultFolder(folder, (), ()) if nothing else load_results(folder)
        return cls(loaded, tuple(finished), tuple(kept), failed)

    @property
    def folder(self) -> Path:
        """Where the result files are."""
        return self.loaded.folder

    def __len__(self) -> int:
        return len(self.loaded)

    def __iter__(self) -> Iterator[Result]:
        return (one.result for one in self.loaded)

    @property
    def requested(self) -> tuple[Result, ...]:
        """The results that :func:`~hear_audiomosaic.api.evaluate` was asked for, by file."""
        files = {path.relative_to(self.folder).as_posix() for path in (*self.finished, *self.kept)}
        return tuple(one.result for one in self.loaded if one.file in files)

    def rows(self) -> list[dict[str, Any]]:
        """What a terminal shows of the requested results: one row each, numbers to three decimals."""
        return [
            {
                "encoder": result.encoder.label,
                "task": result.task.name,
                "protocol": result.protocol.name,
                "seed": result.protocol.seed,
                "score": result.score_name,
                "value": _three_decimals(result.score),
                "std over folds": _three_decimals(result.score_std),
                "chance": _three_decimals(result.task.chance),
            }
            for result in self.requested
        ]

    def __repr__(self) -> str:
        failed = sum(result.status == "error" for result in self)
        return (
            f"Results('{self.folder}': {len(self)} results, {failed} failed, {len(self.loaded.skipped)} files skipped)"
        )

    def to_dataframe(self) -> pd.DataFrame:
        """One row a result, failed ones included (their score is NaN and ``error`` says why).

        Returns:
            Columns ``encoder`` (label), ``ref``, ``task``, ``protocol``, ``seed``, ``precision``, ``score_name``,
            ``higher_is_better``, ``score`` (mean over folds), ``score_std`` (sample standard deviation over folds),
            ``n_folds``, ``chance``, ``status``, ``error``, ``file``.
        """
        return pd.DataFrame([_row(one) for one in self.loaded])

    def compare(self, a: str, b: str, *, protocol: str | None = None, level: float = 0.95) -> EncoderComparisons:
        """Compare two encoders, task by task: paired t test over test clips or groups, p adjusted over tasks.

        Args:
            a: an encoder, by its label in the tables or by its reference.
            b: another one.
            protocol: one protocol alone; None: every protocol that has results of both. (Default: None)
            level: of the intervals; tests are at ``1 - level``. (Default: 0.95)

        Returns:
            One comparison for each protocol; print it, or call its ``to_dataframe()``.

        Raises:
            ResultError: no such encoder or protocol, a name that fits several encoders, or nothing in common.
        """
        return compare_encoders(self.loaded, a, b, protocol=protocol, level=level)

    def report(
        self,
        out: str | Path,
        *,
        playback: Literal["none", "link", "embed"] = "none",
        tasks_dir: str | Path | None = None,
    ) -> Report:
        """Write a report: Markdown, CSV, LaTeX, BibTeX and one self-contained HTML page.

        Args:
            out: the report's folder.
            playback: confident mistakes are named ("none"), linked ("link") or can be heard on the page ("embed").
            tasks_dir: folder of prepared tasks, for their audio. (Default: the user's own)

        Raises:
            ResultError: ``out`` is a file, or ``playback`` is none of the three.
        """
        out = Path(out)
        tasks_dir = default_tasks_dir() if tasks_dir is None else Path(tasks_dir)
        return write_report(self.loaded, out, playback=AudioPlayback(playback, tasks_dir, out))

    def status(self) -> Status:
        """Encoders x tasks x protocols: what is done, what failed, what is missing."""
        return status_of(self.loaded)


def _row(one: LoadedResult) -> dict[str, Any]:
    result = one.result
    return {
        "encoder": result.encoder.label,
        "ref": result.encoder.ref,
        "task": result.task.name,
        "protocol": result.protocol.name,
        "seed": result.protocol.seed,
        "precision": result.arithmetic,
        "score_name": result.score_name,
        "higher_is_better": result.higher_is_better,
        "score": float("nan") if result.score is None else result.score,
        "score_std": float("nan") if result.score_std is None else result.score_std,
        "n_folds": len(result.folds),
        "chance": float("nan") if result.task.chance is None else result.task.chance,
        "status": result.status,
        "error": result.error,
        "file": one.file,
    }


def _three_decimals(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"
