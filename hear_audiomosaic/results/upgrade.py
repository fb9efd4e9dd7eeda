"""Result files of older schemas, brought to the current one.

Schema 1 kept what is derived (``score``, ``score_std``, ``aggregated``) beside the folds, all numbers of a fold in one
mapping of heareval's names, and the winner's ``hparams`` and ``postprocessing`` beside the grid points.

Results of ``logistic`` recorded the precision that was asked for, while it always computed in fp32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hear_audiomosaic.results.scores import typed_scores

__all__ = ["upgraded"]

_DERIVED = ("score", "score_std", "aggregated", "hparams", "postprocessing")


def upgraded(content: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the content of a result file to the current schema.

    Args:
        content: of a JSON object, not validated.

    Returns:
        Schema 1 in the words of schema 2; anything else as it is, for the schema to judge.
    """
    content = _with_true_precision(content)
    if content.get("schema_version") != 1:
        return dict(content)
    points = _each(content.get("grid_points", []), _grid_point)
    return {
        **{name: value for name, value in content.items() if name not in _DERIVED},
        "schema_version": 2,
        "folds": _each(content.get("folds", []), _fold),
        "grid_points": points,
        "winner": _winner(points, content.get("hparams")),
    }


def _with_true_precision(content: Mapping[str, Any]) -> Mapping[str, Any]:
    protocol = content.get("protocol")
    if not (isinstance(protocol, dict) and protocol.get("name") == "logistic" and "precision" in protocol):
        return content
    return {**content, "protocol": {**protocol, "precision": "fp32"}}


def _fold(fold: Any) -> Any:
    if not (isinstance(fold, dict) and isinstance(fold.get("scores"), dict)):
        return fold
    return {**{name: value for name, value in fold.items() if name != "scores"}, **typed_scores(fold["scores"])}


def _grid_point(point: Any) -> Any:
    """Post-processing was a list of pairs, empty for scenes."""
    if not isinstance(point, dict):
        return point
    pairs = point.get("postprocessing")
    if not (isinstance(pairs, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in pairs)):
        return point
    return {**point, "postprocessing": {str(name): value for name, value in pairs} or None}


def _winner(points: Any, chosen: Any) -> int | None:
    """The first grid point of the hyper-parameters that were chosen."""
    own = [point.get("hparams") if isinstance(point, dict) else None for point in points or ()]
    return own.index(chosen) if chosen and chosen in own else None


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """A list with every entry changed; what is not a list as it is."""
    return [change(entry) for entry in value] if isinstance(value, list) else value
