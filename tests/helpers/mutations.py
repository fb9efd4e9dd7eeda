"""Files that somebody damaged or made up: seeded mutations of bytes, lines, JSON values and NumPy archives.

`hunt` applies them to the files of a `Case` and judges what its reader makes of each: an error of ours with a bounded
message, the same as before, or, where no checksum tells, exactly what a second, plain reading finds in the file.
"""

from __future__ import annotations

import copy
import io
import json
import pickle
import random
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hear_audiomosaic.errors import HearAudioMosaicError

LONGEST_MESSAGE = 2000
HOSTILE_TOKENS = (
    *(b"-1", b"0", b"1e999", b"-1e999", b"NaN", b"Infinity", b"9" * 30, b"9" * 5000, b"1_0", b"0x10", b"010", b"1:30"),
    *(b"null", b"true", b"no", b"2020-01-01", b"~", b"[]", b"{}", b'""', b'"', b"'", b",", b"\n", b"\r", b"\t"),
    *(b"&a [*a]", b"<<: *a", b"!!python/object:os.system", b"=1+1", b"../x", b"\\ud800", b"[" * 3000, b"x" * 200_000),
)
HOSTILE_VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 1.5, -0.0, 1e308, 10**30, "", "1", "no", "x" * 3000, "\ud800", "\0", "../x", "=1"),
    *([], {}, [[]], [None], {"": None}, ["a", "a"], [1, 1], {"label": "a", "start": "0", "end": 1}),
)


@dataclass(frozen=True)
class Case:
    """Files of one kind.

    Attributes:
        files: those that are mutated, one at a time.
        read: reads them all; gives plain values that can be compared.
        says: what a second, plain reading finds; raises whatever it likes where there is nothing to be found. None:
            the files have checksums, so that nothing but the same as before will do.
        served: a damaged file must not raise, either: it is made again.
    """

    files: tuple[Path, ...]
    read: Callable[[], Any]
    says: Callable[[], Any] | None = None
    served: bool = False


