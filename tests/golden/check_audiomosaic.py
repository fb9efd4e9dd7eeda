"""Compare this package's AudioMosaic with inputs and outputs of the authors' model.

Usage: python tests/golden/check_audiomosaic.py PREFIX

Reads PREFIX.json (sizes), PREFIX.state.safetensors (weights) and PREFIX.vectors.npz (inputs and outputs), prints the
maximum absolute difference of each quantity, the worst last, and exits 1 above the tolerance of 2e-4. Of a filter bank
it is the difference that float32 cannot explain (:func:`beyond_rounding`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hear_audiomosaic.audio import kaldi_fbank
from hear_audiomosaic.audiomosaic.checkpoint import load_encoder
from hear_audiomosaic.audiomosaic.encoder import normalise, pad_frames
from hear_audiomosaic.audiomosaic.objective import nt_xent

TOLERANCE = 2e-4


def differences(prefix: str) -> dict[str, float]:
    """Maximum absolute difference of each quantity in PREFIX.vectors.npz."""
    spec = json.loads(Path(f"{prefix}.json").read_text())
    golden = np.load(f"{prefix}.vectors.npz", allow_pickle=False)
    model = load_encoder(f"{prefix}.state.safetensors", num_heads=spec["num_heads"])
    with torch.inference_mode():
        ours = _outputs(model, golden, spec["spec_size"][0])
    found = {name: np.abs(value.numpy() - golden[name]) for name, value in ours.items()}
    if "fbank" in found:
        found["fbank"] = beyond_rounding(found["fbank"], golden["fbank"])
    return {name: float(difference.max()) for name, difference in found.items()}


def beyond_rounding(difference: np.ndarray, fbank: np.ndarray) -> np.ndarray:
    """What of a difference between filter banks (..., T, F) two float32 Fourier transforms do not explain.

    A transform's rounding error is alike in all bins of a frame, about eps times the root of the frame's power P, so
    the logarithm of a band of energy e is only known to about eps sqrt(P / e). Where a loud frame has a band near
    Kaldi's floor that exceeds 2e-4: there torchaudio itself gives other values on one processor than on another.
    """
    energy = np.exp(fbank.astype(np.float64))
    power = energy.sum(axis=-1, keepdims=True)
    return np.maximum(difference - np.finfo(np.float32).eps * np.sqrt(power / energy), 0.0)


def _outputs(model: torch.nn.Module, golden: Mapping[str, np.ndarray], n_frames: int) -> dict[str, Tensor]:
    waveform = torch.from_numpy(golden["waveform"])  # (B, S)
    fbank = pad_frames(kaldi_fbank(waveform - waveform.mean(dim=1, keepdim=True))[:, :n_frames], n_frames)
    spectrogram = normalise(fbank)
    layers = model.forward_layers(spectrogram)
    ours = {
        "fbank": fbank,
        "normalised": spectrogram,
        "tokens": layers[-1],
        "pooled": layers[-1].mean(dim=1),
        "projected": model.project(layers[-1].mean(dim=1)),
        **{f"layer{i}": tokens for i, tokens in enumerate(layers)},
    }
    for name in [name for name in golden if name.endswith("_ids_keep")]:
        branch = name.removesuffix("_ids_keep")
        pooled = model(spectrogram, torch.from_numpy(golden[name])).mean(dim=1)
        ours |= {f"{branch}_f": pooled, f"{branch}_z": model.project(pooled)}
    ours["ntxent_loss"] = nt_xent(ours["grid_time_z"], ours["grid_freq_z"], float(golden["ntxent_temperature"]))
    # The first clips only of what the reference kept for those; nothing that it kept may go unchecked.
    ours = {name: value[: len(golden[name])] if value.ndim else value for name, value in ours.items() if name in golden}
    unchecked = set(golden) - set(ours) - {"waveform", "ntxent_temperature"}
    unchecked -= {name for name in unchecked if name.endswith("_ids_keep")}
    if unchecked:
        raise SystemExit(f"Nothing here computes {', '.join(sorted(unchecked))}.")
    return ours


def main(arguments: list[str]) -> int:
    """Print the table; 0 when all agree, 1 when not, 2 on wrong usage."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    table = sorted(differences(arguments[0]).items(), key=lambda row: row[1])
    for name, difference in table:
        print(f"{name:24s} {difference:.3e}")
    return int(not table[-1][1] <= TOLERANCE)  # NaN counts as a difference


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
