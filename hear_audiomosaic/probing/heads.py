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

from hear_audiomosaic.probing.data import SplitRows
from hear_audiomosaic.probing.grid import GridPoint

__all__ = ["Head", "HeadConstants", "initial_parameters", "mean_loss"]

ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class HeadConstants:
    """What is the same for every head, whatever its grid point: PyTorch's defaults, and heareval's gains."""

    adam_betas: tuple[float, float] = (0.9, 0.999)
    adam_eps: float = 1e-8
    norm_momentum: float = 0.1
    norm_eps: float = 1e-5
    first_gain: float = 1.0
    """Gain of the Xavier initialisation of the first linear layer."""
    other_gain: float = 2.0**0.5
    """Gain of every later linear layer, the output layer among them."""


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
            return torch.cat([self._forward(rows) for rows in torch.split(x, ROWS_AT_ONCE)])

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

    def predict(self, rows: SplitRows) -> tuple[float, npt.NDArray[np.float32]]:
        """Mean loss on a split, and its (n, C) float32 probabilities."""
        device = self.parameters["weight.0"].device
        logits = self.logits(torch.from_numpy(np.array(rows.values, dtype=np.float32)).to(device))
        target = torch.as_tensor(rows.targets, device=device)
        return float(mean_loss(logits, target, self.multilabel)), self.probabilities(logits).cpu().numpy()


def mean_loss(logits: Tensor, target: Tensor, multilabel: bool) -> Tensor:
    """Binary cross-entropy (multilabel) or cross-entropy: (n, C) logits and (n, C) multi-hot -> a scalar."""
    if multilabel:
        return nn.functional.binary_cross_entropy_with_logits(logits, target)
    return nn.functional.cross_entropy(logits, target.argmax(-1))


def initial_parameters(
    point: GridPoint, constants: HeadConstants, n_features: int, n_classes: int, generator: torch.Generator
) -> dict[str, Tensor]:
    """Draw the parameters that training starts from.

    Xavier weights (gain 1 for the first linear layer, sqrt(2) for the others), biases U(-1/sqrt(fan in), 1/sqrt(fan
    in)).

    Args:
        point: layers, width and kind of initialisation.
        constants: the gains.
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
            weight, gain=constants.other_gain if layer else constants.first_gain, generator=generator
        )
        parameters[f"bias.{layer}"] = torch.empty(fan_out).uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
    for layer in range(point.hidden_layers):
        for name, value in (("gamma", 1.0), ("beta", 0.0), ("mean", 0.0), ("var", 1.0)):
            parameters[f"{name}.{layer}"] = torch.full((point.hidden_dim,), value)
    return parameters
