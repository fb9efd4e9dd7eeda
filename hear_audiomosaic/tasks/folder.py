"""A folder of recordings with a table, read and checked before any audio is decoded.

``metadata.csv`` has a column ``filename`` (relative to the folder) and one row per clip; an event task has a second
table with ``filename``, ``onset_s``, ``offset_s`` and a label per row. Cells are text: "01" and "NA" are labels like
any other.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.file_errors import described
from hear_audiomosaic.files import read_text
from hear_audiomosaic.paths import plain_name_fault
from hear_audiomosaic.tasks.assignment import SplitAssignment, assign_splits, check_labels
from hear_audiomosaic.tasks.layout import sort_labels

__all__ = ["Clip", "FolderPlan", "FolderRecipe", "Table", "flat_names", "parse_where", "read_folder", "read_table"]

Row: TypeAlias = dict[str, str]


@dataclass(frozen=True)
class FolderRecipe:
    """How the tables are to be understood; the arguments of :func:`~hear_audiomosaic.tasks.prepare.prepare_folder`."""

    label_column: str | None = None
    split_column: str | None = None
    fold_column: str | None = None
    group_column: str | None = None
    folds: int | None = None
    separator: str | None = None
    events_file: str | None = None
    where: tuple[tuple[str, str], ...] = ()
    hold_out_valid: bool = False
    allow_untrained_labels: bool = False


@dataclass(frozen=True)
class Clip:
    """One clip of a new task: ``labels`` are strings, or for events ``{label, start, end}`` in ms."""

    source: str
    file: str
    split: str
    labels: tuple[Any, ...]
    group: str | None


@dataclass(frozen=True)
class FolderPlan:
    """What the tables say, in the order of ``metadata.csv``."""

    clips: tuple[Clip, ...]
    assignment: SplitAssignment
    vocabulary: tuple[str, ...]
    embedding_type: Literal["scene", "event"]
    prediction_type: Literal["multiclass", "multilabel"]


@dataclass(frozen=True)
class Table:
    """A CSV file as text; ``lines`` are the line numbers of the rows."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    lines: tuple[int, ...]

    def need(self, column: str, option: str) -> None:
        """Raise a TaskError unless the table has the column that ``option`` names."""
        if column not in self.columns:
            raise TaskError(
                f"{self.path} has no column '{column}' ({option}); its columns are: {', '.join(self.columns)}"
            )

    def only(self, column: str, values: Iterable[str]) -> Table:
        """The rows whose cell of ``column`` is one of ``values``.

        Raises:
            TaskError: no row is left.
        """
        wanted = set(values)
        kept = [(row, line) for row, line in zip(self.rows, self.lines, strict=True) if row[column] in wanted]
        if not kept:
            there = sorted({row[column] for row in self.rows})
            raise TaskError(
                f"{self.path}: no row has {column}={' or '.join(sorted(wanted))} (--where); "
                f"its values are: {', '.join(there[:20])}{', ...' if len(there) > 20 else ''}"
            )
        return Table(self.path, self.columns, tuple(row for row, _ in kept), tuple(line for _, line in kept))


