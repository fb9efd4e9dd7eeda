"""Encoder references: how a user names an encoder on the command line and in a result.

``NAME[:WEIGHTS][?option=value&...][@PYTHON]`` - a registered short name or an importable module, then what its
``load_model`` receives as path, then keyword options, then the interpreter that it runs in: a path to one (with a
slash) or the name of an environment (``encoders env create``); without, this one. A NAME with a slash is a path, of a
file or of a package's folder: ``./my_encoder.py``, ``../my_package``.

PYTHON is what stands behind the last ``@``, if it is such a path or name: letters, digits, ``_``, ``.``, ``-``; in a
path ``@``, ``?``, ``&`` and ``%`` are written ``%40``, ``%3F``, ``%26`` and ``%25``. Where an ``@`` of WEIGHTS or of a
value would be taken for that one, an ``@`` at the very end, with nothing behind it, says that it is not:
``my_encoder:user@host.pt@``. (In a value it may be written ``%40`` instead.)

A value is what was typed. It becomes a number or a truth value only where nothing is lost by that: an integer or a
finite decimal in the one spelling that Python itself gives it (``40``, ``-1``, ``0.5``, ``1e-05``), ``true`` or
``false`` (also ``True`` and ``False``). Everything else is text: ``1.10``, ``0005747``, ``296e115``, ``.5``, ``1e-3``,
``nan``, ``a+b``, and nothing at all (``x=``). What stands in double quotes is text whatever it looks like: ``x="1"``.
``&`` is written ``%26`` and ``%`` itself ``%25``, as in a URL; a plus sign is a plus sign. (A shell needs single quotes
around such a reference.)

One option is this harness's own and is not passed to ``load_model``: ``batch``, how many clips the encoder is given at
once at most; ``?batch=1`` embeds clip by clip (:mod:`hear_audiomosaic.hear.binding`).
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from hear_audiomosaic.errors import EncoderError

__all__ = ["EncoderRef", "OptionValue", "in_interpreters", "is_path"]

OptionValue = bool | int | float | str

_MOST_LETTERS_OF_SLUG = 200
_PYTHON = re.compile(r"[A-Za-z0-9_][\w.-]*|.*/.*", re.ASCII | re.DOTALL)
_PYTHON_ESCAPED = re.compile("[@?&%]")
_TRUTH_VALUES = {"true": True, "false": False, "True": True, "False": False}


@dataclass(frozen=True)
class EncoderRef:
    """A parsed encoder reference.

    Attributes:
        name: registered short name, module name, or a path in its canonical form (``./my_encoder.py``).
        weights: what follows the first colon; None when there is no colon.
        options: keyword options for ``load_model`` in the order of their names; what is a number and what is text is
            said above.
        python: path of an interpreter, or name of an environment; None: this interpreter.
    """

    name: str
    weights: str | None = None
    options: tuple[tuple[str, OptionValue], ...] = field(default=())
    python: str | None = None

    @classmethod
    def parse(cls, text: str) -> EncoderRef:
        """Read a reference.

        Raises:
            EncoderError: not UTF-8, empty name, or an option without a name, without a value or given twice.
        """
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise EncoderError(f"{text!r} is not an encoder reference: it is not UTF-8; rename the file or the option.")
        whole, python = _split(text)
        head, _, query = whole.partition("?")
        name, colon, weights = head.partition(":")
        if is_path(name) and not set("\0@") & set(name):
            name = _canonical(name)
        elif not re.fullmatch(r"[A-Za-z_][\w.-]*", name):
            raise EncoderError(
                f"'{text}' is not an encoder reference; expected NAME[:WEIGHTS][?option=value&...][@PYTHON], "
                "for example logmel, hear_audiomosaic:random:tiny or ./my_encoder.py."
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
        return cls(
            name, weights if colon else None, tuple(sorted(options.items(), key=lambda option: option[0])), python
        )

    @property
    def text(self) -> str:
        """The reference in its one canonical form, which is read as this very reference."""
        query = "&".join(f"{_encoded(key).replace('=', '%3D')}={_written(value)}" for key, value in self.options)
        whole = self.name + (f":{self.weights}" if self.weights is not None else "") + (f"?{query}" if query else "")
        if self.python is not None:
            return f"{whole}@{_PYTHON_ESCAPED.sub(lambda found: f'%{ord(found.group()):02X}', self.python)}"
        return whole if _split(whole) == (whole, None) else f"{whole}@"

    def with_python(self, python: str) -> EncoderRef:
        """The same encoder in an interpreter.

        Args:
            python: a path, or the name of an environment.

        Raises:
            EncoderError: it is neither.
        """
        if not _PYTHON.fullmatch(python):
            raise EncoderError(f"'{python}' is neither a path to an interpreter (with a slash) nor an environment.")
        return replace(self, python=python)

    @property
    def slug(self) -> str:
        """A folder name, different for different references."""
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", self.text).strip("-.")
        if plain == self.text and len(plain) <= _MOST_LETTERS_OF_SLUG:
            return plain
        return f"{plain[-60:].strip('-.')}-{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"


def is_path(name: str) -> bool:
    """Whether a NAME is the path of a file or of a package's folder: it has a slash."""
    return "/" in name


def _canonical(path: str) -> str:
    """A path in its one form: ``./`` before a relative one, without what is superfluous; links are not followed."""
    plain = re.sub("^//+", "/", os.path.normpath(path))
    return plain if plain.startswith(("/", "../", "~/")) else f"./{plain}"


def in_interpreters(refs: Sequence[str], given: Sequence[str]) -> list[str]:
    """References with the interpreters that ``--python NAME=PYTHON`` gives them.

    Args:
        refs: encoder references.
        given: ``NAME=PYTHON`` each; NAME is the reference's name, or the whole reference.

    Raises:
        EncoderError: not of that form, an encoder that is not there, or one that has an interpreter already.
    """
    found = list(refs)
    for one in given:
        parts = one.split("=")
        splits = [("=".join(parts[:i]), "=".join(parts[i:])) for i in range(len(parts) - 1, 0, -1)]
        if not any(name and python for name, python in splits):
            raise EncoderError(f"'{one}' is not of the form NAME=PYTHON; for example my_encoder=venv/bin/python.")
        named, python = next(((at, python) for name, python in splits if (at := _named(name, refs))), ([], ""))
        if not named:
            raise EncoderError(f"--python {one}: '{parts[0]}' is none of the encoders {', '.join(refs)}.")
        for i in named:
            if EncoderRef.parse(found[i]).python is not None:
                raise EncoderError(f"--python {one}: '{found[i]}' has an interpreter already; give one.")
            found[i] = EncoderRef.parse(found[i]).with_python(python).text
    return found


def _named(name: str, refs: Sequence[str]) -> list[int]:
    """Where references stand that are, or have, a name."""
    return [i for i, ref in enumerate(refs) if name in (ref, EncoderRef.parse(ref).name)]


def _split(text: str) -> tuple[str, str | None]:
    """A reference without its interpreter, and that."""
    whole, at, python = text.rpartition("@")
    if not at:
        return text, None
    if not python:
        return whole, None
    python_decoded = unquote(python)
    is_one = _PYTHON_ESCAPED.search(python.replace("%", "")) is None and _PYTHON.fullmatch(python_decoded)
    return (whole, python_decoded) if is_one else (text, None)


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
