"""Which results share a table, what a cell says, and what the mean is over."""

from __future__ import annotations

import math
import statistics

import fake_results as fake
import pytest

from hear_audiomosaic.reporting.comparison.build import compare
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.results.load import LoadedResult
from hear_audiomosaic.results.schema import Result

A, B, C = fake.AUDIOMOSAIC, fake.MSM_MAE, fake.LOGMEL


def tables(*results: Result) -> tuple[Comparison, ...]:
    return compare(LoadedResult(f"{number:03d}.json", result) for number, result in enumerate(results))


def table(*results: Result) -> Comparison:
    (one,) = tables(*results)
    return one


def test_two_protocols_never_share_a_table():
    found = tables(
        fake.success(A, fake.GUNSHOT, [0.5], fake.protocol("zz-first")),
        fake.success(A, fake.GUNSHOT, [0.9], fake.protocol("hear-2021")),
        fake.success(B, fake.GUNSHOT, [0.7], fake.protocol("hear-2021-faster", points=3)),
    )
    assert [one.label for one in found] == ["hear-2021", "hear-2021-faster", "zz-first"]
    assert [one.official for one in found] == [True, False, False]
    assert [[row.cells[0].score for row in one.rows] for one in found] == [[0.9], [0.7], [0.5]]


@pytest.mark.parametrize("other", [{"fingerprint": "f" * 64}, {"precision": "bf16"}])
def test_one_name_with_two_meanings_is_two_tables_with_two_labels(other):
    first = fake.protocol()
    found = tables(
        fake.success(A, fake.GUNSHOT, [0.5], first),
        fake.success(B, fake.GUNSHOT, [0.6], first.model_copy(update=other)),
    )
    assert len(found) == 2
    assert len({one.label for one in found}) == 2
    assert all(one.label.startswith("hear-2021 (") for one in found)


def test_a_smaller_grid_under_the_official_name_is_not_official():
    assert not table(fake.success(A, fake.GUNSHOT, [0.5], fake.protocol(points=2))).official


def test_one_seed_spreads_over_folds_and_several_seeds_over_seeds():
    folds = [0.7, 0.8, 0.9]
    one = table(fake.success(A, fake.ESC50, folds)).rows[0].cells[0]
    assert (one.score, one.spread_over) == (pytest.approx(0.8), "3 folds")
    assert one.spread == pytest.approx(statistics.stdev(folds))

    seeds = [fake.success(A, fake.ESC50, [s, s + 0.1], fake.protocol(seed=k)) for k, s in enumerate((0.1, 0.2, 0.6))]
    several = table(*seeds).rows[0].cells[0]
    assert (several.score, several.spread_over) == (pytest.approx(0.35), "3 seeds")
    assert several.spread == pytest.approx(statistics.stdev([0.15, 0.25, 0.65]))


def test_one_seed_of_one_split_has_no_spread():
    cell = table(fake.success(A, fake.GUNSHOT, [0.5])).rows[0].cells[0]
    assert (cell.spread, cell.spread_over) == (None, "")


def test_failed_seeds_are_told_and_do_not_count():
    one = table(
        fake.success(A, fake.GUNSHOT, [0.5], fake.protocol(seed=1)),
        fake.failure(A, fake.GUNSHOT, "broke", fake.protocol(seed=2)),
    )
    cell = one.rows[0].cells[0]
    assert (cell.state, cell.score, cell.remark) == ("scored", 0.5, "1 of 2 seeds")
    assert [loaded.result.error for _, _, loaded in one.failures] == ["broke"]
    assert one.columns[0].chance == 0.25  # the failed one does not know it


def test_failed_and_missing_cells_differ():
    one = table(
        fake.success(A, fake.GUNSHOT, [0.5]),
        fake.success(A, fake.FSD50K, [0.5]),
        fake.failure(B, fake.GUNSHOT, "broke"),
    )
    states = {row.label: [cell.state for cell in row.cells] for row in one.rows}
    assert states == {"AudioMosaic base": ["scored", "scored"], "MSM-MAE": ["missing", "failed"]}
    assert one.n_missing == 1


def test_success_without_a_score_counts_as_failed():
    result = fake.success(A, fake.GUNSHOT, [0.5], folds=())
    assert table(result).rows[0].cells[0].state == "failed"


