"""Encoders of X-ARES as HEAR modules: ``xares:./file.py:ClassName`` or ``xares:package.module:ClassName``.

Such an encoder is a ``torch.nn.Module`` that is made without arguments, has ``sampling_rate`` (Hz), ``output_dim`` (D)
and ``hop_size_in_ms``, and gives (B, T, D) for audio (B, S). A scene is the mean over T. This file needs torch alone.

Source: the X-ARES benchmark's encoder template, https://github.com/jimbozhang/xares-template.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

_LEAST_S = 0.1  # shorter clips are padded with silence

encoder_card = {"title": "An encoder of X-ARES", "note": "Licence and paper are those of the model that was named."}


class XaresModel(nn.Module):
    """One encoder of X-ARES.

    Args:
        encoder: as described above.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.sample_rate = int(encoder.sampling_rate)
        self.scene_embedding_size = self.timestamp_embedding_size = int(encoder.output_dim)
        self.hop_ms = float(encoder.hop_size_in_ms)

    def frames(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (B, S) -> float32 (B, T, D) and centre times (B, T) in ms: frames whose centre is in the clip."""
        duration_ms = 1000.0 * audio.shape[1] / self.sample_rate
        missing = max(0, int(_LEAST_S * self.sample_rate) - audio.shape[1])
        frames = self.encoder(nn.functional.pad(audio, (0, missing))).float()
        times = self.hop_ms * (torch.arange(frames.shape[1], dtype=torch.float64) + 0.5)
        n_inside = max(1, int((times <= duration_ms).sum()))
        return frames[:, :n_inside], times[:n_inside].clamp(max=duration_ms).expand(len(audio), -1)


def load_model(model_file_path: str = "") -> nn.Module:
    """The encoder of a class.

    Args:
        model_file_path: a Python file or a module, a colon and the class's name.

    Raises:
        ValueError: no class is named, or it is not such an encoder.
    """
    where, colon, name = model_file_path.rpartition(":")
    if not colon or not where or not name:
        raise ValueError(
            f"xares:{model_file_path}: expected xares:./file.py:ClassName or xares:package.module:ClassName."
        )
    module = _module_of_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
    if not hasattr(module, name):
        raise ValueError(f"{where} has no class {name}.")
    encoder = getattr(module, name)()
    missing = [one for one in ("sampling_rate", "output_dim", "hop_size_in_ms") if not hasattr(encoder, one)]
    if missing or not isinstance(encoder, nn.Module):
        lacks = f"it has no {', '.join(missing)}" if missing else "it is not a torch.nn.Module"
        raise ValueError(f"{name} of {where} is not an encoder of X-ARES: {lacks}.")
    return XaresModel(encoder).eval()


def _module_of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ValueError(f"There is no file {path}.")
    name = f"xares_encoder_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is not Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where its classes are looked for
    sys.path.insert(0, str(path.parent.resolve()))  # it may import its neighbours
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent.resolve()))
    return module


def get_scene_embeddings(audio: torch.Tensor, model: Any) -> torch.Tensor:
    """float32 (B, S) in [-1, 1] -> float32 (B, D)."""
    return model.frames(audio)[0].mean(dim=1)


def get_timestamp_embeddings(audio: torch.Tensor, model: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """float32 (B, S) in [-1, 1] -> float32 (B, T, D) and centre times (B, T) in ms."""
    return model.frames(audio)
