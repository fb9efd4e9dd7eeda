"""Intervals and paired tests, against closed forms and slow references on tiny predictions."""

from __future__ import annotations

import itertools
import math
import statistics
from pathlib import Path

import fake_predictions as stored
import fake_results as fake
import numpy as np
import pytest
from analysed_results import analysed, answers, table
from scipy import stats

from hear_audiomosaic.metrics import Events, evaluate_clips, evaluate_events
from hear_audiomosaic.reporting.analysis import replicates
from hear_audiomosaic.reporting.analysis.uncertainty import CellUncertainty, analyse
from hear_audiomosaic.reporting.render.markdown.tables import pipe_table
from hear_audiomosaic.reporting.tables.comparison import comparison_table
from hear_audiomosaic.reporting.text.uncertainty import about_units
from hear_audiomosaic.results.predictions import FoldPredictions
from hear_audiomosaic.statistics import benjamini_hochberg, holm, mcnemar

A, B, C = fake.AUDIOMOSAIC, fake.MSM_MAE, fake.LOGMEL
TASK = fake.task("tones", 0.5)


def error_of(replicates: list[np.ndarray]) -> float:
    """The jackknife's standard error of the mean over folds, by its formula."""
    variances = [(len(one) - 1) / len(one) * np.sum((one - one.mean()) ** 2) for one in replicates]
    return float(np.sqrt(sum(variances))) / len(replicates)


def wilson(score: float, se: float, df: float) -> tuple[float, float]:
    t, n = stats.t.ppf(0.975, df), score * (1 - score) / se**2
    centre, reach = score + t**2 / (2 * n), t * math.sqrt(score * (1 - score) / n + t**2 / (4 * n**2))
    return (centre - reach) / (1 + t**2 / n), (centre + reach) / (1 + t**2 / n)


def ends_of(cell: CellUncertainty) -> tuple[float, float]:
    assert cell.interval is not None, cell.reason
    return cell.interval.low, cell.interval.high


