"""Tasks with fixed splits out of folders whose metadata have folds or splits of their own."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.files import write_text
from hear_audiomosaic.tasks import PreparedTask
from hear_audiomosaic.tasks.prepare import prepare_folder

__all__ = ["prepare_fixed"]


def prepare_fixed(data_dir: Path, spec: Mapping[str, Any], work: Path, tasks_dir: Path) -> PreparedTask:
    """Prepare a task whose test and validation clips a column's values name; all other clips train.

    Args:
        data_dir: holds the set's folder, with ``metadata.csv``.
        spec: ``name``, ``set``, ``label``, ``column``, ``test`` and ``valid`` (values of the column), and
            ``separator`` where clips have several labels; ``group`` is the column of what belongs together, if there is
            one.
        work: where the metadata with the splits are written, beside a link to the recordings.
        tasks_dir: folder of prepared tasks.

    Raises:
        TaskError: the set is missing or has no such column.
    """
    source = data_dir / spec["set"]
    path = source / "metadata.csv"
    if not path.is_file():
        raise TaskError(f"There is no {path}; expected the set's folder with its metadata.csv and recordings.")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if rows and (missing := {spec["column"], spec["label"]} - set(rows[0])):
        raise TaskError(f"{path} has no column {', '.join(sorted(missing))}; it has {', '.join(rows[0])}.")
    names = {str(value): split for split in ("test", "valid") for value in spec[split]}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    group = spec.get("group")
    writer.writerow(["filename", "label", "split", *(["group"] if group else [])])
    for row in rows:
        split = names.get(row[spec["column"]], "train")
        writer.writerow([row["filename"], row[spec["label"]], split, *([row[group]] if group else [])])
    folder = work / spec["name"]
    write_text(folder / "metadata.csv", text.getvalue())
    for child in source.iterdir():
        link = folder / child.name
        if child.is_dir() and not link.is_symlink():
            link.symlink_to(os.path.relpath(child.resolve(), folder.resolve()), target_is_directory=True)
    return prepare_folder(
        folder,
        spec["name"],
        label_column="label",
        split_column="split",
        separator=spec.get("separator"),
        tasks_dir=tasks_dir,
    )
