"""Audio and labels of a data set that TensorFlow Datasets wrote, read without TensorFlow.

A folder ``<name>/<version>`` holds ``features.json``, ``label.labels.txt`` (a name per line; its place is the label)
and ``<name>-<split>.tfrecord-<i>-of-<n>``. A TFRecord file is a chain of records: length (8 bytes, little endian), its
checksum (4), content, checksum (4). The content is a ``tf.train.Example`` (protocol buffer): feature name -> list of
bytes, floats or integers. The checksums (CRC-32C) are not verified; lengths are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.audio.pcm16 import Int16
from hear_audiomosaic.errors import TaskError

__all__ = ["TfdsExample", "label_names", "sample_rate", "split_examples"]

_SPLIT_NAMES = {"train": "train", "valid": "validation", "test": "test"}
_LENGTH, _BYTES = 2, 0  # wire types: a field with a length, a number
_FEATURES, _FEATURE = 1, 1
_FLOATS, _INTEGERS = 2, 3

TfdsExample = tuple[str, Int16, int]
"""Identity ("crema_d-train.tfrecord-00000-of-00016__12"), int16 (S,), label."""


def label_names(folder: Path) -> list[str]:
    """Label -> name."""
    return (folder / "label.labels.txt").read_text(encoding="utf-8").split("\n")[:-1]


def sample_rate(folder: Path) -> int:
    """Of the feature ``audio``, in Hz; both forms of ``features.json`` are understood.

    Raises:
        TaskError: it is not said.
    """
    said = re.search(r'sample_?[rR]ate\\?"\s*:\s*\\?"?(\d+)', (folder / "features.json").read_text(encoding="utf-8"))
    if said is None:
        raise TaskError(f"{folder / 'features.json'} does not say the sample rate of the audio")
    return int(said[1])


def split_examples(folder: Path, name: str, split: str) -> Iterator[TfdsExample]:
    """All examples of a split ("train", "valid", "test"), file after file.

    Raises:
        TaskError: a file is missing, cut short, or holds something else.
    """
    files = sorted(folder.glob(f"{name}-{_SPLIT_NAMES[split]}.tfrecord-*-of-*"))
    n_expected = int(files[0].name.rpartition("-of-")[2]) if files else 1
    if len(files) != n_expected:
        raise TaskError(f"{folder} has {len(files)} of {n_expected} files {name}-{_SPLIT_NAMES[split]}.tfrecord-...")
    for path in files:
        for number, record in enumerate(_records(path)):
            try:
                features = _features(record)
                yield f"{path.name}__{number}", _audio(features["audio"]), int(_integers(features["label"])[0])
            except (KeyError, IndexError, ValueError) as error:
                raise TaskError(f"{path}: record {number} is not audio with a label ({error!r})") from error


def _records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while head := file.read(12):
            length = int.from_bytes(head[:8], "little")
            content = file.read(length + 4) if len(head) == 12 and length < path.stat().st_size else b""
            if len(content) != length + 4:
                raise TaskError(f"{path} is cut short; let TensorFlow Datasets prepare the data set again")
            yield content[:-4]


def _features(record: bytes) -> dict[str, dict[int, bytes]]:
    """Feature name -> kind of list -> its content, of an Example."""
    found = {}
    for number, features in _fields(record):
        for inner, entry in _fields(features) if number == _FEATURES else ():
            if inner == _FEATURE:
                parts = dict(_fields(entry))
                found[parts[1].decode("utf-8")] = dict(_fields(parts.get(2, b"")))
    return found


def _audio(feature: dict[int, bytes]) -> Int16:
    """Integers as they are; floats are scaled and rounded as ffmpeg does."""
    if _FLOATS in feature:
        floats = np.frombuffer(dict(_fields(feature[_FLOATS]))[1], "<f4").astype(np.float64)
        values = np.clip(np.rint(floats * 32768), -32768, 32767).astype(np.int64)
    else:
        values = _integers(feature)
    if values.size and (values.max() > 32767 or values.min() < -32768):
        raise ValueError(f"samples up to {np.abs(values).max()}, expected 16 bits")
    return values.astype(np.int16)


def _integers(feature: dict[int, bytes]) -> npt.NDArray[np.int64]:
    return _varints(dict(_fields(feature[_INTEGERS])).get(1, b""))


def _varints(packed: bytes) -> npt.NDArray[np.int64]:
    """Numbers of seven bits a byte, lowest first, the eighth set but in the last; negative ones have ten bytes."""
    octets = np.frombuffer(packed, np.uint8)
    ends = np.flatnonzero(octets < 128)
    if len(octets) == 0 or len(ends) == 0 or ends[-1] != len(octets) - 1:
        raise ValueError("a number without an end")
    starts = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(octets)) - np.repeat(starts, ends - starts + 1)
    parts = (octets & 127).astype(np.uint64) << (7 * place).astype(np.uint64)
    return np.add.reduceat(parts, starts).astype(np.int64)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of every field of a message; unpacked numbers come as their own bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _BYTES:
            _, end = _varint(message, at)
            yield key >> 3, message[at:end]
        elif kind == _LENGTH:
            length, at = _varint(message, at)
            end = at + length
            if end > len(message):
                raise ValueError("a field beyond the end")
            yield key >> 3, message[at:end]
        else:
            raise ValueError(f"wire type {kind}")
        at = end


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = shift = 0
    while True:
        octet = message[at]
        value |= (octet & 127) << shift
        at += 1
        shift += 7
        if octet < 128:
            return value, at
