"""A pool of clips for pre-training: free licences only, and no clip that a test split holds."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import PretrainingError
from hear_audiomosaic.files import write_json

__all__ = ["PoolSet", "build_pool"]


@dataclass(frozen=True)
class PoolSet:
    """One data set's share of the pool: a folder with ``metadata.csv`` (a ``filename`` column) and its recordings.

    Attributes:
        name: of the folder.
        licence: of all its clips; or empty, and ``licence_column`` names the column with each clip's.
        licence_column: column of the clips' licences.
        free: licences that are admitted; the column's values must equal one exactly.
        test: column -> values; clips with any of them are of a test split and stay out.
        group_columns: columns whose values must not be shared with a test clip, such as the source recording.
    """

    name: str
    licence: str = ""
    licence_column: str = ""
    free: tuple[str, ...] = ()
    test: Mapping[str, tuple[str, ...]] | None = None
    group_columns: tuple[str, ...] = ()

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> PoolSet:
        """From a recipe's YAML."""
        test = {column: tuple(map(str, values)) for column, values in (content.get("test") or {}).items()}
        return cls(
            name=content["name"],
            licence=content.get("licence", ""),
            licence_column=content.get("licence_column", ""),
            free=tuple(content.get("free", ())),
            test=test,
            group_columns=tuple(content.get("group_columns", ())),
        )


def build_pool(data_dir: Path, sets: Sequence[PoolSet], out: Path) -> dict[str, dict[str, Any]]:
    """Link the pool's clips into a folder, one sub-folder per set, and write ``pool.json`` beside it.

    Args:
        data_dir: holds one folder per set.
        sets: the data sets.
        out: folder of links; what an earlier call linked and is no longer wanted is removed.

    Returns:
        Per set: ``clips``, ``minutes`` (None where durations are unknown), ``licences`` (clips by licence),
        ``test_clips`` (kept out as a test split's), ``shared_group`` (kept out for sharing a group with a test clip)
        and ``not_free``.

    Raises:
        PretrainingError: a set is missing, or a test clip is in the folder after all.
    """
    for old in sorted(out.iterdir()) if out.is_dir() else []:
        if old.name not in {one.name for one in sets}:
            _link(old, [], old)
    summary = {}
    kept_out: set[Path] = set()
    for one in sets:
        folder = data_dir / one.name
        rows = _rows(folder)
        tested = [row for row in rows if _is_test(row, one)]
        forbidden = {row["filename"] for row in tested}
        groups = {(column, row[column]) for row in tested for column in one.group_columns}
        kept: list[dict[str, str]] = []
        reasons: Counter[str] = Counter()
        for row in rows:
            if row["filename"] in forbidden:
                reasons["test_clips"] += 1
            elif any((column, row[column]) in groups for column in one.group_columns):
                reasons["shared_group"] += 1
            elif one.licence_column and row[one.licence_column] not in one.free:
                reasons["not_free"] += 1
            else:
                kept.append(row)
        _link(folder, [row["filename"] for row in kept], out / one.name)
        kept_out |= {(folder / name).resolve() for name in forbidden}
        durations = [float(row["duration_s"]) for row in kept if row.get("duration_s")]
        summary[one.name] = {
            "clips": len(kept),
            "minutes": round(sum(durations) / 60, 1) if len(durations) == len(kept) else None,
            "licences": dict(Counter(row[one.licence_column] if one.licence_column else one.licence for row in kept)),
            **{name: reasons[name] for name in ("test_clips", "shared_group", "not_free")},
        }
    _check(out, kept_out)
    write_json(out.with_suffix(".json"), summary)
    return summary


def _rows(folder: Path) -> list[dict[str, str]]:
    path = folder / "metadata.csv"
    if not path.is_file():
        raise PretrainingError(f"There is no {path}; expected the set's folder with its metadata.csv and recordings.")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _is_test(row: Mapping[str, str], one: PoolSet) -> bool:
    return any(row[column] in values for column, values in (one.test or {}).items())


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
