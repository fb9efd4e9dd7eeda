"""Which clip is trained on, which selects, which tests: the split arithmetic of HEAR 2021, and grouped folds.

The rotation of folds follows heareval 2021.1.3, everything called "HEAR's draw" follows hearpreprocess 2021.1.1
(Turian et al., "HEAR: Holistic Evaluation of Audio Representations", 2022), so that a task prepared from the same clips
gets the same splits. All functions are pure: names in, names out, nothing depends on the order of a set or on the
clock.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from hear_audiomosaic.errors import TaskError

__all__ = [
    "Fold",
    "SplitMode",
    "first_files",
    "fold_names",
    "fold_rotation",
    "grouped_folds",
    "hear_folds",
    "hear_folds_with_labels",
    "hear_order",
    "hold_out",
    "string_seed",
]

SplitMode: TypeAlias = Literal["trainvaltest", "presplit_kfold", "new_split_kfold"]
"""Train, valid and test; or k folds that are given, or drawn. The two kinds of folds are evaluated alike."""

_MINIMUM_FOLDS = 3
_RETRIES = 999


@dataclass(frozen=True)
class Fold:
    """One training of a task: the splits that train, select and test; no split does two of these."""

    train: tuple[str, ...]
    valid: str
    test: str


def fold_rotation(split_mode: str, splits: Sequence[str]) -> tuple[Fold, ...]:
    """All trainings of a task, in heareval's order.

    Train-valid-test: one. Otherwise, splits sorted by name, fold i tests on split i, selects on split i + 1 (the last
    one on the first) and trains on the rest.

    Args:
        split_mode: ``trainvaltest``, ``presplit_kfold`` or ``new_split_kfold``.
        splits: names of the splits, in any order.

    Raises:
        TaskError: a split is missing, a name stands twice, there are fewer than 3 folds, or no such mode.
    """
    if split_mode == "trainvaltest":
        missing = {"train", "valid", "test"} - set(splits)
        if missing:
            raise TaskError(f"a train-valid-test task needs the split {min(missing)!r}; found {', '.join(splits)}.")
        return (Fold(("train",), "valid", "test"),)
    if split_mode not in ("presplit_kfold", "new_split_kfold"):
        raise TaskError(f"unknown split mode {split_mode!r}; expected trainvaltest, presplit_kfold or new_split_kfold.")
    folds = sorted(splits)
    if len(set(folds)) != len(folds) or len(folds) < _MINIMUM_FOLDS:
        raise TaskError(f"a k-fold task needs at least {_MINIMUM_FOLDS} different folds; found {list(splits)}.")
    return tuple(
        Fold(tuple(name for name in folds if name not in (test, valid)), valid, test)
        for test, valid in zip(folds, folds[1:] + folds[:1], strict=True)
    )


def fold_names(k: int) -> list[str]:
    """``fold00`` ... in an order that sorting keeps; more digits from 101 folds on."""
    width = max(2, len(str(k - 1)))
    return [f"fold{i:0{width}d}" for i in range(k)]


def grouped_folds(
    group_of: Mapping[str, str], labels_of: Mapping[str, Iterable[str]], k: int
) -> dict[str, tuple[str, ...]]:
    """Cut clips into k folds so that no group is in two and size and labels are balanced.

    Groups are taken from the largest to the smallest (then by name); each goes to the fold where clips of its labels
    and clips at large are rarest, that is where ``sum_l fold_l group_l / total_l^2 + fold group / total^2`` is
    smallest, the first such fold on ties. An empty fold costs nothing, so with k groups or more none stays empty.
    Nothing is drawn by chance. (scikit-learn's StratifiedGroupKFold takes one label per clip and may leave a fold
    empty.)

    Args:
        group_of: clip -> group.
        labels_of: clip -> its labels, none, one or many; repeats count (events).
        k: number of folds, at least 3.

    Returns:
        Fold name -> clips in the order of ``group_of``.

    Raises:
        TaskError: fewer than three folds, or fewer groups than folds.
    """
    members: dict[str, list[str]] = {}
    for clip, group in group_of.items():
        members.setdefault(group, []).append(clip)
    if k < _MINIMUM_FOLDS:
        raise TaskError(f"A k-fold task needs at least {_MINIMUM_FOLDS} folds (train, valid, test); found folds = {k}")
    if len(members) < k:
        raise TaskError(f"{len(members)} groups cannot fill {k} folds; ask for at most {len(members)} folds")
    vocabulary = sorted({label for labels in labels_of.values() for label in labels})
    column = {label: i for i, label in enumerate(vocabulary)}
    counts = {group: np.zeros(len(vocabulary) + 1) for group in members}  # (C + 1,): per label, then clips
    for clip, group in group_of.items():
        counts[group][-1] += 1
        for label, times in Counter(labels_of[clip]).items():
            counts[group][column[label]] += times
    total = np.sum(list(counts.values()), axis=0)
    weight = 1.0 / np.maximum(total, 1.0) ** 2
    filled = np.zeros((k, len(vocabulary) + 1))
    fold_of: dict[str, int] = {}
    for group in sorted(members, key=lambda name: (-len(members[name]), name)):
        cost = filled @ (weight * counts[group])  # (k,)
        fold_of[group] = int(np.argmin(np.round(cost, 12)))
        filled[fold_of[group]] += counts[group]
    return {
        name: tuple(clip for clip, group in group_of.items() if fold_of[group] == i)
        for i, name in enumerate(fold_names(k))
    }


def string_seed(text: str) -> int:
    """HEAR's seed of a string: SHA-1 as an integer modulo 2^32 - 1."""
    return int(hashlib.sha1(text.encode("utf-8"), usedforsecurity=False).hexdigest(), 16) % (2**32 - 1)


