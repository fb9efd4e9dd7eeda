"""Encoder references: how a user names an encoder on the command line and in a result.

``NAME[:WEIGHTS][?option=value&...]`` - a registered short name or an importable module, then what its ``load_model``
receives as path, then keyword options.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from hear_audiomosaic.errors import EncoderError

__all__ = ["EncoderRef", "OptionValue"]

OptionValue = bool | int | float | str


@dataclass(frozen=True)
class EncoderRef:
    """A parsed encoder reference.

    Attributes:
        name: registered short name or module name.
        weights: what follows the first colon; None when there is no colon.
        options: keyword options for ``load_model``; "true" and "false", integers and decimals are read as such.
    """

    name: str
    weights: str | None = None
    options: tuple[tuple[str, OptionValue], ...] = field(default=())

    @classmethod
    def parse(cls, text: str) -> EncoderRef:
        """Read a reference.

        Raises:
            EncoderError: empty name, or an option without a value.
        """
        head, _, query = text.partition("?")
        name, colon, weights = head.partition(":")
        if not re.fullmatch(r"[A-Za-z_][\w.-]*", name):
            raise EncoderError(
                f"'{text}' is not an encoder reference; expected NAME[:WEIGHTS][?option=value&...], "
                "for example logmel or hear_audiomosaic:random:tiny."
            )
        try:
            pairs = parse_qsl(query, strict_parsing=True) if query else []
        except ValueError as error:
            raise EncoderError(f"The options of '{text}' are not of the form option=value&option=value.") from error
        options = tuple(sorted((key, _typed(value)) for key, value in pairs))
        return cls(name, weights if colon else None, options)

    @property
    def text(self) -> str:
        """The reference in its one canonical form."""
        values = ((key, str(value).lower() if isinstance(value, bool) else value) for key, value in self.options)
        query = "&".join(f"{key}={value}" for key, value in values)
        return self.name + (f":{self.weights}" if self.weights is not None else "") + (f"?{query}" if query else "")

    @property
    def slug(self) -> str:
        """A folder name, different for different references."""
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", self.text).strip("-.")
        if plain == self.text:
            return plain
        return f"{plain[-60:].strip('-.')}-{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"


def _typed(value: str) -> OptionValue:
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value