def kept(fold: FoldPredictions, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return fold.targets[rows], fold.probabilities[rows]


def test_an_accuracy_over_folds_leaves_out_each_clip_in_its_fold(tmp_path: Path) -> None:
    sizes = ((20, 15), (35, 20))
    folds = [stored.right(answers(n, k), f"f{i}-") for i, (n, k) in enumerate(sizes)]
    stored.clips(tmp_path, A, TASK, folds)
    cell = analysed(tmp_path).cells[A.label, "tones"]
    slow = []
    for fold, (n, _) in zip(folds, sizes, strict=True):
        every = np.arange(n)
        slow.append(np.array([evaluate_clips(["top1_acc"], *kept(fold, every != i))["top1_acc"] for i in every]))
    se = error_of(slow)
    assert ends_of(cell) == pytest.approx(wilson((15 / 20 + 20 / 35) / 2, se, 53))
    assert cell.test_sd == pytest.approx(se)
    assert (cell.n_clips, cell.n_groups, cell.n_units, cell.unit) == (55, None, 55, "clips")
    assert (cell.seed_sd, cell.reason, cell.includes_seeds) == (None, "", False)


def test_deviation_of_an_accuracy_is_the_binomial_one(tmp_path: Path) -> None:
    stored.clips(tmp_path, A, TASK, [stored.right(answers(400, 300))])
    cell = analysed(tmp_path).cells[A.label, "tones"]
    assert cell.test_sd == pytest.approx(math.sqrt(0.75 * 0.25 / 399))
    expected = stats.binomtest(300, 400).proportion_ci(method="wilson")
    assert ends_of(cell) == pytest.approx((expected.low, expected.high), abs=4e-4)


def test_a_perfect_score_has_an_interval_with_a_width(tmp_path: Path) -> None:
    stored.clips(tmp_path, A, TASK, [stored.right(answers(30, 30))])
    assert ends_of(analysed(tmp_path).cells[A.label, "tones"]) == (pytest.approx(0.878, abs=1e-3), 1.0)


@pytest.mark.parametrize("score_name", ["mAP", "aucroc", "d_prime", "eer"])
def test_other_scores_are_computed_anew_without_each_clip(tmp_path: Path, score_name: str) -> None:
    fold, every = stored.ranked(40, 3, 0.5), np.arange(40)
    stored.clips(tmp_path, A, TASK, [fold], score_name=score_name)
    cell = analysed(tmp_path).cells[A.label, "tones"]
    slow = np.array([evaluate_clips([score_name], *kept(fold, every != i))[score_name] for i in every])
    score = evaluate_clips([score_name], fold.targets, fold.probabilities)[score_name]
    reach = stats.t.ppf(0.975, 39) * error_of([slow])
    expected = (score - reach, score + reach) if score_name == "d_prime" else wilson(score, error_of([slow]), 39)
    assert ends_of(cell) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("score_name", ["mAP", "aucroc", "eer"])
def test_many_clips_are_left_out_in_blocks(tmp_path: Path, score_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stored.clips(tmp_path, A, TASK, [stored.ranked(600, 3, 0.5)], score_name=score_name)
    whole = analysed(tmp_path).cells[A.label, "tones"]
    for name in ("_RANKING_WORK", "_SCORE_WORK"):
        monkeypatch.setattr(replicates, name, 60 * 600 * 3)
    blocks = analysed(tmp_path).cells[A.label, "tones"]
    assert (whole.n_units, whole.unit, blocks.n_units, blocks.unit) == (600, "clips", 60, "blocks")
    assert blocks.test_sd == pytest.approx(whole.test_sd, rel=0.25)  # a deviation of 60 blocks is known to 9 %


@pytest.mark.parametrize("score_name", ["event_onset_200ms_fms", "event_onset_offset_50ms_20perc_fms", "segment_1s_er"])
def test_event_scores_leave_out_each_file(tmp_path: Path, score_name: str) -> None:
    fold = stored.event_fold(12, seed=1, chance_of_hit=0.7)
    truth, found = fold.reference_events, fold.predicted_events
    assert truth is not None
    assert found is not None
    stored.events(tmp_path, A, fake.DRUMS, [fold], score_name)
    cell = analysed(tmp_path).cells[A.label, "mdb_drums"]

    def without(events: Events, file: int) -> Events:
        rows = np.flatnonzero(events.file != file)
        return Events(events.file[rows], events.label[rows], events.start_ms[rows], events.end_ms[rows])

    score = evaluate_events([score_name], truth, found)[score_name]
    slow = np.array(
        [evaluate_events([score_name], without(truth, i), without(found, i))[score_name] for i in range(12)]
    )
    reach = stats.t.ppf(0.975, 11) * error_of([slow])
    bounded = score_name != "segment_1s_er"
    assert ends_of(cell) == pytest.approx(
        wilson(score, error_of([slow]), 11) if bounded else (score - reach, score + reach)
    )
    assert (cell.n_clips, cell.n_units) == (12, 12)


def test_every_score_lies_in_its_own_interval(tmp_path: Path) -> None:
    for i, (n, n_classes) in enumerate([(30, 8), (40, 16), (60, 4)]):
        for score_name in ("mAP", "aucroc", "d_prime", "eer"):
            fold = stored.ranked(n, n_classes, 0.3, seed=i)
            stored.clips(tmp_path, A, fake.task(f"{score_name}-{i}", None), [fold], score_name=score_name)
    one = table(tmp_path)
    analysis = analyse(one, tmp_path)
    for column, cell in zip(one.columns, one.rows[0].cells, strict=True):
        low, high = ends_of(analysis.cells[A.label, column.label])
        assert cell.score is not None
        assert low < cell.score < high


def test_order_of_clips_does_not_matter_and_pairs_are_paired(tmp_path: Path) -> None:
    fold = stored.right(answers(60, 40))
    stored.clips(tmp_path, A, TASK, [fold])
    stored.clips(tmp_path, B, TASK, [stored.shuffled(fold)])
    analysis = analysed(tmp_path)
    first, second = (analysis.cells[one.label, "tones"].interval for one in (A, B))
    assert first == second
    (pair,) = analysis.pairs
    assert (pair.difference, pair.p, pair.mcnemar_p, pair.verdict) == (0.0, 1.0, 1.0, "no significant difference")
    assert pair.interval is not None
    assert (pair.interval.low, pair.interval.high) == (0.0, 0.0)  # not paired, they would differ


def test_groups_are_left_out_whole(tmp_path: Path) -> None:
    each = answers(20, 13)
    groups = [f"speaker {i // 5:02d}" for i in range(100)]
    stored.clips(tmp_path / "grouped", A, TASK, [stored.right(np.repeat(each, 5), groups=groups)])
    stored.clips(tmp_path / "single", A, TASK, [stored.right(each)])
    grouped, single = (analysed(tmp_path / name).cells[A.label, "tones"] for name in ("grouped", "single"))
    assert (grouped.n_clips, grouped.n_groups, grouped.n_units, grouped.unit) == (100, 20, 20, "groups")
    assert (single.n_clips, single.n_groups, single.n_units, single.unit) == (20, None, 20, "clips")
    assert ends_of(grouped) == pytest.approx(ends_of(single))  # five copies of a clip are one witness


def test_two_speakers_tell_nothing(tmp_path: Path) -> None:
    groups = [f"speaker {i // 30}" for i in range(60)]
    for one, n_right in ((A, 55), (B, 20)):
        stored.clips(tmp_path, one, TASK, [stored.right(answers(60, n_right), groups=groups)])
    analysis = analysed(tmp_path)
    cell, (pair,) = analysis.cells[A.label, "tones"], analysis.pairs
    assert (cell.interval, cell.reason) == (None, "2 independent units are too few (at least 3)")
    assert pair.verdict == "no test: 2 independent units are too few (at least 3)"
    assert not any(one.tied for one in analysis.cells.values())
    text = pipe_table(comparison_table(table(tmp_path), analysis), bold_mark=True)
    assert text.count("only 2 groups: no interval") == 2


def test_what_is_independent_is_said_of_each_task(tmp_path: Path) -> None:
    speakers = [f"speaker {i // 5:02d}" for i in range(60)]
    leaky = fake.task("digits", 0.1).model_copy(update={"n_groups": 12, "shared_group_clips": 60})
    stored.clips(tmp_path, A, leaky, [stored.right(answers(60, 50), groups=speakers)])
    stored.clips(tmp_path, A, fake.task("words", 0.1), [stored.right(answers(60, 50), groups=speakers)])
    stored.clips(tmp_path, A, fake.task("tags", 0.1), [stored.right(answers(60, 50))])
    folds = [stored.right(answers(9, k), f"f{k}-", groups=[f"speaker {k}"] * 9) for k in (5, 6, 7)]
    stored.clips(tmp_path, A, fake.task("moods", 0.1), folds)
    said = about_units(table(tmp_path), analysed(tmp_path))
    assert [sentence.split(":")[0] for sentence in said] == [
        "Independent units are groups of test clips (their number in brackets) on digits (12) and words (12).",
        "With a single group a fold, the folds are the units on moods (3).",
        "No groups of clips are known on tags",
        "Groups of test clips stand in training, too, on digits (60 clips)",
    ]


def test_with_one_group_a_fold_the_folds_are_the_units(tmp_path: Path) -> None:
    scores = {A: (25, 24, 27, 22, 26), B: (12, 15, 10, 14, 11)}
    for one, n_right in scores.items():
        folds = [
            stored.right(answers(30, k, seed=i), f"f{i}-", groups=[f"speaker {i}"] * 30) for i, k in enumerate(n_right)
        ]
        stored.clips(tmp_path, one, TASK, folds)
    analysis = analysed(tmp_path)
    cell, (pair,) = analysis.cells[A.label, "tones"], analysis.pairs
    a, b = (np.array(n_right) / 30 for n_right in scores.values())
    assert (cell.n_units, cell.unit, cell.n_groups) == (5, "folds", 5)
    assert cell.test_sd == pytest.approx(a.std(ddof=1) / math.sqrt(5))
    assert pair.p == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert pair.better == "a"


def test_the_variance_between_seeds_is_in_intervals_and_tests(tmp_path: Path) -> None:
    by_seed = [answers(50, 30, seed=1), answers(50, 36, seed=2), answers(50, 27, seed=3)]
    for seed, own in enumerate(by_seed):
        stored.clips(tmp_path, A, TASK, [stored.right(own)], fake.protocol(seed=seed))
        stored.clips(tmp_path, B, TASK, [stored.right(answers(50, 20))], fake.protocol(seed=seed))
    analysis = analysed(tmp_path)
    cell, (pair,) = analysis.cells[A.label, "tones"], analysis.pairs
    mean, seeds = np.mean(by_seed, axis=0), [0.60, 0.72, 0.54]
    of_clips, of_seeds = mean.var(ddof=1) / 50, np.var(seeds, ddof=1) / 3
    df = (of_clips + of_seeds) ** 2 / (of_clips**2 / 49 + of_seeds**2 / 2)
    assert ends_of(cell) == pytest.approx(wilson(0.62, math.sqrt(of_clips + of_seeds), df))
    assert cell.includes_seeds
    assert cell.seed_sd == pytest.approx(statistics.stdev(seeds))
    assert cell.test_sd == pytest.approx(math.sqrt(np.mean([own.var(ddof=1) / 50 for own in by_seed])))
    difference = mean - answers(50, 20)
    variance = difference.var(ddof=1) / 50
    df = (variance + of_seeds) ** 2 / (variance**2 / 49 + of_seeds**2 / 2)
    assert pair.p == pytest.approx(2 * stats.t.sf(difference.mean() / math.sqrt(variance + of_seeds), df))
    assert pair.includes_seeds


def three(folder: Path) -> dict[str, list[np.ndarray]]:
    """Three encoders on four tasks of 80 clips: (right answers by task) of each."""
    right = {
        A.label: [answers(80, n, seed=n) for n in (76, 70, 60, 41)],
        B.label: [answers(80, n, seed=n) for n in (75, 40, 58, 43)],
        C.label: [answers(80, n, seed=n) for n in (30, 66, 20, 40)],
    }
    for one in (A, B, C):
        for i, own in enumerate(right[one.label]):
            stored.clips(folder, one, fake.task(f"t{i}", 0.5), [stored.right(own)])
    return right


def test_p_values_are_adjusted_over_the_tasks_of_a_pair(tmp_path: Path) -> None:
    right = three(tmp_path)
    analysis = analysed(tmp_path)
    labels = [row.label for row in table(tmp_path).rows]
    assert [(pair.a, pair.b) for pair in analysis.pairs] == [
        pair for pair in itertools.combinations(labels, 2) for _ in range(4)
    ]
    for _, group in itertools.groupby(analysis.pairs, lambda pair: (pair.a, pair.b)):
        pairs = list(group)
        p = [pair.p for pair in pairs]
        assert [pair.p_holm for pair in pairs] == pytest.approx(list(holm(p)))
        assert [pair.p_bh for pair in pairs] == pytest.approx(list(benjamini_hochberg(p)))
        for i, pair in enumerate(pairs):
            a, b = right[pair.a][i].astype(float), right[pair.b][i].astype(float)
            assert pair.mcnemar_p == mcnemar(a, b)
            assert pair.difference == pytest.approx(a.mean() - b.mean())
            assert pair.p == pytest.approx(stats.ttest_rel(a, b).pvalue)
            better = "" if pair.p_holm >= 0.05 else ("a" if pair.difference > 0 else "b")
            words = {"a": f"{pair.a} better", "b": f"{pair.b} better", "": "no significant difference"}
            assert (pair.better, pair.verdict) == (better, words[better])


def test_tied_are_those_that_the_paired_test_does_not_tell_from_the_best(tmp_path: Path) -> None:
    three(tmp_path)
    analysis = analysed(tmp_path)
    tied = {task: [one.label for one in (A, B, C) if analysis.cells[one.label, task].tied] for task in ("t0", "t1")}
    assert tied == {"t0": [A.label, B.label], "t1": [A.label, C.label]}
    for task, best in (("t0", A), ("t1", A), ("t2", A), ("t3", B)):
        own = [pair for pair in analysis.pairs if pair.column == task]
        adjusted = holm([pair.p for pair in own])  # all three pairs: the best is chosen from the data
        with_best = {
            frozenset((pair.a, pair.b)) - {best.label}: value
            for pair, value in zip(own, adjusted, strict=True)
            if best.label in (pair.a, pair.b)
        }
        for other in (one for one in (A, B, C) if one != best):
            assert analysis.cells[other.label, task].tied == (with_best[frozenset((other.label,))] >= 0.05)
        assert analysis.cells[best.label, task].tied == (max(with_best.values()) >= 0.05)


def test_a_best_far_ahead_is_not_tied(tmp_path: Path) -> None:
    stored.clips(tmp_path, A, TASK, [stored.right(answers(80, 78))])
    stored.clips(tmp_path, B, TASK, [stored.right(answers(80, 20))])
    assert not any(cell.tied for cell in analysed(tmp_path).cells.values())


def test_of_error_rates_the_smaller_is_better(tmp_path: Path) -> None:
    for one, skill in ((A, 0.2), (B, 2.0)):
        stored.clips(tmp_path, one, TASK, [stored.ranked(80, 2, skill)], score_name="eer")
    (pair,) = analysed(tmp_path).pairs
    assert pair.difference > 0
    assert (pair.a, pair.better, pair.verdict) == (A.label, "b", f"{B.label} better")
    assert pair.mcnemar_p is None


def spoil(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "garbage":
        path.write_bytes(b"no archive")
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:-200])
    elif how == "array":
        np.save(path.with_suffix(".npy"), np.zeros(3))
        path.with_suffix(".npy").rename(path)
    elif how == "other names":
        np.savez(path, **{"test/probabilities": np.zeros((4, 2))})
    elif how == "other shapes":
        np.savez(path, **dict(np.load(path)) | {"test/target": np.zeros((3, 5))})


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("missing", "there is no predictions file"),
        ("garbage", "cannot be read as predictions"),
        ("truncated", "cannot be read as predictions"),
        ("array", "cannot be read as predictions"),
        ("other names", "there is no test/files"),
        ("other shapes", "does not hold the result's predictions"),
    ],
)
def test_predictions_that_cannot_be_used_leave_a_reason(tmp_path: Path, how: str, reason: str) -> None:
    spoil(stored.clips(tmp_path, A, TASK, [stored.right(answers(40, 30))]), how)
    stored.clips(tmp_path, B, TASK, [stored.right(answers(40, 25))])
    analysis = analysed(tmp_path)
    cell = analysis.cells[A.label, "tones"]
    assert cell.interval is None
    assert reason in cell.reason
    assert str(tmp_path) not in cell.reason
    assert analysis.cells[B.label, "tones"].interval is not None
    (pair,) = analysis.pairs
    assert (pair.is_tested, pair.better) == (False, "")
    assert pair.verdict.startswith(f"no test: {A.label}: ")
    assert not cell.tied


