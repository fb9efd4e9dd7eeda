"""How does an encoder answer what a strided patch embedding folds: sub-token shifts, fast modulations, mild stretch?

    python benchmarks/aliasing_sensitivity.py [ENCODER ...] [--out aliasing.png] [--audio FOLDER] [--device cpu]

ENCODER is any reference that ``hear-audiomosaic`` takes, such as aasp:random:micro or logmel. On scene embeddings:

* shift: cosine of a clip with itself shifted by 0 to 160 ms. A stride of 160 ms makes 0 and 160 the controls: what is
  lost at 160 ms is new sound at the edges, what is lost in between besides is sensitivity to the sub-token phase.
* modulation: a linear probe tells how fast noise is modulated. At 6.25 tokens per second 5, 20, 30 and 45 Hz all fold
  onto 1.25 Hz. Clips have random gains; still, the front end's 25 ms frames flatten fast modulations, which is a cue of
  its own. The same probe on shifted clips gives accuracy against shift.
* stretch: cosine of a clip with itself, stretched by up to 10 % at the same pitch.

On untrained stems, in the log-mel domain (no such cue), for strong and weak modulation: the modulation probe on mean
tokens of a plain convolutional stem; of AaPE, as it starts (gate 0.01) and opened (1); and, as a control, of the plain
stem with AaPE's fusion network but no SBLU features to fuse - a nonlinearity alone already makes the mean over time
depend on modulations.

Prints the numbers and draws a figure; needs matplotlib.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import torch
import torchaudio.functional as AF
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from hear_aasp.encoder import normalise
from hear_aasp.stem import AapeStem
from hear_audiomosaic.audio import kaldi_fbank, read_audio, resample
from hear_audiomosaic.hear import Encoder, load_encoder

FREQUENCIES_HZ = (1, 2, 4, 5, 8, 12, 20, 30, 45)
ALIASED_HZ = (5, 20, 30, 45)  # all fold onto 1.25 Hz at 6.25 tokens per second
SHIFTS_MS = tuple(range(0, 170, 10))
STRETCHES = (0.90, 0.95, 1.0, 1.05, 1.10)
STEMS = ("conv", "no SBLU, gate 0.01", "AaPE, gate 0.01", "no SBLU, gate 1", "AaPE, gate 1")
STEM_DEPTHS = (0.8, 0.2)
SECONDS, DEPTH = 2.0, 0.8
BATCH = 16

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """What one encoder answers: cosines and accuracies by shift, cosines by stretch, confusion (true, probed)."""

    label: str
    by_shift: Floats
    accuracy_by_shift: Floats
    by_stretch: Floats
    confusion: Floats


def textures(n_clips: int, seconds: float, rate_hz: int, generator: torch.Generator) -> Tensor:
    """Noise of random colour with three random modulations of 1 to 45 Hz, (n, S)."""
    n_samples = round(seconds * rate_hz)
    spectrum = torch.fft.rfft(torch.randn(n_clips, n_samples, generator=generator))
    axis = torch.linspace(0, 1, spectrum.shape[1])
    colour = sum(torch.exp(-(((axis - torch.rand(n_clips, 1, generator=generator)) / 0.1) ** 2)) for _ in range(3))
    audio = torch.fft.irfft(spectrum * (0.05 + colour), n=n_samples)
    t = torch.arange(n_samples) / rate_hz
    for _ in range(3):
        f = 45.0 ** torch.rand(n_clips, 1, generator=generator)
        angle = 2 * math.pi * torch.rand(n_clips, 1, generator=generator)
        audio = audio * (1 + 0.7 * torch.cos(2 * math.pi * f * t + angle))
    return 0.3 * audio / audio.abs().amax(dim=1, keepdim=True)


def recordings(folder: Path, n_clips: int, seconds: float, rate_hz: int) -> Tensor:
    """The first seconds of the first clips of a folder that are long enough, (n, S)."""
    clips, n_samples = [], round(seconds * rate_hz)
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".wav", ".flac", ".ogg"}):
        samples, found_hz = read_audio(path)
        clip = torch.from_numpy(resample(samples, found_hz, rate_hz))
        if len(clip) >= n_samples and clip[:n_samples].abs().max() > 1e-3:
            clips.append(clip[:n_samples])
        if len(clips) == n_clips:
            break
    if not clips:
        raise SystemExit(f"{folder} holds no recording of {seconds:g} s or more.")
    return torch.stack(clips)


def modulated_noise(n_each: int, seconds: float, rate_hz: int, generator: torch.Generator) -> tuple[Tensor, Floats]:
    """Noise times 1 + d cos(2 pi f t + phi), gain within 10 dB up and down: clips (n, S) and their class indices."""
    t = torch.arange(round(seconds * rate_hz)) / rate_hz
    clips = []
    for f in FREQUENCIES_HZ:
        angle, gain = torch.rand(2, n_each, 1, generator=generator).unbind(0)
        noise = torch.randn(n_each, len(t), generator=generator)
        clips.append(0.02 * 10 ** (gain - 0.5) * noise * (1 + DEPTH * torch.cos(2 * math.pi * (f * t + angle))))
    return torch.cat(clips).clamp(-1, 1), np.repeat(np.arange(len(FREQUENCIES_HZ)), n_each).astype(float)


def stretched(audio: Tensor, factor: float) -> Tensor:
    """Last ``factor`` times as long at the same pitch (phase vocoder), first S samples or zeros after the end."""
    window = torch.hann_window(512)
    spectrum = torch.stft(audio, 512, 128, window=window, return_complex=True)
    advance = torch.linspace(0, math.pi * 128, 257)[:, None]
    slower = AF.phase_vocoder(spectrum, 1 / factor, advance)
    return torch.istft(slower, 512, 128, window=window, length=round(audio.shape[1] * factor))


def scenes(encoder: Encoder, audio: Tensor) -> Floats:
    """Scene embeddings (n, D)."""
    return np.concatenate([encoder.scene(part) for part in audio.split(BATCH)]).astype(np.float64)


def cosines(first: Floats, second: Floats) -> float:
    """Mean cosine of rows, around the mean of ``first``: what is common to all clips does not count."""
    a, b = first - first.mean(axis=0), second - first.mean(axis=0)
    return float(np.mean((a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1) + 1e-12)))


def confusion_of(true: Floats, found: Floats, n_classes: int) -> Floats:
    """Share of each true class (row) that the probe takes for each class (column)."""
    table = np.zeros((n_classes, n_classes))
    np.add.at(table, (true.astype(int), found.astype(int)), 1.0)
    return table / table.sum(axis=1, keepdims=True)


def questioned(ref: str, options: argparse.Namespace) -> Answers:
    """Ask one encoder everything."""
    encoder = load_encoder(ref, options.device)
    rate, generator = encoder.sample_rate, torch.Generator().manual_seed(options.seed)
    length, spare = round(SECONDS * rate), SECONDS + 0.3
    clips = (
        recordings(options.audio, options.clips, spare, rate)
        if options.audio
        else textures(options.clips, spare, rate, generator)
    )
    by_shift = [scenes(encoder, clips[:, (start := ms * rate // 1000) : start + length]) for ms in SHIFTS_MS]
    whole = clips[:, :length]
    plain = scenes(encoder, stretched(whole, 1.0))
    by_stretch = [cosines(plain, scenes(encoder, stretched(whole, factor))) for factor in STRETCHES]

    train, train_classes = modulated_noise(options.train, SECONDS, rate, generator)
    test, classes = modulated_noise(options.test, spare, rate, generator)
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    probe.fit(scenes(encoder, train), train_classes)
    found = [
        probe.predict(scenes(encoder, test[:, (start := ms * rate // 1000) : start + length]))
        for ms in SHIFTS_MS[:: options.shift_step]
    ]
    return Answers(
        encoder.label,
        np.array([cosines(by_shift[0], shifted) for shifted in by_shift]),
        np.array([(guess == classes).mean() for guess in found]),
        np.array(by_stretch),
        confusion_of(classes, found[0], len(FREQUENCIES_HZ)),
    )


def modulated_log_mels(n_each: int, n_frames: int, depth: float, generator: torch.Generator) -> tuple[Tensor, Floats]:
    """Log-mels of noise plus log(1 + d cos(2 pi f n + phi)): normalised (n, T, 128) and class indices."""
    frames, spectrograms = torch.arange(n_frames) / 100, []
    for f in ALIASED_HZ:
        noise = kaldi_fbank(0.05 * torch.randn(n_each, 160 * (n_frames - 1) + 400, generator=generator))
        angle = torch.rand(n_each, 1, generator=generator)
        envelope = torch.log(1 + depth * torch.cos(2 * math.pi * (f * frames + angle)))
        spectrograms.append(noise + envelope[..., None])
    return normalise(torch.cat(spectrograms)), np.repeat(np.arange(len(ALIASED_HZ)), n_each).astype(float)


@torch.no_grad()
def stem_features(stem: AapeStem, spectrogram: Tensor) -> dict[str, Floats]:
    """Mean tokens (n, D) of each of STEMS, all with the weights of one AaPE stem."""
    plain, features = stem.patch_embed(spectrogram), stem.alias_features(spectrogram)
    fused = [
        stem.fuse_out(torch.nn.functional.gelu(stem.fuse_in(stem.fuse_norm(torch.cat([plain, extra], dim=-1)))))
        for extra in (torch.zeros_like(features), features)
    ]
    tokens = (plain, *(plain + gate * value for gate in (stem.gate, 1.0) for value in fused))
    return {name: value.mean(dim=1).double().numpy() for name, value in zip(STEMS, tokens, strict=True)}


def compare_stems(width: int, depth: float, options: argparse.Namespace) -> dict[str, Floats]:
    """Confusion of the aliased frequencies by stem, mean over seeds; every seed has its own weights and noise."""
    tables: dict[str, list[Floats]] = {name: [] for name in STEMS}
    for seed in range(options.seed, options.seed + options.stem_seeds):
        torch.manual_seed(seed)
        stem, generator = AapeStem(width).eval(), torch.Generator().manual_seed(seed)
        train, train_classes = modulated_log_mels(options.train, 160, depth, generator)
        test, classes = modulated_log_mels(options.train, 160, depth, generator)
        train_features, test_features = stem_features(stem, train), stem_features(stem, test)
        for name in STEMS:
            probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
            found = probe.fit(train_features[name], train_classes).predict(test_features[name])
            tables[name].append(confusion_of(classes, found, len(ALIASED_HZ)))
    for name, by_seed in tables.items():
        accuracies = [float(table.diagonal().mean()) for table in by_seed]
        print(
            f"stem, width {width}, depth {depth}, {name:18s} accuracy on 5, 20, 30, 45 Hz {np.mean(accuracies):.3f} "
            f"({', '.join(f'{value:.3f}' for value in accuracies)}; chance 0.250)"
        )
    return {name: np.mean(by_seed, axis=0) for name, by_seed in tables.items()}


def report(answers: Answers) -> None:
    """Print one encoder's numbers."""
    inner, aliased = answers.by_shift[1:16], [FREQUENCIES_HZ.index(f) for f in ALIASED_HZ]
    accuracies = answers.accuracy_by_shift
    within = answers.confusion[np.ix_(aliased, aliased)]
    wrong_within = (within.sum() - np.trace(within)) / len(aliased)
    print(
        f"{answers.label}\n"
        f"  shift: centred cosine 10-150 ms mean {inner.mean():.3f}, min {inner.min():.3f}, "
        f"spread {inner.max() - inner.min():.3f}; at 160 ms {answers.by_shift[16]:.3f}\n"
        f"  modulation: accuracy {answers.confusion.diagonal().mean():.3f} of {len(FREQUENCIES_HZ)} classes "
        f"(chance {1 / len(FREQUENCIES_HZ):.3f}); on 5, 20, 30, 45 Hz {within.diagonal().mean():.3f}, taken for one "
        f"another {wrong_within:.3f}; shifted clips: {accuracies[0]:.3f} unshifted, "
        f"{accuracies[1:-1].mean():.3f} between, {accuracies[-1]:.3f} at the last shift\n"
        f"  stretch: centred cosine "
        + ", ".join(f"{f:.2f}: {c:.3f}" for f, c in zip(STRETCHES, answers.by_stretch, strict=True))
    )


