"""Progress bars: on a terminal only, on stderr, one look everywhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TypeVar

from hear_audiomosaic.printable import printable

T = TypeVar("T")

__all__ = ["progress", "progress_bar"]


def progress_bar(total: float | None, description: str, unit: str = "it") -> Any:
    """Return a ``tqdm`` bar to be updated by hand; silent when stderr is not a terminal."""
    from tqdm import tqdm

    description = printable(description)
    return tqdm(total=total, desc=description, unit=unit, file=sys.stderr, disable=not sys.stderr.isatty(), leave=False)


def progress(items: Iterable[T], description: str, total: int | None = None, unit: str = "it") -> Iterator[T]:
    """Iterate over ``items`` behind a bar; silent when stderr is not a terminal."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with progress_bar(total, description, unit) as bar:
        for item in items:
            yield item
            bar.update()
