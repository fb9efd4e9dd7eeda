"""A pool of clips for pre-training: free licences only, and no sound that a test split holds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import PretrainingError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import write_json
from hear_audiomosaic.reproduce.controlled.content import Clip
from hear_audiomosaic.reproduce.controlled.sets import FixedSplit, Row, read_rows

__all__ = ["PoolSet", "build_pool"]


@dataclass(frozen=True)
class PoolSet:
    """One data set's share of the pool: a folder with ``metadata.csv`` (a ``filename`` column) and its recordings.

    Attributes:
        name: of the folder.
        licence: of all its clips; or empty, and ``licence_column`` names the column with each clip's.
        licence_column: column of the clips' licences.
        free: licences that are admitted; the column's values must equal one exactly.
    """

    name: str
    licence: str = ""
    licence_column: str = ""
    free: tuple[str, ...] = ()

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> PoolSet:
        """From a recipe's YAML."""
        return cls(
            name=content["name"],
            licence=content.get("licence", ""),
            licence_column=content.get("licence_column", ""),
            free=tuple(content.get("free", ())),
        )


def build_pool(
    data_dir: Path, sets: Sequence[PoolSet], splits: Sequence[FixedSplit], same_sound: Collection[Clip], out: Path
) -> dict[str, dict[str, Any]]:
    """Link the pool's clips into a folder, one sub-folder per set, and write ``pool.json`` beside it.

    What the tasks test on decides what stays out: their test clips, whatever shares a group with one (unless the task
    keeps shared groups), and what holds the sound of one.

    Args:
        data_dir: holds one folder per set.
        sets: the data sets.
        splits: of all tasks.
        same_sound: clips that hold the sound of a test clip (`find_shared_sound`).
        out: folder of links; what an earlier call linked and is no longer wanted is removed.

    Returns:
        Per set: ``clips``, ``minutes`` (None where durations are unknown), ``licences`` (clips by licence), and how
        many were kept out for the first of these reasons that holds: ``test_clips`` (of a test split),
        ``shared_group`` (with a test clip), ``same_content`` (as a test clip), ``not_free``.

    Raises:
        PretrainingError: a set is missing, or a test clip is in the folder after all.
    """
    for old in sorted(out.iterdir()) if out.is_dir() else []:
        if old.name not in {one.name for one in sets}:
            with file_errors("cleared", old):
                _link(old, [], old)
    summary = {}
    for one in sets:
        folder = data_dir / one.name
        of_set = [split for split in splits if split.spec["set"] == one.name]
        forbidden = {name for split in of_set for name in split.test}
        groups = {(split.spec["group"], group) for split in of_set for group in split.test_groups}
        columns = {column for column, _ in groups}
        kept: list[Row] = []
        reasons: Counter[str] = Counter()
        for row in read_rows(folder, PretrainingError):
            if row["filename"] in forbidden:
                reasons["test_clips"] += 1
            elif any((column, row[column]) in groups for column in columns):
                reasons["shared_group"] += 1
            elif (one.name, row["filename"]) in same_sound:
                reasons["same_content"] += 1
            elif one.licence_column and row[one.licence_column] not in one.free:
                reasons["not_free"] += 1
            else:
                kept.append(row)
        with file_errors("filled with links", out / one.name):
            _link(folder, [row["filename"] for row in kept], out / one.name)
        durations = [float(row["duration_s"]) for row in kept if row.get("duration_s")]
        summary[one.name] = {
            "clips": len(kept),
            "minutes": round(sum(durations) / 60, 1) if len(durations) == len(kept) else None,
            "licences": dict(Counter(row[one.licence_column] if one.licence_column else one.licence for row in kept)),
            **{name: reasons[name] for name in ("test_clips", "shared_group", "same_content", "not_free")},
        }
    kept_out = {(split.source / name).resolve() for split in splits for name in split.test}
    kept_out |= {(data_dir / name / file).resolve() for name, file in same_sound}
    _check(out, kept_out)
    write_json(out.with_suffix(".json"), summary)
    return summary


def _link(folder: Path, names: Sequence[str], out: Path) -> None:
    wanted = {Path(name).as_posix() for name in names}
    for old in [path for path in out.rglob("*") if path.is_symlink()] if out.is_dir() else []:
        if old.relative_to(out).as_posix() not in wanted:
            old.unlink()
    for name in sorted(wanted):
        link = out / name
        link.parent.mkdir(parents=True, exist_ok=True)
        target = Path(os.path.relpath((folder / name).resolve(), link.parent.resolve()))
        if link.is_symlink() and link.readlink() != target:
            link.unlink()
        if not os.path.lexists(link):
            link.symlink_to(target)


def _check(out: Path, kept_out: set[Path]) -> None:
    """Check the folder itself: no file in it may be, or link to, a recording that is kept out."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    if foreign := [path for path in files if not path.is_symlink()]:
        raise PretrainingError(f"{foreign[0]} is in the pool's folder but not part of the pool. Remove it.")
    if leaked := [path.relative_to(out).as_posix() for path in files if path.resolve() in kept_out]:
        raise PretrainingError(f"{len(leaked)} test clips are in the pool {out}: {', '.join(leaked[:3])} ...")