def draw(everything: list[Answers], stems: dict[float, dict[str, Floats]], options: argparse.Namespace) -> None:
    """Curves on top, confusion of every encoder below, stems at the bottom."""
    columns = max(3, len(everything))
    figure = plt.figure(figsize=(3.8 * columns, 12.0), layout="constrained")
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=(1.1, 1.2, 1.1))
    curves = top.subplots(1, 3)
    for i, answers in enumerate(everything):
        style = {"marker": "osv^D"[i % 5], "markersize": 4, "label": answers.label}
        curves[0].plot(SHIFTS_MS, answers.by_shift, **style)
        curves[1].plot(SHIFTS_MS[:: options.shift_step], answers.accuracy_by_shift, **style)
        curves[2].plot(STRETCHES, answers.by_stretch, **style)
    for axes in curves[:2]:
        axes.axvline(160, color="0.6", linestyle=":", linewidth=1)
        axes.set(xlabel="shift in ms (dotted: one token)", xticks=range(0, 161, 40))
    curves[0].set(title="Similarity against shift", ylabel="centred cosine", ylim=(None, 1.03))
    curves[1].set(title="Modulation probe against shift", ylabel="accuracy", ylim=(0, 1.03))
    curves[2].set(title="Similarity against stretch", xlabel="stretch factor", ylabel="centred cosine")
    curves[2].set(xticks=STRETCHES, ylim=(None, 1.03))
    handles, labels = curves[0].get_legend_handles_labels()
    top.legend(handles, labels, loc="outside upper center", ncols=columns, fontsize=8)
    middle.suptitle("Modulation probe on scene embeddings, per cent: rows true, columns probed, Hz", fontsize=10)
    panels = middle.subplots(1, columns, squeeze=False)[0]
    for axes in panels[len(everything) :]:
        axes.set_axis_off()
    for axes, answers in zip(panels, everything, strict=False):
        matrix(axes, answers.confusion, FREQUENCIES_HZ, answers.label)
    if stems:
        bottom.suptitle(
            f"Untrained stems, width {options.stem_width[-1]}: 5, 20, 30, 45 Hz fold onto 1.25 Hz", fontsize=10
        )
        draw_stems(bottom.subplots(1, 3, width_ratios=(1.5, 1, 1)), stems)
    figure.savefig(options.out, dpi=110)
    plt.close(figure)


