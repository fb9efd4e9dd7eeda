"""Tasks with fixed splits out of folders whose metadata have folds, splits or groups of their own."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import write_text
from hear_audiomosaic.tasks import PreparedTask
from hear_audiomosaic.tasks.prepare import prepare_folder
from hear_audiomosaic.tasks.splits import grouped_folds

__all__ = ["FixedSplit", "Row", "prepare_fixed", "read_rows"]

Row = Mapping[str, str]
_SHARED_GROUPS = ("refuse", "leave_out", "keep")
_STRICTER_FIRST = ("test", "valid", "train")


@dataclass(frozen=True)
class FixedSplit:
    """Which clips of a set train, select and test in a task.

    Attributes:
        spec: as in the recipe, see :meth:`read`.
        source: the set's folder.
        rows: of its ``metadata.csv``.
        split_of: file -> train, valid or test; files that are left out are missing.
    """

    spec: Mapping[str, Any]
    source: Path
    rows: tuple[Row, ...]
    split_of: Mapping[str, str]

    @classmethod
    def read(cls, data_dir: Path, spec: Mapping[str, Any]) -> FixedSplit:
        """Split a set as a task's entry in the recipe says.

        Args:
            data_dir: holds the set's folder, with ``metadata.csv``.
            spec: ``name``, ``set``, ``label``; ``column``, ``test`` and ``valid``: the column's values whose clips test
                and select, all others train; ``separator`` where clips have several labels. ``group`` is the column of
                what belongs together. With ``folds`` (and no ``column``) the groups are cut into so many new folds,
                balanced in the columns of ``balance``, and ``test`` and ``valid`` name two of them (``fold00``, ...).
                ``shared_groups`` says what to do where a group is in two splits: ``refuse`` (unless said otherwise),
                ``leave_out`` (train gives way to valid, and both to test) or ``keep``. ``only`` (column -> values)
                leaves out the clips that have other values, after all has been split.

        Raises:
            TaskError: the set is missing or has no such column, or the entry is wrong.
        """
        source = data_dir / spec["set"]
        rows = read_rows(source, TaskError)
        balance, group = list(spec.get("balance", ())), spec.get("group", "")
        only = {column: {str(value) for value in values} for column, values in spec.get("only", {}).items()}
        needed = {
            spec["label"],
            *only,
            *balance,
            *([group] if group else []),
            *([] if "folds" in spec else [spec["column"]]),
        }
        if rows and (missing := needed - set(rows[0])):
            raise TaskError(
                f"{source / 'metadata.csv'} has no column {', '.join(sorted(missing))}; it has {', '.join(rows[0])}."
            )
        if (policy := spec.get("shared_groups", "refuse")) not in _SHARED_GROUPS:
            raise TaskError(
                f"Task {spec['name']}: shared_groups = {policy!r}; expected one of {', '.join(_SHARED_GROUPS)}."
            )
        if "folds" in spec:
            labels = {row["filename"]: [f"{column}={row[column]}" for column in balance] for row in rows}
            cut = grouped_folds({row["filename"]: row[group] for row in rows}, labels, spec["folds"])
            value_of = {file: fold for fold, files in cut.items() for file in files}
        else:
            value_of = {row["filename"]: row[spec["column"]] for row in rows}
        names = {str(value): split for split in ("test", "valid") for value in spec[split]}
        left_out = {row["filename"] for row in rows if any(row[column] not in only[column] for column in only)}
        split_of = {file: names.get(value, "train") for file, value in value_of.items() if file not in left_out}
        if group and policy == "leave_out":
            split_of = _without_torn(split_of, {row["filename"]: row[group] for row in rows})
        return cls(spec, source, rows, split_of)

    @property
    def test(self) -> list[str]:
        """Files of the test split."""
        return [file for file, split in self.split_of.items() if split == "test"]

    @property
    def groups_apart(self) -> bool:
        """Whether what trains and what is tested have no group in common: known groups, and not declared shared."""
        return bool(self.spec.get("group")) and self.spec.get("shared_groups") != "keep"

    @property
    def test_groups(self) -> set[str]:
        """Groups that nothing but the test split may hold; none where groups are unknown or declared shared."""
        tested = set(self.test)
        return (
            {row[self.spec["group"]] for row in self.rows if row["filename"] in tested} if self.groups_apart else set()
        )


def read_rows(folder: Path, error: type[Exception]) -> tuple[Row, ...]:
    """Rows of a set's ``metadata.csv``; raises ``error`` if it is missing."""
    path = folder / "metadata.csv"
    if not path.is_file():
        raise error(f"There is no {path}; expected the set's folder with its metadata.csv and recordings.")
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def prepare_fixed(
    split: FixedSplit, work: Path, tasks_dir: Path, left_out: Collection[str] = (), *, overwrite: bool = False
) -> PreparedTask:
    """Prepare a task with fixed splits.

    Args:
        split: of its clips.
        work: where the metadata with the splits are written, beside a link to the recordings.
        tasks_dir: folder of prepared tasks.
        left_out: files that go out of train and valid, such as those that hold the sound of a test clip.
        overwrite: replace a task of that name that was prepared from other splits.

    Raises:
        TaskError: a group is in two splits, and the entry does not say ``shared_groups``.
    """
    spec, group = split.spec, split.spec.get("group")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["filename", "label", "split", *(["group"] if group else [])])
    for row in split.rows:
        name = row["filename"]
        part = split.split_of.get(name)
        if part is not None and (part == "test" or name not in left_out):
            writer.writerow([name, row[spec["label"]], part, *([row[group]] if group else [])])
    folder = work / spec["name"]
    write_text(folder / "metadata.csv", text.getvalue())
    for child in split.source.iterdir():
        link = folder / child.name
        if child.is_dir() and not link.is_symlink():
            with file_errors("made", link):
                link.symlink_to(os.path.relpath(child.resolve(), folder.resolve()), target_is_directory=True)
    return prepare_folder(
        folder,
        spec["name"],
        label_column="label",
        split_column="split",
        group_column="group" if split.groups_apart else None,
        separator=spec.get("separator"),
        tasks_dir=tasks_dir,
        overwrite=overwrite,
    )


def _without_torn(split_of: Mapping[str, str], group_of: Mapping[str, str]) -> dict[str, str]:
    """The clips of a group that is in several splits stay in the first of test, valid, train only."""
    stays = {group_of[file]: part for part in reversed(_STRICTER_FIRST) for file, s in split_of.items() if s == part}
    return {file: part for file, part in split_of.items() if stays[group_of[file]] == part}
