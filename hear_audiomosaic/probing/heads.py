"""The head of a HEAR probe: a small multilayer perceptron on fixed embeddings.

Origin: heareval 2021.1.3. For each hidden layer Linear(., H), BatchNorm1d, Dropout, ReLU, in this order; then Linear(.,
C).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hear_audiomosaic.probing.protocol import GridPoint, Protocol

__all__ = ["Head", "initial_parameters", "predict"]

ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class Head:
    """A trained (or fresh) head; names and shapes as in :func:`initial_parameters`."""

    parameters: Mapping[str, Tensor]
    hidden_layers: int
    multilabel: bool
    norm_eps: float

    def logits(self, x: Tensor) -> Tensor:
        """(n, D) -> (n, C) float32 logits, as in validation and test (no dropout, running statistics)."""
        with torch.no_grad():
            return torch.cat([self._forward(rows) for rows in x.split(ROWS_AT_ONCE)])

    def _forward(self, x: Tensor) -> Tensor:
        p = self.parameters
        for layer in range(self.hidden_layers):
            h = nn.functional.linear(x, p[f"weight.{layer}"], p[f"bias.{layer}"])  # (n, H)
            x = nn.functional.batch_norm(
                h, p[f"mean.{layer}"], p[f"var.{layer}"], p[f"gamma.{layer}"], p[f"beta.{layer}"], eps=self.norm_eps
            ).relu_()
        return nn.functional.linear(x, p[f"weight.{self.hidden_layers}"], p[f"bias.{self.hidden_layers}"])

    def probabilities(self, logits: Tensor) -> Tensor:
        """(..., C) logits -> (..., C) softmax (multiclass) or sigmoid (multilabel)."""
        return torch.sigmoid(logits) if self.multilabel else torch.softmax(logits, -1)


def initial_parameters(
    point: GridPoint, protocol: Protocol, n_features: int, n_classes: int, generator: torch.Generator
) -> dict[str, Tensor]:
    """Draw the parameters that training starts from.

    Xavier weights (gain 1 for the first linear layer, sqrt(2) for the others), biases U(-1/sqrt(fan in), 1/sqrt(fan
    in)).

    Args:
        point: layers, width and kind of initialisation.
        protocol: the gains.
        n_features: D.
        n_classes: C.
        generator: where the draws come from.

    Returns:
        For layer l: ``weight.l`` (out, in), ``bias.l`` (out,); for hidden layers also ``gamma.l``, ``beta.l``,
        ``mean.l``, ``var.l``, each (H,). The output layer is the last one. float32, on the CPU.
    """
    xavier = {"xavier_uniform_": nn.init.xavier_uniform_, "xavier_normal_": nn.init.xavier_normal_}[
        point.initialization
    ]
    sizes = [n_features, *[point.hidden_dim] * point.hidden_layers, n_classes]
    parameters: dict[str, Tensor] = {}
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        weight = torch.empty(fan_out, fan_in)
        parameters[f"weight.{layer}"] = xavier(
            weight, gain=protocol.other_gain if layer else protocol.first_gain, generator=generator
        )
        parameters[f"bias.{layer}"] = torch.empty(fan_out).uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
    for layer in range(point.hidden_layers):
        for name, value in (("gamma", 1.0), ("beta", 0.0), ("mean", 0.0), ("var", 1.0)):
            parameters[f"{name}.{layer}"] = torch.full((point.hidden_dim,), value)
    return parameters


def predict(head: Head, values: npt.NDArray[np.float32], device: str) -> tuple[Tensor, npt.NDArray[np.float32]]:
    """Apply a head to (n, D) embeddings.

    Returns:
        (n, C) logits on ``device``, and (n, C) float32 probabilities.
    """
    logits = head.logits(torch.from_numpy(np.array(values, dtype=np.float32)).to(device))
    return logits, head.probabilities(logits).cpu().numpy()
