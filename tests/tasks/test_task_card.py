"""Cards: the shipped ones against the leaderboard's figures, and what a card refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.tasks import TaskCard, all_cards, describe, expand, find_card, get_card, list_rows, suites
from hear_audiomosaic.tasks.catalog import how_to_prepare, suite_of
from hear_audiomosaic.tasks.catalog import suites as read_suites

SCENE: dict[str, Any] = {
    "name": "birds",
    "embedding_type": "scene",
    "prediction_type": "multiclass",
    "split_mode": "trainvaltest",
    "splits": ["train", "valid", "test"],
    "evaluation": ["top1_acc"],
}


def card(**changes: Any) -> TaskCard:
    return TaskCard.from_fields({**SCENE, **changes}, "card")


def test_hear_2021_has_19_columns_on_20_cards() -> None:
    cards = suites()["hear2021"]
    assert len(cards) == 20
    assert len({c.leaderboard_column for c in cards}) == 19
    assert all(c.source and c.licence and c.citation and c.domain and c.n_classes and c.hours for c in cards)


def test_hear_2021_agrees_with_the_leaderboard(shared: Path) -> None:
    rows = {r["task"]: r for r in csv.DictReader((shared / "reference/hear2021_tasks.csv").open(encoding="utf-8"))}
    cards = {c.directory_name.replace("_fold0", "").replace("_fold1", ""): c for c in suites()["hear2021"]}
    assert set(rows) == set(cards)
    for name, row in rows.items():
        c = cards[name]
        assert c.leaderboard_column == row["leaderboard_column"]
        assert {"timestamp": "event"}.get(row["embedding_type"], "scene") == c.embedding_type
        assert row["prediction_type"] == c.prediction_type
        assert row["split"] == ("TVT" if c.split_mode == "trainvaltest" else f"{len(c.splits)}-fold")
        assert int(row["n_clips"]) == c.n_clips
        assert row["primary_metric"] == c.evaluation[0]
        assert not row["secondary_metric"] or row["secondary_metric"] in c.evaluation[1:]
        seconds = None if "-" in row["clip_seconds"] else float(row["clip_seconds"])
        assert seconds == c.sample_duration_s
        if seconds is not None and c.n_clips is not None:
            assert c.hours == pytest.approx(seconds * c.n_clips / 3600, rel=0.1)


def test_maestro_and_dcase_say_what_heareval_does() -> None:
    maestro, dcase = get_card("maestro"), get_card("dcase2016_task2")
    assert not maestro.use_scoring_for_early_stopping
    assert maestro.task_specific_param_grid == {"max_epochs": (50,), "check_val_every_n_epoch": (1,)}
    assert maestro.event_postprocessing_grid == {"median_filter_ms": (150,), "min_duration": (50,)}
    assert dcase.task_specific_param_grid == {"check_val_every_n_epoch": (10,)}
    assert dcase.event_postprocessing_grid == {"median_filter_ms": (250,), "min_duration": (125, 250)}


@pytest.mark.parametrize("shipped", all_cards(), ids=lambda c: c.directory_name)
def test_metadata_and_back(shipped: TaskCard) -> None:
    metadata = json.loads(json.dumps(shipped.to_metadata()))
    assert TaskCard.from_metadata(metadata) == shipped
    assert ("nfolds" in metadata) == (shipped.split_mode != "trainvaltest")


def test_released_dcase_metadata_get_the_grid_that_heareval_has_built_in() -> None:
    metadata = get_card("dcase2016_task2").to_metadata()
    del metadata["evaluation_params"], metadata["hear_audiomosaic"]
    assert TaskCard.from_metadata(metadata).task_specific_param_grid == {"check_val_every_n_epoch": (10,)}
    metadata["evaluation_params"] = {"task_specific_param_grid": {"check_val_every_n_epoch": [3], "max_epochs": [9]}}
    grid = TaskCard.from_metadata(metadata).task_specific_param_grid
    assert grid == {"check_val_every_n_epoch": (3,), "max_epochs": (9,)}


def test_real_hear_metadata_open(shared: Path) -> None:
    folder = shared / "goldens/heareval/embeddings"
    digits = TaskCard.from_metadata(json.loads((folder / "fsdd_digits-v1-small/task_metadata.json").read_text()))
    assert (digits.directory_name, digits.sample_duration_s) == ("fsdd_digits-v1-small", 0.56)
    notes = TaskCard.from_metadata(json.loads((folder / "synth_notes-v1-small/task_metadata.json").read_text()))
    assert notes.event_postprocessing_grid == {"median_filter_ms": (150,), "min_duration": (50,)}
    assert notes.task_specific_param_grid == {"max_epochs": (50,), "check_val_every_n_epoch": (1,)}
    assert not notes.use_scoring_for_early_stopping


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"name": "my-birds"}, "name: "),
        ({"splits": ["train", "test"]}, "train, valid, test"),
        ({"split_mode": "presplit_kfold", "splits": ["fold00", "fold01"]}, "at least 3 different folds"),
        ({"embedding_type": "event"}, "multilabel"),
        ({"evaluation": []}, "evaluation"),
        ({"evaluation": ["accuracy"]}, "'accuracy' is not a score of a scene task; expected one of top1_acc"),
        ({"evaluation": ["segment_1s_er"]}, "not a score of a scene task"),
        ({"event_postprocessing_grid": {"median_filter_ms": [250]}}, "min_duration"),
        ({"event_postprocessing_grid": {"median_filter_ms": [250], "min_duration": [-1]}}, "negative"),
        ({"sample_duration_s": 0}, "sample_duration_s"),
    ],
)
def test_wrong_cards_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message):
        card(**changes)


def test_yaml_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "birds-v1-full.yaml"
    for text, message in (
        ("name: [", "cannot be read"),
        ("- a", "must be a mapping"),
        ("name: birds", "Field required"),
    ):
        path.write_text(text)
        with pytest.raises(TaskError, match=rf"birds-v1-full.yaml.*{message}|{message}.*"):
            TaskCard.from_yaml(path)
    with pytest.raises(TaskError, match=r"There is no .*none\.yaml"):
        TaskCard.from_yaml(tmp_path / "none.yaml")


def test_card_file_must_be_called_like_the_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "birds.yaml").write_text(yaml.safe_dump(SCENE))
    with pytest.raises(TaskError, match=r"must be called birds-v1-full\.yaml"):
        read_suites(tmp_path)


def test_metadata_without_needed_keys_are_refused() -> None:
    with pytest.raises(TaskError, match=r"lacks split_mode.*HEAR's layout"):
        TaskCard.from_metadata({key: value for key, value in SCENE.items() if key != "split_mode"} | {"task_name": "x"})


def test_get_card_and_suggestions() -> None:
    assert get_card("esc50").directory_name == "esc50-v2.0.0-full"
    assert get_card("nsynth_pitch-v2.2.3-5h", "hear2021").n_clips == 5000
    for name, suite, message in (
        ("esc5", None, "Did you mean esc50"),
        ("beehive", None, "Did you mean beehive_states_fold0"),
        ("nsynth_pitch", None, "several tasks: nsynth_pitch-v2.2.3-50h, nsynth_pitch-v2.2.3-5h"),
        ("esc50", "synthetic", "in the suite 'synthetic'"),
        ("esc50", "hear", "There is no suite 'hear'; there are: hear2021, papers, synthetic"),
    ):
        with pytest.raises(TaskError, match=message):
            get_card(name, suite)


def test_expand_mixes_suites_tasks_and_prepared_folders(tmp_path: Path) -> None:
    for folder in ("mine-v1-full", "esc50-v1-full", ".half-v1-full.part"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "task_metadata.json").write_text("{}")
    names = expand(["synth_pitch", "synthetic", "mine", "esc50"], tmp_path)
    assert names[0] == "synth_pitch-v1-full"
    assert len(names) == len(set(names)) == 7
    assert names[-2:] == ("mine-v1-full", "esc50-v1-full")
    assert expand(["esc50"]) == ("esc50-v2.0.0-full",)
    with pytest.raises(TaskError, match=r"neither a suite nor a task.*Did you mean synth_pitch"):
        expand(["synth_pich"], tmp_path)


def test_describe_is_plain_and_knows_the_suite() -> None:
    facts = describe(get_card("maestro"))
    assert json.loads(json.dumps(facts)) == facts
    assert (facts["suite"], facts["n_folds"], facts["directory_name"]) == ("hear2021", 5, "maestro-v3.0.0-5h")
    assert suite_of(card()) is None


def test_listing(tmp_path: Path) -> None:
    rows = list_rows("synthetic", tmp_path / "none")
    assert [row["task"] for row in rows] == [c.directory_name for c in suites()["synthetic"]]
    assert {row["state"] for row in rows} == {"card"}
    assert find_card("esc50", tmp_path) == get_card("esc50")
    with pytest.raises(TaskError, match="is a suite"):
        find_card("hear2021", tmp_path)
    with pytest.raises(TaskError, match="no suite"):
        list_rows("hear2022", tmp_path)


def test_how_to_prepare() -> None:
    assert how_to_prepare("synth_pitch") == "Make it: hear-audiomosaic tasks prepare synth_pitch"
    assert "tasks fetch maestro-v3.0.0-5h" in how_to_prepare("maestro")
    assert "--name mine" in how_to_prepare("mine")
    assert how_to_prepare("voxceleb1") == (
        "Make it from its data set: hear-audiomosaic tasks prepare voxceleb1-v1.0-full --from DIR or ARCHIVE..."
    )


def test_the_fields_are_explained() -> None:
    text = (content_dir("tasks") / "README.md").read_text(encoding="utf-8")
    assert [field for field in TaskCard.model_fields if f"`{field}`" not in text] == []
