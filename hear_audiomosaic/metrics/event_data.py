"""Sound events as arrays, and to and from HEAR's lists of dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import MetricError

__all__ = ["Events"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Events:
    """Sound events of several files, one array per property.

    Attributes:
        file: (E,) int64, index of the file.
        label: (E,) int64, index of the class.
        start_ms: (E,) float64, onset in milliseconds from the beginning of the file.
        end_ms: (E,) float64, offset in milliseconds, not before the onset.

    Raises:
        MetricError: the arrays are not 1-D and of one length, or an index is not an integer.
    """

    file: Integers
    label: Integers
    start_ms: Floats
    end_ms: Floats

    def __post_init__(self) -> None:
        for name, dtype in (("file", np.int64), ("label", np.int64), ("start_ms", np.float64), ("end_ms", np.float64)):
            values = np.asarray(getattr(self, name))
            kinds = "iu" if dtype is np.int64 else "iuf"
            if values.ndim != 1 or (values.size and values.dtype.kind not in kinds):
                wanted = "integers" if dtype is np.int64 else "numbers"
                raise MetricError(f"Events.{name}: expected (E,) {wanted}, found {values.shape} {values.dtype}.")
            object.__setattr__(self, name, values.astype(dtype, copy=False))
        lengths = {"file": len(self.file), "label": len(self.label), "start_ms": len(self.start_ms)}
        if any(length != len(self.end_ms) for length in lengths.values()):
            raise MetricError(f"Events: expected arrays of one length, found {lengths | {'end_ms': len(self.end_ms)}}.")

    def __len__(self) -> int:
        """Number of events E."""
        return len(self.file)

    @classmethod
    def from_lists(
        cls, by_file: Mapping[str, Sequence[Mapping[str, Any]]], files: Sequence[str], vocabulary: Sequence[str]
    ) -> Events:
        """Read HEAR's lists of ``{"label", "start", "end"}``.

        Args:
            by_file: file name -> its events; times in milliseconds, labels of any type (compared as ``str(label)``).
            files: the files to score; an event's file index points here. Other files of ``by_file`` are ignored, a file
                that ``by_file`` lacks has no events.
            vocabulary: the classes; an event's label index points here.

        Returns:
            The events, file by file in the order of ``files``, within a file in the order given.

        Raises:
            MetricError: a name occurs twice in ``files`` or ``vocabulary``, an event lacks a field, has a time that is
                not a number, or a label that is not in the vocabulary.
        """
        label_index = _index(vocabulary, "vocabulary")
        rows: list[tuple[int, int, float, float]] = []
        for file, file_index in _index(files, "files").items():
            for event in by_file.get(file, ()):
                try:
                    row = (file_index, label_index[str(event["label"])], float(event["start"]), float(event["end"]))
                except (KeyError, TypeError, ValueError) as error:
                    raise MetricError(
                        f"event {event!r} of {file!r}: expected label (one of the {len(label_index)} classes of the "
                        f"vocabulary), start and end in milliseconds; check the labels and the vocabulary."
                    ) from error
                rows.append(row)
        file_column, label_column, start, end = zip(*rows, strict=True) if rows else ((), (), (), ())
        return cls(
            np.array(file_column, dtype=np.int64),
            np.array(label_column, dtype=np.int64),
            np.array(start, dtype=np.float64),
            np.array(end, dtype=np.float64),
        )

    def to_lists(self, files: Sequence[str], vocabulary: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """Write HEAR's lists of ``{"label", "start", "end"}``, times in milliseconds.

        Args:
            files: file names by index; each gets a list, which may be empty.
            vocabulary: class names by index.

        Returns:
            File name -> its events, in the order of the arrays.

        Raises:
            MetricError: an index points outside of ``files`` or ``vocabulary``.
        """
        for name, indices, names in (("file", self.file, files), ("label", self.label, vocabulary)):
            if len(self) and not 0 <= int(indices.min()) <= int(indices.max()) < len(names):
                raise MetricError(
                    f"Events.{name}: expected indices 0 .. {len(names) - 1}, found {indices.min()} .. {indices.max()}."
                )
        by_file: dict[str, list[dict[str, Any]]] = {file: [] for file in files}
        columns = (self.file.tolist(), self.label.tolist(), self.start_ms.tolist(), self.end_ms.tolist())
        for file, label, start, end in zip(*columns, strict=True):
            by_file[files[file]].append({"label": vocabulary[label], "start": start, "end": end})
        return by_file


def _index(names: Sequence[str], what: str) -> dict[str, int]:
    """Name -> position, or an error if a name occurs twice."""
    index = {str(name): position for position, name in enumerate(names)}
    if len(index) != len(names):
        raise MetricError(f"{what}: expected distinct names, found {len(names)} names of which {len(index)} differ.")
    return index
