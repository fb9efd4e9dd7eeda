"""Split arithmetic: against HEAR's own output, and rules that hold for any data."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks import splits


@pytest.fixture(scope="module")
def units(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "goldens/heareval/units/preprocess_splits.json").read_text())


def test_rotations_are_heareval_s(shared: Path) -> None:
    golden = json.loads((shared / "goldens/heareval/units/fold_rotation.json").read_text())
    assert golden
    for k, expected in golden.items():
        names = splits.fold_names(int(k))
        rotations = splits.fold_rotation("new_split_kfold", names[::-1])
        found = [{"train": list(r.train), "valid": [r.valid], "test": [r.test]} for r in rotations]
        for ours, theirs in zip(found, expected, strict=True):
            assert {part: sorted(files) for part, files in theirs.items()} == ours


def test_train_valid_test_is_one_rotation_in_any_order() -> None:
    assert splits.fold_rotation("trainvaltest", ["test", "train", "valid"]) == (
        splits.Fold(("train",), "valid", "test"),
    )


@pytest.mark.parametrize("names", [[], ["train", "test"], ["fold00", "fold01"], ["a", "b", "b"]])
def test_rotation_needs_three_different_folds(names: list[str]) -> None:
    with pytest.raises(TaskError, match="at least 3 different folds"):
        splits.fold_rotation("presplit_kfold", names)


def test_every_fold_tests_once_and_never_meets_itself() -> None:
    rotations = splits.fold_rotation("presplit_kfold", splits.fold_names(12))
    assert [r.test for r in rotations] == splits.fold_names(12)
    for r in rotations:
        assert sorted([*r.train, r.valid, r.test]) == splits.fold_names(12)


def test_fold_names_sort_beyond_a_hundred() -> None:
    names = splits.fold_names(101)
    assert names[0] == "fold000"
    assert names == sorted(names)
    assert splits.fold_names(100)[-1] == "fold99"


def test_string_seed_is_hear_s(units: dict[str, Any]) -> None:
    assert {text: splits.string_seed(text) for text in units["str2int"]} == units["str2int"]


def test_orders_are_hear_s(units: dict[str, Any]) -> None:
    stems = [clip["filestem"] for clip in units["clips"]]
    assert splits.hear_order(stems[::-1]) == units["order_after_shuffle"]
    assert splits.first_files(stems, "train", 10) == units["subsample_order_train"][:10]


@pytest.mark.parametrize("k", [3, 5, 10])
def test_new_folds_are_hear_s(units: dict[str, Any], k: int) -> None:
    labels = {clip["filestem"]: [clip["label"]] for clip in units["clips"]}
    found = splits.hear_folds_with_labels(labels, k)
    assert {fold: sorted(keys) for fold, keys in found.items()} == units[f"new_split_kfold_{k}"]


def test_folds_are_drawn_again_until_a_rare_label_is_everywhere(units: dict[str, Any]) -> None:
    stems = [clip["filestem"] for clip in units["clips"]]
    labels = {stem: [label] for stem, label in zip(stems, units["rare_label"]["labels"], strict=True)}
    found = splits.hear_folds_with_labels(labels, 5)
    assert {fold: sorted(keys) for fold, keys in found.items()} == units["rare_label"]["folds"]


def test_an_impossible_label_is_refused() -> None:
    with pytest.raises(TaskError, match="fewer folds"):
        splits.hear_folds_with_labels({"a": ["x"], "b": ["y"], "c": ["y"]}, 3)


@pytest.mark.parametrize(("name", "valid", "test"), [("tvt_default", 0.1, 0.1), ("tvt_60_20_20", 0.2, 0.2)])
def test_holding_out_is_hear_s(units: dict[str, Any], name: str, valid: float, test: float) -> None:
    found = splits.hold_out((clip["filestem"] for clip in units["clips"]), valid, test)
    assert {part: list(keys) for part, keys in found.items()} == units[name]


def test_holding_out_beside_a_given_test_split_is_hear_s(units: dict[str, Any]) -> None:
    golden = units["tvt_test_given"]
    rest = sorted(golden["train"] + golden["valid"])
    assert list(splits.hold_out(rest, 0.1 / 0.9)["valid"]) == sorted(golden["valid"])


@pytest.mark.parametrize("seed", range(5))
def test_grouped_folds_keep_groups_and_balance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = {f"clip{i}": f"g{int(rng.integers(40))}" for i in range(400)}
    labels = {clip: [f"l{int(rng.integers(4))}"] for clip in groups}
    folds = splits.grouped_folds(groups, labels, 5)
    assert sorted(clip for clips in folds.values() for clip in clips) == sorted(groups)
    owners = [{groups[clip] for clip in clips} for clips in folds.values()]
    assert len(set().union(*owners)) == sum(len(owner) for owner in owners)
    sizes = [len(clips) for clips in folds.values()]
    assert max(sizes) - min(sizes) <= 12
    for clips in folds.values():
        counts = Counter(labels[clip][0] for clip in clips)
        assert set(counts) == {"l0", "l1", "l2", "l3"}
    again = splits.grouped_folds(dict(reversed(groups.items())), labels, 5)
    assert {fold: sorted(clips) for fold, clips in again.items()} == {f: sorted(c) for f, c in folds.items()}


def test_grouped_folds_with_as_many_groups_as_folds_leave_none_empty() -> None:
    groups = {f"c{i}": f"g{i % 3}" for i in range(9)}
    folds = splits.grouped_folds(groups, {clip: [group] for clip, group in groups.items()}, 3)
    assert sorted(len(clips) for clips in folds.values()) == [3, 3, 3]


@pytest.mark.parametrize(("k", "message"), [(2, "at least 3 folds"), (4, "3 groups cannot fill 4 folds")])
def test_grouped_folds_refuse(k: int, message: str) -> None:
    groups = {f"c{i}": f"g{i % 3}" for i in range(9)}
    with pytest.raises(TaskError, match=message):
        splits.grouped_folds(groups, dict.fromkeys(groups, ()), k)
