"""TorchScript files as HEAR modules: ``torchscript:FILE?rate=16000&hop_ms=10``.

The module takes audio: float32 (B, S), or what ``input_axes`` says: ``B1S`` or ``S``. It gives (B, D), (B, T, D), or
what ``axes`` says: ``axes=BDT``. ``samples=16000`` says that every call must have 16000: clips are then run in
consecutive windows, the last one padded with silence. This file needs torch alone.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import nn

_AXES = ("BTD", "BDT", "BD", "TD", "DT", "D")
_BLOCK = 64  # windows that are run at a time

encoder_card = {"title": "A TorchScript file", "note": "Licence and paper are those of the model that was named."}


class _Framed(nn.Module):
    """What turns the tensors of a file into scenes and frames; onnx_file.py has the same: each stands alone.

    Args:
        rate: Hz.
        axes: letters of the output's axes: batch, time, features.
        hop_ms, offset_ms: frame t is centred on ``(t + 1/2) * hop_ms + offset_ms``; without ``hop_ms`` the frames are
            spread evenly over the input.
        window_s: for an output without time, the length of the window around each timestamp.
        min_s: shorter clips are padded with silence.
        n_fixed: samples that every call must have; None where any number will do.
        one_by_one: whether a call takes one clip.
    """

    def __init__(
        self,
        rate: int,
        axes: str | None,
        hop_ms: float | None,
        offset_ms: float,
        window_s: float,
        min_s: float,
        n_fixed: int | None,
        one_by_one: bool,
    ) -> None:
        super().__init__()
        if axes is not None and axes not in _AXES:
            raise ValueError(f"axes={axes}; expected one of {', '.join(_AXES)}.")
        for name, value in (("rate", rate), ("hop_ms", hop_ms), ("window_s", window_s)):
            if value is not None and not (isinstance(value, (int, float)) and value > 0):
                raise ValueError(f"{name}={value}; expected a number greater than 0.")
        self.sample_rate, self.axes, self.hop_ms, self.offset_ms = rate, axes, hop_ms, float(offset_ms)
        self.n_fixed, self.one_by_one, self.n_least = n_fixed, one_by_one, round(min_s * rate)
        self.n_window = n_fixed or round(window_s * rate)

    def run(self, audio: torch.Tensor) -> torch.Tensor:
        """One call: float32 (B, n) -> what the file gives."""
        raise NotImplementedError

    def probed(self) -> _Framed:
        """Find the sizes by a call with silence."""
        with torch.no_grad():
            output = self.call(torch.zeros(1, self.n_fixed or max(self.n_least, self.sample_rate)))
        self.has_time = output.ndim == 3
        self.scene_embedding_size = self.timestamp_embedding_size = output.shape[-1]
        return self

    def call(self, audio: torch.Tensor) -> torch.Tensor:
        """float32 (B, n), padded where that is too short -> float32 (B, T, D) or (B, D)."""
        audio = nn.functional.pad(audio, (0, max(0, (self.n_fixed or self.n_least) - audio.shape[1])))
        parts = audio.split(1) if self.one_by_one else [audio]
        return torch.cat([self._ordered(self.run(part).float()) for part in parts])

    def _ordered(self, output: torch.Tensor) -> torch.Tensor:
        axes = self.axes or {1: "D", 2: "BD", 3: "BTD"}.get(output.ndim, "")
        if output.ndim != len(axes):
            raise ValueError(
                f"The output has the shape {tuple(output.shape)}; "
                + (
                    f"axes={axes} says otherwise."
                    if self.axes
                    else "expected (B, D) or (B, T, D): name another output."
                )
            )
        if "B" not in axes:
            output, axes = output[None], "B" + axes
        return output.transpose(1, 2) if axes == "BDT" else output

    def scene(self, audio: torch.Tensor) -> torch.Tensor:
        """float32 (B, S) -> float32 (B, D): mean over the frames, or over windows of the fixed length."""
        if self.has_time:
            return self.timestamps(audio)[0].mean(dim=1)
        step = self.n_fixed or audio.shape[1]
        return torch.stack([self.call(audio[:, i : i + step]) for i in range(0, audio.shape[1], step)]).mean(dim=0)

    def timestamps(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (B, S) -> float32 (B, T, D) and centre times (B, T) in ms: frames whose centre is in the clip."""
        duration_ms = 1000.0 * audio.shape[1] / self.sample_rate
        frames, hop_ms = self._frames(audio) if self.has_time else self._windows(audio)
        times = hop_ms * (torch.arange(frames.shape[1], dtype=torch.float64) + 0.5) + self.offset_ms
        n_inside = max(1, int((times <= duration_ms).sum()))
        times = times[:n_inside].clamp(min=0.0, max=duration_ms)
        return frames[:, :n_inside].contiguous(), times.expand(len(audio), -1)

    def _frames(self, audio: torch.Tensor) -> tuple[torch.Tensor, float]:
        """Frames of the file's own; windows of a fixed length follow one another so that all frames are one grid."""
        n_call = self.n_fixed or max(self.n_least, audio.shape[1])
        frames = [self.call(audio[:, :n_call])]
        hop_ms = self.hop_ms or 1000.0 * n_call / self.sample_rate / frames[0].shape[1]
        step = round(frames[0].shape[1] * hop_ms * self.sample_rate / 1000.0)
        if self.n_fixed:
            step = min(max(step, 1), self.n_fixed)
            frames += [self.call(audio[:, i : i + n_call]) for i in range(step, audio.shape[1], step)]
        return torch.cat(frames, dim=1), hop_ms

    def _windows(self, audio: torch.Tensor) -> tuple[torch.Tensor, float]:
        """One vector for the window around each timestamp; beyond the clip's ends is silence."""
        hop_ms = self.hop_ms or 50.0
        n_times = max(1, math.ceil(1000.0 * audio.shape[1] / self.sample_rate / hop_ms - 0.5))
        padded = nn.functional.pad(audio, (self.n_window // 2, self.n_window))
        starts = [round((t + 0.5) * hop_ms * self.sample_rate / 1000.0) for t in range(n_times)]
        vectors = []
        for first in range(0, n_times, _BLOCK):
            block = torch.stack([padded[:, i : i + self.n_window] for i in starts[first : first + _BLOCK]], dim=1)
            vectors.append(self.call(block.flatten(0, 1)).unflatten(0, block.shape[:2]))  # (B, block, D)
        return torch.cat(vectors, dim=1), hop_ms


class TorchScriptModel(_Framed):
    """One scripted or traced module.

    Args:
        path: of the file.
        network: of ``torch.jit.load``.
        input_axes: ``BS``, ``B1S`` or ``S``.
        output: which one, if it gives several.
        others: arguments of :class:`_Framed`.
    """

    def __init__(self, path: Path, network: Any, input_axes: str, output: Any, **others: Any) -> None:
        super().__init__(one_by_one=input_axes == "S", **others)
        self.network, self.input_axes, self.output = network, input_axes, output
        self.weights_path = str(path)

    def run(self, audio: torch.Tensor) -> torch.Tensor:
        """See :class:`_Framed`."""
        output = self.network({"BS": audio, "B1S": audio[:, None], "S": audio[0]}[self.input_axes])
        return output[self.output] if isinstance(output, (tuple, list)) else output


def load_model(
    model_file_path: str = "",
    rate: int = 16000,
    input_axes: str = "BS",
    output: int = 0,
    axes: str | None = None,
    hop_ms: float | None = None,
    offset_ms: float = 0.0,
    window_s: float = 0.5,
    min_s: float = 0.0,
    samples: int | None = None,
) -> nn.Module:
    """A scripted or traced module.

    Args:
        model_file_path: the file.
        rate: Hz of the audio that it expects.
        input_axes: ``BS``, ``B1S`` or ``S``.
        output: which one to use, where it gives a tuple or a list.
        axes: letters of the output's axes; by default those of (B, D) or (B, T, D), of (T, D) for an input (S,).
        hop_ms: from one frame to the next; see :class:`_Framed`, as for the next three.
        offset_ms: of the frames' centres.
        window_s: around each timestamp, for an output without time.
        min_s: shorter clips are padded.
        samples: that every call must have; None if any number will do.

    Raises:
        ValueError: no such file, or a bad option.
    """
    if not Path(model_file_path).is_file():
        raise ValueError(
            f"torchscript:{model_file_path}: there is no such file; expected torchscript:FILE, "
            "for example torchscript:./net.pt."
        )
    if input_axes not in ("BS", "B1S", "S"):
        raise ValueError(f"input_axes={input_axes}; expected BS, B1S or S.")
    network = torch.jit.load(model_file_path, map_location="cpu").eval()
    model = TorchScriptModel(
        Path(model_file_path),
        network,
        input_axes,
        output,
        rate=rate,
        axes=axes,
        hop_ms=hop_ms,
        offset_ms=offset_ms,
        window_s=window_s,
        min_s=min_s,
        n_fixed=samples,
    )
    return model.probed().eval().requires_grad_(False)


def get_scene_embeddings(audio: torch.Tensor, model: Any) -> torch.Tensor:
    """float32 (B, S) in [-1, 1] -> float32 (B, D)."""
    return model.scene(audio)


def get_timestamp_embeddings(audio: torch.Tensor, model: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """float32 (B, S) in [-1, 1] -> float32 (B, T, D) and centre times (B, T) in ms."""
    return model.timestamps(audio)
