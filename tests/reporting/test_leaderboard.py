"""The HEAR 2021 leaderboard: its published order, and where measured rows would stand beside it."""

from __future__ import annotations

import csv
import io
import math

import fake_results as fake
import numpy as np
import pytest

from hear_audiomosaic.errors import ProtocolError, ResultError
from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.reporting.analysis.leaderboard_ranks import directories_of, leaderboard_row, rank_on_leaderboard
from hear_audiomosaic.reporting.comparison.build import compare
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.comparison.provenance import notices
from hear_audiomosaic.reporting.published import PUBLISHED
from hear_audiomosaic.reporting.published.leaderboard import Leaderboard
from hear_audiomosaic.reporting.tables.leaderboard_ranks import leaderboard_ranks_table
from hear_audiomosaic.results.load import LoadedResult
from hear_audiomosaic.results.schema import EncoderFacts, Result
from hear_audiomosaic.tasks.catalog import suites

ESC50 = "esc50-v2.0.0-full"
BEST = "GURA Fuse Cat H+w+C"


@pytest.fixture(scope="module")
def board() -> Leaderboard:
    return Leaderboard.read()


def table(*results: Result) -> Comparison:
    [one] = compare(LoadedResult(f"{number:03d}.json", result) for number, result in enumerate(results))
    return one


def as_measured(board: Leaderboard, of: EncoderFacts, scores: dict[str, float], **facts: object) -> list[Result]:
    """Results with given scores on leaderboard tasks."""
    results = []
    for task in board.tasks:
        if task.task in scores:
            on = fake.task(task.task.split("-")[0], None, directory=task.task)
            results.append(fake.success(of, on, [scores[task.task]], score_name=task.primary_metric, **facts))
    return results


def twin(board: Leaderboard, name: str) -> dict[str, float]:
    """A published system's scores."""
    row = board.scores[[one.submission for one in board.submissions].index(name)]
    return {task.task: float(score) for task, score in zip(board.tasks, row, strict=True) if not math.isnan(score)}


def test_leaderboard_has_34_systems_on_19_tasks(board: Leaderboard) -> None:
    assert board.scores.shape == (34, 19)
    assert int(np.isnan(board.scores).sum()) == 30
    assert int((board.scores == 0).sum()) == 5
    assert len(board.secondary) == 178
    assert board.primary[0].source == "hearbenchmark/hearbenchmark.com docs/leaderboard.csv @3af3234"


def test_published_order_and_scores_are_reproduced() -> None:
    overall, primary, secondary, tasks = PUBLISHED["hear2021"].tables()
    top = [(row.label, row.cells[0].text, row.cells[1].text) for row in overall.rows[:3]]
    assert top == [
        (BEST, "0.704", "1"),
        ("RedRice ced_base", "0.641", "2"),
        ("GURA Fuse Cat H+w+C (time)", "0.638", "3"),
    ]
    sums = sorted(overall.rows, key=lambda row: float(row.cells[5].text))[:3]
    assert [row.label for row in sums] == ["RedRice ced_base", BEST, "RedRice ced_small"]
    assert sum(row.cells[0].tied for row in overall.rows) == 8
    for row in overall.rows:
        low, high = (float(end) for end in row.cells[3].interval.strip("[]").split(","))
        assert 1 <= low <= float(row.cells[3].text) <= high <= 34
    assert (len(primary.columns), len(primary.rows), len(secondary.rows), len(tasks.rows)) == (19, 34, 29, 19)
    best = {
        column.label: [row.label for row in primary.rows if row.cells[i].best]
        for i, column in enumerate(primary.columns)
    }
    assert best["Beehive"] == ["Sony UDONS ViT"]
    assert best["GTZAN Music/Speech"] == ["CP-JKU mn04_as (e1+l)", "CVSSP PANNS"]
    er = next(i for i, column in enumerate(secondary.columns) if column.better == "lower")
    assert [row.label for row in secondary.rows if row.cells[er].best] == ["CP-JKU PaSST 2lvl+mel"]


def test_a_measured_twin_stands_where_the_published_system_stands(board: Leaderboard) -> None:
    comparison = table(
        *as_measured(board, fake.AUDIOMOSAIC, twin(board, "RedRice ced_base")),
        *as_measured(board, fake.RANDOM, dict.fromkeys(twin(board, "RedRice ced_base"), 0.0)),
    )
    leaderboard_ranks = rank_on_leaderboard(comparison, board)
    assert leaderboard_ranks is not None
    first, last = leaderboard_ranks.rows
    assert (first.label, len(first.tasks), first.untrained) == ("AudioMosaic base", 19, False)
    assert first.normalised == pytest.approx(0.641, abs=5e-4)
    assert first.interval is not None
    assert first.interval.low < first.normalised < first.interval.high
    assert first.rank_interval is not None
    assert first.rank_interval.low <= 2 <= first.rank_interval.high
    assert first.below == "RedRice ced_base"
    assert first.above == BEST
    assert first.rank == 2
    assert (last.rank, last.untrained, last.below) == (35, True, "")
    assert "audiomosaic tiny [UNTRAINED]" in [
        row.full_label for row in leaderboard_ranks_table("hear-2021", leaderboard_ranks).rows
    ]
    assert leaderboard_ranks.left_out == ()


