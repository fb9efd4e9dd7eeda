"""Draw ``protocol.svg`` from ``protocol.csv``: test accuracy by number of training rows, one line a protocol.

``python docs/protocol_figure.py``; how the figures were made is in ``protocol.md``.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd

mpl.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent


def main() -> None:
    """One panel an encoder; crosses mark probes that say they are not trained to convergence."""
    mpl.rcParams["svg.hashsalt"] = "protocol"
    rows = pd.read_csv(HERE / "protocol.csv")
    rows = rows[rows["task"] == "fsdd"]
    encoders = list(dict.fromkeys(rows["encoder"]))
    figure, panels = plt.subplots(1, len(encoders), figsize=(11, 3), sharey=True)
    for panel, encoder in zip(panels, encoders, strict=True):
        for protocol, line in rows[rows["encoder"] == encoder].groupby("protocol", sort=True):
            line = line.sort_values("training_rows")
            [drawn] = panel.plot(line["training_rows"], line["score"], marker="o", markersize=3, label=protocol)
            marked = line[line["unconverged"].notna()]
            panel.plot(marked["training_rows"], marked["score"], "x", color=drawn.get_color(), markersize=9)
        panel.set(title=encoder, xscale="log", xlabel="training rows", ylim=(0, 1))
        panel.axhline(0.1, color="grey", linewidth=0.8, linestyle=":")
    panels[0].set_ylabel("accuracy (chance .10)")
    figure.legend(*panels[-2].get_legend_handles_labels(), loc="lower center", ncols=5, frameon=False)
    figure.tight_layout(rect=(0, 0.09, 1, 1))
    figure.savefig(HERE / "protocol.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
