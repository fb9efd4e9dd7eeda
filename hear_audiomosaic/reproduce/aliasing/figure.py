"""The figure of aliasing sensitivity: curves on top, confusion of every encoder below, stems at the bottom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.reproduce.aliasing.response import (
    ALIASED_HZ,
    FREQUENCIES_HZ,
    SHIFTS_MS,
    STRETCHES,
    EncoderResponse,
)
from hear_audiomosaic.reproduce.aliasing.stems import STEMS, Tables

__all__ = ["draw"]

Floats = npt.NDArray[np.float64]


def draw(responses: Sequence[EncoderResponse], stems: Mapping[float, Tables], width: int, path: Path) -> None:
    """Draw all encoders and, by depth of modulation, the stems of one width; none of these leaves its row empty."""
    columns = max(3, len(responses))
    figure = plt.figure(figsize=(3.8 * columns, 12.0), layout="constrained")
    rows: Any = figure.subfigures(3, 1, height_ratios=(1.1, 1.2, 1.1))
    top, middle, bottom = rows
    curves = top.subplots(1, 3)
    for i, response in enumerate(responses):
        style: dict[str, Any] = {"marker": "osv^D"[i % 5], "markersize": 4, "label": response.label}
        curves[0].plot(SHIFTS_MS, response.by_shift, **style)
        curves[1].plot(response.probed_shifts_ms, response.accuracy_by_shift, **style)
        curves[2].plot(STRETCHES, response.by_stretch, **style)
    for axes in curves[:2]:
        axes.axvline(160, color="0.6", linestyle=":", linewidth=1)
        axes.set(xlabel="shift in ms (dotted: one token)", xticks=range(0, 161, 40))
    curves[0].set(title="Similarity against shift", ylabel="centred cosine", ylim=(None, 1.03))
    curves[1].set(title="Modulation probe against shift", ylabel="accuracy", ylim=(0, 1.03))
    curves[2].set(title="Similarity against stretch", xlabel="stretch factor", ylabel="centred cosine")
    curves[2].set(xticks=STRETCHES, ylim=(None, 1.03))
    handles, labels = curves[0].get_legend_handles_labels()
    top.legend(handles, labels, loc="outside upper center", ncols=columns, fontsize=8)
    middle.suptitle("Modulation probe on scene embeddings, per cent: rows true, columns predicted, Hz", fontsize=10)
    panels = middle.subplots(1, columns, squeeze=False)[0]
    for axes in panels[len(responses) :]:
        axes.set_axis_off()
    for axes, response in zip(panels, responses, strict=False):
        _draw_confusion(axes, response.confusion, FREQUENCIES_HZ, response.label)
    if stems:
        bottom.suptitle(f"Untrained stems, width {width}: 5, 20, 30, 45 Hz fold onto 1.25 Hz", fontsize=10)
        means = {depth: {n: np.mean(t, axis=0) for n, t in tables.items()} for depth, tables in stems.items()}
        _draw_stems(bottom.subplots(1, 3, width_ratios=(1.5, 1, 1)), means)
    with file_errors("written", path):
        figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw_stems(panels: npt.NDArray[np.object_], stems: Mapping[float, Mapping[str, Floats]]) -> None:
    """Accuracy of every stem by depth of modulation, and two confusion matrices."""
    axes: Any = panels[0]
    for i, (depth, tables) in enumerate(stems.items()):
        x = np.arange(len(STEMS)) + 0.4 * (i - 0.5)
        heights = [tables[name].diagonal().mean() for name in STEMS]
        bars = axes.bar(x, heights, width=0.38, color=("#1f4e79", "#8fb8de")[i % 2], label=f"depth {depth}")
        axes.bar_label(bars, fmt="%.2f", fontsize=7)
    axes.axhline(1 / len(ALIASED_HZ), color="0.4", linestyle=":", linewidth=1)
    axes.set_xticks(range(len(STEMS)), [name.replace(", ", "\n") for name in STEMS], fontsize=8)
    axes.set(ylabel="accuracy (dotted: chance)", ylim=(0, 1.25))
    axes.legend(fontsize=8, ncols=2, loc="upper center")
    depth, tables = next(iter(stems.items()))
    for panel, name in zip(panels[1:], (STEMS[0], STEMS[2]), strict=True):
        _draw_confusion(panel, tables[name], ALIASED_HZ, f"{name}, depth {depth}")


def _draw_confusion(axes: Any, table: Floats, names: Sequence[int], title: str) -> None:
    """One confusion matrix with its numbers."""
    axes.imshow(table, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(names))
    axes.set_xticks(ticks, [str(name) for name in names], fontsize=7)
    axes.set_yticks(ticks, [str(name) for name in names], fontsize=7)
    axes.set_title(title, fontsize=8)
    for row in ticks:
        for column in ticks:
            share = table[row, column]
            if share >= 0.005:
                shade = "white" if share > 0.5 else "black"
                axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=6, color=shade)
