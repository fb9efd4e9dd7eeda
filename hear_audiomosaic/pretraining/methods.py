"""Methods that can be pre-trained, found through the entry-point group ``hear_audiomosaic.objectives``.

An entry point names a function ``build_objective(size, crop_s, **options) -> Objective``; a third-party package
registers its own in the same group.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points

from hear_audiomosaic.errors import PretrainingError
from hear_audiomosaic.hear.foreign import foreign
from hear_audiomosaic.nn.objective import Objective

__all__ = ["GROUP", "Option", "build_objective", "parse_options", "registered_methods"]

GROUP = "hear_audiomosaic.objectives"
Option = str | int | float | bool


def registered_methods() -> tuple[str, ...]:
    """Names, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def build_objective(method: str, size: str, crop_s: float, options: Mapping[str, Option]) -> Objective:
    """The objective of a method, with new weights.

    Args:
        method: a registered name.
        size: of the encoder.
        crop_s: length of the waveforms in seconds.
        options: further keyword arguments of the method's function.

    Raises:
        PretrainingError: no such method or option; the message lists those that exist.
        EncoderError: the package that registers the method cannot be imported.
    """
    builder = _builder(method)
    known = [name for name, p in inspect.signature(builder).parameters.items() if p.kind is p.KEYWORD_ONLY]
    if unknown := sorted(set(options) - set(known)):
        raise PretrainingError(f"{method} has no option {', '.join(unknown)}; it has {', '.join(known) or 'none'}.")
    return builder(size, crop_s, **options)


def parse_options(texts: list[str]) -> dict[str, Option]:
    """Read ``name=value`` pairs; a value is a whole number, a number, true or false, or text.

    Raises:
        PretrainingError: no equals sign.
    """
    options: dict[str, Option] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise PretrainingError(f"--option {text}: expected NAME=VALUE.")
        options[name.replace("-", "_")] = _value(value)
    return options


def _builder(method: str) -> Callable[..., Objective]:
    points = {point.name: point for point in entry_points(group=GROUP)}
    if method not in points:
        raise PretrainingError(
            f"There is no method '{method}' that can be pre-trained; there are {', '.join(sorted(points)) or 'none'}. "
            f"A package adds one by an entry point of the group '{GROUP}'."
        )
    with foreign(f"Importing the method {method} ({points[method].value}) failed"):
        builder: Callable[..., Objective] = points[method].load()
    return builder


def _value(text: str) -> Option:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
