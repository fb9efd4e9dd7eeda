"""Intervals, paired tests and overall scores, against closed forms and slow references on tiny predictions."""

from __future__ import annotations

import itertools
import math
import statistics
from pathlib import Path

import fake_predictions as stored
import fake_results as fake
import numpy as np
import pytest

from hear_audiomosaic.metrics import Events, evaluate_clips, evaluate_events
from hear_audiomosaic.reporting.analysis.uncertainty import Analysis, analyse
from hear_audiomosaic.reporting.comparison.build import compare
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.published.figures import read_tasks
from hear_audiomosaic.results.load import load_results
from hear_audiomosaic.statistics import benjamini_hochberg, holm, mcnemar, overall_mean_rank, resample_counts

A, B, C = fake.AUDIOMOSAIC, fake.MSM_MAE, fake.LOGMEL
TASK = fake.task("tones", 0.5)
N_DRAWS = 200


def table(folder: Path) -> Comparison:
    (one,) = compare(load_results(folder).results)
    return one


def analysed(folder: Path, n_resamples: int = N_DRAWS, **settings: float) -> Analysis:
    return analyse(table(folder), folder, n_resamples=n_resamples, **settings)  # type: ignore[arg-type]


def answers(n: int, n_right: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.arange(n) < n_right)


def test_accuracy_over_folds_is_resampled_within_each_fold(tmp_path: Path) -> None:
    sizes = ((20, 15), (35, 20))
    folds = [stored.right(answers(n, k), f"f{i}-") for i, (n, k) in enumerate(sizes)]
    stored.clips(tmp_path, A, TASK, folds)
    cell = analysed(tmp_path).cells[A.label, "tones"]
    slow = np.empty((2, N_DRAWS))
    for i, fold in enumerate(folds):
        for d, counts in enumerate(resample_counts(N_DRAWS, None, sizes[i][0], (0, i))):
            rows = np.repeat(np.arange(sizes[i][0]), counts)
            slow[i, d] = evaluate_clips(["top1_acc"], fold.targets[rows], fold.probabilities[rows])["top1_acc"]
    low, high = np.quantile(slow.mean(axis=0), [0.025, 0.975])
    assert cell.interval is not None
    assert (cell.interval.low, cell.interval.high) == (pytest.approx(low), pytest.approx(high))
    assert cell.test_sd == pytest.approx(slow.mean(axis=0).std(ddof=1))
    assert (cell.n_clips, cell.n_groups, cell.seed_sd, cell.reason, cell.n_resamples) == (55, None, None, "", N_DRAWS)


def test_deviation_of_an_accuracy_is_the_binomial_one(tmp_path: Path) -> None:
    stored.clips(tmp_path, A, TASK, [stored.right(answers(400, 300))])
    cell = analysed(tmp_path, 2000).cells[A.label, "tones"]
    assert cell.test_sd == pytest.approx(math.sqrt(0.75 * 0.25 / 400), rel=0.05)
    assert cell.interval is not None
    half = (cell.interval.high - cell.interval.low) / 2
    assert half == pytest.approx(1.96 * cell.test_sd, rel=0.08)


@pytest.mark.parametrize("score_name", ["mAP", "aucroc", "d_prime", "eer"])
def test_ranking_scores_equal_the_score_computed_anew_for_each_resample(tmp_path: Path, score_name: str) -> None:
    fold = stored.ranked(40, 3, 0.5)
    stored.clips(tmp_path, A, TASK, [fold], score_name=score_name)
    cell = analysed(tmp_path).cells[A.label, "tones"]
    slow = []
    for counts in resample_counts(N_DRAWS, None, 40, (0, 0)):
        rows = np.repeat(np.arange(40), counts)
        slow.append(evaluate_clips([score_name], fold.targets[rows], fold.probabilities[rows])[score_name])
    assert cell.interval is not None
    ends = (cell.interval.low, cell.interval.high)
    assert ends == pytest.approx(tuple(np.quantile(slow, [0.025, 0.975])), abs=1e-9)


@pytest.mark.parametrize("score_name", ["event_onset_200ms_fms", "event_onset_offset_50ms_20perc_fms"])
def test_event_scores_are_resampled_by_file(tmp_path: Path, score_name: str) -> None:
    fold = stored.event_fold(12, seed=1, chance_of_hit=0.7)
    stored.events(tmp_path, A, fake.DRUMS, [fold], score_name)
    cell = analysed(tmp_path, 100).cells[A.label, "mdb_drums"]
    truth, found = fold.reference_events, fold.predicted_events
    assert truth is not None
    assert found is not None

    def drawn(events: Events, files: np.ndarray) -> Events:
        """Each file that was drawn as a file of its own."""
        parts = [(np.flatnonzero(events.file == file), i) for i, file in enumerate(files)]
        rows = np.concatenate([own for own, _ in parts])
        file = np.concatenate([np.full(len(own), i) for own, i in parts])
        return Events(file, events.label[rows], events.start_ms[rows], events.end_ms[rows])

    slow = []
    for counts in resample_counts(100, None, 12, (0, 0)):
        files = np.repeat(np.arange(12), counts)
        slow.append(evaluate_events([score_name], drawn(truth, files), drawn(found, files))[score_name])
    assert cell.interval is not None
    ends = (cell.interval.low, cell.interval.high)
    assert ends == pytest.approx(tuple(np.quantile(slow, [0.025, 0.975])))
    assert cell.n_clips == 12


