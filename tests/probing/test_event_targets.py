"""Frames that show no event, and what frames that are all right score: against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from small_tasks import event_rows, task_of

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.metrics import Events
from hear_audiomosaic.probing import ProbeTask, SplitRows, get_protocol
from hear_audiomosaic.probing.data import frame_labels_of_rows, multi_hot
from hear_audiomosaic.probing.event_targets import covering, frame_limits_in_words, perfect_frames_score

VOCABULARY = ("cat", "dog")
PLAIN_GRID = {"median_filter_ms": (0,), "min_duration": (0,)}
ROUNDS = 40


def rows_with(
    events: list[tuple[int, str, float, float]], n_files: int = 2, hop_ms: float = 50.0, n: int = 40
) -> SplitRows:
    """Frames every hop, centred, shuffled, with the targets that such events give."""
    files = tuple(f"c{i}.wav" for i in range(n_files))
    of = {
        file: [{"label": e[1], "start": e[2], "end": e[3]} for e in events if e[0] == i] for i, file in enumerate(files)
    }
    order = np.random.default_rng(0).permutation(n_files * n)
    row_file = np.repeat(np.arange(n_files), n)[order]
    times = np.tile(hop_ms / 2 + hop_ms * np.arange(n), n_files)[order]
    targets = multi_hot(frame_labels_of_rows(of, files, row_file, times), VOCABULARY)
    values = np.random.default_rng(1).standard_normal((len(times), 3)).astype(np.float32)
    return SplitRows(values, targets, files, row_file, times, Events.from_lists(of, files, VOCABULARY))


def task_with(rows: SplitRows, test: SplitRows | None = None, **card: object) -> ProbeTask:
    splits = {"train": rows, "valid": rows, "test": rows if test is None else test}
    task = task_of("few", splits, VOCABULARY, ("event_onset_200ms_fms",), embedding_type="event")
    return ProbeTask(task.card.model_copy(update={"event_postprocessing_grid": PLAIN_GRID} | card), splits, VOCABULARY)


def plainly_covering(rows: SplitRows) -> list[bool]:
    assert rows.reference is not None
    assert rows.timestamps_ms is not None
    return [
        any(
            file == row and start <= time < end + 0.0001
            for row, time in zip(rows.row_file, rows.timestamps_ms, strict=True)
        )
        for file, start, end in zip(rows.reference.file, rows.reference.start_ms, rows.reference.end_ms, strict=True)
    ]


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_events_that_cover_a_frame_are_those_of_plain_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    events = []
    for _ in range(30):
        start = float(rng.choice([rng.uniform(0, 2100), 25.0 * rng.integers(0, 80)]))
        length = float(rng.choice([0.0, 0.00005, 25.0, 49.0, 50.0, rng.uniform(0, 120)]))
        events.append((int(rng.integers(0, 2)), str(rng.choice(VOCABULARY)), start, start + length))
    rows = rows_with(events)
    covers = covering(rows)
    assert covers.tolist() == plainly_covering(rows)
    assert 0 < covers.sum() < len(covers)


@pytest.mark.parametrize(
    ("start", "end", "covers"),
    [
        (25.0, 25.0, True),
        (24.0, 25.0, True),  # an end belongs to its event
        (24.0, 24.9999, False),
        (24.0, 24.99995, True),
        (25.0001, 75.0, True),
        (25.1, 74.9, False),
        (30.0, 30.0, False),
        (1975.0, 9999.0, True),
        (1976.0, 9999.0, False),
    ],
)
def test_right_values(start: float, end: float, covers: bool) -> None:
    assert covering(rows_with([(1, "dog", start, end), (0, "cat", 0.0, 500.0)]))[1] == covers


def test_a_split_of_events_without_a_frame_is_refused() -> None:
    """Offsets that are onsets: before, such a task got a score."""
    sound = rows_with([(0, "dog", 100.0, 600.0)])
    instants = rows_with([(0, "dog", 101.0, 101.0), (1, "cat", 230.0, 260.0)])
    for splits in ((instants, sound), (sound, instants)):
        with pytest.raises(
            TaskError, match=r"split '(train|test)': none of 2 events covers a frame .* lasts 30 ms\. Give"
        ):
            task_with(*splits)
    task_with(sound, rows_with([]))
    task_with(sound, rows_with([(0, "dog", 101.0, 101.0), (1, "cat", 230.0, 280.0)]))


def plainly_scored(rows: SplitRows, collar_ms: float = 200.0) -> float:
    """F of the runs of labelled frames, with onsets matched greedily in time (exact for intervals of one width)."""
    assert rows.reference is not None
    assert rows.timestamps_ms is not None
    hits = n_estimated = 0
    for file in range(len(rows.files)):
        frames = sorted(
            (time, target)
            for row, time, target in zip(rows.row_file, rows.timestamps_ms.tolist(), rows.targets.tolist(), strict=True)
            if row == file
        )
        for label in range(len(VOCABULARY)):
            active = [target[label] > 0.5 for _, target in frames]
            starts = [frames[i][0] for i in range(len(frames)) if active[i] and (i == 0 or not active[i - 1])]
            n_estimated += len(starts)
            onsets = sorted(rows.reference.start_ms[(rows.reference.file == file) & (rows.reference.label == label)])
            for onset in onsets:
                near = [start for start in starts if abs(start - onset) <= collar_ms]
                if near:
                    starts.remove(near[0])
                    hits += 1
    precision, recall = hits / n_estimated, hits / len(rows.reference)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_the_score_of_perfect_frames_is_that_of_plain_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    events = []
    for _ in range(14):
        start = float(rng.uniform(0, 1900))
        events.append((int(rng.integers(0, 2)), str(rng.choice(VOCABULARY)), start, start + float(rng.uniform(0, 500))))
    rows = rows_with(events)
    assert perfect_frames_score(task_with(rows), get_protocol("linear")) == pytest.approx(plainly_scored(rows))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([(0, "dog", 100.0, 300.0), (0, "dog", 1000.0, 1300.0)], 1.0),
        ([(0, "dog", 100.0, 600.0), (0, "dog", 400.0, 900.0)], 2 / 3),  # they overlap
        ([(0, "dog", 100.0, 600.0), (0, "dog", 600.0, 900.0)], 2 / 3),  # they touch
        ([(0, "dog", 100.0, 600.0), (0, "dog", 620.0, 900.0)], 2 / 3),  # no frame lies between them
        ([(0, "dog", 100.0, 600.0), (0, "cat", 400.0, 900.0)], 1.0),
        ([(0, "dog", 100.0, 600.0), (1, "dog", 400.0, 900.0)], 1.0),
        ([(0, "dog", 100.0, 600.0), (1, "dog", 410.0, 410.0)], 2 / 3),  # one covers no frame
    ],
)
def test_what_perfect_frames_score(events: list[tuple[int, str, float, float]], expected: float) -> None:
    assert perfect_frames_score(task_with(rows_with(events)), get_protocol("linear")) == pytest.approx(expected)


def test_the_grid_of_post_processing_counts() -> None:
    """The best setting of several; a filter that deletes all leaves nothing to score."""
    rows = rows_with([(0, "dog", 100.0, 600.0), (1, "dog", 400.0, 480.0)])
    long_only = {"median_filter_ms": (0,), "min_duration": (300,)}
    protocol = get_protocol("hear-2021")
    assert perfect_frames_score(task_with(rows), protocol) == 1.0
    assert perfect_frames_score(task_with(rows, event_postprocessing_grid=long_only), protocol) == pytest.approx(2 / 3)
    either = {"median_filter_ms": (0,), "min_duration": (300, 0)}
    assert perfect_frames_score(task_with(rows, event_postprocessing_grid=either), protocol) == 1.0
    nothing = {"median_filter_ms": (0,), "min_duration": (3000,)}
    assert perfect_frames_score(task_with(rows, event_postprocessing_grid=nothing), protocol) == 0.0


def test_folds_are_averaged_and_scenes_have_no_such_score() -> None:
    good, half = rows_with([(0, "dog", 100.0, 300.0)]), rows_with([(0, "dog", 100.0, 600.0), (0, "dog", 400.0, 900.0)])
    splits = {"fold00": good, "fold01": half, "fold02": good}
    task = task_of("f", splits, VOCABULARY, ("event_onset_200ms_fms",), "presplit_kfold", embedding_type="event")
    task = ProbeTask(task.card.model_copy(update={"event_postprocessing_grid": PLAIN_GRID}), splits, VOCABULARY)
    assert perfect_frames_score(task, get_protocol("linear")) == pytest.approx((1 + 2 / 3 + 1) / 3)
    rng = np.random.default_rng(0)
    scenes = {split: event_rows(rng, 2, 10, 2, 3) for split in ("train", "valid", "test")}
    assert perfect_frames_score(task_of("s", scenes, VOCABULARY, ("mAP",)), get_protocol("linear")) is None


def test_what_frames_cannot_show_in_words() -> None:
    overlapping = rows_with([(0, "dog", 100.0, 600.0), (0, "dog", 400.0, 900.0), (1, "cat", 101.0, 101.0)])
    words = frame_limits_in_words(task_with(overlapping), get_protocol("linear"))
    assert "1 of 3 in train, 1 of 3 in valid, 1 of 3 in test" in words[0]
    assert "score 0.500" in words[1]
    assert frame_limits_in_words(task_with(rows_with([(0, "dog", 100.0, 600.0)])), get_protocol("linear")) == []
