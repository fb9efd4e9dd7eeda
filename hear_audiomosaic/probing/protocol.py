"""Protocols: how a task's embeddings become a score, down to seeds, under a name and a fingerprint.

Origin: heareval 2021.1.3, its ``default``, ``fast`` and ``faster`` grids (Turian et al., "HEAR: Holistic Evaluation of
Audio Representations", 2022). ``hear-2021`` gives the numbers that heareval gives.
``linear`` is not of HEAR: one linear layer on standardised embeddings, trained and selected in the same way.
``logistic`` is the usual linear probe; see :mod:`hear_audiomosaic.probing.logistic`.
``few-shot-K`` is ``linear`` with K labelled training clips for each label; see :mod:`hear_audiomosaic.probing.shots`.

Deviation: in two places heareval stops working, and by default a protocol here carries on (``strict=True`` replicates
heareval):

- A monitored score that is NaN or infinite ends heareval's training at once. Here a NaN counts as one more check
  without improvement, so the patience decides; an infinite score is compared like any other.
- Where a lone row is left for the last batch of an epoch (n % 1024 == 1), batch normalisation crashes in heareval. Here
  the row joins the batch before it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.files import sha256_of_json
from hear_audiomosaic.probing.grid import HEAR_GRID, Value
from hear_audiomosaic.probing.logistic import LogisticProbe
from hear_audiomosaic.probing.mlp import MlpProbe
from hear_audiomosaic.probing.probe import Probe

__all__ = ["Protocol", "get_protocol", "protocol_names"]


@dataclass(frozen=True)
class Protocol:
    """How a task's embeddings become a score.

    A name that :func:`get_protocol` knows belongs to exactly those values (``strict`` aside).

    Raises:
        ProtocolError: the name is taken by other values, or a value is impossible.
    """

    name: str
    probe: Probe
    """How probes are drawn, trained and selected: :class:`~hear_audiomosaic.probing.mlp.MlpProbe`, ..."""
    event_postprocessing_grid: Mapping[str, tuple[float, ...]] = field(
        default_factory=lambda: MappingProxyType({"median_filter_ms": (250,), "min_duration": (125, 250)})
    )
    """Settings tried where an event task's metadata name none."""
    event_threshold: float = 0.5
    """A frame is active where its probability is above this."""
    shots: int | None = None
    """Labelled training clips for each label, drawn with the run's seed; None: all."""
    strict: bool = False
    """Replicate where heareval crashes or stops early; see the module's text."""

    def __post_init__(self) -> None:
        if self.shots is not None and self.shots < 1:
            raise ProtocolError(f"protocol {self.name!r}: shots is {self.shots}; expected at least 1.")
        if self.shots is not None and isinstance(self.probe, LogisticProbe):
            raise ProtocolError(
                f"protocol {self.name!r}: logistic regression is fitted to the validation clips, too, so that shots "
                "do not limit its labels; use an MlpProbe."
            )
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

    @property
    def n_grid_points(self) -> int:
        """Grid points that are tried, at most."""
        return self.probe.n_grid_points

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = {
            "event_postprocessing_grid": self.event_postprocessing_grid,
            "event_threshold": self.event_threshold,
            **self.probe.content(),
        }
        return _plain(content | ({} if self.shots is None else {"shots": self.shots}))  # type: ignore[no-any-return]


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
        known = f"{', '.join(_OFFICIAL)} and few-shot-K (K from 1 to 1000)"
        raise ProtocolError(f"no protocol is called {name!r}; there are {known}.")
    return _OFFICIAL[name]


def protocol_names() -> tuple[str, ...]:
    """Names of the protocols; of the family ``few-shot-K``, the usual ones."""
    return (*_OFFICIAL, *(f"few-shot-{shots}" for shots in (1, 5, 10)))


def _shots(name: str) -> int | None:
    """K of ``few-shot-K``, 1 to 1000 without leading zeros; None for other names."""
    match = re.fullmatch(r"few-shot-([1-9][0-9]{0,2}|1000)", name)
    return int(match[1]) if match else None


def _official(name: str) -> dict[str, Any] | None:
    """The values that a name belongs to."""
    if (shots := _shots(name)) is not None:
        return {**_OFFICIAL["linear"]._content(), "shots": shots}
    official = _OFFICIAL.get(name)
    return None if official is None else official._content()


def _plain(value: Any) -> Any:
    """Mappings, tuples and numbers as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(entry) for entry in value]
    return value


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
        name: Protocol(name, MlpProbe(MappingProxyType({**HEAR_GRID, **changes})))
        for name, changes in (("hear-2021", {}), ("hear-2021-fast", _FAST), ("hear-2021-faster", _FASTER))
    }
)
_OFFICIAL["linear"] = Protocol("linear", MlpProbe(MappingProxyType({**HEAR_GRID, **_LINEAR}), 4, standardise=True))
_OFFICIAL["logistic"] = Protocol("logistic", LogisticProbe(tuple(10.0**k for k in range(-5, 3))))