@dataclass
class Found:
    """What came of the mutations."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def hunt(case: Case, n: int, seed: int) -> Found:
    """Mutate the files of a case ``n`` times, one mutation at a time, and read them after each."""
    generator = random.Random(seed)  # noqa: S311 - mutations that can be made again
    whole = {path: path.read_bytes() for path in case.files}
    before = case.read()
    found = Found()
    for number in range(n):
        path = case.files[number % len(case.files)]
        name, content = mutated(whole[path], path.suffix, generator)
        path.write_bytes(content)
        verdict = _verdict(case, before)
        found.outcomes[verdict.split(":")[0]] += 1
        if verdict.startswith(("TRACEBACK", "SILENTLY WRONG", "LONG")):
            found.wrong.append(f"{path.name}, {name}, number {number}: {verdict}")
        for other, of_other in whole.items():  # also what the reader itself made again
            if not other.is_file() or other.read_bytes() != of_other:
                other.write_bytes(of_other)
    return found


def _verdict(case: Case, before: Any) -> str:
    try:
        result = case.read()
    except HearAudioMosaicError as error:
        if case.served:
            return f"TRACEBACK: {error}"
        return "refused" if len(str(error)) <= LONGEST_MESSAGE else f"LONG: {len(str(error))} letters"
    except BaseException as error:  # noqa: BLE001 - each is a finding
        return f"TRACEBACK: {type(error).__name__}: {str(error)[:200]}"
    if result == before:
        return "the same"
    if case.says is None:
        return "SILENTLY WRONG: it is not what was written"
    try:
        said = case.says()
    except Exception as error:  # noqa: BLE001 - the plain reading may fail as it likes
        return f"SILENTLY WRONG: a plain reading finds nothing ({type(error).__name__}: {str(error)[:200]})"
    return "what it says" if result == said else f"SILENTLY WRONG: {str(_first_difference(result, said))[:400]}"


def _first_difference(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return next(((name, _first_difference(one[name], other[name])) for name in one if one[name] != other[name]), ())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return next((_first_difference(a, b) for a, b in zip(one, other, strict=True) if a != b), ())
    return one, other


def mutated(content: bytes, suffix: str, generator: random.Random) -> tuple[str, bytes]:
    """One mutation of a file: its name, and the bytes. Of JSON, tables and archives two of three know their form."""
    of_form = {".json": _of_json, ".jsonl": _of_lines, ".npz": _of_archive, ".csv": _of_lines, ".yaml": _of_lines}
    if suffix in of_form and generator.random() < 2 / 3:
        try:
            return of_form[suffix](content, generator)
        except (ValueError, IndexError, KeyError):
            pass  # nothing of that form to be changed
    return _of_bytes(content, generator)


def _of_bytes(content: bytes, generator: random.Random) -> tuple[str, bytes]:
    a, b, c = sorted(generator.randrange(len(content) + 1) for _ in range(3))
    token = generator.choice(HOSTILE_TOKENS)
    ways: dict[str, Callable[[], bytes]] = {
        "bit": lambda: _flipped(content, generator),
        "cut": lambda: content[:a],
        "empty": lambda: b"",
        "twice": lambda: content + content,
        "doubled slice": lambda: content[:b] + content[a:],
        "lost slice": lambda: content[:a] + content[b:],
        "swapped slices": lambda: content[:a] + content[b:c] + content[a:b] + content[c:],
        "zeroed": lambda: content[:a] + bytes(min(64, b - a)) + content[a + min(64, b - a) :],
        "NUL": lambda: content[:a] + b"\0" + content[a:],
        "not UTF-8": lambda: content[:a] + b"\xff\xfe" + content[a:],
        "mark": lambda: b"\xef\xbb\xbf" + content,
        "UTF-16": lambda: content.decode("latin-1").encode("utf-16"),
        "token": lambda: content[:a] + token + content[a:],
        "number": lambda: _other_number(content, token, generator),
    }
    name = generator.choice(list(ways))
    return name, ways[name]()


def _flipped(content: bytes, generator: random.Random) -> bytes:
    changed = bytearray(content or b"\0")
    changed[generator.randrange(len(changed))] ^= 1 << generator.randrange(8)
    return bytes(changed)


def _other_number(content: bytes, token: bytes, generator: random.Random) -> bytes:
    numbers = list(re.finditer(rb"-?[0-9]+(?:\.[0-9]+)?", content))
    if not numbers:
        return content + token
    one = generator.choice(numbers)
    return content[: one.start()] + token + content[one.end() :]


def _of_lines(content: bytes, generator: random.Random) -> tuple[str, bytes]:
    lines = content.splitlines(keepends=True)
    i, j = generator.randrange(len(lines)), generator.randrange(len(lines))
    pieces = re.split(rb"([,:\s]+)", lines[i])
    k, m = generator.randrange(len(pieces)), generator.randrange(len(pieces))
    name = generator.choice(["line lost", "line twice", "lines swapped", "pieces swapped", "piece lost", "piece other"])
    if name == "line lost":
        del lines[i]
    elif name == "line twice":
        lines.insert(j, lines[i])
    elif name == "lines swapped":
        lines[i], lines[j] = lines[j], lines[i]
    else:
        if name == "pieces swapped":
            pieces[k], pieces[m] = pieces[m], pieces[k]
        else:
            pieces[k] = b"" if name == "piece lost" else generator.choice(HOSTILE_TOKENS)
        lines[i] = b"".join(pieces)
    return name, b"".join(lines)


def _of_json(content: bytes, generator: random.Random) -> tuple[str, bytes]:
    value = json.loads(content)
    holder, place = generator.choice(list(_places({"": value})))
    whole = holder if place == "" and isinstance(holder, dict) and holder.get("") is value else None
    name = generator.choice(["other value", "other value", "lost", "as text", "in a list", "deep", "renamed", "twice"])
    old = copy.deepcopy(holder[place])
    if name == "other value":
        holder[place] = generator.choice(HOSTILE_VALUES)
    elif name == "lost" and whole is None:
        del holder[place]
    elif name == "as text":
        holder[place] = str(old)
    elif name == "deep":
        for _ in range(100):
            old = [old]
        holder[place] = old
    elif name == "renamed" and isinstance(holder, dict) and whole is None:
        holder[generator.choice(["x", "", "__proto__", "\u202ename"])] = holder.pop(place)
    elif name == "twice" and isinstance(holder, dict) and whole is None:
        holder[_TWICE] = generator.choice(HOSTILE_VALUES)
        text = json.dumps(value)
        return name, text.replace(json.dumps(_TWICE), json.dumps(place)).encode()
    else:
        holder[place] = [old]
    return name, json.dumps(whole[""] if whole is not None else value).encode()


_TWICE = "the name that is to stand there twice"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a JSON value: what holds it, and under which name or index; of long lists the first few."""
    items = value.items() if isinstance(value, dict) else list(enumerate(value))[:8]
    for name, inner in items:
        yield value, name
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _of_archive(content: bytes, generator: random.Random) -> tuple[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [[entry.filename, archive.read(entry)] for entry in archive.infolist()]
    one = generator.choice(members)
    array = np.load(io.BytesIO(one[1]), allow_pickle=False)
    ways: dict[str, Callable[[], Any]] = {
        "member lost": lambda: members.remove(one),
        "member twice": lambda: members.append([one[0], generator.choice(members)[1]]),
        "member renamed": lambda: one.__setitem__(
            0, generator.choice(["x.npy", "../x.npy", "x" * 3000, "x/files.npy"])
        ),
        "member cut": lambda: one.__setitem__(1, one[1][: generator.randrange(len(one[1]))]),
        "member bit": lambda: one.__setitem__(1, _flipped(one[1], generator)),
        "member empty": lambda: one.__setitem__(1, b""),
        "member of objects": lambda: one.__setitem__(1, _objects()),
        "member huge": lambda: one.__setitem__(1, _header(f"({10**15},)") + b"\0" * 64),
        "header": lambda: one.__setitem__(
            1, _header(generator.choice(["(-1,)", "()", "x", "(2**70,)", "(1,) * 10**9"]))
        ),
        "other type": lambda: one.__setitem__(1, _npy(array.astype(generator.choice(["U3", "c8", "f2", "i1", "b1"])))),
        "other shape": lambda: one.__setitem__(1, _npy(array[..., None] if generator.random() < 0.5 else array[:-1])),
        "not finite": lambda: one.__setitem__(1, _npy(np.full_like(array, np.nan if array.dtype.kind == "f" else 0))),
    }
    name = generator.choice(list(ways))
    ways[name]()
    file = io.BytesIO()
    kind = generator.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", kind) as archive:
        warnings.simplefilter("ignore")  # of names that stand there twice
        for member, of_member in members:
            archive.writestr(zipfile.ZipInfo(member), of_member, compress_type=kind)
    return name, file.getvalue()


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _header(shape: str) -> bytes:
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def _objects() -> bytes:
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + pickle.dumps([print])
