"""Audio models of Hugging Face transformers as HEAR modules: ``hf:FOLDER_OR_ID?layer=K&pooling=mean``.

Three families:

* on the waveform: wav2vec 2.0, HuBERT, WavLM, data2vec-audio, SEW, UniSpeech. The convolutions at their input give the
  hop, the product of their strides, and the centre of a frame, the middle of its receptive field;
* Whisper: the encoder alone, in windows of 30 s, one frame every 20 ms; frames after the end of a clip are dropped;
* AST: tokens back to a grid, averaged over frequency, one frame every 100 ms, in windows of 10.1 s.

A folder that ``save_pretrained`` wrote is read without a network; a name is looked up on the Hub. Code that comes
with a checkpoint is never run. Clips of a batch have one length, so that no attention mask is needed. This file needs
torch and transformers alone.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import nn

_WAVEFORM = (
    *("wav2vec2", "wav2vec2-conformer", "hubert", "wavlm", "data2vec-audio"),
    *("sew", "sew-d", "unispeech", "unispeech-sat"),
)
_WHISPER, _AST = "whisper", "audio-spectrogram-transformer"
_POOLINGS = ("mean", "max", "first")
_NEED_NO_WEIGHTS = "masked_spec_embed"  # of pre-training; many checkpoints leave it out

encoder_card = {
    "title": "An audio model of Hugging Face transformers",
    "note": "Licence and paper are those of the model that was named.",
}


class _Model(nn.Module):
    """What the families share: layers, pooling, and frames that lie in the clip."""

    def __init__(self, network: Any, extractor: Any, layer: Any, pooling: str) -> None:
        super().__init__()
        self.network, self.layer, self.pooling = network, layer, pooling
        self.extractor = extractor
        self.sample_rate = int(extractor.sampling_rate)
        self.scene_embedding_size = self.timestamp_embedding_size = int(network.config.hidden_size)

    def states(self, values: torch.Tensor) -> torch.Tensor:
        """Features of B clips -> the chosen layer, float32 (B, N, D)."""
        output = self.network(values, output_hidden_states=self.layer != "last")
        if self.layer == "last":
            return output.last_hidden_state
        states = output.hidden_states
        if self.layer == "mean":
            return torch.stack(tuple(states)).mean(dim=0)
        if not -len(states) <= self.layer < len(states):
            raise ValueError(
                f"layer={self.layer}: this model has the layers 0 (the input of the first) to {len(states) - 1}, "
                "also counted from the end, -1; or layer=last or layer=mean."
            )
        return states[self.layer]

    def extracted(self, audio: torch.Tensor, name: str, **options: Any) -> torch.Tensor:
        """float32 (B, S) -> what the checkpoint's own feature extractor makes of it."""
        clips = [clip.numpy() for clip in audio.cpu()]
        features = self.extractor(clips, sampling_rate=self.sample_rate, return_tensors="pt", **options)
        return features[name].to(device=audio.device, dtype=torch.float32)

    def windows(self, audio: torch.Tensor, length: int, step: int) -> list[torch.Tensor]:
        """The clips in windows of ``length`` samples, the last one shorter, one every ``step``."""
        return [audio[:, start : start + length] for start in range(0, audio.shape[1], step)]

    def frames(self, audio: torch.Tensor) -> tuple[torch.Tensor, float, float, torch.Tensor | None]:
        """float32 (B, S) -> float32 (B, T, D), centre of the first frame and hop in ms, and (B, D) or None: a token."""
        raise NotImplementedError

    def timestamps(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (B, S) -> float32 (B, T, D) and centre times (B, T) in ms: frames whose centre is in the clip."""
        frames, first_ms, hop_ms, _ = self.frames(audio)
        return self._inside(frames, first_ms, hop_ms, 1000.0 * audio.shape[1] / self.sample_rate)

    def scene(self, audio: torch.Tensor) -> torch.Tensor:
        """float32 (B, S) -> float32 (B, D): mean or largest over the frames in the clip, or the first token."""
        frames, first_ms, hop_ms, token = self.frames(audio)
        frames, _ = self._inside(frames, first_ms, hop_ms, 1000.0 * audio.shape[1] / self.sample_rate)
        if self.pooling == "first":
            return frames[:, 0] if token is None else token
        return frames.mean(dim=1) if self.pooling == "mean" else frames.amax(dim=1)

    def _inside(
        self, frames: torch.Tensor, first_ms: float, hop_ms: float, duration_ms: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        times = first_ms + hop_ms * torch.arange(frames.shape[1], dtype=torch.float64)
        n_inside = max(1, int((times <= duration_ms).sum()))
        times = times[:n_inside].clamp(max=duration_ms)  # a clip that is shorter than half a frame has one
        return frames[:, :n_inside].contiguous(), times.expand(len(frames), -1)


class _Waveform(_Model):
    """Convolutions with strides on the waveform, then a transformer."""

    def __init__(self, network: Any, extractor: Any, layer: Any, pooling: str) -> None:
        super().__init__(network, extractor, layer, pooling)
        config = network.config
        self.squeeze = int(getattr(config, "squeeze_factor", 1))  # SEW's layers have fewer frames than its output
        self.hop, self.reach = 1, 1  # samples
        for kernel, stride in zip(config.conv_kernel, config.conv_stride):  # noqa: B905 - Python 3.8 has no strict
            self.reach += (kernel - 1) * self.hop
            self.hop *= stride

    def frames(self, audio: torch.Tensor) -> tuple[torch.Tensor, float, float, torch.Tensor | None]:
        values = self.extracted(audio, "input_values")
        missing = self.reach + (self.squeeze - 1) * self.hop - values.shape[1]
        values = nn.functional.pad(values, (0, max(0, missing)))  # after normalising, as the extractor itself pads
        n_frames = (values.shape[1] - self.reach) // self.hop + 1
        frames = self.states(values)
        if frames.shape[1] < n_frames:
            frames = frames.repeat_interleave(self.squeeze, dim=1)
        to_ms = 1000.0 / self.sample_rate
        return frames[:, :n_frames], to_ms * self.reach / 2, to_ms * self.hop, None


class _Whisper(_Model):
    """Log-mel of a window of fixed length, two convolutions, a transformer without a mask."""

    def frames(self, audio: torch.Tensor) -> tuple[torch.Tensor, float, float, torch.Tensor | None]:
        hop = 2 * self.extractor.hop_length  # the second convolution's stride
        length = hop * self.network.config.max_source_positions
        frames = [
            self.states(self.extracted(window, "input_features", padding="max_length", max_length=length))
            for window in self.windows(audio, length, length)
        ]
        return torch.cat(frames, dim=1), 0.0, 1000.0 * hop / self.sample_rate, None  # centred filter: the first at 0


class _Ast(_Model):
    """Patches of a filter bank of 25 ms frames every 10 ms: one column of patches is a frame here."""

    def frames(self, audio: torch.Tensor) -> tuple[torch.Tensor, float, float, torch.Tensor | None]:
        config, per_ms = self.network.config, self.sample_rate // 1000
        n_times = (config.max_length - config.patch_size) // config.time_stride + 1
        n_bands = (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1
        step = 10 * per_ms * n_times * config.time_stride  # so that the frames of two windows are one grid
        length = per_ms * (25 + 10 * (config.max_length - 1))
        frames, tokens = [], []
        for window in self.windows(audio, length, step):
            window = nn.functional.pad(window, (0, max(0, 25 * per_ms - window.shape[1])))
            states = self.states(self.extracted(window, "input_values"))
            grid = states[:, 2:].reshape(len(audio), n_bands, n_times, -1)  # without [CLS] and distillation token
            frames.append(grid.mean(dim=1))
            tokens.append(states[:, 0])
        first_ms = 12.5 + 10.0 * (config.patch_size - 1) / 2
        return torch.cat(frames, dim=1), first_ms, 10.0 * config.time_stride, torch.stack(tokens).mean(dim=0)


def load_model(
    model_file_path: str = "", layer: Any = "last", pooling: str = "mean", revision: str | None = None
) -> nn.Module:
    """A model of transformers with its feature extractor.

    Args:
        model_file_path: a folder with ``config.json``, or a name on the Hub: ``facebook/wav2vec2-base``.
        layer: ``last``; ``mean`` of all; or a number, 0 is the input of the first layer, -1 the last layer.
        pooling: how a scene is made of frames: ``mean``, ``max`` or ``first`` (AST: its [CLS] token).
        revision: of a model on the Hub: a branch, a tag or a commit.

    Raises:
        ImportError: transformers is not installed.
        ValueError: no model is named, one of another family, one whose checkpoint lacks weights, or a bad option.
    """
    if not model_file_path:
        raise ValueError("hf needs a model: hf:FOLDER or hf:OWNER/NAME, for example hf:facebook/wav2vec2-base.")
    if model_file_path.startswith(("/", "./", "../", "~")) and not Path(model_file_path).is_dir():
        raise ValueError(f"hf:{model_file_path}: there is no such folder; expected hf:FOLDER or hf:OWNER/NAME.")
    if layer not in ("last", "mean") and not (isinstance(layer, int) and not isinstance(layer, bool)):
        raise ValueError(f"layer={layer}; expected last, mean or a number.")
    if pooling not in _POOLINGS:
        raise ValueError(f"pooling={pooling}; expected {', '.join(_POOLINGS)}.")
    try:
        from transformers import AutoConfig, AutoFeatureExtractor, AutoModel
    except ImportError as error:
        raise ImportError(f"hf needs transformers ({error}): python -m pip install 'hear_audiomosaic[hf]'.") from error
    where = {"local_files_only": True} if Path(model_file_path).is_dir() else {"revision": revision or "main"}
    config = AutoConfig.from_pretrained(model_file_path, **where)
    family = _family(config)
    network, info = AutoModel.from_pretrained(model_file_path, output_loading_info=True, **where)
    missing = sorted(name for name in info["missing_keys"] if not name.endswith(_NEED_NO_WEIGHTS))
    if missing:
        raise ValueError(
            f"{model_file_path} lacks {len(missing)} weights, which would be random: {', '.join(missing[:5])}."
        )
    if family is _Whisper:
        network = network.encoder
    extractor = AutoFeatureExtractor.from_pretrained(model_file_path, **where)
    model = family(network.float(), extractor, layer, pooling).eval().requires_grad_(False)
    with torch.no_grad():
        model.scene(torch.zeros(1, math.ceil(0.1 * model.sample_rate)))  # an error of an option is told now
    return model


def _family(config: Any) -> type[_Model]:
    if getattr(config, "add_adapter", False):
        raise ValueError("This model has an adapter after its last layer (add_adapter), whose frames hf cannot place.")
    if config.model_type in _WAVEFORM:
        return _Waveform
    if config.model_type in (_WHISPER, _AST):
        return _Whisper if config.model_type == _WHISPER else _Ast
    known = ", ".join((*_WAVEFORM, _WHISPER, _AST))
    raise ValueError(f"hf has no way to run a model of the family '{config.model_type}'; it knows {known}.")


def get_scene_embeddings(audio: torch.Tensor, model: Any) -> torch.Tensor:
    """float32 (B, S) in [-1, 1] -> float32 (B, D)."""
    return model.scene(audio)


def get_timestamp_embeddings(audio: torch.Tensor, model: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """float32 (B, S) in [-1, 1] -> float32 (B, T, D) and centre times (B, T) in ms."""
    return model.timestamps(audio)
