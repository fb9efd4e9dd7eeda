"""The figure of the strangers' report: one panel per task, one dot per encoder."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.reporting.text.csv_cells import original_text

__all__ = ["draw"]

_N_COLUMNS = 3


def draw(report: Path, groups: Mapping[str, Sequence[str]], tasks: Sequence[str], path: Path) -> None:
    """Scores with their intervals.

    Args:
        report: ``report.csv`` of one protocol and one seed.
        groups: what a group of encoders is called -> their references, in the order of the figure.
        tasks: in that order; tasks without results are left empty.
        path: PNG to be.
    """
    with report.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "success"]
    found = {(original_text(row["encoder_ref"]), row["task"]): row for row in rows}
    refs = [ref for group in groups.values() for ref in group]
    n_rows = -(-len(tasks) // _N_COLUMNS)
    size = (3.1 * _N_COLUMNS, (0.9 + 0.2 * len(refs)) * n_rows + 0.4)
    figure, panels = plt.subplots(n_rows, _N_COLUMNS, figsize=size, layout="constrained", sharey=True, squeeze=False)
    for axes, task in zip(panels.flat, tasks, strict=False):
        for i, group in enumerate(groups):
            for ref in groups[group]:
                if (ref, task) in found:
                    _dot(axes, found[ref, task], refs.index(ref), f"C{i}")
        chances = {row["chance"] for (_, name), row in found.items() if name == task and row["chance"]}
        for chance in chances:
            axes.axvline(float(chance), color="0.3", linestyle="dotted", linewidth=1)
        axes.set(title=task, xlim=(0.0, 1.02))
        axes.set_yticks(range(len(refs)), refs)
        axes.grid(axis="x", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0, 0].invert_yaxis()
    for axes in panels.flat[len(tasks) :]:
        axes.set_axis_off()
    for i, group in enumerate(groups):
        panels[0, 0].plot([], [], "o", color=f"C{i}", label=group)
    figure.legend(loc="outside upper center", ncols=len(groups), frameon=False)
    with file_errors("written", path):
        figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _dot(axes: Axes, row: Mapping[str, str], height: int, colour: str) -> None:
    if row["low"]:
        axes.hlines(height, float(row["low"]), float(row["high"]), color=colour, alpha=0.5, linewidth=1.5)
    axes.plot(float(row["score"]), height, "o", color=colour, markersize=4)
