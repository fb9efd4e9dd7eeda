"""Untrained stems of AaSP, in the log-mel domain: which of them separate modulations that a stride folds onto one.

The modulation probe on mean tokens of a plain convolutional stem; of AaPE (arXiv 2512.03637), as it starts (gate 0.01)
and opened (1); and, as a control, of the plain stem with AaPE's fusion network but no SBLU features to fuse - a
nonlinearity alone already makes the mean over time depend on modulations. In the log-mel domain fast modulations are
not flattened, so the front end gives no cue.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hear_aasp.encoder import normalise
from hear_aasp.stem import AapeStem
from hear_audiomosaic.audio import kaldi_fbank
from hear_audiomosaic.reproduce.aliasing.response import ALIASED_HZ, confusion, linear_probe

__all__ = ["STEMS", "STEM_DEPTHS", "compare_stems", "stems_text"]

Floats = npt.NDArray[np.float64]
Tables = Mapping[str, list[Floats]]

STEMS = ("conv", "no SBLU, gate 0.01", "AaPE, gate 0.01", "no SBLU, gate 1", "AaPE, gate 1")
STEM_DEPTHS = (0.8, 0.2)  # of the modulation
_N_FRAMES = 160


def compare_stems(width: int, depth: float, *, n_each: int, seed: int, n_seeds: int) -> Tables:
    """Confusion of the aliased frequencies by stem; every seed has its own weights and noise.

    Args:
        width: D of the stems.
        depth: of the modulation, 0 to 1.
        n_each: spectrograms per frequency, to learn from and again to test on.
        seed: the first one.
        n_seeds: how many.

    Returns:
        Stem -> one table (true, predicted) per seed, rows sum to 1; classes are `ALIASED_HZ`.
    """
    tables: dict[str, list[Floats]] = {name: [] for name in STEMS}
    for one in range(seed, seed + n_seeds):
        torch.manual_seed(one)
        stem, generator = AapeStem(width).eval(), torch.Generator().manual_seed(one)
        train, train_classes = _modulated_log_mels(n_each, depth, generator)
        test, classes = _modulated_log_mels(n_each, depth, generator)
        train_features, test_features = _mean_tokens(stem, train), _mean_tokens(stem, test)
        for name in STEMS:
            probe = linear_probe().fit(train_features[name], train_classes)
            tables[name].append(confusion(classes, probe.predict(test_features[name])))
    return tables


def stems_text(width: int, depth: float, tables: Tables) -> str:
    """Accuracy of every stem, mean and by seed."""
    lines = []
    for name, by_seed in tables.items():
        accuracies = [float(table.diagonal().mean()) for table in by_seed]
        lines.append(
            f"stem, width {width}, depth {depth}, {name:18s} accuracy on 5, 20, 30, 45 Hz {np.mean(accuracies):.3f} "
            f"({', '.join(f'{value:.3f}' for value in accuracies)}; chance 0.250)"
        )
    return "\n".join(lines)


def _modulated_log_mels(n_each: int, depth: float, generator: torch.Generator) -> tuple[Tensor, Floats]:
    """Log-mels of noise plus log(1 + d cos(2 pi f n + phi)): normalised (n, T, 128) and class indices."""
    frames, spectrograms = torch.arange(_N_FRAMES) / 100, []
    for f in ALIASED_HZ:
        noise = kaldi_fbank(0.05 * torch.randn(n_each, 160 * (_N_FRAMES - 1) + 400, generator=generator))
        angle = torch.rand(n_each, 1, generator=generator)
        envelope = torch.log(1 + depth * torch.cos(2 * math.pi * (f * frames + angle)))
        spectrograms.append(noise + envelope[..., None])
    return normalise(torch.cat(spectrograms)), np.repeat(np.arange(len(ALIASED_HZ)), n_each).astype(float)


@torch.no_grad()
def _mean_tokens(stem: AapeStem, spectrogram: Tensor) -> dict[str, Floats]:
    """Mean tokens (n, D) of each of STEMS, all with the weights of one AaPE stem."""
    plain, features = stem.patch_embed(spectrogram), stem.alias_features(spectrogram)
    fused = [
        stem.fuse_out(torch.nn.functional.gelu(stem.fuse_in(stem.fuse_norm(torch.cat([plain, extra], dim=-1)))))
        for extra in (torch.zeros_like(features), features)
    ]
    tokens = (plain, *(plain + gate * value for gate in (stem.gate, 1.0) for value in fused))
    return {name: value.mean(dim=1).double().numpy() for name, value in zip(STEMS, tokens, strict=True)}