def test_best_is_the_smallest_error_rate_and_the_largest_score():
    error = {"score_name": "segment_1s_er", "higher": False}
    one = table(
        fake.success(A, fake.GUNSHOT, [0.5]),
        fake.success(B, fake.GUNSHOT, [0.6]),
        fake.success(A, fake.OFFICE, [0.5], **error),
        fake.success(B, fake.OFFICE, [0.6], **error),
    )
    best = {
        row.label: [column.label for column, cell in zip(one.columns, row.cells, strict=True) if cell.best]
        for row in one.rows
    }
    assert best == {"AudioMosaic base": ["dcase2016_task2"], "MSM-MAE": ["gunshot_triangulation"]}
    assert [column.arrow for column in one.columns] == ["↓", "↑"]


def test_all_that_look_equal_are_best_and_one_alone_is_not():
    equal = table(
        fake.success(A, fake.GUNSHOT, [0.50004]),
        fake.success(B, fake.GUNSHOT, [0.49996]),
        fake.success(C, fake.GUNSHOT, [0.4]),
    )
    assert {row.label: row.cells[0].best for row in equal.rows} == {A.label: True, B.label: True, C.label: False}
    assert not table(fake.success(A, fake.GUNSHOT, [0.5])).rows[0].cells[0].best


def test_infinite_scores_win_and_undefined_ones_do_not():
    results = [fake.success(A, fake.CHORDS, [math.inf, 1.0], score_name="d_prime")]
    results += [fake.success(B, fake.CHORDS, [math.nan], score_name="d_prime")]
    results += [fake.success(C, fake.CHORDS, [2.0], score_name="d_prime")]
    one = table(*results)
    cells = {row.label: row.cells[0] for row in one.rows}
    assert cells["AudioMosaic base"].best
    assert cells["AudioMosaic base"].spread is None
    assert not cells["MSM-MAE"].best
    assert one.mean_tasks == ()
    assert all(row.mean is None for row in one.rows)


def test_mean_is_over_the_tasks_that_all_have():
    one = table(
        *(fake.success(of, on, [score]) for of, score in ((A, 0.6), (B, 0.8)) for on in (fake.ESC50, fake.FSD50K)),
        fake.success(A, fake.GUNSHOT, [1.0]),
        fake.success(A, fake.OFFICE, [0.1], score_name="segment_1s_er", higher=False),
        fake.success(B, fake.OFFICE, [0.2], score_name="segment_1s_er", higher=False),
        fake.failure(C, fake.ESC50, "broke"),  # has no score at all, so it is not compared
    )
    assert one.mean_tasks == ("esc50", "fsd50k")
    assert dict(one.mean_left_out) == {
        "gunshot_triangulation": "no score of MSM-MAE",
        "dcase2016_task2": "segment_1s_er has another scale or direction",
    }
    assert [(row.label, row.mean) for row in one.rows] == [
        ("MSM-MAE", pytest.approx(0.8)),
        ("AudioMosaic base", pytest.approx(0.6)),
        ("logmel", None),
    ]
    assert one.chance_mean == pytest.approx((0.02 + 0.011) / 2)


def test_no_mean_over_one_task_and_none_of_chance_where_one_is_unknown():
    assert table(fake.success(A, fake.ESC50, [0.5])).mean_tasks == ()
    one = table(fake.success(A, fake.ESC50, [0.5]), fake.success(A, fake.DRUMS, [0.5], score_name="f"))
    assert one.rows[0].mean == pytest.approx(0.5)
    assert one.chance_mean is None


def test_other_data_is_another_column():
    other = fake.GUNSHOT.model_copy(update={"digest": "0" * 64})
    one = table(fake.success(A, fake.GUNSHOT, [0.5]), fake.success(B, other, [0.6]))
    assert len(one.columns) == 2
    assert all("[data " in column.label for column in one.columns)
    assert {row.label: [cell.score for cell in row.cells] for row in one.rows} == {
        "AudioMosaic base": [None, 0.5],
        "MSM-MAE": [0.6, None],
    }


def test_other_weights_are_another_row_with_another_label():
    other = A.model_copy(update={"fingerprint": "0" * 64})
    one = table(fake.success(A, fake.GUNSHOT, [0.5]), fake.success(other, fake.GUNSHOT, [0.6]))
    assert len({row.label for row in one.rows}) == 2
    assert all(row.label.startswith("AudioMosaic base [audiomosaic, weights ") for row in one.rows)


