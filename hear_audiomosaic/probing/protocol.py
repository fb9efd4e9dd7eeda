"""Protocols: how a task's embeddings become a score, down to seeds, under a name and a fingerprint.

Origin: heareval 2021.1.3, its ``default``, ``fast`` and ``faster`` grids (Turian et al., "HEAR: Holistic Evaluation of
Audio Representations", 2022). ``hear-2021`` gives the numbers that heareval gives.
``linear`` is not of HEAR: one linear layer on standardised embeddings, trained and selected in the same way.
``logistic`` is the usual linear probe; see :mod:`hear_audiomosaic.probing.logistic`.
``few-shot-K`` is ``linear`` with K labelled training clips for each label; see :mod:`hear_audiomosaic.probing.shots`.

Deviation: in two places heareval stops working, and by default a protocol here goes on (``strict=True`` replicates
heareval):

- A monitored score that is NaN or infinite ends heareval's training at once. Here a NaN counts as one more check
  without improvement, so the patience decides; an infinite score is compared like any other.
- Where a lone row is left for the last batch of an epoch (n % 1024 == 1), batch normalisation crashes in heareval. Here
  the row joins the batch before it.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.files import sha256_of_json

__all__ = ["GridPoint", "Protocol", "get_protocol", "parameter_grid", "protocol_names"]

Value = int | float | str | bool
Grid = Mapping[str, tuple[Value, ...]]

_ONLY_VALUES: Mapping[str, Value] = MappingProxyType(
    {"hidden_norm": "BatchNorm1d", "norm_after_activation": False, "embedding_norm": "Identity", "optim": "Adam"}
)
"""Grid entries that have one possible value; they stand in the grid because they stand in heareval's."""


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
        return dict(sorted({**dataclasses.asdict(self), **_ONLY_VALUES}.items()))

    @property
    def n_checks(self) -> int:
        """How often validation runs at most."""
        return self.max_epochs // self.check_val_every_n_epoch


