"""What do positional negatives change? The same small network trained with gamma = 0 and gamma = 1, equally long.

Every run gets the same CPU time (not wall time, so other load on the machine does not matter), which favours gamma = 0:
its steps are cheaper, and it sees more clips. ``--steps`` gives every run the same number of steps instead. The
position checks are those of position_sensitivity.py, on clips that no run has seen: on the log-mel windows that the
network was trained on, and on audio through the HEAR API as for any other encoder.

Every run leaves its weights and its numbers in DIR; runs that are there are not repeated, so several processes can
share the work, seed by seed. The table and the figure are of all runs in DIR.

    python benchmarks/adversarial_gamma.py --train FOLDER:fold=1,2,3,4 --test FOLDER:fold=5 --out DIR \
        [--seconds 100 | --steps 400] [--seeds 0 1 2] [--gammas 0 1] [--size micro] [--variant V0]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from position_sensitivity import (
    Views,
    audible,
    audio_files,
    embed_all,
    embed_windows,
    make_views,
    measure,
    read_clips,
    trimmed,
)
from safetensors.torch import save_file
from torch import Tensor

from hear_adversarial.encoder import ConvEncoder, get_size
from hear_adversarial.front_end import RATE_HZ, raw_frames
from hear_adversarial.objective import AdversarialObjective, ObjectiveSettings
from hear_audiomosaic.audio import read_audio
from hear_audiomosaic.hear import load_encoder

SEGMENT_FRAMES = 200  # 2 s of a clip, out of which its two crops of 1 s are taken
LEARNING_RATE = 1e-3  # Adam, as COLA


def main() -> None:
    """Train and measure every run; print, store and draw."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    frames = cached_frames(options.train)
    print(f"{len(frames)} clips for training, {sum(clip.shape[1] for clip in frames) / 6000:.1f} minutes", flush=True)
    views = make_views(read_clips(options.test, options.clips, 0), 0)
    sounds = audible(views)
    for seed in options.seeds:
        for gamma in options.gammas:
            path = options.out / f"gamma{gamma:g}-seed{seed}.safetensors"
            if path.with_suffix(".json").is_file():
                continue
            config = ObjectiveSettings(gamma=gamma, similarity=options.similarity, selection=options.selection)
            trained = train(frames, config, seed, path, options)
            run = {"seed": seed, "gamma": gamma, **trained, **evaluate(views, sounds, path)}
            print(json.dumps({key: round(value, 4) for key, value in run.items()}), flush=True)
            path.with_suffix(".json").write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(options.out.glob("gamma*-seed*.json"))]
    print(summary(runs))
    draw(runs, options.out / "gamma.png")