def hear_order(stems: Iterable[str], purpose: str = "postprocess_all_metadata") -> list[str]:
    """HEAR's draw of an order: sorted stems, shuffled as pandas' ``sample(frac=1)`` does with ``string_seed``."""
    ordered = sorted(stems)
    # The legacy generator is the one that pandas uses for an integer random_state.
    permutation = np.random.RandomState(string_seed(purpose)).permutation(len(ordered))
    return [ordered[int(i)] for i in permutation]


def first_files(stems: Iterable[str], split: str, most: int) -> list[str]:
    """HEAR's subsampling of a split: the first ``most`` stems of the order drawn for ``split``."""
    return hear_order(stems, f"SubsampleSplit({split})")[:most]


def hear_folds(keys: Iterable[str], k: int, seed: str = "split_k_folds") -> dict[str, tuple[str, ...]]:
    """HEAR's draw of k folds: sorted unique keys, shuffled by ``random.Random(seed)``, cut into k near-equal parts."""
    drawn = sorted(set(keys))
    random.Random(seed).shuffle(drawn)  # noqa: S311
    parts = np.array_split(np.arange(len(drawn)), k)
    return {name: tuple(drawn[int(i)] for i in part) for name, part in zip(fold_names(k), parts, strict=True)}


def hear_folds_with_labels(labels_of_key: Mapping[str, Iterable[str]], k: int) -> dict[str, tuple[str, ...]]:
    """HEAR's draw of folds that all hold every label: drawn again with the next seed until they do.

    Raises:
        TaskError: no draw had every label in every fold.
    """
    labels = {key: frozenset(values) for key, values in labels_of_key.items()}
    wanted = frozenset().union(*labels.values())
    for attempt in range(-1, _RETRIES):
        seed = "split_k_folds" if attempt < 0 else f"split_k_folds_retry_{attempt}"
        folds = hear_folds(labels, k, seed)
        if all(frozenset().union(*(labels[key] for key in part)) == wanted for part in folds.values()):
            return folds
    raise TaskError(
        f"No draw of {k} folds has every label in every fold; use fewer folds or leave out the rarest labels"
    )


def hold_out(keys: Iterable[str], valid: float, test: float = 0.0) -> dict[str, tuple[str, ...]]:
    """HEAR's draw of valid and test out of the training keys.

    Args:
        keys: what must stay together: files, or their speakers, instruments, sources.
        valid: share of the keys for ``valid``, 0 to 1. When a test split is given, HEAR rescales its default of .1
            to .1 / .9 of what remains.
        test: share of the keys for ``test``.

    Returns:
        ``train``, ``valid`` and ``test``, each with its keys sorted; sizes are rounded half to even.
    """
    drawn = sorted(set(keys))
    random.Random("split_train_test_val").shuffle(drawn)  # noqa: S311
    n_valid, n_test = round(len(drawn) * valid), round(len(drawn) * test)
    return {
        "train": tuple(sorted(drawn[n_valid + n_test :])),
        "valid": tuple(sorted(drawn[:n_valid])),
        "test": tuple(sorted(drawn[n_valid : n_valid + n_test])),
    }
