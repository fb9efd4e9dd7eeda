"""Does an encoder hear WHERE a pattern is? Three checks on any registered encoder or HEAR module.

* Retrieval AUC per operator: is a clip's second crop closer to it than the clip with its patterns moved? 0: the encoder
  takes moved patterns for the same sound; 1: it never does. (Cosine, after the mean embedding is taken off.)
* Order probe: a logistic regression tells clips in their own order from clips whose pieces are in another one, from the
  embedding alone (AUC; chance 0.5). The clips in their own order have seams too, so seams do not tell.
* Pitch shift: a ridge regression finds by how many mel bins (-16 to 16) a clip was shifted (R^2; chance 0): from the
  embedding of the shifted clip, and from its difference to the embedding of the unshifted one.

Probes are cross-validated, no clip in both parts. All clips, moved or not, are log-mel windows (1 s, 64 bins, 0.4 to
5.1 kHz) made audible by the same Griffin-Lim inversion, so what the inversion does to a sound does not tell either.

    python benchmarks/position_sensitivity.py --encoders logmel audiomosaic:random:tiny --audio FOLDER:fold=5 \
        [--clips 300] [--seed 0] [--figure position.png] [--json position.json]

FOLDER holds recordings of at least 1.5 s, anywhere below it; with :COLUMN=VALUE[,VALUE] only those that the rows of
FOLDER/metadata.csv (column filename) name.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torchaudio.functional import griffinlim

from hear_adversarial.front_end import (
    FRAME,
    GUARD,
    HIGH_HZ,
    HOP,
    LOW_HZ,
    N_FFT,
    N_GUARDED,
    N_MELS,
    RATE_HZ,
    WINDOW_HOPS,
    log_windows,
    mel_banks,
    raw_frames,
)
from hear_adversarial.negatives import (
    OPERATORS,
    IndexMaps,
    apply_maps,
    apply_operators,
    changed_enough,
    operator_maps,
    seam_control_maps,
)
from hear_audiomosaic.audio import read_audio, resample
from hear_audiomosaic.hear import Encoder, load_encoder

Embeddings = npt.NDArray[np.float32]
SHIFTS_PER_CLIP = 4
ORDERS_PER_CLIP = 2
MIN_SECONDS = 1.5
FOLDS = 5
RMS = 0.05


@dataclass(frozen=True)
class Views:
    """Log-mel windows (n, 64, 98) of n clips, by name, and what was done to them.

    Attributes:
        windows: "clip", "crop", one per operator, "own order 0".., "other order 0".., "shift 0"..
        shifts: mel bins, shape (SHIFTS_PER_CLIP, n).
        changed: per operator, which clips it changes at all, shape (n,).
    """

    windows: Mapping[str, Any]
    shifts: npt.NDArray[np.int64]
    changed: Mapping[str, npt.NDArray[np.bool_]]


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--encoders", nargs="+", required=True, help="references: NAME[:WEIGHTS][?option=value&...]")
    parser.add_argument("--audio", nargs="+", required=True, help="FOLDER[:COLUMN=VALUE[,VALUE]]")
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    views = make_views(read_clips(options.audio, options.clips, options.seed), options.seed)
    sounds = audible(views, options.seed)
    results = {}
    for ref in options.encoders:
        encoder = load_encoder(ref, options.device)
        results[encoder.label] = measure(views, embed_all(sounds, encoder))
        print(table({encoder.label: results[encoder.label]}), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if options.figure:
        draw(results, options.figure)


def audio_files(sources: Sequence[str]) -> list[Path]:
    """Recordings of ``FOLDER[:COLUMN=VALUE[,VALUE]]``, sorted."""
    files: list[Path] = []
    for source in sources:
        folder_name, _, condition = source.partition(":")
        folder = Path(folder_name)
        if condition:
            column, _, values = condition.partition("=")
            rows = pd.read_csv(folder / "metadata.csv", dtype=str)
            files += [folder / name for name in sorted(rows["filename"][rows[column].isin(values.split(","))])]
        else:
            files += sorted(path for path in folder.rglob("*") if path.suffix in (".wav", ".flac", ".ogg", ".mp3"))
    if not files:
        raise SystemExit(f"There is no recording in {', '.join(sources)}.")
    return files


def read_clips(sources: Sequence[str], n_clips: int, seed: int) -> list[Tensor]:
    """Up to ``n_clips`` recordings in random order, trimmed of silence at their ends, of at least 1.5 s, at 16 kHz."""
    files = audio_files(sources)
    order = np.random.default_rng(seed).permutation(len(files))
    clips: list[Tensor] = []
    for i in order:
        clip = trimmed(torch.from_numpy(read_audio(files[i], RATE_HZ)[0]))
        if len(clip) >= MIN_SECONDS * RATE_HZ:
            clips.append(clip)
        if len(clips) == n_clips:
            break
    if len(clips) < 2 * FOLDS:
        raise SystemExit(f"Only {len(clips)} recordings hold {MIN_SECONDS} s of sound; expected {2 * FOLDS} or more.")
    return clips


def trimmed(clip: Tensor) -> Tensor:
    """Without the silence (60 dB below the peak) in front and behind."""
    loud = (clip.abs() > 1e-3 * clip.abs().max()).nonzero()
    return clip[int(loud[0]) : int(loud[-1]) + 1] if len(loud) else clip[:0]


def make_views(clips: Sequence[Tensor], seed: int) -> Views:
    """Two crops of every clip, the first one's patterns moved by every operator, and the probes' material."""
    generator = torch.Generator().manual_seed(seed)
    pairs = torch.stack([_two_crops(clip, generator) for clip in clips])  # (n, 2, 96, 98)
    guarded = pairs[:, 0]
    n, _, n_frames = guarded.shape
    inside = slice(GUARD, GUARD + N_MELS)
    windows = {"clip": guarded[:, inside], "crop": pairs[:, 1, inside]}
    changed = {}
    for i, name in enumerate(OPERATORS):
        windows[name] = apply_operators(guarded, torch.full((n,), i), GUARD, generator)
        changed[name] = changed_enough(windows["clip"], windows[name]).numpy()
    order = torch.full((n,), OPERATORS.index("time_order"))
    for i in range(ORDERS_PER_CLIP):
        control = seam_control_maps(n, n_frames, GUARD, 1.0, generator)
        windows[f"own order {i}"] = apply_maps(guarded, control)
        windows[f"other order {i}"] = apply_maps(guarded, operator_maps(order, n_frames, GUARD, generator))
    shifts = torch.randint(-GUARD, GUARD + 1, (SHIFTS_PER_CLIP, n), generator=generator)
    for i, d in enumerate(shifts):
        windows[f"shift {i}"] = apply_maps(guarded, _shift_maps(d, n_frames))
    return Views(windows, shifts.numpy(), changed)


def audible(views: Views, seed: int = 0, n_iterations: int = 16) -> dict[str, Tensor]:
    """Waveforms (n, 15520) at 16 kHz of all views, inverted by Griffin-Lim from the same random phases."""
    banks = mel_banks(N_GUARDED, LOW_HZ, HIGH_HZ)[:, GUARD : GUARD + N_MELS]
    inverse = torch.linalg.pinv(banks)  # (64, 513)
    window = torch.hann_window(FRAME)
    sounds = {}
    for name, windows in views.windows.items():
        parts = []
        for part in windows.split(64):
            magnitudes = (part.exp().transpose(1, 2) @ inverse).clamp_min(0.0).transpose(1, 2)  # (n, 513, 98)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                n_samples = (part.shape[2] - 1) * HOP
                wave = griffinlim(magnitudes, window, N_FFT, HOP, FRAME, 1.0, n_iterations, 0.9, n_samples, True)
            level = wave.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-9)
            parts.append((RMS * wave / level).clamp(-1.0, 1.0))
        sounds[name] = torch.cat(parts)
    return sounds


def embed_all(sounds: Mapping[str, Tensor], encoder: Encoder) -> dict[str, Embeddings]:
    """Scene embeddings (n, D) of all views."""

    def embed(audio: Tensor) -> Embeddings:
        samples = np.stack([resample(clip, RATE_HZ, encoder.sample_rate) for clip in audio.numpy()])
        return encoder.scene(torch.from_numpy(samples))

    return {name: np.concatenate([embed(part) for part in audio.split(32)]) for name, audio in sounds.items()}


def embed_windows(views: Views, embed: Callable[[Tensor], Tensor]) -> dict[str, Embeddings]:
    """Embeddings (n, D) of the log-mel windows themselves, for an encoder of this method; no inversion in between."""
    with torch.no_grad():
        return {
            name: torch.cat([embed(part) for part in windows.split(64)]).numpy()
            for name, windows in views.windows.items()
        }


def measure(views: Views, embedded: Mapping[str, Embeddings]) -> dict[str, float]:
    """All numbers of one encoder: "auc/OPERATOR", "auc/mean", "order_auc", "shift_r2", "shift_r2_relative"."""
    scores = dict(_retrieval(views, embedded))
    scores["auc/mean"] = float(np.mean([scores[f"auc/{name}"] for name in OPERATORS]))
    scores["order_auc"] = _order_probe(views, embedded)
    scores["shift_r2"] = _shift_probe(views, embedded, relative=False)
    scores["shift_r2_relative"] = _shift_probe(views, embedded, relative=True)
    return scores


def table(results: Mapping[str, Mapping[str, float]]) -> str:
    """The numbers as text, one encoder per block."""
    lines = []
    for label, scores in results.items():
        lines += [label, *(f"  {name:<26}{value:7.3f}" for name, value in scores.items())]
    return "\n".join(lines)


def draw(results: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """One row of dots per operator and probe, one colour per encoder."""
    names = [*(f"auc/{name}" for name in OPERATORS), "order_auc", "shift_r2_relative", "shift_r2"]
    labels = [*(f"retrieval: {name.replace('_', ' ')}" for name in OPERATORS), "order probe"]
    labels += ["pitch shift, from the difference", "pitch shift, from one clip"]
    chance = [None] * len(OPERATORS) + [0.5, 0.0, 0.0]
    figure, axes = plt.subplots(figsize=(8.0, 1.2 + 0.42 * len(names) + 0.2 * len(results)), layout="constrained")
    places = np.arange(len(names))[::-1]
    step = 0.6 / max(1, len(results))
    for i, (label, scores) in enumerate(results.items()):
        values = np.clip([scores[name] for name in names], -0.05, 1.0)
        heights = places + step * ((len(results) - 1) / 2 - i)
        axes.hlines(heights, 0.0, values, color=f"C{i % 10}", alpha=0.35, linewidth=1.5)
        axes.plot(values, heights, "o", color=f"C{i % 10}", label=label, markersize=5)
    for place, value in zip(places, chance, strict=True):
        if value is not None:
            axes.vlines(value, place - 0.4, place + 0.4, color="0.2", linestyles="dotted")
    axes.set(xlim=(-0.06, 1.02), yticks=places)
    axes.set_xlabel("AUC (retrieval, order) or R$^2$ (shift; values below -0.05 stand there); dotted: chance")
    axes.set_yticklabels(labels)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _two_crops(clip: Tensor, generator: torch.Generator) -> Tensor:
    """Two crops of 1 s, of those at least a tenth as strong as the strongest, as guarded log-mels (2, 96, 98)."""
    raw = raw_frames(clip[None])
    energy = raw[0, -1].unfold(0, WINDOW_HOPS, 1).sum(dim=1)  # of the crop that begins at each frame
    starts = (energy >= 0.1 * energy.max()).nonzero()[:, 0]
    first = int(starts[torch.randint(len(starts), (), generator=generator)])
    apart = (starts - first).abs()
    second = starts[apart >= min(WINDOW_HOPS // 4, int(apart.max()))]
    other = int(second[torch.randint(len(second), (), generator=generator)])
    return log_windows(raw, torch.tensor([[first, other]]))[0]


def _shift_maps(d: Tensor, n_frames: int) -> IndexMaps:
    rows = torch.arange(N_MELS)[None, :, None] + GUARD + d[:, None, None]
    frames = torch.arange(n_frames).expand(len(d), N_MELS, -1)
    return IndexMaps(rows.expand_as(frames), frames, torch.zeros(len(d), dtype=torch.bool))


def _retrieval(views: Views, embedded: Mapping[str, Embeddings]) -> Iterator[tuple[str, float]]:
    mean = embedded["clip"].mean(axis=0)

    def similarity(name: str) -> npt.NDArray[np.float64]:
        a, b = (embedded[key].astype(np.float64) - mean for key in ("clip", name))
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        return np.asarray((a * b).sum(axis=1) / np.maximum(lengths, 1e-12))

    crop = similarity("crop")
    for name in OPERATORS:
        kept = views.changed[name]
        moved = similarity(name)
        labels = np.repeat([1, 0], kept.sum())
        yield f"auc/{name}", float(roc_auc_score(labels, np.concatenate([crop[kept], moved[kept]])))


def _order_probe(views: Views, embedded: Mapping[str, Embeddings]) -> float:
    kept = views.changed["time_order"]
    kinds = [
        (name, label)
        for i in range(ORDERS_PER_CLIP)
        for name, label in ((f"own order {i}", 0), (f"other order {i}", 1))
    ]
    x = np.concatenate([embedded[name][kept] for name, _ in kinds])
    y = np.repeat([label for _, label in kinds], kept.sum())
    groups = np.tile(np.arange(kept.sum()), len(kinds))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    p = cross_val_predict(model, x, y, groups=groups, cv=GroupKFold(FOLDS), method="predict_proba")[:, 1]
    return float(roc_auc_score(y, p))


def _shift_probe(views: Views, embedded: Mapping[str, Embeddings], relative: bool) -> float:
    parts = [embedded[f"shift {i}"] - (embedded["clip"] if relative else 0.0) for i in range(SHIFTS_PER_CLIP)]
    x, y = np.concatenate(parts), views.shifts.reshape(-1).astype(np.float64)
    groups = np.tile(np.arange(len(parts[0])), SHIFTS_PER_CLIP)
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(0, 5, 11)))
    return float(r2_score(y, cross_val_predict(model, x, y, groups=groups, cv=GroupKFold(FOLDS))))


if __name__ == "__main__":
    main()