def test_error_rates_of_events_say_why_they_have_no_interval(tmp_path: Path) -> None:
    stored.events(tmp_path, A, fake.OFFICE, [stored.event_fold(12, 1, 0.7)], "segment_1s_er")
    cell = analysed(tmp_path).cells[A.label, "dcase2016_task2"]
    assert cell.interval is None
    assert "not taken apart by file" in cell.reason


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


def test_groups_are_drawn_whole(tmp_path: Path) -> None:
    each = answers(20, 13)
    groups = [f"speaker {i // 5:02d}" for i in range(100)]
    stored.clips(tmp_path / "grouped", A, TASK, [stored.right(np.repeat(each, 5), groups=groups)])
    stored.clips(tmp_path / "single", A, TASK, [stored.right(each)])
    grouped, single = (analysed(tmp_path / name).cells[A.label, "tones"] for name in ("grouped", "single"))
    assert (grouped.n_clips, grouped.n_groups) == (100, 20)
    assert (single.n_clips, single.n_groups) == (20, None)
    assert grouped.interval == single.interval  # five copies of a clip are one witness


def test_seeds_are_averaged_and_their_variance_stands_apart(tmp_path: Path) -> None:
    by_seed = [answers(50, 30, seed=1), answers(50, 36, seed=2), answers(50, 27, seed=3)]
    for seed, own in enumerate(by_seed):
        stored.clips(tmp_path, A, TASK, [stored.right(own)], fake.protocol(seed=seed))
    cell = analysed(tmp_path).cells[A.label, "tones"]
    mean = np.mean(by_seed, axis=0)
    counts = resample_counts(N_DRAWS, None, 50, (0, 0))
    low, high = np.quantile(counts @ mean / 50, [0.025, 0.975])
    assert cell.interval is not None
    assert (cell.interval.low, cell.interval.high) == (pytest.approx(low), pytest.approx(high))
    assert cell.seed_sd == pytest.approx(statistics.stdev([0.60, 0.72, 0.54]))
    variances = [(counts @ own / 50).var(ddof=1) for own in by_seed]
    assert cell.test_sd == pytest.approx(math.sqrt(np.mean(variances)))


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
    analysis = analysed(tmp_path, 500)
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
            draws = resample_counts(500, None, 80, (0, 0)) @ (a - b) / 80
            as_large = np.abs(draws - pair.difference) >= abs(pair.difference) - 1e-9
            assert pair.p == pytest.approx((1 + as_large.sum()) / 501)
            better = "" if pair.p_holm >= 0.05 else ("a" if pair.difference > 0 else "b")
            words = {"a": f"{pair.a} better", "b": f"{pair.b} better", "": "no significant difference"}
            assert (pair.better, pair.verdict) == (better, words[better])


def test_tied_are_those_that_the_paired_test_does_not_tell_from_the_best(tmp_path: Path) -> None:
    three(tmp_path)
    analysis = analysed(tmp_path, 500)
    tied = {task: [one.label for one in (A, B, C) if analysis.cells[one.label, task].tied] for task in ("t0", "t1")}
    assert tied == {"t0": [A.label, B.label], "t1": [A.label, C.label]}
    p = {(pair.column, frozenset((pair.a, pair.b))): pair.p for pair in analysis.pairs}
    for i, best in (("t0", A), ("t1", A), ("t2", A), ("t3", B)):
        others = [one for one in (A, B, C) if one != best]
        adjusted = holm([p[i, frozenset((best.label, other.label))] for other in others])
        for other, value in zip(others, adjusted, strict=True):
            assert analysis.cells[other.label, i].tied == (value >= 0.05)
        assert analysis.cells[best.label, i].tied == bool((adjusted >= 0.05).any())


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
    elif how == "other scores":
        stored_before = dict(np.load(path))
        np.savez(path, **stored_before | {"test/prediction": stored_before["test/prediction"][:, ::-1]})


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("missing", "there is no predictions file"),
        ("garbage", "cannot be read as predictions"),
        ("truncated", "cannot be read as predictions"),
        ("array", "cannot be read as predictions"),
        ("other names", "there is no test/files"),
        ("other shapes", "does not hold the result's predictions"),
        ("other scores", "not the score of the result file"),
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
    assert "there is no predictions file" in analysed(tmp_path).cells[A.label, "tones"].reason


def test_other_clips_are_not_compared(tmp_path: Path) -> None:
    stored.clips(tmp_path, A, TASK, [stored.right(answers(40, 30))])
    stored.clips(tmp_path, B, TASK, [stored.right(answers(40, 30), "other-")])
    (pair,) = analysed(tmp_path).pairs
    assert pair.verdict == "no test: the two were tested on different clips"