def read_table(path: Path) -> Table:
    """Read a CSV file with a header, every cell as text.

    Raises:
        TaskError: missing, not UTF-8, a repeated column, a row of another length, or no row.
    """
    rows: list[Row] = []
    lines: list[int] = []
    try:
        with io.StringIO(read_text(path, "utf-8-sig"), newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = next(reader, [])
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(columns):
                    raise TaskError(f"{path}, line {reader.line_num}: {len(cells)} cells, but {len(columns)} columns")
                rows.append(dict(zip(columns, cells, strict=True)))
                lines.append(reader.line_num)
    except FileNotFoundError as error:
        raise TaskError(f"There is no {path}; expected a CSV table with a column 'filename'") from error
    except OSError as error:
        raise TaskError(described(error, "read", path)) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TaskError(f"Cannot read {path} as a UTF-8 CSV table: {error}") from error
    twice = [column for column, times in Counter(columns).items() if times > 1]
    if twice:
        raise TaskError(f"{path} has the column '{twice[0]}' more than once")
    if not rows:
        raise TaskError(f"{path} has no row")
    return Table(path, tuple(columns), tuple(rows), tuple(lines))


def parse_where(where: Sequence[str] | Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """``COLUMN=VALUE`` conditions as pairs.

    Raises:
        TaskError: a condition has no equals sign.
    """
    if isinstance(where, Mapping):
        return tuple(where.items())
    pairs = []
    for condition in where:
        column, equals, value = condition.partition("=")
        if not equals or not column:
            raise TaskError(f"--where expects COLUMN=VALUE, found '{condition}'")
        pairs.append((column, value))
    return tuple(pairs)


def read_folder(source_dir: Path, recipe: FolderRecipe) -> FolderPlan:
    """Read the tables of a folder and decide everything that needs no audio.

    Raises:
        TaskError: whatever is wrong with the tables: a missing column, file or label, a clip or an event twice,
            times that make no event, splits without a clip, a group in two splits, a label that is never trained.
    """
    metadata = read_table(source_dir / "metadata.csv")
    metadata.need("filename", "every table needs it")
    events = None if recipe.events_file is None else _events_table(source_dir, recipe)
    all_files = {row["filename"] for row in metadata.rows}
    metadata, events = _filtered(metadata, events, recipe.where)
    _check_files(metadata, source_dir)
    names = [row["filename"] for row in metadata.rows]
    if events is None:
        labels = _scene_labels(metadata, recipe)
        prediction_type: Literal["multiclass", "multilabel"] = (
            "multiclass" if recipe.separator is None else "multilabel"
        )
    else:
        labels = _event_labels(events, recipe.label_column or "label", names, all_files)
        prediction_type = "multilabel"
    plain = {name: tuple(item if events is None else item["label"] for item in labels[name]) for name in names}
    groups = _groups(metadata, recipe.group_column)
    for column, option in ((recipe.split_column, "--split"), (recipe.fold_column, "--fold")):
        if column is not None:
            metadata.need(column, option)
    assignment = assign_splits(
        metadata.rows,
        plain,
        groups,
        recipe.split_column,
        recipe.fold_column,
        recipe.folds,
        hold_out_valid=recipe.hold_out_valid,
        groups_are_binding=recipe.group_column is not None,
    )
    vocabulary = sort_labels(label for values in plain.values() for label in values)
    if not vocabulary:
        raise TaskError(f"{metadata.path}: no clip has a label")
    check_labels(assignment, plain, vocabulary, strict=events is None and not recipe.allow_untrained_labels)
    flat = flat_names(names)
    clips = tuple(
        Clip(name, flat[name], assignment.split_of[name], tuple(labels[name]), groups.get(name) if groups else None)
        for name in names
    )
    return FolderPlan(clips, assignment, vocabulary, "scene" if events is None else "event", prediction_type)


def flat_names(sources: Sequence[str]) -> dict[str, str]:
    """A WAV file name for each source path, unique also where upper and lower case are one.

    The stem of the path if no other path has it; else the whole path joined by underscores; else that with eight
    digits of the path's SHA-256. The name does not depend on the order of the paths.
    """

    def stem(source: str) -> str:
        return PurePosixPath(source).stem

    def joined(source: str) -> str:
        path = PurePosixPath(source)
        return "_".join([*path.parts[:-1], path.stem])

    def hashed(source: str) -> str:
        return f"{joined(source)}-{hashlib.sha256(source.encode('utf-8')).hexdigest()[:8]}"

    names: dict[str, str] = {}
    open_cases = list(sources)
    for naming in (stem, joined, hashed):
        times = Counter(naming(source).casefold() for source in open_cases)
        times.update(name.casefold() for name in names.values())
        for source in open_cases:
            if times[naming(source).casefold()] == 1 or naming is hashed:
                names[source] = naming(source)
        open_cases = [source for source in open_cases if source not in names]
    return {source: f"{names[source]}.wav" for source in sources}


def _events_table(source_dir: Path, recipe: FolderRecipe) -> Table:
    """The table of events; a relative path is looked for in the source folder."""
    events = read_table(source_dir / str(recipe.events_file))
    for column in ("filename", "onset_s", "offset_s"):
        events.need(column, "every event table needs it")
    events.need(recipe.label_column or "label", "--label")
    if recipe.separator is not None:
        raise TaskError("--separator is for clips with several labels; an event has one label and a row of its own")
    return events


def _filtered(metadata: Table, events: Table | None, where: Iterable[tuple[str, str]]) -> tuple[Table, Table | None]:
    """Apply the conditions: on one column any of its values, on several columns all of them."""
    wanted: dict[str, list[str]] = {}
    for column, value in where:
        wanted.setdefault(column, []).append(value)
    for column, values in wanted.items():
        if events is not None and column in events.columns:
            events = events.only(column, values)
        else:
            metadata.need(column, "--where" if events is None else f"--where; nor has {events.path.name}")
            metadata = metadata.only(column, values)
    return metadata, events


def _check_files(metadata: Table, source_dir: Path) -> None:
    seen: dict[PurePosixPath, tuple[str, int]] = {}
    missing = []
    for row, line in zip(metadata.rows, metadata.lines, strict=True):
        name = row["filename"]
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts:
            raise TaskError(f"{metadata.path}, line {line}: '{name}' is not a file name relative to the folder")
        for part in path.parts:
            if fault := plain_name_fault(part, "recording's name"):
                raise TaskError(f"{metadata.path}, line {line}: {fault}")
        first, line_of_first = seen.setdefault(path, (name, line))
        if line_of_first != line:
            again = "" if first == name else f" (as '{first}')"
            raise TaskError(
                f"{metadata.path}: '{name}' stands in lines {line_of_first}{again} and {line}; a clip has one row"
            )
        if not (source_dir / name).is_file():
            missing.append(f"'{name}' (line {line})")
    if missing:
        raise TaskError(
            f"{metadata.path}: {len(missing)} recordings are not in {source_dir}: {', '.join(missing[:5])}"
            f"{', ...' if len(missing) > 5 else ''}; put them there or remove their rows"
        )


def _scene_labels(metadata: Table, recipe: FolderRecipe) -> dict[str, list[Any]]:
    column = recipe.label_column
    if column is None:
        raise TaskError(
            f"Which column of {metadata.path} is the label (--label)? There are: {', '.join(metadata.columns)}"
        )
    metadata.need(column, "--label")
    labels: dict[str, list[Any]] = {}
    for row, line in zip(metadata.rows, metadata.lines, strict=True):
        cell = row[column].strip()
        if recipe.separator is not None:
            parts = (part.strip() for part in cell.split(recipe.separator))
            labels[row["filename"]] = list(dict.fromkeys(part for part in parts if part))
        elif cell:
            labels[row["filename"]] = [cell]
        else:
            raise TaskError(
                f"{metadata.path}, line {line}: '{row['filename']}' has an empty {column}; "
                "label it, remove the row, or give --separator if clips may have no label"
            )
    return labels


def _event_labels(
    events: Table, label_column: str, names: Sequence[str], all_files: set[str]
) -> dict[str, list[dict[str, Any]]]:
    """File -> its events in ms, sorted by start; an empty list for a file without."""
    labels: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    seen: dict[tuple[str, str, float, float], int] = {}
    for row, line in zip(events.rows, events.lines, strict=True):
        where = f"{events.path}, line {line}"
        name, label = row["filename"], row[label_column].strip()
        if name not in all_files:
            raise TaskError(f"{where}: '{name}' has no row in metadata.csv")
        if not label:
            raise TaskError(f"{where}: the event of '{name}' has an empty {label_column}")
        start, end = _milliseconds(row["onset_s"], where), _milliseconds(row["offset_s"], where)
        if not 0 <= start <= end:
            raise TaskError(
                f"{where}: '{label}' in '{name}' lasts from {row['onset_s']} s to {row['offset_s']} s; "
                "expected 0 <= onset_s <= offset_s"
            )
        if (name, label, start, end) in seen:
            raise TaskError(
                f"{where}: the same event as in line {seen[name, label, start, end]}; remove one of the two"
            )
        seen[name, label, start, end] = line
        if name in labels:
            labels[name].append({"label": label, "start": start, "end": end})
    for of_file in labels.values():
        of_file.sort(key=lambda event: (event["start"], event["end"], event["label"]))
    return labels


def _milliseconds(cell: str, where: str) -> float:
    """Seconds as text -> ms, rounded to a microsecond."""
    try:
        seconds = float(cell)
    except ValueError as error:
        raise TaskError(f"{where}: '{cell}' is not a number of seconds") from error
    if not math.isfinite(seconds):
        raise TaskError(f"{where}: '{cell}' is not a finite number of seconds")
    return round(seconds * 1000.0, 3)


def _groups(metadata: Table, column: str | None) -> dict[str, str]:
    """File -> group: of the named column, else of a column called ``group`` if every row has one, else none."""
    if column is not None:
        metadata.need(column, "--group")
        for row, line in zip(metadata.rows, metadata.lines, strict=True):
            if not row[column].strip():
                raise TaskError(f"{metadata.path}, line {line}: '{row['filename']}' has an empty {column} (--group)")
    elif "group" in metadata.columns and all(row["group"].strip() for row in metadata.rows):
        column = "group"
    return {} if column is None else {row["filename"]: row[column].strip() for row in metadata.rows}
