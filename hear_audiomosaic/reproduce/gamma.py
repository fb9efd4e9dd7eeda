"""What positional negatives change: the same small network trained with gamma = 0 and gamma = 1, equally long.

``reports/gamma``. Every run gets the same CPU time (not wall time, so other load on the machine does not matter), which
favours gamma = 0: its steps are cheaper, and it sees more clips. ``n_steps`` gives every run the same number of steps
instead. The position measurements are those of `hear_audiomosaic.reproduce.positions`, on clips that no run has seen:
on the log-mel windows that the network was trained on, and on audio through the HEAR API as for any other encoder.

Every run leaves its weights and its numbers; runs that are there are not repeated, so several processes can share the
work, seed by seed. The table and the figure are of all runs in the folder.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

import hear_adversarial
from hear_adversarial.encoder import ConvEncoder, get_size
from hear_adversarial.front_end import RATE_HZ, raw_frames
from hear_adversarial.objective import AdversarialObjective, ObjectiveSettings
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import make_folder, read_json, write_json, write_text
from hear_audiomosaic.hear import load_encoder
from hear_audiomosaic.reproduce.positions.probes import embed_sounds, embed_windows, measure
from hear_audiomosaic.reproduce.positions.views import Views, make_audible, make_views, read_clips
from hear_audiomosaic.reproduce.recipes import OnMessage, Outcome
from hear_audiomosaic.reproduce.recordings import find_recordings, read_trimmed

__all__ = ["run", "summary", "train"]

SEGMENT_FRAMES = 200  # 2 s of a clip, out of which its two crops of 1 s are taken
LEARNING_RATE = 1e-3  # Adam, as COLA


def run(recipe: Mapping[str, Any], data_dir: Path, out: Path, *, device: str, on_message: OnMessage) -> Outcome:
    """Train and measure every run that is not there yet; write ``gamma.txt`` and ``gamma.png``.

    Args:
        recipe: ``train`` and ``test`` (see `find_recordings`), ``n_clips`` (of ``test``), ``gammas``, ``seeds``,
            ``cpu_s`` or ``n_steps`` (of one run), ``batch_size``, ``size``, ``variant``, ``similarity``, ``selection``.
        data_dir: what ``train`` and ``test`` are relative to.
        out: folder of the runs and the report.
        device: of the measurements through the HEAR API; training is on the CPU, whose time is the budget.
        on_message: called with each run's numbers.
    """
    make_folder(out)
    frames = _training_frames(data_dir, recipe["train"])
    minutes = sum(clip.shape[1] for clip in frames) / 6000
    on_message(f"{len(frames)} clips for training, {minutes:.1f} minutes")
    views = make_views(read_clips(data_dir, recipe["test"], recipe["n_clips"], 0), 0)
    sounds = make_audible(views)
    for seed in recipe["seeds"]:
        for gamma in recipe["gammas"]:
            path = out / f"gamma{gamma:g}-seed{seed}.safetensors"
            if path.with_suffix(".json").is_file():
                continue
            trained = train(frames, float(gamma), seed, recipe, path)
            numbers = {"seed": seed, "gamma": gamma, **trained, **_measure_weights(views, sounds, path, device)}
            on_message(", ".join(f"{name} {value:.4g}" for name, value in numbers.items()))
            write_json(path.with_suffix(".json"), numbers)
    runs = [read_json(path) for path in sorted(out.glob("gamma*-seed*.json"))]
    report = out / "gamma.txt"
    write_text(report, summary(runs) + "\n")
    draw(runs, report.with_suffix(".png"))
    return Outcome(report)


def train(frames: Sequence[Tensor], gamma: float, seed: int, recipe: Mapping[str, Any], path: Path) -> dict[str, float]:
    """Train one network and write its weights.

    Args:
        frames: (97, T) of every clip.
        gamma: weight of the positional negatives.
        seed: of weights and batches.
        recipe: see `run`.
        path: ``.safetensors`` to be.

    Returns:
        "steps", "cpu_s", and "train/loss" and "train/accuracy" as means over the last tenth.
    """
    config = ObjectiveSettings(gamma=gamma, similarity=recipe["similarity"], selection=recipe["selection"])
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = AdversarialObjective(ConvEncoder(get_size(recipe["size"]), variant=recipe["variant"]), config).train()
    optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    begin, n_steps, progress = time.process_time(), 0, 0.0
    late: list[dict[str, float]] = []
    while progress < 1.0:
        loss, metrics = model.contrast(_batch(frames, recipe["batch_size"], generator), generator)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        n_steps += 1
        spent = time.process_time() - begin
        progress = min(1.0, n_steps / recipe["n_steps"] if recipe["n_steps"] else spent / recipe["cpu_s"])
        model.after_step(progress)
        if progress > 0.9:
            late.append({name: float(value) for name, value in metrics.items()})
    save_file(model.encoder.state_dict(), path)
    last = {f"train/{key}": float(np.mean([row[key] for row in late])) for key in ("loss", "accuracy")}
    return {"steps": n_steps, "cpu_s": time.process_time() - begin, **last}


def summary(runs: Sequence[Mapping[str, float]]) -> str:
    """Mean and range over seeds per gamma, and in how many seeds the last gamma is above the first."""
    gammas = sorted({run["gamma"] for run in runs})
    lines = [f"{'':<32}" + "".join(f"{f'gamma {gamma:g}':>24}" for gamma in gammas) + "   seeds won"]
    for key in runs[0]:
        if key in ("seed", "gamma"):
            continue
        by_gamma = [[run[key] for run in runs if run["gamma"] == gamma] for gamma in gammas]
        cells = "".join(f"{np.mean(v):10.3f} ({min(v):.3f}..{max(v):.3f})".rjust(24) for v in by_gamma)
        wins = sum(b > a for a, b in zip(by_gamma[0], by_gamma[-1], strict=False))
        lines.append(f"{key:<32}{cells}   {wins} of {len(by_gamma[0])}")
    return "\n".join(lines)


def draw(runs: Sequence[Mapping[str, float]], path: Path) -> None:
    """One dot per run, a bar at the mean, for both kinds of input."""
    keys = [key.removeprefix("mel/") for key in runs[0] if key.startswith("mel/")]
    figure, panels = plt.subplots(1, 2, figsize=(11.0, 5.0), sharey=True, layout="constrained")
    rows = np.arange(len(keys))[::-1]
    gammas = sorted({run["gamma"] for run in runs})
    for axes, kind, title in zip(panels, ("mel", "audio"), ("log-mel windows", "audio, HEAR API"), strict=True):
        for i, gamma in enumerate(gammas):
            values = np.array([[run[f"{kind}/{key}"] for key in keys] for run in runs if run["gamma"] == gamma])
            heights = rows + 0.3 * ((len(gammas) - 1) / 2 - i)
            axes.plot(values.T, heights, "o", color=f"C{i}", markersize=4, alpha=0.6)
            axes.plot(values.mean(axis=0), heights, "|", color=f"C{i}", markersize=14, label=f"gamma = {gamma:g}")
        axes.set(title=title, yticks=rows, xlabel="AUC or R$^2$")
        axes.set_yticklabels([key.removeprefix("auc/").replace("_", " ") for key in keys])
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    with file_errors("written", path):
        figure.savefig(path, dpi=150)
    plt.close(figure)


def _training_frames(data_dir: Path, sources: Sequence[str]) -> list[Tensor]:
    """Frames (97, T) of all recordings with at least 2 s of sound."""
    clips = (read_trimmed(path, RATE_HZ) for path in find_recordings(data_dir, sources))
    return [raw_frames(clip[None])[0] for clip in clips if len(clip) >= SEGMENT_FRAMES * RATE_HZ // 100]


def _batch(frames: Sequence[Tensor], size: int, generator: torch.Generator) -> Tensor:
    """Random segments of 2 s of random clips: (B, 97, 200)."""
    chosen = torch.randperm(len(frames), generator=generator)[:size].tolist()
    starts = [int(torch.randint(frames[i].shape[1] - SEGMENT_FRAMES + 1, (), generator=generator)) for i in chosen]
    return torch.stack([frames[i][:, s : s + SEGMENT_FRAMES] for i, s in zip(chosen, starts, strict=True)])


def _measure_weights(views: Views, sounds: Mapping[str, Tensor], path: Path, device: str) -> dict[str, float]:
    """Numbers of one weights file: "mel/..." on log-mel windows, "audio/..." through the HEAR API."""
    network = hear_adversarial.load_model(str(path)).encoder
    embedded = {
        "mel": embed_windows(views, network),
        "audio": embed_sounds(sounds, load_encoder(f"hear_adversarial:{path}", device)),
    }
    return {f"{kind}/{key}": value for kind, e in embedded.items() for key, value in measure(views, e).items()}
