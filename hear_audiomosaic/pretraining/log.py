"""The log of a run: a CSV that grows row by row, and TensorBoard's events where it is installed."""

from __future__ import annotations

import contextlib
import csv
import importlib
import logging
import math
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import PretrainingError
from hear_audiomosaic.file_errors import described, file_errors
from hear_audiomosaic.files import write_text
from hear_audiomosaic.parsing import UnreadableError, parse_text
from hear_audiomosaic.reading import read_file

__all__ = ["RunLog"]

_log = logging.getLogger(__name__)


class RunLog:
    """Rows by step. A run that resumes at an earlier step drops the rows after it.

    Args:
        folder: of the run; the CSV is ``log.csv``.
        step: steps that are done.

    Attributes:
        seconds: that the run had taken by the last row that stays; 0 for a new run.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / "log.csv"
        kept = [row for row in self._rows() if int(row["step"]) <= step]
        self._columns = list(kept[0]) if kept else None
        self.seconds = float(kept[-1].get("seconds") or 0.0) if kept else 0.0
        if kept:  # rewritten also when all rows stay: a kill can have left half a row behind them
            lines = [list(kept[0]), *(list(row.values()) for row in kept)]
            write_text(self.path, "".join(",".join(line) + "\n" for line in lines))
        else:
            with file_errors("removed", self.path):
                self.path.unlink(missing_ok=True)
        self._board: Any = None
        with self._beside():
            self._board = _tensorboard(folder, step)

    def write(self, row: Mapping[str, float]) -> None:
        """Add a row; the first one fixes the columns, "step" in front. NaN leaves its field empty."""
        new = self._columns is None
        if self._columns is None:
            self._columns = list(row)
        with file_errors("written", self.path), self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            if new:
                writer.writerow(self._columns)
            writer.writerow([_text(row.get(name)) for name in self._columns])
        for name, value in row.items():
            with self._beside():
                if self._board is not None and name != "step" and not math.isnan(value):
                    self._board.add_scalar(name, value, int(row["step"]))

    def flush(self) -> None:
        """Have all rows on the disk, before a checkpoint says that their steps are done."""
        with file_errors("written", self.path):
            if self.path.is_file():
                with self.path.open("r+b") as file:
                    os.fsync(file.fileno())

    def last(self) -> dict[str, float]:
        """The values of the last row; empty if there is none."""
        rows = self._rows()
        return {name: float(value) for name, value in rows[-1].items() if value} if rows else {}

    def close(self) -> None:
        """Finish TensorBoard's file."""
        with self._beside():
            if self._board is not None:
                self._board.close()

    @contextlib.contextmanager
    def _beside(self) -> Iterator[None]:
        """Go on without TensorBoard's file where that cannot be written: the CSV is the log."""
        try:
            yield
        except OSError as error:
            self._board = None
            _log.warning("%s", described(error, "written", self.path.with_name("tensorboard")))

    def _rows(self) -> list[dict[str, str]]:
        if not self.path.is_file():
            return []
        return read_file(self.path, _rows, PretrainingError, "the log of a run", "move it away")


def _rows(content: bytes) -> list[dict[str, str]]:
    """The whole rows of a log. What stands behind the last line feed was cut short by a kill.

    Raises:
        UnreadableError: it is no table of numbers with a column "step".
    """
    text = parse_text(content)
    if '"' in text or "\r" in text:
        raise UnreadableError("it holds quotes or carriage returns, which no log has")
    lines = text.split("\n")[:-1]
    names = lines[0].split(",") if lines else []
    if lines and ("step" not in names or len(set(names)) != len(names)):
        raise UnreadableError("its first line does not name the columns, step among them")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        row = dict(zip(names, line.split(","), strict=False))
        try:
            _ = int(row["step"]), [float(value) for value in row.values() if value]
            whole = line.count(",") == len(names) - 1
        except (KeyError, ValueError):
            whole = False
        if not whole:
            raise UnreadableError(f"line {number} is no row of {len(names)} numbers")
        rows.append(row)
    return rows


def _text(value: float | None) -> str:
    if value is None or math.isnan(value):
        return ""
    return f"{value:d}" if isinstance(value, int) else f"{value:.9g}"


def _without_tensorboard(raised: threading.ExceptHookArgs) -> None:
    """A disk that refuses TensorBoard's thread is told where its file is written to; all else as ever."""
    of_tensorboard = type(raised.thread).__module__.startswith("tensorboard")
    if not (of_tensorboard and isinstance(raised.exc_value, OSError)):
        threading.__excepthook__(raised)


def _tensorboard(folder: Path, step: int) -> Any:
    try:
        module = importlib.import_module("torch.utils.tensorboard")
    except ImportError:
        return None
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _without_tensorboard
    return module.SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)
