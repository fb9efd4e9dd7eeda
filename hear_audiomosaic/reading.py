"""Reading a small file as what it should be, or saying in one sentence why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from hear_audiomosaic.errors import HearAudioMosaicError
from hear_audiomosaic.file_errors import described
from hear_audiomosaic.files import read_bytes
from hear_audiomosaic.parsing import faults
from hear_audiomosaic.printable import shortened

__all__ = ["read_file"]

T = TypeVar("T")


def read_file(path: Path, parse: Callable[[bytes], T], error: type[HearAudioMosaicError], what: str, cure: str) -> T:
    """Read and parse a file.

    Args:
        path: of the file.
        parse: what to make of its bytes; raises :class:`~hear_audiomosaic.parsing.UnreadableError`, another
            ``ValueError``, or what pydantic raises.
        error: to be raised.
        what: the file should be, for the message ("the labels of a split").
        cure: what to do, for the message ("make the embeddings again").

    Raises:
        error: the file cannot be read or is not what it should be.
    """
    try:
        return parse(read_bytes(path))
    except FileNotFoundError as missing:
        raise error(f"There is no {path}; expected {what}; {cure}.") from missing
    except ValidationError as cause:  # a ValueError, too
        raise error(f"{path} cannot be read as {what}: {faults(cause)}; {cure}.") from cause
    except OSError as cause:
        raise error(described(cause, "read", path)) from cause
    except (ValueError, MemoryError) as cause:
        raise error(f"{path} cannot be read as {what}: {shortened(cause, 600)}; {cure}.") from cause
