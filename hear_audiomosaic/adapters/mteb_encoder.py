"""Audio encoders of MTEB as HEAR modules: ``mteb:MODEL_NAME?revision=...``.

An encoder of MTEB gives one vector for a clip: that is the scene. A timestamp embedding is the vector of a window
around it: ``window_s=0.5`` long, one every ``hop_ms=50``; beyond the ends of a clip is silence. This file needs torch
and mteb (with its extra ``audio``) alone.

Source: mteb 2.26, https://github.com/embeddings-benchmark/mteb (Apache-2.0): ``mteb.get_model`` and, of the model,
``get_audio_embeddings(inputs, show_progress_bar=...)``, whose inputs are a DataLoader of
``{"audio": [{"array": float32 (S,), "sampling_rate": Hz}, ...]}``. Encoders set its ``collate_fn`` to their own.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

_BLOCK = 64  # windows of a batch
_RATES = ("sampling_rate", "target_sampling_rate", "feature_extractor.sampling_rate", "processor.sampling_rate")

encoder_card = {"title": "An audio encoder of MTEB", "note": "Licence and paper are those of the model that was named."}


class MtebModel(nn.Module):
    """One encoder.

    Args:
        encoder: of MTEB.
        rate: Hz.
        hop_ms, window_s: see above.
    """

    def __init__(self, encoder: Any, rate: int, hop_ms: float, window_s: float) -> None:
        super().__init__()
        for name, value in (("rate", rate), ("hop_ms", hop_ms), ("window_s", window_s)):
            if not (isinstance(value, (int, float)) and value > 0):
                raise ValueError(f"{name}={value}; expected a number greater than 0.")
        self.encoder, self.sample_rate, self.hop_ms = encoder, int(rate), float(hop_ms)
        self.n_window = round(window_s * rate)
        if not isinstance(encoder, nn.Module):  # its networks are moved, counted and digested with this module
            self.networks = nn.ModuleList(one for one in vars(encoder).values() if isinstance(one, nn.Module))
        self.eval()
        self.scene_embedding_size = self.timestamp_embedding_size = self.scene(torch.zeros(1, self.sample_rate)).shape[
            1
        ]

    def scene(self, audio: torch.Tensor) -> torch.Tensor:
        """float32 (B, S) -> float32 (B, D)."""
        if "device" in vars(self.encoder):
            self.encoder.device = str(audio.device)
        clips: Any = [{"audio": {"array": clip.numpy(), "sampling_rate": self.sample_rate}} for clip in audio.cpu()]
        inputs: Any = DataLoader(clips, batch_size=_BLOCK, collate_fn=_collated)
        vectors = self.encoder.get_audio_embeddings(inputs, show_progress_bar=False)
        return torch.as_tensor(vectors).to(device=audio.device, dtype=torch.float32)

    def timestamps(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (B, S) -> float32 (B, T, D) and centre times (B, T) in ms."""
        duration_ms = 1000.0 * audio.shape[1] / self.sample_rate
        n_times = max(1, math.ceil(duration_ms / self.hop_ms - 0.5))
        times = (self.hop_ms * (torch.arange(n_times, dtype=torch.float64) + 0.5)).clamp(max=duration_ms)
        padded = nn.functional.pad(audio, (self.n_window // 2, self.n_window))
        starts = [round(ms * self.sample_rate / 1000.0) for ms in times.tolist()]
        vectors = []
        for first in range(0, n_times, _BLOCK):
            block = torch.stack([padded[:, i : i + self.n_window] for i in starts[first : first + _BLOCK]], dim=1)
            vectors.append(self.scene(block.flatten(0, 1)).unflatten(0, block.shape[:2]))  # (B, block, D)
        return torch.cat(vectors, dim=1), times.expand(len(audio), -1)


def _collated(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {"audio": [row["audio"] for row in rows]}


def load_model(
    model_file_path: str = "",
    rate: int | None = None,
    hop_ms: float = 50.0,
    window_s: float = 0.5,
    revision: str | None = None,
) -> nn.Module:
    """An encoder by MTEB's name for it.

    Args:
        model_file_path: its name, for example ``MIT/ast-finetuned-audioset-10-10-0.4593``.
        rate: Hz of the audio that it expects; None to ask the encoder.
        hop_ms: from one timestamp to the next.
        window_s: length of the window around a timestamp.
        revision: of the model; None for MTEB's own choice.

    Raises:
        ImportError: mteb is not installed.
        ValueError: no encoder is named, one of no audio, one whose rate is not to be found, or a bad option.
    """
    if not model_file_path:
        raise ValueError("mteb needs the name of a model, for example mteb:MIT/ast-finetuned-audioset-10-10-0.4593.")
    try:
        import mteb
    except ImportError as error:
        raise ImportError(f"mteb is not to be imported ({error}): python -m pip install 'mteb[audio]'.") from error
    encoder = mteb.get_model(model_file_path, revision=revision, device="cpu")
    if not callable(getattr(encoder, "get_audio_embeddings", None)):
        raise ValueError(f"{model_file_path} of MTEB is no encoder of audio: it has no get_audio_embeddings.")
    rate = _rate_of(encoder) if rate is None else rate
    if rate is None:
        raise ValueError(f"{model_file_path} of MTEB does not say its sampling rate: give it, ?rate=16000.")
    return MtebModel(encoder, rate, hop_ms, window_s).requires_grad_(False)


def _rate_of(encoder: Any) -> int | None:
    for path in _RATES:
        value = encoder
        for name in path.split("."):
            value = getattr(value, name, None)
        if isinstance(value, int):
            return value
    return None


def get_scene_embeddings(audio: torch.Tensor, model: Any) -> torch.Tensor:
    """float32 (B, S) in [-1, 1] -> float32 (B, D)."""
    return model.scene(audio)


def get_timestamp_embeddings(audio: torch.Tensor, model: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """float32 (B, S) in [-1, 1] -> float32 (B, T, D) and centre times (B, T) in ms."""
    return model.timestamps(audio)
