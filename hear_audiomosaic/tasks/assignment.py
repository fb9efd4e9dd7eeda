"""Which clip of a folder goes to which split or fold, and whether the labels allow it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.printable import listed
from hear_audiomosaic.tasks.splits import SplitMode, fold_names, fold_rotation, grouped_folds, hold_out

__all__ = ["SplitAssignment", "assign_splits", "check_labels"]

_TRAIN_VALID_TEST = ("train", "valid", "test")
# HEAR's default is 80/10/10; when the test split is given, a tenth of the whole is a ninth of the rest.
_VALID_SHARE = 0.1 / 0.9

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SplitAssignment:
    """Splits in order, the split of every file, and what the folds were called in the table (fold -> value)."""

    split_mode: SplitMode
    splits: tuple[str, ...]
    split_of: Mapping[str, str]
    fold_values: Mapping[str, str] = field(default_factory=dict)


def assign_splits(
    rows: Sequence[Mapping[str, str]],
    labels_of: Mapping[str, Sequence[str]],
    group_of: Mapping[str, str],
    split_column: str | None,
    fold_column: str | None,
    folds: int | None,
    *,
    hold_out_valid: bool = False,
    groups_are_binding: bool = True,
) -> SplitAssignment:
    """Splits from exactly one of: a split column, a fold column, or groups and a number of folds.

    Args:
        rows: rows of the table, with ``filename``.
        labels_of: file -> labels, for the balance of new folds.
        group_of: file -> group; empty if there are no groups.
        split_column: column with train, valid, test.
        fold_column: column with at least three different values.
        folds: number of folds to be cut along the groups.
        hold_out_valid: take ``valid`` out of ``train`` by HEAR's draw if no row is marked valid.
        groups_are_binding: a group in two splits is an error; else (the user did not name the groups) it is logged.

    Raises:
        TaskError: not exactly one of the three, an unknown value, an empty split, or a group in two splits.
    """
    if (split_column is not None) + (fold_column is not None) + (folds is not None) != 1:
        raise TaskError("Give exactly one of --split COLUMN, --fold COLUMN, or --group COLUMN together with --folds K")
    if split_column is not None:
        assignment = _by_split(rows, split_column, group_of, hold_out_valid)
    elif fold_column is not None:
        assignment = _by_fold(rows, fold_column)
    else:
        if not group_of or not groups_are_binding:
            raise TaskError("--folds K cuts along groups; name their column with --group COLUMN")
        cut = grouped_folds(group_of, labels_of, int(folds or 0))
        assignment = SplitAssignment(
            "new_split_kfold", tuple(cut), {file: name for name, files in cut.items() for file in files}
        )
    _no_group_twice(assignment, group_of, strict=groups_are_binding)
    return assignment


def check_labels(
    assignment: SplitAssignment, labels_of: Mapping[str, Sequence[str]], vocabulary: Sequence[str], *, strict: bool
) -> None:
    """Make sure that every label is trained in every fold; log labels that a split lacks.

    Args:
        assignment: the split of every file.
        labels_of: file -> labels.
        vocabulary: all labels.
        strict: a label that is not trained is an error; else (events, as HEAR has it) it is logged.

    Raises:
        TaskError: a label occurs in no training clip of some fold, and ``strict``.
    """
    present: dict[str, set[str]] = {split: set() for split in assignment.splits}
    for file, split in assignment.split_of.items():
        present[split].update(labels_of[file])
    said: tuple[str, ...] = ()
    for fold in fold_rotation(assignment.split_mode, assignment.splits):
        trained = set().union(*(present[split] for split in fold.train))
        lacking = [label for label in vocabulary if label not in trained]
        if not lacking:
            continue
        some = listed(lacking, most=10)
        message = (
            f"Of {len(vocabulary)} labels {len(lacking)} do not occur in {' + '.join(fold.train)}, "
            f"which trains when {fold.test} tests: {some}"
        )
        if strict:
            raise TaskError(f"{message}. Leave out or merge these labels, split otherwise, or allow_untrained_labels")
        _log.warning("%s", message)
        said = fold.train if len(fold.train) == 1 else ()
        break
    for split in assignment.splits:
        lacking = [label for label in vocabulary if label not in present[split]]
        if lacking and split not in said:
            _log.warning(
                "Of %d labels %d do not occur in %s: %s", len(vocabulary), len(lacking), split, listed(lacking, most=10)
            )


def _by_split(
    rows: Sequence[Mapping[str, str]], column: str, group_of: Mapping[str, str], hold_out_valid: bool
) -> SplitAssignment:
    split_of = {row["filename"]: row[column].strip() for row in rows}
    unknown = sorted(set(split_of.values()) - set(_TRAIN_VALID_TEST))
    if unknown:
        raise TaskError(
            f"The column '{column}' (--split) holds {listed(map(repr, unknown))}; "
            "expected train, valid, test, spelled like this (for numbered folds use --fold)"
        )
    if hold_out_valid and "valid" not in split_of.values():
        key_of = {file: group_of.get(file, file) for file, split in split_of.items() if split == "train"}
        valid = set(hold_out(key_of.values(), _VALID_SHARE)["valid"])
        split_of |= {file: "valid" for file, key in key_of.items() if key in valid}
        _log.info(
            "No row is marked valid; %d of %d groups or files of train now are", len(valid), len(set(key_of.values()))
        )
    for split in _TRAIN_VALID_TEST:
        if split not in split_of.values():
            remedy = "or have a ninth of train taken (hold_out_valid)" if split == "valid" else "or split otherwise"
            raise TaskError(f"The column '{column}' (--split) marks no clip as {split}; mark some, {remedy}")
    return SplitAssignment("trainvaltest", _TRAIN_VALID_TEST, split_of)


def _by_fold(rows: Sequence[Mapping[str, str]], column: str) -> SplitAssignment:
    value_of = {row["filename"]: row[column].strip() for row in rows}
    without_fold = [file for file, value in value_of.items() if not value]
    if without_fold:
        raise TaskError(f"'{without_fold[0]}' has an empty {column} (--fold)")
    values = sorted(set(value_of.values()), key=_natural)
    if len(values) < 3:
        raise TaskError(
            f"The column '{column}' (--fold) has {len(values)} different values ({', '.join(values)}); "
            "at least 3 folds are needed: one tests, one selects, the others train"
        )
    name_of = dict(zip(values, fold_names(len(values)), strict=True))
    split_of = {file: name_of[value] for file, value in value_of.items()}
    return SplitAssignment(
        "presplit_kfold", tuple(name_of.values()), split_of, {name: value for value, name in name_of.items()}
    )


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key that puts 2 before 10."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", text)
    return [(0, int(piece), "") if piece[0] in "0123456789" else (1, 0, piece) for piece in pieces]


def _no_group_twice(assignment: SplitAssignment, group_of: Mapping[str, str], *, strict: bool) -> None:
    splits_of: dict[str, set[str]] = {}
    for file, group in group_of.items():
        splits_of.setdefault(group, set()).add(assignment.split_of[file])
    divided = {group: sorted(splits) for group, splits in splits_of.items() if len(splits) > 1}
    if not divided:
        return
    some = listed(
        (f"'{group}' in {listed(splits, between=' and ')}" for group, splits in divided.items()), between="; "
    )
    message = (
        f"{len(divided)} groups stand in more than one split: {some}. "
        "Put each group into one split, or let --group COLUMN --folds K cut new folds"
    )
    if strict:
        raise TaskError(message)
    _log.warning("%s", message)