def test_predictions_elsewhere_are_not_read(tmp_path: Path) -> None:
    path = stored.clips(tmp_path, A, TASK, [stored.right(answers(40, 30))])
    path.rename(tmp_path / "elsewhere.npz")
    fake.save(tmp_path, fake.success(A, TASK, [0.75], predictions="../../elsewhere.npz"))
    assert "names no predictions beside it" in analysed(tmp_path).cells[A.label, "tones"].reason


def test_other_clips_are_not_compared(tmp_path: Path) -> None:
    stored.clips(tmp_path, A, TASK, [stored.right(answers(40, 30))])
    stored.clips(tmp_path, B, TASK, [stored.right(answers(40, 30), "other-")])
    (pair,) = analysed(tmp_path).pairs
    assert pair.verdict == "no test: the two were tested on different clips"


def test_one_clip_and_an_infinite_score_say_why(tmp_path: Path) -> None:
    stored.clips(tmp_path, A, TASK, [stored.right([True])])
    fake.save(tmp_path, fake.success(A, fake.CHORDS, [math.inf], score_name="d_prime"))
    cells = analysed(tmp_path).cells
    assert "1 independent units are too few" in cells[A.label, "tones"].reason
    assert cells[A.label, "synthetic_chords"].reason == "the score is not a finite number"


def test_failed_rows_are_passed_over(tmp_path: Path) -> None:
    fake.save(tmp_path, fake.failure(B, TASK, "broke"))
    analysis = analysed(tmp_path)
    assert (dict(analysis.cells), analysis.pairs, dict(analysis.overall)) == ({}, (), {})


def test_the_same_files_give_the_same_analysis(tmp_path: Path) -> None:
    three(tmp_path)
    assert repr(analysed(tmp_path)) == repr(analysed(tmp_path))
