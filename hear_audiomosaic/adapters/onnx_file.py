"""ONNX files as HEAR modules: ``onnx:FILE?rate=16000&hop_ms=10``.

The graph has one input, audio: float32 (B, S), (B, 1, S) or (S,). It gives (B, D), (B, T, D), or whatever ``axes``
says: ``axes=BDT``. A graph of fixed length gets consecutive windows, the last one padded with silence. It runs on the
CPU, with as many threads as torch has, also where a GPU is asked for.

What a large graph keeps in files beside it (external data) is digested when it is loaded, so that embeddings of other
weights are never reused. This file needs numpy, torch and onnxruntime alone.
"""

from __future__ import annotations

import hashlib
import math
import mmap
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

_AXES = ("BTD", "BDT", "BD", "TD", "DT", "D")
_BLOCK = 64  # windows that are run at a time

encoder_card = {"title": "An ONNX file", "note": "Licence and paper are those of the model that was named."}


class _Framed(nn.Module):
    """What turns the tensors of a file into scenes and frames; torchscript.py has the same: each stands alone.

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


class OnnxModel(_Framed):
    """One graph.

    Args:
        path: of the file.
        session: of ONNX Runtime.
        graph_input: its audio input.
        output: name of its output.
        others: arguments of :class:`_Framed`.
    """

    def __init__(self, path: Path, session: Any, graph_input: Any, output: Any, **others: Any) -> None:
        super().__init__(**others)
        self.session, self.input, self.output = session, graph_input.name, output
        self.n_axes = len(graph_input.shape)
        self.weights_path = str(path)
        self.external_data = _external_data(path)

    def run(self, audio: torch.Tensor) -> torch.Tensor:
        """See :class:`_Framed`."""
        shape = {1: (-1,), 2: (len(audio), -1), 3: (len(audio), 1, -1)}[self.n_axes]
        values = audio.cpu().reshape(shape).contiguous().numpy()
        return torch.from_numpy(self.session.run([self.output], {self.input: values})[0]).to(audio.device)


def load_model(
    model_file_path: str = "",
    rate: int = 16000,
    input: str | None = None,  # noqa: A002 - the word of a reference: onnx:FILE?input=NAME
    output: str | None = None,
    axes: str | None = None,
    hop_ms: float | None = None,
    offset_ms: float = 0.0,
    window_s: float = 0.5,
    min_s: float = 0.0,
) -> nn.Module:
    """A graph.

    Args:
        model_file_path: the file.
        rate: Hz of the audio that it expects.
        input: name of its audio input; needed only to be sure.
        output: name of the output to use; the first one if None.
        axes: letters of the output's axes; by default those of (B, D) or (B, T, D), of (T, D) for an input (S,).
        hop_ms: from one frame to the next; see :class:`_Framed`, as for the next three.
        offset_ms: of the frames' centres.
        window_s: around each timestamp, for an output without time.
        min_s: shorter clips are padded.

    Raises:
        ImportError: onnxruntime is not installed.
        ValueError: no such file, or a graph that does not take audio alone.
    """
    if not Path(model_file_path).is_file():
        raise ValueError(
            f"onnx:{model_file_path}: there is no such file; expected onnx:FILE, for example onnx:./net.onnx."
        )
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            f"onnx needs onnxruntime ({error}): python -m pip install 'hear_audiomosaic[onnx]'."
        ) from error
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    settings.inter_op_num_threads = 1
    settings.use_deterministic_compute = True
    session = onnxruntime.InferenceSession(model_file_path, settings, providers=["CPUExecutionProvider"])
    inputs, names = session.get_inputs(), [one.name for one in session.get_outputs()]
    if len(inputs) != 1 or input not in (None, inputs[0].name):
        raise ValueError(
            f"{model_file_path} has the inputs {', '.join(one.name for one in inputs)}; expected one, audio"
            + (f", named {input}." if input else ".")
        )
    if output not in (None, *names):
        raise ValueError(f"{model_file_path} has no output {output}; it has {', '.join(names)}.")
    shape = inputs[0].shape
    if inputs[0].type != "tensor(float)" or len(shape) not in (1, 2, 3) or (len(shape) == 3 and shape[1] != 1):
        raise ValueError(
            f"The input {inputs[0].name} of {model_file_path} is {inputs[0].type} of shape {shape}; "
            "expected tensor(float) of shape (B, S), (B, 1, S) or (S,)."
        )
    if len(shape) > 1 and isinstance(shape[0], int) and shape[0] != 1:
        raise ValueError(f"{model_file_path} takes {shape[0]} clips at a time; expected one or any number.")
    if axes is None and len(shape) == 1 and len(session.get_outputs()[names.index(output or names[0])].shape) == 2:
        axes = "TD"
    model = OnnxModel(
        Path(model_file_path),
        session,
        inputs[0],
        output or names[0],
        rate=rate,
        axes=axes,
        hop_ms=hop_ms,
        offset_ms=offset_ms,
        window_s=window_s,
        min_s=min_s,
        n_fixed=shape[-1] if isinstance(shape[-1], int) else None,
        one_by_one=len(shape) == 1 or isinstance(shape[0], int),
    )
    return model.probed().eval()


def _external_data(path: Path) -> dict[str, str]:
    """SHA-256 of the files that hold weights of a graph, by the names it calls them: ``location`` of external_data.

    Source: onnx.proto, TensorProto.external_data: pairs of strings, of which the key "location" has a path relative to
    the graph's folder. A pair is written as 0A (length) key 12 (length) value.
    """
    names = set()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as graph:
        for match in re.finditer(rb"\x0a\x08location\x12", graph):
            end, length, shift = match.end(), 0, 0
            while True:  # a length of seven bits a byte
                length |= (graph[end] & 0x7F) << shift
                end, shift, is_more = end + 1, shift + 7, graph[end] & 0x80
                if not is_more:
                    break
            names.add(graph[end : end + length].decode())
    digests = {}
    for name in sorted(names):
        digest = hashlib.sha256()
        with (path.parent / name).open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
        digests[name] = digest.hexdigest()
    return digests


def get_scene_embeddings(audio: torch.Tensor, model: Any) -> torch.Tensor:
    """float32 (B, S) in [-1, 1] -> float32 (B, D)."""
    return model.scene(audio)


def get_timestamp_embeddings(audio: torch.Tensor, model: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """float32 (B, S) in [-1, 1] -> float32 (B, T, D) and centre times (B, T) in ms."""
    return model.timestamps(audio)