def cached_frames(sources: Sequence[str]) -> list[Tensor]:
    """Frames (97, T) of all recordings with at least 2 s of sound."""
    clips = (trimmed(torch.from_numpy(read_audio(path, RATE_HZ)[0])) for path in audio_files(sources))
    return [raw_frames(clip[None])[0] for clip in clips if len(clip) >= SEGMENT_FRAMES * RATE_HZ // 100]


def train(
    frames: Sequence[Tensor], config: ObjectiveSettings, seed: int, path: Path, options: argparse.Namespace
) -> dict[str, float]:
    """Train one network and write its weights; returns how long it was and how its last tenth went."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = AdversarialObjective(ConvEncoder(get_size(options.size), variant=options.variant), config).train()
    optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    begin, n_steps, progress = time.process_time(), 0, 0.0
    late: list[dict[str, float]] = []
    while progress < 1.0:
        loss, metrics = model.contrast(batch_of(frames, options.batch, generator), generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        n_steps += 1
        done = n_steps / options.steps if options.steps else (time.process_time() - begin) / options.seconds
        progress = min(1.0, done)
        model.after_step(progress)
        if progress > 0.9:
            late.append({name: float(value) for name, value in metrics.items()})
    save_file(model.encoder.state_dict(), path)
    last = {f"train/{key}": float(np.mean([row[key] for row in late])) for key in ("loss", "accuracy")}
    return {"steps": n_steps, "cpu_s": time.process_time() - begin, **last}


def batch_of(frames: Sequence[Tensor], size: int, generator: torch.Generator) -> Tensor:
    """Random segments of 2 s of random clips: (B, 97, 200)."""
    chosen = torch.randperm(len(frames), generator=generator)[:size].tolist()
    starts = [int(torch.randint(frames[i].shape[1] - SEGMENT_FRAMES + 1, (), generator=generator)) for i in chosen]
    return torch.stack([frames[i][:, s : s + SEGMENT_FRAMES] for i, s in zip(chosen, starts, strict=True)])


def evaluate(views: Views, sounds: dict[str, Tensor], path: Path) -> dict[str, float]:
    """Numbers of one weights file: "mel/..." on log-mel windows, "audio/..." through the HEAR API."""
    import hear_adversarial

    network = hear_adversarial.load_model(str(path)).encoder
    found = {"mel": embed_windows(views, network), "audio": embed_all(sounds, load_encoder(f"hear_adversarial:{path}"))}
    return {f"{kind}/{key}": value for kind, e in found.items() for key, value in measure(views, e).items()}


def summary(runs: Sequence[dict[str, float]]) -> str:
    """Mean and range over seeds per gamma, and how many seeds each further gamma wins against the first."""
    gammas = sorted({run["gamma"] for run in runs})
    lines = ["", f"{'':<32}" + "".join(f"{f'gamma {gamma:g}':>24}" for gamma in gammas) + "   seeds won"]
    for key in runs[0]:
        if key in ("seed", "gamma"):
            continue
        by_gamma = [[run[key] for run in runs if run["gamma"] == gamma] for gamma in gammas]
        cells = "".join(f"{np.mean(v):10.3f} ({min(v):.3f}..{max(v):.3f})".rjust(24) for v in by_gamma)
        wins = sum(b > a for a, b in zip(by_gamma[0], by_gamma[-1], strict=False))
        lines.append(f"{key:<32}{cells}   {wins} of {len(by_gamma[0])}")
    return "\n".join(lines)


def draw(runs: Sequence[dict[str, float]], path: Path) -> None:
    """One dot per run, a bar at the mean, for both kinds of input."""
    keys = [key.removeprefix("mel/") for key in runs[0] if key.startswith("mel/")]
    figure, panels = plt.subplots(1, 2, figsize=(11.0, 5.0), sharey=True, layout="constrained")
    places = np.arange(len(keys))[::-1]
    gammas = sorted({run["gamma"] for run in runs})
    for axes, kind, title in zip(panels, ("mel", "audio"), ("log-mel windows", "audio, HEAR API"), strict=True):
        for i, gamma in enumerate(gammas):
            values = np.array([[run[f"{kind}/{key}"] for key in keys] for run in runs if run["gamma"] == gamma])
            heights = places + 0.3 * ((len(gammas) - 1) / 2 - i)
            axes.plot(values.T, heights, "o", color=f"C{i}", markersize=4, alpha=0.6)
            axes.plot(values.mean(axis=0), heights, "|", color=f"C{i}", markersize=14, label=f"gamma = {gamma:g}")
        axes.set(title=title, yticks=places, xlabel="AUC or R$^2$")
        axes.set_yticklabels([key.removeprefix("auc/").replace("_", " ") for key in keys])
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--train", nargs="+", required=True, help="FOLDER[:COLUMN=VALUE[,VALUE]]")
    parser.add_argument("--test", nargs="+", required=True, help="likewise, of other clips")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=100.0, help="CPU time of one run")
    parser.add_argument("--steps", type=int, help="steps of one run, in place of --seconds")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--gammas", type=float, nargs="+", default=[0.0, 1.0])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--clips", type=int, default=300, help="clips of the position checks")
    parser.add_argument("--size", default="micro")
    parser.add_argument("--variant", default="V0")
    parser.add_argument("--similarity", default="bilinear")
    parser.add_argument("--selection", default="scores", help="hardest, scores or uniform")
    return parser.parse_args()


if __name__ == "__main__":
    main()
