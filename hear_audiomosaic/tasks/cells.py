"""Cells of a table as what they mean: seconds, and names that are compared.

Numbers are read strictly: Python's ``float`` also takes ``1_0`` (ten), ``nan``, digits of any script and any blanks.

Names (labels, groups, folds) that look exactly alike are one name: their letters are composed (NFC), invisible
characters are left out, and every blank is a plain space. Those that nearly look alike (by case, blanks, compatibility
forms, hyphens, letters of another alphabet) are kept apart and told.

Reference: Unicode Standard Annex 15 (normalisation forms), section 5.21 of the standard (default-ignorable
characters); Unicode Technical Standard 39 (confusable characters).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable

from hear_audiomosaic.errors import TaskError

__all__ = ["milliseconds", "one_spelling", "similar_names"]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0]"
)  # but not what joins letters, and what chooses the form of emoji
_BETWEEN_WORDS = re.compile(r"(?<=\w)[-_](?=\w)")
_JOINING = re.compile("[\u200c\u200d\ufe00-\ufe0f]")
# Cyrillic, then Greek, and the Latin letters that they look like
_LOOK_LATIN = (
    "\u0410\u0412\u0415\u0417\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405"
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u0391\u0392"
    "\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf\u03bd\u03b9\u03c1"
)
_LIKE_LATIN = str.maketrans(_LOOK_LATIN, "ABE3KMHOPCTYXIJSaeopcyxijshdqwABEZHIKMNOPTYXovip")


def milliseconds(cell: str, where: str) -> float:
    """Seconds as text -> ms, rounded to a microsecond.

    Args:
        cell: an optional sign, ASCII digits with one point at most, an optional exponent; spaces and tabs around it.
        where: of the error.

    Raises:
        TaskError: anything else, or not finite.
    """
    text = cell.strip(" \t")
    if not _NUMBER.fullmatch(text):
        raise TaskError(f"{where}: '{cell[:40]}' is not a number of seconds; expected digits and a point, such as 12.5")
    seconds = float(text)
    if not math.isfinite(seconds * 1000.0):
        raise TaskError(f"{where}: '{cell[:40]}' is not a finite number of seconds")
    return round(seconds * 1000.0, 3) + 0.0  # -0 is 0


def one_spelling(text: str) -> str:
    """The text with its letters composed, without invisible characters, every blank a plain space."""
    if text.isascii():
        return text
    visible = _INVISIBLE.sub("", text)
    plain = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in visible)
    return unicodedata.normalize("NFC", plain)


def similar_names(names: Iterable[str], what: str) -> dict[str, str]:
    """Names that nearly look like others, each with those, in words.

    Args:
        names: different ones, each in its :func:`one_spelling`.
        what: "label", "group", ...
    """
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(_skeleton(name), []).append(name)
    return {first: f"{what}, like {', '.join(map(repr, others))}" for first, *others in alike.values() if others}


def _skeleton(name: str) -> str:
    """The name without case, compatibility forms and what stands between words, in Latin letters where it looks so."""
    latin = unicodedata.normalize("NFKC", name).translate(_LIKE_LATIN)
    plain = unicodedata.normalize("NFKC", _JOINING.sub("", latin.casefold()))
    return " ".join(_BETWEEN_WORDS.sub(" ", plain).split())
