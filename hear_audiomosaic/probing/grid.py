"""The grid of a HEAR probe's hyper-parameters, and the published draw from it.

Origin: heareval 2021.1.3, whose names these are.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hear_audiomosaic.errors import ProtocolError

__all__ = ["HEAR_GRID", "ONLY_VALUES", "Grid", "GridPoint", "Value", "check_grid", "draw_points", "parameter_grid"]

Value = int | float | str | bool
Grid = Mapping[str, tuple[Value, ...]]

ONLY_VALUES: Mapping[str, Value] = MappingProxyType(
    {"hidden_norm": "BatchNorm1d", "norm_after_activation": False, "embedding_norm": "Identity", "optim": "Adam"}
)
"""Grid entries that have one possible value; they stand in the grid because they stand in heareval's."""

HEAR_GRID: Grid = MappingProxyType(
    {
        "hidden_layers": (1, 2),
        "hidden_dim": (1024,),
        "dropout": (0.1,),
        "lr": (3.2e-3, 1e-3, 3.2e-4, 1e-4),
        "patience": (20,),
        "max_epochs": (500,),
        "check_val_every_n_epoch": (3,),
        "batch_size": (1024,),
        "initialization": ("xavier_uniform_", "xavier_normal_"),
        **{key: (value,) for key, value in ONLY_VALUES.items()},
    }
)
"""heareval's ``default`` grid."""


@dataclass(frozen=True)
class GridPoint:
    """One choice of a probe's hyper-parameters, in heareval's words."""

    hidden_layers: int
    hidden_dim: int
    dropout: float
    lr: float
    patience: int
    """Checks (not epochs) without improvement after which training stops."""
    max_epochs: int
    check_val_every_n_epoch: int
    batch_size: int
    initialization: str
    """``xavier_uniform_`` or ``xavier_normal_``."""

    def hparams(self) -> dict[str, Value]:
        """Everything heareval lists as hyper-parameters of a grid point, sorted by name."""
        return dict(sorted({**dataclasses.asdict(self), **ONLY_VALUES}.items()))

    @property
    def n_checks(self) -> int:
        """How often validation runs at most."""
        return self.max_epochs // self.check_val_every_n_epoch


def parameter_grid(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """All combinations of a grid: keys sorted by name, the last key fastest (scikit-learn's ``ParameterGrid``)."""
    keys = sorted(grid)
    return [dict(zip(keys, values, strict=True)) for values in itertools.product(*(grid[key] for key in keys))]


def draw_points(grid: Mapping[str, Sequence[Any]], n: int, seed: int) -> tuple[GridPoint, ...]:
    """Draw grid points, in the order in which they are trained and win ties.

    The draw is Python's: list the combinations, shuffle with a generator of this seed, take the first ``n``, or all
    where the grid has no more.
    """
    combinations = parameter_grid(grid)
    random.Random(seed).shuffle(combinations)  # noqa: S311 - a published draw, not a secret
    names = [entry.name for entry in dataclasses.fields(GridPoint)]
    return tuple(GridPoint(**{key: point[key] for key in names}) for point in combinations[:n])


def check_grid(owner: str, grid: Mapping[str, Sequence[Any]]) -> None:
    """Make sure that a grid has exactly heareval's entries, with possible values.

    Args:
        owner: whose grid it is, for messages.
        grid: entry -> values.

    Raises:
        ProtocolError: an entry is missing, unknown, empty or impossible, or validation would never run.
    """
    expected = {entry.name for entry in dataclasses.fields(GridPoint)} | set(ONLY_VALUES)
    if set(grid) != expected:
        odd = sorted(set(grid) ^ expected)
        raise ProtocolError(f"{owner}: the grid's entries must be {sorted(expected)}; see {odd}.")
    for key, values in grid.items():
        if not values:
            raise ProtocolError(f"{owner}: {key} has no value; give at least one.")
        for value in values:
            _check_value(owner, key, value)
    longest = max(grid["check_val_every_n_epoch"])
    if longest > min(grid["max_epochs"]):
        raise ProtocolError(
            f"{owner}: a check every {longest} epochs never happens in {min(grid['max_epochs'])} epochs; "
            "raise max_epochs or lower check_val_every_n_epoch."
        )


def _check_value(owner: str, key: str, value: Any) -> None:
    if key in ONLY_VALUES:
        allowed, expected = value == ONLY_VALUES[key], repr(ONLY_VALUES[key])
    elif key == "initialization":
        allowed, expected = value in ("xavier_uniform_", "xavier_normal_"), "xavier_uniform_ or xavier_normal_"
    elif key == "hidden_layers":
        allowed, expected = isinstance(value, int) and value >= 0, "a whole number from 0"
    elif key == "dropout":
        allowed, expected = 0 <= value < 1, "a number from 0 to below 1"
    elif key == "lr":
        allowed, expected = value > 0, "a positive number"
    else:
        allowed, expected = isinstance(value, int) and value >= 1, "a whole number from 1"
    if not allowed:
        raise ProtocolError(f"{owner}: {key} is {value!r}; expected {expected}.")