def test_the_rank_of_one_row_does_not_depend_on_the_others(board: Leaderboard) -> None:
    scores = twin(board, "OpenL3")
    alone = rank_on_leaderboard(table(*as_measured(board, fake.LOGMEL, scores)), board)
    better = {task: score + 0.01 for task, score in scores.items()}
    both = rank_on_leaderboard(
        table(*as_measured(board, fake.LOGMEL, scores), *as_measured(board, fake.MSM_MAE, better)), board
    )
    assert alone is not None
    assert both is not None
    assert alone.rows[0] in both.rows
    assert len(both.rows) == 2


def test_few_tasks_are_told_and_get_no_interval(board: Leaderboard) -> None:
    scores = twin(board, "OpenL3")
    few = {task: scores[task] for task in list(scores)[:3]}
    leaderboard_ranks = rank_on_leaderboard(table(*as_measured(board, fake.LOGMEL, few)), board)
    assert leaderboard_ranks is not None
    [row] = leaderboard_ranks.rows
    assert row.tasks == ("Beehive", "Beijing Opera", "CREMA-D")
    assert (row.interval, row.rank_interval) == (None, None)
    placed = leaderboard_ranks_table("hear-2021", leaderboard_ranks)
    [printed] = placed.rows
    assert printed.cells[0].text == "3"
    assert placed.columns[0].unit == "of 19"


def test_every_card_of_the_suite_has_its_column(board: Leaderboard) -> None:
    """The board has the suite's folder names, but Beehive stands there as one task and here as its folds."""
    of = directories_of(board.tasks)
    assert len(of) == 19
    cards = suites()["hear2021"]
    assert sorted(name for names in of.values() for name in names) == sorted(card.directory_name for card in cards)
    by_name = {task.task: task for task in board.tasks}
    for card in cards:
        [name] = [name for name, directories in of.items() if card.directory_name in directories]
        assert card.leaderboard_column == by_name[name].leaderboard_column
        assert card.evaluation[0] == by_name[name].primary_metric
        assert card.directory_name == name or card.name.startswith("beehive")


def beehive(score: float, fold: int, of: EncoderFacts = fake.LOGMEL, **facts: object) -> Result:
    name = f"beehive_states_fold{fold}"
    return fake.success(of, fake.task(name, None, directory=f"{name}-v2-full"), [score], score_name="aucroc", **facts)


def test_a_measured_row_of_every_card_has_every_column(board: Leaderboard) -> None:
    """As run writes it: Beehive in two results."""
    scores = twin(board, "RedRice ced_base")
    results = [
        fake.success(
            fake.LOGMEL,
            fake.task(card.name, None, directory=card.directory_name),
            [next(scores[task] for task, names in directories_of(board.tasks).items() if card.directory_name in names)],
            score_name=card.evaluation[0],
        )
        for card in suites()["hear2021"]
    ]
    comparison = table(*results)
    ranks = rank_on_leaderboard(comparison, board)
    assert ranks is not None
    assert (len(ranks.rows[0].tasks), ranks.rows[0].columns, ranks.left_out) == (19, tuple(range(20)), ())
    assert ranks.rows[0].normalised == pytest.approx(0.641, abs=5e-4)
    [header, row] = csv.reader(io.StringIO(leaderboard_row(comparison)))
    assert "" not in row[2:]
    assert len(header) == len(row)


def test_beehive_is_the_mean_of_its_folds(board: Leaderboard) -> None:
    comparison = table(beehive(0.4, 0), beehive(0.7, 1), beehive(0.6, 0, fake.MSM_MAE))
    [row] = rank_on_leaderboard(comparison, board).rows
    assert (row.label, row.tasks, row.columns) == ("logmel", ("Beehive",), (0, 1))  # the other has one fold only
    [_, line] = csv.reader(io.StringIO(leaderboard_row(comparison)))
    assert line[:3] == ["logmel", "", "0.55"]


def test_half_of_beehive_is_not_beehive(board: Leaderboard) -> None:
    ranks = rank_on_leaderboard(table(beehive(0.4, 0), *as_measured(board, fake.LOGMEL, {ESC50: 0.5})), board)
    assert ranks.rows[0].tasks == ("ESC-50",)
    assert ranks.left_out == (("beehive_states_fold0", "the leaderboard's task has beehive_states_fold1-v2-full, too"),)


def test_beehive_twice_counts_for_none(board: Leaderboard) -> None:
    whole = as_measured(board, fake.LOGMEL, {"beehive_states-v2-full": 0.5, ESC50: 0.5})
    ranks = rank_on_leaderboard(table(beehive(0.4, 0), beehive(0.5, 1), *whole), board)
    assert ranks.rows[0].tasks == ("ESC-50",)
    assert [reason for _, reason in ranks.left_out] == ["there are results on different data of that name"] * 3


