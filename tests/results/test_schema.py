"""The result file: what is stored comes back, what is derived is derived, older files still load."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import fake_results as fake
import numpy as np
import pytest
from pydantic import ValidationError

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.files import read_json, write_json
from hear_audiomosaic.results.schema import SCHEMA_VERSION, EventPostprocessing, read_result, write_result
from hear_audiomosaic.results.scores import FoldScores, aggregate, over_folds

SCHEMA_1 = Path(__file__).with_name("schema1.json")


def written(path: Path, **changes: Any) -> Path:
    write_result(path, fake.success(fake.LOGMEL, fake.ESC50, [0.5, 0.75]))
    write_json(path, read_json(path) | changes)
    return path


def test_a_result_comes_back_as_it_was(tmp_path: Path) -> None:
    for result in (
        fake.success(fake.LOGMEL, fake.DRUMS, [0.5, 0.25, 0.0], score_name="event_onset_50ms_fms", extra=fake.FMS),
        fake.failure(fake.LOGMEL, fake.ESC50, "broke"),
    ):
        write_result(tmp_path / "one.json", result)
        assert read_result(tmp_path / "one.json") == result


def test_scores_that_are_not_finite_stay_in_strict_json(tmp_path: Path) -> None:
    write_result(tmp_path / "one.json", fake.success(fake.LOGMEL, fake.CHORDS, [math.inf], score_name="d_prime"))
    content = read_json(tmp_path / "one.json")
    assert content["folds"][0]["scores"] == {"d_prime": "Infinity"}
    assert content["grid_points"][3]["validation_score"] == "-Infinity"
    assert read_result(tmp_path / "one.json").score == math.inf


def test_the_score_is_that_of_the_folds_or_the_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "one.json")
    content = read_json(path)
    assert (content["score"], content["score_std"]) == (0.625, pytest.approx(np.std([0.5, 0.75], ddof=1)))
    assert read_result(path).score == 0.625
    for name, said in (("score", 0.99), ("score", 10**18), ("score_std", 0.0)):
        with pytest.raises(ResultError, match=f"contradicts itself: it says {name} = {said}, its test splits give"):
            read_result(written(tmp_path / "two.json", **{name: said}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score_name": 3}, "score_name"),
        ({"score_name": "mAP"}, "fold00 has no score mAP"),
        ({"winner": 4}, "winner is 4; expected one of 4 grid points"),
        ({"schema_version": SCHEMA_VERSION + 1}, "schema_version"),
        ({"unheard": 1}, "unheard: Extra inputs"),
        ({"manifest": None}, "manifest"),
    ],
)
def test_a_file_that_is_not_a_result_is_named_with_its_first_fault(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ResultError, match=rf"one\.json is not a result file: .*{message}"):
        read_result(written(tmp_path / "one.json", **changes))


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]", b"3", b""])
def test_a_file_without_a_json_object_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.json").write_bytes(content)
    with pytest.raises(ResultError, match=r"one\.json is not a result file: the file: "):
        read_result(tmp_path / "one.json")


def test_an_epoch_is_not_a_score() -> None:
    fold = FoldScores(
        split="test", scores={"mAP": 0.5, "mAP_x": 0.25}, loss=1.0, validation_score=0.75, epoch=3, time_in_min=0.5
    )
    named = fold.named("mAP")
    assert list(named) == [
        *("test_loss", "test_score", "test_mAP", "test_mAP_x"),
        *("validation_score", "epoch", "time_in_min"),
    ]
    assert FoldScores.from_named("test", named) == fold
    without = fold.model_copy(update={"epoch": None})
    assert FoldScores.from_named("test", without.named("mAP")) == without
    with pytest.raises(ValidationError, match="surprise"):
        FoldScores.from_named("test", named | {"surprise": 1.0})


def test_over_folds() -> None:
    assert over_folds([0.5]).std is None
    both = over_folds([1.0, 2.0, 4.0])
    assert (both.mean, both.std) == (pytest.approx(7 / 3), pytest.approx(np.std([1, 2, 4], ddof=1)))
    assert math.isnan(over_folds([math.inf, 1.0]).std or 0.0)
    assert aggregate([{"a": 1.0}]) == {}
    assert list(aggregate([{"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 2.0}])) == ["a_mean", "a_std", "b_mean", "b_std"]


# ----------------------------------------------------------------------------------------------------------- schema 1


def test_schema_1_still_loads() -> None:
    old, result = read_json(SCHEMA_1), read_result(SCHEMA_1)
    assert result.schema_version == SCHEMA_VERSION
    assert (result.score, result.score_std) == (old["score"], old["score_std"])
    assert {name: result.aggregated[name] for name in old["aggregated"]} == old["aggregated"]
    first, _, last = result.folds
    assert first.scores["event_onset_200ms_fms_precision"] == 0.25
    assert last.scores["segment_1s_er"] == math.inf
    assert (first.loss, first.validation_score, first.epoch, first.time_in_min) == (0.25, 0.5, 9, 0.125)
    assert "test_score" not in first.scores
    assert (result.winner, dict(result.hparams)) == (1, old["hparams"])
    assert result.hparams["norm_after_activation"] is False
    assert result.postprocessing == EventPostprocessing(median_filter_ms=250, min_duration=125)
    assert result.grid_points[0].validation_score == -math.inf


def test_schema_1_is_written_again_as_the_current_one(tmp_path: Path) -> None:
    write_result(tmp_path / "new.json", read_result(SCHEMA_1))
    assert read_json(tmp_path / "new.json")["schema_version"] == SCHEMA_VERSION
    assert read_result(tmp_path / "new.json") == read_result(SCHEMA_1)


def test_a_failure_of_schema_1_has_no_score(tmp_path: Path) -> None:
    empty = {"folds": [], "aggregated": {}, "hparams": {}, "postprocessing": [], "grid_points": []}
    failed = {"status": "error", "error": "broke", "score": None, "score_std": None, "predictions": None}
    write_json(tmp_path / "old.json", read_json(SCHEMA_1) | empty | failed)
    result = read_result(tmp_path / "old.json")
    assert (result.status, result.score, result.winner, dict(result.hparams)) == ("error", None, None, {})


@pytest.mark.parametrize(
    "changes",
    [
        {"folds": 3},
        {"folds": ["test"]},
        {"folds": [{"split": "test", "scores": [1]}]},
        {"grid_points": {"a": 1}},
        {"grid_points": [3]},
        {"grid_points": [{"hparams": {}, "validation_score": 1.0, "postprocessing": [[1, 2, 3]]}]},
        {"encoder": None},
    ],
)
def test_a_broken_file_of_schema_1_is_named(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_json(tmp_path / "old.json", read_json(SCHEMA_1) | changes)
    with pytest.raises(ResultError, match=rf"old\.json is not a result file: {next(iter(changes))}"):
        read_result(tmp_path / "old.json")


@pytest.mark.parametrize(("name", "precision"), [("logistic", "fp32"), ("hear-2021", "bf16")])
def test_logistic_computed_in_fp32_whatever_it_recorded(tmp_path: Path, name: str, precision: str) -> None:
    by = fake.protocol(name, precision="bf16")
    write_result(tmp_path / "one.json", fake.success(fake.LOGMEL, fake.ESC50, [0.5], by))
    assert read_result(tmp_path / "one.json").protocol.precision == precision
