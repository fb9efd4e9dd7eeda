"""The figure of the position measurements."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from hear_adversarial.negatives import OPERATORS
from hear_audiomosaic.file_errors import file_errors

__all__ = ["draw"]


def draw(results: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """One row of dots per operator and probe, one colour per encoder."""
    names = [*(f"auc/{name}" for name in OPERATORS), "order_auc", "shift_r2_relative", "shift_r2"]
    labels = [*(f"retrieval: {name.replace('_', ' ')}" for name in OPERATORS), "order probe"]
    labels += ["pitch shift, from the difference", "pitch shift, from one clip"]
    chance = [None] * len(OPERATORS) + [0.5, 0.0, 0.0]
    figure, axes = plt.subplots(figsize=(8.0, 1.2 + 0.42 * len(names) + 0.2 * len(results)), layout="constrained")
    rows = np.arange(len(names))[::-1]
    step = 0.6 / max(1, len(results))
    for i, (label, scores) in enumerate(results.items()):
        values = np.clip([scores[name] for name in names], -0.05, 1.0)
        heights = rows + step * ((len(results) - 1) / 2 - i)
        axes.hlines(heights, 0.0, values, color=f"C{i % 10}", alpha=0.35, linewidth=1.5)
        axes.plot(values, heights, "o", color=f"C{i % 10}", label=label, markersize=5)
    for row, value in zip(rows, chance, strict=True):
        if value is not None:
            axes.vlines(value, row - 0.4, row + 0.4, color="0.2", linestyles="dotted")
    axes.set(xlim=(-0.06, 1.02), yticks=rows)
    axes.set_xlabel("AUC (retrieval, order) or R$^2$ (shift; values below -0.05 stand there); dotted: chance")
    axes.set_yticklabels(labels)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    with file_errors("written", path):
        figure.savefig(path, dpi=150)
    plt.close(figure)