def test_one_clip_and_an_infinite_score_say_why(tmp_path: Path) -> None:
    stored.clips(tmp_path, A, TASK, [stored.right([True])])
    fake.save(tmp_path, fake.success(A, fake.CHORDS, [math.inf], score_name="d_prime"))
    cells = analysed(tmp_path).cells
    assert "at least 2 clips" in cells[A.label, "tones"].reason
    assert cells[A.label, "synthetic_chords"].reason == "the score is not a finite number"


def scored(folder: Path, scores: dict[str, list[float | None]]) -> Analysis:
    """Results without predictions: a list of scores by task for each reference."""
    for ref, own in scores.items():
        for i, score in enumerate(own):
            if score is not None:
                fake.save(folder, fake.success(fake.encoder(ref), fake.task(f"t{i}", None), [score]))
    return analysed(folder)


def test_overall_scores_name_the_tasks_they_lack(tmp_path: Path) -> None:
    analysis = scored(tmp_path, {"a": [0.9, 0.8, 0.7], "b": [0.8, 0.9, None], "logmel": [0.5, 0.4, 0.5]})
    assert {name: sorted(rows) for name, rows in analysis.overall.items()} == {
        name: ["a", "b", "logmel"] for name in ("mean", "mean rank", "win rate", "s(m)")
    }
    mean = analysis.overall["mean"]
    assert (mean["a"].value, mean["a"].used, mean["a"].missing) == (pytest.approx(0.85), (0, 1), (2,))
    ranks = analysis.overall["mean rank"]
    matrix = [[0.9, 0.8, 0.7], [0.8, 0.9, np.nan], [0.5, 0.4, 0.5]]
    assert [ranks[ref].value for ref in ("a", "b", "logmel")] == [one.value for one in overall_mean_rank(matrix)]
    assert (ranks["b"].missing, ranks["a"].missing) == ((2,), ())
    s = analysis.overall["s(m)"]
    assert s["a"].value == pytest.approx(100 * (1 + 0.8 + 1) / 3)
    assert s["b"].value == pytest.approx(100 * (0.75 + 1) / 2)
    assert s["logmel"].value == 0.0
    assert list(analysis.overall_left_out) == ["HEAR normalised"]
    assert analysis.rank_tasks == ("t0", "t1")
    assert math.isnan(analysis.ranks["a"].low)  # two tasks tell nothing


def test_without_logmel_there_is_no_generalisability(tmp_path: Path) -> None:
    analysis = scored(tmp_path, {"a": [0.9, 0.8], "b": [0.8, 0.9]})
    assert "s(m)" not in analysis.overall
    assert "logmel" in analysis.overall_left_out["s(m)"]
    assert analysis.friedman_p is None


def test_ranks_have_intervals_from_six_tasks_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    best = [0.9] * 8
    analysis = scored(
        tmp_path, {"best": best, **{ref: rng.uniform(0.2, 0.8, 8).tolist() for ref in ("b", "c", "d", "e")}}
    )
    assert next(iter(analysis.ranks)) == "best"
    rank = analysis.ranks["best"]
    assert (rank.mean_rank, rank.low, rank.high) == (1.0, 1.0, 1.0)
    assert analysis.critical_difference == pytest.approx(2.728 * math.sqrt(5 * 6 / 48), abs=1e-3)
    assert analysis.friedman_p is not None
    assert analysis.friedman_p < 0.05
    assert all(len(group) > 1 for group in analysis.cliques)


def test_hear_normalised_is_there_for_its_own_protocol_and_tasks(tmp_path: Path) -> None:
    hear = [task for task in read_tasks() if task.primary_metric == "top1_acc"][:6]
    for task in hear:
        on = fake.task(task.task.split("-")[0], None, directory=task.task)
        fake.save(tmp_path, fake.success(A, on, [0.8]))
        if task is not hear[0]:
            fake.save(tmp_path, fake.success(B, on, [0.7]))
    fake.save(tmp_path, fake.success(A, fake.task("zz", None), [0.9]))
    analysis = analysed(tmp_path)
    assert list(analysis.overall["HEAR normalised"]) == [A.label]  # five tasks are too few
    one = analysis.overall["HEAR normalised"][A.label]
    assert (one.used, one.missing) == (tuple(range(6)), (6,))
    assert analysis.leaderboard_ranks is not None
    assert one.value == analysis.leaderboard_ranks.rows[0].normalised


def test_failed_rows_are_passed_over(tmp_path: Path) -> None:
    fake.save(tmp_path, fake.failure(B, TASK, "broke"))
    analysis = analysed(tmp_path)
    assert (dict(analysis.cells), analysis.pairs, dict(analysis.overall)) == ({}, (), {})


def test_the_same_files_give_the_same_analysis(tmp_path: Path) -> None:
    three(tmp_path)
    assert repr(analysed(tmp_path)) == repr(analysed(tmp_path))