def test_same_label_of_two_references_names_the_reference():
    twin = fake.encoder("twin", "AudioMosaic base")
    one = table(fake.success(A, fake.GUNSHOT, [0.5]), fake.success(twin, fake.GUNSHOT, [0.6]))
    assert [row.label for row in one.rows] == ["AudioMosaic base [audiomosaic]", "AudioMosaic base [twin]"]


def test_order_of_results_does_not_matter():
    results = [
        fake.success(of, on, [0.1 * i + 0.01 * j])
        for i, of in enumerate((A, B, C))
        for j, on in enumerate((fake.ESC50, fake.FSD50K))
    ]
    there, back = table(*results), table(*reversed(results))
    assert there.columns == back.columns
    assert [(row.label, row.mean) for row in there.rows] == [(row.label, row.mean) for row in back.rows]


def without_epochs(result: Result) -> Result:
    """As of a probe that is not trained by epochs."""
    return result.model_copy(update={"folds": tuple(fold.model_copy(update={"epoch": None}) for fold in result.folds)})


def test_one_fit_under_two_seeds_has_no_spread_over_seeds_and_no_seed_is_missing():
    """As older runs of logistic wrote it; there the other encoder has one seed."""
    folds = [0.7, 0.8, 0.9]
    seeds = [
        without_epochs(fake.success(A, fake.ESC50, folds, fake.protocol("logistic", seed, 4))) for seed in (42, 43)
    ]
    other = without_epochs(fake.success(B, fake.ESC50, [0.5, 0.6, 0.7], fake.protocol("logistic", 42, 4)))
    one = table(*seeds, other)
    assert one.seeds == (42,)
    assert [cell.spread_over for row in one.rows for cell in row.cells] == ["3 folds", "3 folds"]
    assert len(one.rows[0].cells[0].results) == 1


def test_equal_scores_of_two_trainings_are_two_seeds():
    cell = (
        table(*(fake.success(A, fake.GUNSHOT, [1.0], fake.protocol(seed=seed)) for seed in (42, 43))).rows[0].cells[0]
    )
    assert (cell.spread, cell.spread_over) == (0.0, "2 seeds")


def test_other_shots_of_a_probe_without_epochs_are_several_seeds():
    results = [
        without_epochs(fake.success(A, fake.GUNSHOT, [score], fake.protocol("drawn", seed)))
        for seed, score in ((42, 0.5), (43, 0.7))
    ]
    assert table(*results).seeds == (42, 43)


def with_audio(result: Result, digest: str, rate_hz: int = 16000) -> Result:
    task = result.task.model_copy(update={"audio_digest": digest * 64, "audio_rate_hz": rate_hz})
    return result.model_copy(update={"task": task})


def test_other_audio_at_one_rate_is_a_column_of_its_own():
    one = table(
        with_audio(fake.success(A, fake.GUNSHOT, [0.5]), "a"),
        with_audio(fake.success(B, fake.GUNSHOT, [0.6]), "b"),
        with_audio(fake.success(C, fake.GUNSHOT, [0.7]), "a"),
    )
    assert [column.label for column in one.columns] == [
        "gunshot_triangulation-v1-full [audio aaaaaaaa]",
        "gunshot_triangulation-v1-full [audio bbbbbbbb]",
    ]
    assert sorted(cell.state for row in one.rows for cell in row.cells) == ["missing"] * 3 + ["scored"] * 3


def test_other_rates_and_results_from_before_share_a_column():
    one = table(
        with_audio(fake.success(A, fake.GUNSHOT, [0.5]), "a", 16000),
        with_audio(fake.success(B, fake.GUNSHOT, [0.6]), "b", 32000),
        fake.success(C, fake.GUNSHOT, [0.7]),
    )
    assert [column.label for column in one.columns] == ["gunshot_triangulation"]


def test_the_task_of_a_column_is_that_of_a_result_that_knows_its_groups():
    known = fake.GUNSHOT.model_copy(update={"n_groups": 7, "shared_group_clips": 0})
    one = table(fake.success(A, fake.GUNSHOT, [0.5]), fake.success(B, known, [0.6]))
    assert [column.task.n_groups for column in one.columns] == [7]
