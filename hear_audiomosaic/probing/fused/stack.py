"""The parameters of many heads of one shape, stacked: one tensor per kind of parameter, (G, ...).

Grid points lie along the first dimension, so a run of neighbouring points is a view, one optimiser step is one fused
kernel, and points that are done leave by an index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Layout", "Scratch", "Stack"]


@dataclass(frozen=True)
class Layout:
    """What all heads of a stack have in common."""

    n_features: int
    n_classes: int
    hidden_layers: int
    hidden_dim: int
    dropout: float
    multilabel: bool
    device: str
    low: bool
    """GEMMs of the hidden layers in bfloat16, on float32 master weights."""
    adam_betas: tuple[float, float]
    adam_eps: float
    norm_momentum: float
    norm_eps: float

    @property
    def dtype(self) -> torch.dtype:
        """Of activations and GEMM operands in the hidden layers."""
        return torch.bfloat16 if self.low else torch.float32

    @property
    def trained(self) -> tuple[str, ...]:
        """Names of the parameters that Adam moves.

        Deviation: the biases of hidden layers are not among them. Batch normalisation subtracts whatever they add, so
        their gradient is zero; in heareval they drift by rounding errors alone.
        """
        hidden = range(self.hidden_layers)
        names = [f"weight.{layer}" for layer in range(self.hidden_layers + 1)] + [f"bias.{self.hidden_layers}"]
        return (*names, *(f"{kind}.{layer}" for layer in hidden for kind in ("gamma", "beta")))


class Scratch:
    """Working memory that is allocated once and reused by name."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._buffers: dict[tuple[str, torch.dtype], Tensor] = {}

    def take(self, name: str, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """An uninitialised contiguous tensor; it overwrites the one taken under this name and type before."""
        size = 1
        for length in shape:
            size *= length
        buffer = self._buffers.get((name, dtype))
        if buffer is None or buffer.numel() < size:
            buffer = self._buffers[name, dtype] = torch.empty(size, dtype=dtype, device=self._device)
        return buffer[:size].view(*shape)


class Stack:
    """Parameters, optimiser state and running statistics of G heads.

    Beside the names of :func:`hear_audiomosaic.probing.heads.initial_parameters`, each with a leading G:

    - ``m.<name>``, ``v.<name>``: Adam's moments; ``steps``: (G,) steps taken.
    - ``offset.l``: (G, H), what the running mean of layer l lacks: hidden activations are computed without their bias
      (and, in bfloat16, from centred embeddings); this is the same running mean of what was left out.
    - ``low.l``: the weights of layer l in bfloat16.
    """

    def __init__(self, layout: Layout, heads: Sequence[Mapping[str, Tensor]]) -> None:
        device = layout.device
        self.layout = layout
        self.state = {name: torch.stack([head[name] for head in heads]).to(device) for name in heads[0]}
        for name in layout.trained:
            self.state[f"m.{name}"] = torch.zeros_like(self.state[name])
            self.state[f"v.{name}"] = torch.zeros_like(self.state[name])
        for layer in range(layout.hidden_layers):
            self.state[f"mean.{layer}"].zero_()
            self.state[f"offset.{layer}"] = torch.zeros_like(self.state[f"mean.{layer}"])
        if layout.low:
            for layer in range(layout.hidden_layers + 1):
                self.state[f"low.{layer}"] = self.state[f"weight.{layer}"].to(torch.bfloat16)
        self.state["steps"] = torch.zeros(len(heads), device=device)

    def keep(self, indices: Iterable[int]) -> None:
        """Drop all heads but these."""
        chosen = torch.tensor(list(indices), dtype=torch.long, device=self.layout.device)
        for name in list(self.state):
            self.state[name] = self.state[name][chosen]

    def rows(self, start: int, stop: int) -> dict[str, Tensor]:
        """Views of neighbouring heads."""
        return {name: tensor[start:stop] for name, tensor in self.state.items()}
