"""Text that somebody could hand us, read with suspicion: JSON, YAML and CSV that say one thing, and say it in bounds.

Each ``parse_*`` takes the bytes of a file and raises :class:`UnreadableError`, a ``ValueError`` with one bounded
sentence, whatever is wrong with them; who reads a file says which file it was, and what to do. Refused everywhere,
because the usual parsers go on in silence or fall over: other encodings than UTF-8, NUL bytes, halves of characters,
names that stand twice in a mapping (the last one would count), numbers that no 64-bit program reads as they stand,
nesting that exhausts the stack.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Hashable, Iterable
from typing import Any

import yaml
from pydantic import ValidationError

from hear_audiomosaic.printable import listed, shortened

__all__ = ["UnreadableError", "faults", "parse_csv", "parse_json", "parse_text", "parse_yaml"]

_DEEPEST = 64
"""Levels of nesting; what we write has less than ten."""
_LARGEST_INTEGER = 2**63
_BYTE_ORDER_MARKS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))


class UnreadableError(ValueError):
    """Bytes that are not what they should be; one bounded sentence without the name of the file."""


def parse_text(content: bytes) -> str:
    """UTF-8 text, with or without a byte order mark.

    Raises:
        UnreadableError: another encoding, or a NUL byte.
    """
    for mark, name in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            raise UnreadableError(f"it is {name}, expected UTF-8: save it anew in that encoding")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"it is not UTF-8 (byte {error.start}): save it anew in that encoding") from error
    if (nul := text.find("\0")) >= 0:
        raise UnreadableError(f"line {text.count(chr(10), 0, nul) + 1} holds a NUL byte")
    return text


def parse_json(content: bytes) -> Any:
    """Strict JSON: no NaN or infinity, no name twice in an object, nothing out of bounds.

    Raises:
        UnreadableError: anything else.
    """
    try:
        value = json.loads(parse_text(content), object_pairs_hook=_object, parse_constant=_no_constant)
    except UnreadableError:
        raise
    except (ValueError, RecursionError) as error:  # an integer of too many digits is a plain ValueError
        raise UnreadableError(_reason(error, "JSON")) from error
    _check_bounds(value)
    return value


def parse_yaml(content: bytes) -> Any:
    """Plain YAML: no anchors, aliases, merges or tags; JSON's numbers and truth values, and everything else is text.

    YAML 1.1 reads ``no`` as false, ``1:30`` as 90, ``010`` as 8 and ``2020-01-01`` as a date; here they are text, as in
    YAML 1.2.

    Raises:
        UnreadableError: it is no such YAML, or holds a name twice, or is out of bounds.
    """
    try:
        value = yaml.load(parse_text(content), Loader=_PlainLoader)  # noqa: S506 - a safe loader, and plainer
    except UnreadableError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnreadableError(_reason(error, "YAML")) from error
    _check_bounds(value)
    return value


def parse_csv(content: bytes, separator: str = ",") -> tuple[list[str], list[tuple[int, list[str]]]]:
    """A table with a header: its columns, and each row's line number and cells, as many as there are columns.

    Empty lines count as none. A table without any line has no columns.

    Raises:
        UnreadableError: no UTF-8, quotes that are never closed, a cell of more than 128 KiB, a column twice, or a row
            of another length.
    """
    reader = csv.reader(io.StringIO(parse_text(content), newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        columns = next(reader, [])
        if twice := _first_repeated(columns):
            raise UnreadableError(f"it has the column '{shortened(twice)}' more than once")
        for cells in reader:
            if cells and len(cells) != len(columns):
                raise UnreadableError(f"line {reader.line_num}: {len(cells)} cells, but {len(columns)} columns")
            if cells:
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise UnreadableError(f"line {reader.line_num}: {error}") from error
    return columns, rows


def faults(error: ValidationError) -> str:
    """What pydantic found, the first few faults in words: ``field.index: Input should be ...; ...``."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return listed(
        [f"{shortened('.'.join(map(str, one['loc'])) or 'the whole')}: {shortened(one['msg'], 300)}" for one in found],
        most=3,
        between="; ",
    )


def _reason(error: BaseException, language: str) -> str:
    if isinstance(error, RecursionError):
        return f"it is nested more than {_DEEPEST} levels deep"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"it is not valid {language}: line {error.problem_mark.line + 1}: {shortened(error.problem, 200)}"
    return f"it is not valid {language}: {shortened(' '.join(str(error).split()), 400)}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = _first_repeated(name for name, _ in pairs)
        raise UnreadableError(f"it holds the name '{shortened(twice)}' twice in one object; keep one of them")
    return content


def _no_constant(name: str) -> float:
    raise UnreadableError(f"it holds {name}, which is no number of JSON")


def _check_bounds(value: Any) -> None:
    """Depth, numbers and characters of a parsed value."""
    open_values = [(value, 0)]
    while open_values:
        one, depth = open_values.pop()
        if depth > _DEEPEST:
            raise UnreadableError(f"it is nested more than {_DEEPEST} levels deep")
        if isinstance(one, str):
            _check_characters(one)
        elif isinstance(one, dict):
            for name in one:
                if isinstance(name, str):
                    _check_characters(name)
            open_values += [(inner, depth + 1) for inner in one.values()]
        elif isinstance(one, list):
            open_values += [(inner, depth + 1) for inner in one]
        elif isinstance(one, float) and not math.isfinite(one):
            raise UnreadableError("it holds a number beyond all bounds")
        elif isinstance(one, int) and not -_LARGEST_INTEGER <= one < _LARGEST_INTEGER:
            raise UnreadableError("it holds an integer of more than 64 bits")


def _check_characters(text: str) -> None:
    if not text.isascii() and re.search("[\ud800-\udfff]", text):
        raise UnreadableError(f"it holds half a character, which cannot be written: {shortened(text)!a}")


def _first_repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), None)  # type: ignore[func-returns-value]


class _PlainLoader(yaml.SafeLoader):
    """YAML that means what it looks like."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - yaml has it so

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise UnreadableError(f"line {event.start_mark.line + 1}: anchors (&x) and aliases (*x) are not used here")
        if getattr(event, "tag", None) is not None:
            raise UnreadableError(f"line {event.start_mark.line + 1}: tags (!x) are not used here")
        if self.depth > _DEEPEST:
            raise UnreadableError(f"it is nested more than {_DEEPEST} levels deep")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names: list[Any] = [self.construct_object(name, deep=True) for name, _ in node.value]
        line = node.start_mark.line + 1
        if strange := [name for name in names if not isinstance(name, str)]:
            raise UnreadableError(
                f"from line {line} on: the name {shortened(strange[0])} of a field is no text; quote it"
            )
        if (twice := _first_repeated(names)) is not None:
            raise UnreadableError(f"from line {line} on: the field '{shortened(twice)}' stands there twice; keep one")
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merges need a tag, which no text has here."""


for _kind, _pattern, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false|True|False", list("tfTF")),
    ("int", r"-?(?:0|[1-9][0-9]*)", list("-0123456789")),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?", list("-0123456789")),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"(?:{_pattern})$"), _first)
