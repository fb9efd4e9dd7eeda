"""The registry of scores: the names that a task card may use, and whether higher is better.

Origin: the names in the ``evaluation`` lists of the HEAR 2021 tasks, and ``eer``.

Conventions
-----------
A score has one primary value under its own name. Event scores also have sub-scores, ``<name>_<sub score>``, of
which the first is the primary value.

Metrics
-------
- :func:`get_score`: one score by name.
- :func:`evaluate_clips`: clip scores by name.
- :func:`evaluate_events`: event scores by name.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy.typing as npt

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.metrics import clips, events
from hear_audiomosaic.metrics.event_data import Events

__all__ = ["SCORES", "Score", "evaluate_clips", "evaluate_events", "get_score"]


@dataclass(frozen=True)
class Score:
    """Properties of a score."""

    name: str
    """As task cards and result files write it."""
    higher_is_better: bool
    """False for error rates."""
    kind: Literal["clip", "event"]
    """What it is computed from: (n, C) probabilities, or events."""
    sub_scores: tuple[str, ...] = ()
    """Parts that are reported beside it as ``<name>_<part>``; the first is the score itself."""
    bounds: tuple[float, float] | None = (0.0, 1.0)
    """Its range; None: it has no upper bound."""

    @property
    def mode(self) -> Literal["max", "min"]:
        """The direction in HEAR's words."""
        return "max" if self.higher_is_better else "min"


_LOWER_IS_BETTER = {"eer", "segment_1s_er"}
_UNBOUNDED = {"d_prime", "segment_1s_er"}


def _score(name: str, kind: Literal["clip", "event"], sub_scores: tuple[str, ...] = ()) -> Score:
    bounds = None if name in _UNBOUNDED else (0.0, 1.0)
    return Score(name, name not in _LOWER_IS_BETTER, kind, sub_scores, bounds)


SCORES: Mapping[str, Score] = MappingProxyType(
    {name: _score(name, "clip") for name in clips.METRICS}
    | {name: _score(name, "event", parts) for name, parts in events.SUB_SCORES.items()}
)
"""Every score by name."""


def get_score(name: str) -> Score:
    """Look up a score.

    Args:
        name: as in a task card, for example ``"mAP"``.

    Returns:
        The score.

    Raises:
        MetricError: there is no score of this name; the message suggests the nearest one and lists all.
    """
    score = SCORES.get(name)
    if score is None:
        by_lower_case = {known.lower(): known for known in SCORES}
        near = difflib.get_close_matches(str(name).lower(), by_lower_case, n=1)
        hint = f" Did you mean {by_lower_case[near[0]]!r}?" if near else ""
        raise MetricError(f"unknown score {name!r}.{hint} There are: {', '.join(SCORES)}.")
    return score


def evaluate_clips(
    names: Sequence[str], targets: npt.NDArray[Any], probabilities: npt.NDArray[Any]
) -> dict[str, float]:
    """Compute clip scores by name.

    Args:
        names: names of clip scores.
        targets: (n, C), zeros and ones.
        probabilities: (n, C), finite; for several predictions at once use
            :func:`hear_audiomosaic.metrics.clips.evaluate`.

    Returns:
        Score name -> value, in the order of ``names``.

    Raises:
        MetricError: a name is unknown or belongs to an event score, or see
            :func:`hear_audiomosaic.metrics.clips.validate`.
    """
    _check_kind(names, "clip")
    scores = clips.evaluate(targets, probabilities, names)
    if probabilities.ndim != 2:
        raise MetricError(f"probabilities: expected shape (n, C), found {probabilities.shape}; use clips.evaluate.")
    return {name: float(value) for name, value in scores.items()}


def evaluate_events(names: Sequence[str], reference: Events, estimated: Events) -> dict[str, float]:
    """Compute event scores by name.

    Args:
        names: names of event scores.
        reference: the true events, times in milliseconds.
        estimated: the predicted events, with the same file and label indices.

    Returns:
        For each name in order: the name -> its value, then ``<name>_<sub score>`` -> value.

    Raises:
        MetricError: a name is unknown or belongs to a clip score, or see
            :func:`hear_audiomosaic.metrics.events.validate`.
    """
    _check_kind(names, "event")
    return events.evaluate(reference, estimated, names)


def _check_kind(names: Sequence[str], kind: Literal["clip", "event"]) -> None:
    for name in names:
        score = get_score(name)
        if score.kind != kind:
            raise MetricError(
                f"{name!r} is computed from {score.kind}s, not from {kind}s; use evaluate_{score.kind}s, "
                f"or one of {', '.join(known for known in SCORES if SCORES[known].kind == kind)}."
            )