@dataclass(frozen=True)
class Protocol:
    """How probes are drawn, trained, selected and tested.

    A name that :func:`get_protocol` knows belongs to exactly those values (``strict`` aside).

    Raises:
        ProtocolError: the name is taken by other values, or a value is impossible.
    """

    name: str
    grid: Grid
    n_grid_points: int = 8
    grid_seed: int = 42
    """Seed of the draw of grid points; heareval's own seed whatever the seed of a run."""
    task_grids: Mapping[str, Grid] = field(
        default_factory=lambda: MappingProxyType({"dcase2016_task2": {"check_val_every_n_epoch": (10,)}})
    )
    """Grid entries that a task overrides, by task name; a task's own metadata override these again."""
    event_postprocessing_grid: Mapping[str, tuple[float, ...]] = field(
        default_factory=lambda: MappingProxyType({"median_filter_ms": (250,), "min_duration": (125, 250)})
    )
    """Settings tried where an event task's metadata name none."""
    event_threshold: float = 0.5
    """A frame is active where its probability is above this."""
    adam_betas: tuple[float, float] = (0.9, 0.999)
    adam_eps: float = 1e-8
    norm_momentum: float = 0.1
    norm_eps: float = 1e-5
    first_gain: float = 1.0
    """Gain of the Xavier initialisation of the first linear layer."""
    other_gain: float = 2.0**0.5
    """Gain of every later linear layer, the output layer among them."""
    standardise: bool = False
    """Bring every feature to mean 0 and deviation 1 over a fold's training rows."""
    shots: int | None = None
    """Labelled training clips for each label, drawn with the run's seed; None: all."""
    inverse_penalties: tuple[float, ...] = ()
    """Not empty: logistic regression with these C in place of the grid, :mod:`hear_audiomosaic.probing.logistic`."""
    strict: bool = False
    """Replicate where heareval crashes or stops early; see the module's text."""

    def __post_init__(self) -> None:
        _check_grid(self.name, self.grid)
        if self.n_grid_points < 1:
            raise ProtocolError(f"protocol {self.name!r}: n_grid_points is {self.n_grid_points}; expected at least 1.")
        if self.shots is not None and self.shots < 1:
            raise ProtocolError(f"protocol {self.name!r}: shots is {self.shots}; expected at least 1.")
        official = _official(self.name)
        if official is not None and self._content() != official:
            raise ProtocolError(
                f"the name {self.name!r} belongs to the published protocol, and these values differ from it; "
                "give the changed protocol a name of its own."
            )

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) over every value that can change a score, the name included."""
        return sha256_of_json({"name": self.name, "strict": self.strict, **self._content()})

    def grid_points(self, task: str, task_grid: Mapping[str, Sequence[Any]] | None = None) -> tuple[GridPoint, ...]:
        """Draw the grid points of a task, in the order in which they are trained and win ties.

        The draw is Python's: list the combinations as scikit-learn's ``ParameterGrid`` does, shuffle with a generator
        seeded with ``grid_seed``, take the first ``n_grid_points``.

        Args:
            task: the task's name, with or without ``-<version>-<mode>``, for the built-in overrides.
            task_grid: overrides from the task's metadata (``task_specific_param_grid``).

        Returns:
            The points; fewer than ``n_grid_points`` where the grid has no more.

        Raises:
            ProtocolError: an override names no entry of the grid, or has an impossible value.
        """
        builtin = next((grid for name, grid in self.task_grids.items() if (task + "-").startswith(name + "-")), {})
        overrides = {**builtin, **(task_grid or {})}
        unknown = sorted(set(overrides) - set(self.grid))
        if unknown:
            raise ProtocolError(f"task {task!r} overrides {unknown[0]!r}, which protocol {self.name!r} has not.")
        grid = {key: tuple(overrides.get(key, values)) for key, values in self.grid.items()}
        _check_grid(f"{self.name} for task {task}", grid)
        combinations = parameter_grid(grid)
        random.Random(self.grid_seed).shuffle(combinations)  # noqa: S311 - a published draw, not a secret
        names = {entry.name for entry in dataclasses.fields(GridPoint)}
        drawn = combinations[: self.n_grid_points]
        return tuple(GridPoint(**{key: point[key] for key in names}) for point in drawn)

    def _content(self) -> dict[str, Any]:
        values = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        del values["name"], values["strict"]
        if not values["standardise"]:  # a fingerprint names what a protocol does
            del values["standardise"]
        if values["shots"] is None:
            del values["shots"]
        if not values["inverse_penalties"]:
            del values["inverse_penalties"]
        return {**_plain(values), "method": _METHOD}


_METHOD = {
    "layer": "linear, batch norm, dropout, relu",
    "rows": "never shuffled; last batch kept",
    "loss": "cross-entropy (multiclass), binary cross-entropy (multilabel)",
    "monitor": "first score, or validation loss; earliest best epoch; strict improvement",
    "selection": "all points on the first split; first best point; its hyper-parameters on the other splits",
    "postprocessing": "largest (score, setting) at each check, whatever the score's direction",
    "aggregation": "mean and sample standard deviation over folds",
}
"""What a protocol here always does, in words, so that a change of it changes the fingerprint."""


def parameter_grid(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """All combinations of a grid: keys sorted by name, the last key fastest (scikit-learn's ``ParameterGrid``)."""
    keys = sorted(grid)
    return [dict(zip(keys, values, strict=True)) for values in itertools.product(*(grid[key] for key in keys))]


def get_protocol(name: str) -> Protocol:
    """Look up a protocol by its name.

    Args:
        name: one of :func:`protocol_names`, or ``few-shot-K`` with any other K from 1 to 1000.

    Raises:
        ProtocolError: there is none of this name.
    """
    if (shots := _shots(name)) is not None:
        return dataclasses.replace(_OFFICIAL["linear"], name=name, shots=shots)
    if name not in _OFFICIAL:
        there = f"{', '.join(_OFFICIAL)} and few-shot-K (K from 1 to 1000)"
        raise ProtocolError(f"no protocol is called {name!r}; there are {there}.")
    return _OFFICIAL[name]


def protocol_names() -> tuple[str, ...]:
    """Names of the protocols; of the family ``few-shot-K``, the usual ones."""
    return (*_OFFICIAL, *(f"few-shot-{shots}" for shots in (1, 5, 10)))


def _shots(name: str) -> int | None:
    """K of ``few-shot-K``, 1 to 1000 without leading zeros; None for other names."""
    found = re.fullmatch(r"few-shot-([1-9][0-9]{0,2}|1000)", name)
    return int(found[1]) if found else None


def _official(name: str) -> dict[str, Any] | None:
    """The values that a name belongs to."""
    if (shots := _shots(name)) is not None:
        return {**_OFFICIAL["linear"]._content(), "shots": shots}
    official = _OFFICIAL.get(name)
    return None if official is None else official._content()


def _check_grid(owner: str, grid: Mapping[str, Sequence[Any]]) -> None:
    expected = {entry.name for entry in dataclasses.fields(GridPoint)} | set(_ONLY_VALUES)
    if set(grid) != expected:
        odd = sorted(set(grid) ^ expected)
        raise ProtocolError(f"protocol {owner!r}: the grid's entries must be {sorted(expected)}; see {odd}.")
    for key, values in grid.items():
        if not values:
            raise ProtocolError(f"protocol {owner!r}: {key} has no value; give at least one.")
        for value in values:
            _check_value(owner, key, value)
    longest = max(grid["check_val_every_n_epoch"])
    if longest > min(grid["max_epochs"]):
        raise ProtocolError(
            f"protocol {owner!r}: a check every {longest} epochs never happens in {min(grid['max_epochs'])} epochs; "
            "raise max_epochs or lower check_val_every_n_epoch."
        )


def _check_value(owner: str, key: str, value: Any) -> None:
    if key in _ONLY_VALUES:
        allowed, expected = value == _ONLY_VALUES[key], repr(_ONLY_VALUES[key])
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
        raise ProtocolError(f"protocol {owner!r}: {key} is {value!r}; expected {expected}.")


def _plain(value: Any) -> Any:
    """Mappings, tuples and numbers as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(entry) for entry in value]
    return value


_HEAR_GRID: dict[str, tuple[Value, ...]] = {
    "hidden_layers": (1, 2),
    "hidden_dim": (1024,),
    "dropout": (0.1,),
    "lr": (3.2e-3, 1e-3, 3.2e-4, 1e-4),
    "patience": (20,),
    "max_epochs": (500,),
    "check_val_every_n_epoch": (3,),
    "batch_size": (1024,),
    "initialization": ("xavier_uniform_", "xavier_normal_"),
    **{key: (value,) for key, value in _ONLY_VALUES.items()},
}
_FAST: dict[str, tuple[Value, ...]] = {"max_epochs": (10, 50), "check_val_every_n_epoch": (3, 10)}
_FASTER: dict[str, tuple[Value, ...]] = {
    "hidden_layers": (0, 1),
    "hidden_dim": (64, 128),
    "patience": (1, 3),
    "max_epochs": (10,),
    "check_val_every_n_epoch": (1,),
}

_LINEAR: dict[str, tuple[Value, ...]] = {
    "hidden_layers": (0,),
    "lr": (1e-2, 3.2e-3, 1e-3, 3.2e-4),
    "max_epochs": (300,),
    "initialization": ("xavier_uniform_",),
}

_OFFICIAL: dict[str, Protocol] = {}
_OFFICIAL.update(
    {
        name: Protocol(name, MappingProxyType({**_HEAR_GRID, **changes}))
        for name, changes in (("hear-2021", {}), ("hear-2021-fast", _FAST), ("hear-2021-faster", _FASTER))
    }
)
_OFFICIAL["linear"] = Protocol("linear", MappingProxyType({**_HEAR_GRID, **_LINEAR}), 4, standardise=True)
_OFFICIAL["logistic"] = Protocol(
    "logistic",
    MappingProxyType({**_HEAR_GRID, "hidden_layers": (0,)}),
    4,
    standardise=True,
    inverse_penalties=(1e-3, 1e-2, 1e-1, 1.0),
)