def test_what_does_not_count_is_said(board: Leaderboard) -> None:
    esc50 = fake.task("esc50", None, directory="esc50-v2.0.0-full")
    other = esc50.model_copy(update={"digest": "0" * 64})
    fsd50k = fake.task("fsd50k", None, directory="fsd50k-v1.0-full")
    comparison = table(
        *as_measured(board, fake.LOGMEL, {"gunshot_triangulation-v1.0-full": 0.5}),
        fake.success(fake.LOGMEL, esc50, [0.5]),
        fake.success(fake.LOGMEL, other, [0.5]),
        fake.success(fake.LOGMEL, fsd50k, [0.5], score_name="d_prime"),
        fake.success(fake.LOGMEL, fake.DIGITS, [0.5]),
    )
    leaderboard_ranks = rank_on_leaderboard(comparison, board)
    assert leaderboard_ranks is not None
    assert leaderboard_ranks.rows[0].tasks == ("Gunshot",)
    reasons = [reason for _, reason in leaderboard_ranks.left_out]
    assert sum("different data" in reason for reason in reasons) == 2
    assert "its score is d_prime, the leaderboard's mAP" in reasons
    assert "not a task of the leaderboard" in reasons
    assert any("Not counted" in remark for remark in leaderboard_ranks_table("hear-2021", leaderboard_ranks).remarks)


@pytest.mark.parametrize(
    "by",
    [
        fake.protocol("hear-2021-faster", points=3),
        fake.protocol(points=2),
        fake.protocol("linear"),
        fake.protocol(precision="bf16"),
    ],
)
def test_only_the_official_protocol_is_ranked(board: Leaderboard, by: object) -> None:
    comparison = table(*as_measured(board, fake.LOGMEL, {"esc50-v2.0.0-full": 0.5}, by=by))
    assert rank_on_leaderboard(comparison, board) is None
    with pytest.raises(ProtocolError, match="hear-2021"):
        leaderboard_row(comparison)


def test_strict_rows_are_ranked_and_say_so(board: Leaderboard) -> None:
    by = fake.protocol("hear-2021 (strict)")
    comparison = table(*as_measured(board, fake.LOGMEL, {ESC50: 0.5}, by=by))
    assert rank_on_leaderboard(comparison, board) is not None
    assert leaderboard_row(comparison).splitlines()[1].startswith("logmel (strict),,")


def test_what_bf16_and_strict_mean_is_said() -> None:
    results = [
        fake.success(fake.LOGMEL, fake.ESC50, [0.5], by)
        for by in (fake.protocol(precision="bf16"), fake.protocol("hear-2021 (strict)"))
    ]
    comparisons = compare(LoadedResult(f"{number}.json", result) for number, result in enumerate(results))
    assert [one.label for one in comparisons] == ["hear-2021 (bf16)", "hear-2021 (strict)"]
    said = notices(comparisons, (), 0)
    assert any(note.startswith("Not computed in fp32: hear-2021 (bf16). These rows are not ranked") for note in said)
    assert any(note.startswith("Strict: hear-2021 (strict) stops where heareval stops") for note in said)
    assert not any("Not the protocol of the HEAR 2021 evaluation" in note for note in said)


def test_nothing_to_place(board: Leaderboard) -> None:
    comparison = table(
        fake.success(fake.LOGMEL, fake.DIGITS, [0.5]),
        fake.failure(fake.LOGMEL, fake.task("esc50", None, directory="esc50-v2.0.0-full"), "broke"),
    )
    assert rank_on_leaderboard(comparison, board) is None
    assert len(leaderboard_row(comparison).splitlines()) == 1


def test_leaderboard_row_has_the_official_columns(board: Leaderboard) -> None:
    named = fake.encoder("x", "a, b")
    scores = twin(board, "RedRice ced_base")
    text = leaderboard_row(
        table(
            *as_measured(board, named, scores),
            *as_measured(board, fake.RANDOM, {"esc50-v2.0.0-full": 1 / 3}),
        )
    )
    header, *rows = csv.reader(io.StringIO(text))
    assert header[:4] == ["Model", "URL", "Beehive", "Beijing Opera"]
    assert len(header) == 21
    by_model = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert set(by_model) == {"a; b", "audiomosaic tiny [UNTRAINED]"}
    assert float(by_model["a; b"]["Vocal Imitation"]) == scores["vocal_imitation-v1.1.3-full"]
    few = by_model["audiomosaic tiny [UNTRAINED]"]
    assert few["ESC-50"] == "0.3333333333"
    assert [value for name, value in few.items() if value and name != "Model"] == ["0.3333333333"]


def test_files_that_do_not_fit_each_other_are_refused(tmp_path) -> None:
    shipped = content_dir("reports") / "published"
    for name in ("hear2021_tasks.csv", "hear2021_submissions.csv"):
        (tmp_path / name).write_bytes((shipped / name).read_bytes())
    (tmp_path / "hear2021_leaderboard.csv").write_text(
        "submission,task,metric,value,source\nOpenL3,esc50-v2.0.0-full,mAP,0.5,s\n", encoding="utf-8"
    )
    with pytest.raises(ResultError, match=r"OpenL3, esc50-v2\.0\.0-full, mAP"):
        Leaderboard.read(tmp_path)
