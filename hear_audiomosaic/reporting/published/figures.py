"""The published figures: reading ``reports/published/*.csv`` and refusing what is not whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.parsing import parse_csv
from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.printable import listed
from hear_audiomosaic.reading import read_file
from hear_audiomosaic.reporting.tables.model import Better

__all__ = [
    "METRICS",
    "NOT_NUMBERS",
    "HearTask",
    "Metric",
    "PublishedFigure",
    "Submission",
    "read_figures",
    "read_leaderboard",
    "read_submissions",
    "read_tasks",
]


@dataclass(frozen=True)
class Metric:
    """How a metric of the CSVs is printed, and where better is."""

    label: str
    better: Better = "higher"
    halfwidth_of: str = ""
    """Of a confidence interval's half-width: the metric whose interval it is."""


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "accuracy": Metric("accuracy"),
        "accuracy_%": Metric("accuracy %"),
        "accuracy_95ci_halfwidth_%": Metric("95 % interval", "", "accuracy_%"),
        "accuracy_%_95ci_halfwidth": Metric("95 % interval", "", "accuracy_%"),
        "aucroc": Metric("AUROC"),
        "aucroc_%": Metric("AUROC %"),
        "chroma_acc": Metric("chroma accuracy"),
        "d_prime": Metric("d'"),
        "EER_percent": Metric("EER %", "lower"),
        "event_onset_200ms_fms": Metric("onset F 200 ms"),
        "event_onset_200ms_fms_%": Metric("onset F 200 ms %"),
        "event_onset_200ms_precision_%": Metric("onset precision 200 ms %"),
        "event_onset_200ms_recall_%": Metric("onset recall 200 ms %"),
        "event_onset_50ms_fms": Metric("onset F 50 ms"),
        "event_onset_50ms_fms_%": Metric("onset F 50 ms %"),
        "event_onset_offset_50ms_20perc_fms": Metric("onset and offset F 50 ms, 20 %"),
        "GB": Metric("GB", "lower"),
        "mAP": Metric("mAP"),
        "mAP_%": Metric("mAP %"),
        "mAP_points": Metric("mAP points", ""),
        "mAP_x100": Metric("mAP x 100"),
        "mAP_x100_95ci_halfwidth": Metric("95 % interval", "", "mAP_x100"),
        "micro-F1": Metric("micro-F1"),
        "params_M": Metric("millions", ""),
        "pitch_acc": Metric("pitch accuracy"),
        "pitch_accuracy_%": Metric("pitch accuracy %"),
        "primary_%": Metric("primary score %"),
        "segment_1s_er": Metric("segment ER 1 s", "lower"),
        "segment_1s_error_rate": Metric("segment ER 1 s", "lower"),
        "SPICE": Metric("SPICE"),
        "top1_acc": Metric("accuracy"),
        "validation_event_onset_200ms_fms_%": Metric("validation onset F 200 ms %"),
    }
)
"""Every metric that a published figure may have."""

NOT_NUMBERS = frozenset({"OOM"})
"""Values that are no numbers: out of memory."""


@dataclass(frozen=True)
class PublishedFigure:
    """One number that somebody published."""

    method: str
    protocol: str
    task: str
    metric: str
    value: str
    """As it was printed, down to its digits."""
    source: str
    """The paper's table, the README's commit, or who quoted it."""

    @property
    def number(self) -> float | None:
        """The value, in the metric's own unit; None where it is none (out of memory)."""
        return None if self.value in NOT_NUMBERS else float(self.value)


@dataclass(frozen=True)
class HearTask:
    """One of the 19 tasks of the HEAR 2021 leaderboard."""

    task: str
    """Directory name, as heareval and this project have it."""
    leaderboard_column: str
    embedding_type: str
    prediction_type: str
    split: str
    clip_seconds: str
    n_clips: int
    primary_metric: str
    secondary_metric: str
    """Empty where there is none."""
    source: str


@dataclass(frozen=True)
class Submission:
    """One system on the HEAR 2021 leaderboard."""

    submission: str
    submission_date: str
    """``"HEAR 2021"`` for the competition's own."""
    url: str
    source: str