def draw_stems(panels: npt.NDArray[np.object_], stems: dict[float, dict[str, Floats]]) -> None:
    """Accuracy of every stem by depth of modulation, and two confusion matrices."""
    bars = panels[0]
    for i, (depth, tables) in enumerate(stems.items()):
        places = np.arange(len(STEMS)) + 0.4 * (i - 0.5)
        heights = [tables[name].diagonal().mean() for name in STEMS]
        drawn = bars.bar(places, heights, width=0.38, color=("#1f4e79", "#8fb8de")[i % 2], label=f"depth {depth}")
        bars.bar_label(drawn, fmt="%.2f", fontsize=7)
    bars.axhline(1 / len(ALIASED_HZ), color="0.4", linestyle=":", linewidth=1)
    bars.set_xticks(range(len(STEMS)), [name.replace(", ", "\n") for name in STEMS], fontsize=8)
    bars.set(ylabel="accuracy (dotted: chance)", ylim=(0, 1.25))
    bars.legend(fontsize=8, ncols=2, loc="upper center")
    depth, tables = next(iter(stems.items()))
    for axes, name in zip(panels[1:], (STEMS[0], STEMS[2]), strict=True):
        matrix(axes, tables[name], ALIASED_HZ, f"{name}, depth {depth}")


def matrix(axes: plt.Axes, table: Floats, names: tuple[int, ...], title: str) -> None:
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


