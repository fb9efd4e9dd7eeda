"""Encoder references: how a user names an encoder on the command line and in a result.

``NAME[:WEIGHTS][?option=value&...]`` - a registered short name, an importable module, or the path of a ``.py`` file or
a package's folder (``./my_encoder.py``, with no ``:`` or ``?`` in it), then what its ``load_model`` receives as path,
then keyword options.

A value is what was typed. It becomes a number or a truth value only where nothing is lost by that: an integer or a
finite decimal in the one spelling that Python itself gives it (``40``, ``-1``, ``0.5``, ``1e-05``), ``true`` or
``false`` (also ``True`` and ``False``). Everything else is text: ``1.10``, ``0005747``, ``296e115``, ``.5``, ``1e-3``,
``nan``, ``a+b``, and nothing at all (``x=``). What stands in double quotes is text whatever it looks like: ``x="1"``.
``&`` is written ``%26`` and ``%`` itself ``%25``, as in a URL; a plus sign is a plus sign. (A shell needs single quotes
around such a reference.)
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from hear_audiomosaic.errors import EncoderError

__all__ = ["EncoderRef", "OptionValue"]

OptionValue = bool | int | float | str

_MOST_LETTERS_OF_SLUG = 200
_NAME = re.compile(r"[A-Za-z_][\w.-]*|\.{0,2}/[^:?]*[^:?/.]/*", re.DOTALL)
_TRUTH_VALUES = {"true": True, "false": False, "True": True, "False": False}


@dataclass(frozen=True)
class EncoderRef:
    """A parsed encoder reference.

    Attributes:
        name: registered short name, module name, or path, which has a slash.
        weights: what follows the first colon; None when there is no colon.
        options: keyword options for ``load_model`` in the order of their names; what is a number and what is text is
            said above.
    """

    name: str
    weights: str | None = None
    options: tuple[tuple[str, OptionValue], ...] = field(default=())

    @classmethod
    def parse(cls, text: str) -> EncoderRef:
        """Read a reference.

        Raises:
            EncoderError: not UTF-8, empty name, or an option without a name, without a value or given twice.
        """
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise EncoderError(f"{text!r} is not an encoder reference: it is not UTF-8; rename the file or the option.")
        head, _, query = text.partition("?")
        name, colon, weights = head.partition(":")
        if not _NAME.fullmatch(name):
            raise EncoderError(
                f"'{text}' is not an encoder reference; expected NAME[:WEIGHTS][?option=value&...], "
                "for example logmel or hear_audiomosaic:random:tiny."
            )
        options: dict[str, OptionValue] = {}
        for item in query.split("&") if query else ():
            key, equals, value = item.partition("=")
            key = _decoded(key, text)
            if not key or not equals:
                raise EncoderError(f"The options of '{text}' are not of the form option=value&option=value.")
            if key in options:
                raise EncoderError(f"'{text}' gives the option '{key}' twice; give it once.")
            options[key] = _typed(_decoded(value, text))
        return cls(name, weights if colon else None, tuple(sorted(options.items(), key=lambda option: option[0])))

    @property
    def text(self) -> str:
        """The reference in its one canonical form, which is read as this very reference."""
        query = "&".join(f"{_encoded(key).replace('=', '%3D')}={_written(value)}" for key, value in self.options)
        return self.name + (f":{self.weights}" if self.weights is not None else "") + (f"?{query}" if query else "")

    @property
    def slug(self) -> str:
        """A folder name, different for different references."""
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", self.text).strip("-.")
        if plain == self.text and len(plain) <= _MOST_LETTERS_OF_SLUG:
            return plain
        return f"{plain[-60:].strip('-.')}-{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"


def _typed(value: str) -> OptionValue:
    """A value as it is meant: in quotes, as text; converted if its own text is the one given; as it is."""
    if _is_quoted(value):
        return value[1:-1]
    if value in _TRUTH_VALUES:
        return _TRUTH_VALUES[value]
    for kind in (int, float):
        try:
            number = kind(value)
        except ValueError:  # also what has more digits than Python reads
            continue
        if math.isfinite(number) and repr(number) == value:
            return number
    return value


def _written(value: OptionValue) -> str:
    """The inverse of :func:`_typed`, as it stands in a reference."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        is_plain = not _is_quoted(value) and isinstance(_typed(value), str)
        return _encoded(value if is_plain else f'"{value}"')
    return repr(value)


def _is_quoted(value: str) -> bool:
    return len(value) >= 2 and value[0] == value[-1] == '"'


def _encoded(text: str) -> str:
    return text.replace("%", "%25").replace("&", "%26")


def _decoded(text: str, ref: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise EncoderError(f"'{ref}': '{text}' is not UTF-8; write a per cent sign as %25.") from error
