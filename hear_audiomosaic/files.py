"""Files: atomic writing, so that a reader never sees half of one; JSON; digests."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from hear_audiomosaic.parsing import parse_json

__all__ = ["read_json", "sha256_of_file", "sha256_of_json", "write_bytes", "write_json", "write_text"]


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically: the old file or the new one, never a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text to ``path`` atomically."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Any, indent: int | None = 2) -> None:
    """Write ``content`` as strict JSON (no bare NaN or Infinity) to ``path`` atomically."""
    write_text(path, json.dumps(content, indent=indent, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file of ours, or one that should be.

    Raises:
        OSError: it cannot be read.
        UnreadableError: a ``ValueError``: it is not JSON within bounds (:func:`~hear_audiomosaic.parsing.parse_json`).
    """
    return parse_json(path.read_bytes())


def sha256_of_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_json(content: Any) -> str:
    """Hexadecimal SHA-256 of ``content`` as canonical JSON (sorted keys, no spaces)."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()