def main() -> None:
    """Read the options, ask, print and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("encoders", nargs="*", default=["aasp:random:micro", "audiomosaic:random:micro"])
    parser.add_argument("--out", type=Path, default=Path("aliasing_sensitivity.png"), help="figure, .png or .svg")
    parser.add_argument("--audio", type=Path, help="folder of recordings for shift and stretch; default: made-up noise")
    parser.add_argument("--clips", type=int, default=24, help="clips for shift and stretch")
    parser.add_argument("--train", type=int, default=40, help="clips per frequency that probes learn from")
    parser.add_argument(
        "--test", type=int, default=16, help="clips per frequency that probes of encoders are tested on"
    )
    parser.add_argument("--shift-step", type=int, default=4, help="the probe is tested at every such shift, x 10 ms")
    parser.add_argument("--stem-width", type=int, nargs="*", default=[192, 768])
    parser.add_argument("--stem-seeds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if 16 % options.shift_step:
        parser.error("--shift-step must divide 16, so that a shift by one token is among those tested")

    everything = []
    for ref in options.encoders:
        everything.append(questioned(ref, options))
        report(everything[-1])
    stems: dict[float, dict[str, Floats]] = {}
    for width in options.stem_width:  # the last one is drawn
        stems = {depth: compare_stems(width, depth, options) for depth in STEM_DEPTHS}
    draw(everything, stems, options)
    print(f"figure: {options.out}")


if __name__ == "__main__":
    main()
