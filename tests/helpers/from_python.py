"""What a notebook does with the package, as a script: ``python from_python.py``, in an empty folder."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import torch

import hear_audiomosaic as ha


class Levels(torch.nn.Module):
    """A HEAR model of one's own: the mean and the deviation of the samples of a clip."""

    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 2

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        return torch.stack([audio.mean(dim=-1), audio.std(dim=-1)], dim=-1)


mine = types.ModuleType("mine")
mine.load_model = lambda model_file_path="": Levels()
mine.get_scene_embeddings = lambda audio, model: model(audio)
mine.get_timestamp_embeddings = lambda audio, model: (
    model(audio)[:, None],
    torch.full((len(audio), 1), 500.0 * audio.shape[1] / 16000),
)


def main() -> None:
    """The snippet of the README, and what else there is."""
    os.environ.setdefault("HEAR_AUDIOMOSAIC_HOME", str(Path("home").resolve()))
    results = ha.evaluate(
        {"audiomosaic": "audiomosaic", "logmel": "logmel", "levels": (Levels(), mine)},
        tasks=["synth_pitch"],
        protocols=["logistic"],
        seeds=[42],
        out="results/",
    )
    table = results.to_dataframe()  # one row a result
    assert set(table["encoder"]) == {"audiomosaic", "logmel", "levels"}, table
    assert table["score"].between(0, 1).all(), table
    assert len(ha.load_results("results/")) == 3

    comparison = results.compare("audiomosaic", "logmel")  # intervals, adjusted p values, a verdict
    rows = comparison.to_dataframe()
    assert list(rows["task"]) == ["synth_pitch"], rows
    assert {"low", "high", "p_holm", "verdict"} <= set(rows), rows
    assert rows["low"][0] <= rows["difference"][0] <= rows["high"][0], rows
    report = results.report("report/")
    assert report.html.is_file()
    assert "levels" in report.markdown.read_text(encoding="utf-8")

    assert "logmel" in {row["name"] for row in ha.list_encoders()}
    assert "esc50-v2.0.0-full" in {row["task"] for row in ha.list_tasks()}
    assert ha.get_task("esc50").evaluation[0] == "top1_acc"
    assert {finding.verdict for finding in ha.check_encoder("logmel")} == {"ok"}
    assert ha.prepare_task("synth_timbre").card.name == "synth_timbre"
    sys.stdout.write(f"{ha.__file__}\n{comparison}\n")


if __name__ == "__main__":
    main()