_FIGURE = ("method", "protocol", "task", "metric", "value", "source")
_LEADERBOARD = ("submission", "task", "metric", "value", "source")
_TASKS = (
    *("task", "leaderboard_column", "embedding_type", "prediction_type", "split", "clip_seconds", "n_clips"),
    *("primary_metric", "secondary_metric", "n_primary", "n_secondary", "source"),
)
_SUBMISSIONS = (
    *("submission", "submission_date", "url", "hear2021_team", "hear2021_submission_id", "models_json_name"),
    *("python_module", "git_url", "git_rev", "code_license", "n_primary_scores", "source"),
)
_MAY_BE_EMPTY = frozenset({*_SUBMISSIONS[3:-1], "secondary_metric"})


def read_figures(path: Path) -> tuple[PublishedFigure, ...]:
    """Read a file of ``method,protocol,task,metric,value,source``.

    Args:
        path: the CSV.

    Returns:
        The figures in the order of the file, which is the source's.

    Raises:
        ResultError: a column or a value is missing, a metric is not known, a value is no number, or a figure stands
            there twice.
    """
    return _whole(path, [PublishedFigure(**row) for row in _rows(path, _FIGURE)])


def read_leaderboard(folder: Path | None = None) -> tuple[PublishedFigure, ...]:
    """Read the HEAR 2021 leaderboard: primary scores (all systems) and secondary ones (the competition's own).

    Args:
        folder: where ``hear2021_leaderboard.csv`` is; the shipped one if None.

    Raises:
        ResultError: as for :func:`read_figures`.
    """
    path = _in(folder, "hear2021_leaderboard.csv")
    rows = _rows(path, _LEADERBOARD)
    return _whole(
        path, [PublishedFigure(row.pop("submission"), "HEAR 2021", **row) for row in (dict(row) for row in rows)]
    )


def read_tasks(folder: Path | None = None) -> tuple[HearTask, ...]:
    """Read the leaderboard's tasks, in the order of its columns."""
    rows = _rows(_in(folder, "hear2021_tasks.csv"), _TASKS)
    names = HearTask.__dataclass_fields__
    return tuple(
        HearTask(**{name: row[name] for name in names if name != "n_clips"}, n_clips=int(row["n_clips"]))
        for row in rows
    )


def read_submissions(folder: Path | None = None) -> tuple[Submission, ...]:
    """Read the leaderboard's systems, in its order."""
    rows = _rows(_in(folder, "hear2021_submissions.csv"), _SUBMISSIONS)
    return tuple(Submission(**{name: row[name] for name in Submission.__dataclass_fields__}) for row in rows)


def _in(folder: Path | None, name: str) -> Path:
    return (folder or content_dir("reports") / "published") / name


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    found, rows = read_file(path, parse_csv, ResultError, "published figures", "mend it, or reinstall hear_audiomosaic")
    if tuple(found) != columns:
        raise ResultError(f"{path.name}: expected the columns {','.join(columns)}; found {listed(found, between=',')}.")
    for line, cells in rows:
        row, where = dict(zip(columns, cells, strict=True)), f"{path.name}, line {line}"
        empty = [name for name in columns if not row[name].strip() and name not in _MAY_BE_EMPTY]
        if empty:
            raise ResultError(f"{where}: no {' and no '.join(empty)}; every figure needs all of them.")
        yield row


def _whole(path: Path, figures: list[PublishedFigure]) -> tuple[PublishedFigure, ...]:
    seen: set[tuple[str, ...]] = set()
    for figure in figures:
        where = f"{path.name}: {figure.method}, {figure.task}, {figure.metric}"
        if figure.metric not in METRICS:
            raise ResultError(f"{where}: unknown metric; say in METRICS how it is printed and where better is.")
        if figure.value not in NOT_NUMBERS and not _is_finite(figure.value):
            raise ResultError(f"{where}: expected a number or one of {sorted(NOT_NUMBERS)}, found {figure.value!r}.")
        key = (figure.method, figure.protocol, figure.task, figure.metric, figure.source)
        if key in seen:
            raise ResultError(f"{where}: stands there twice for the same protocol and source.")
        seen.add(key)
    return tuple(figures)


def _is_finite(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False
