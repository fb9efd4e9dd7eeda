"""How long does it take to score one epoch's events, here and with sed_eval?

Both score the same events in this process, in turn, with HEAR's four event scores; the fastest of the repeats
counts, and the values have to agree. The figure of merit is the ratio of the two times (wanted: at most 2 %).

    python benchmarks/event_scoring_speed.py [--repeats 3] [--skip-notes]

Needs the packages of the ``test`` extra (sed_eval, dcase_util). Single-threaded work on both sides.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import dcase_util
import numpy as np
import sed_eval

from hear_audiomosaic.metrics import Events, evaluate_events

SED_EVAL_SETTINGS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "event_onset_200ms_fms": (
        sed_eval.sound_event.EventBasedMetrics,
        {"evaluate_onset": True, "evaluate_offset": False, "t_collar": 0.2},
        "f_measure",
    ),
    "event_onset_50ms_fms": (
        sed_eval.sound_event.EventBasedMetrics,
        {"evaluate_onset": True, "evaluate_offset": False, "t_collar": 0.05},
        "f_measure",
    ),
    "event_onset_offset_50ms_20perc_fms": (
        sed_eval.sound_event.EventBasedMetrics,
        {"evaluate_onset": True, "evaluate_offset": True, "t_collar": 0.05, "percentage_of_length": 0.2},
        "f_measure",
    ),
    "segment_1s_er": (sed_eval.sound_event.SegmentBasedMetrics, {"time_resolution": 1.0}, "error_rate"),
}

Lists = dict[str, list[dict[str, Any]]]


def draw(rng: np.random.Generator, files: int, events: int, labels: int, duration_s: float, mean_ms: float) -> Events:
    """Draw ``events`` events per file, uniform in time and class, exponential in length."""
    count = files * events
    start = rng.uniform(0.0, duration_s * 1000.0 - 100.0, count)
    end = np.minimum(start + 50.0 + rng.exponential(mean_ms, count), duration_s * 1000.0)
    return Events(np.repeat(np.arange(files), events), rng.integers(0, labels, count), start, end)


def jitter(rng: np.random.Generator, events: Events, labels: int) -> Events:
    """Predict ``events``: some missed, some of another class, on a 25 ms grid and up to 75 ms late or early."""
    keep = rng.random(len(events)) < 0.9
    label = np.where(rng.random(len(events)) < 0.9, events.label, rng.integers(0, labels, len(events)))
    start = np.maximum(np.round((events.start_ms + rng.uniform(-75.0, 75.0, len(events))) / 25.0) * 25.0, 0.0)
    end = np.maximum(np.round((events.end_ms + rng.uniform(-75.0, 75.0, len(events))) / 25.0) * 25.0, start)
    return Events(events.file[keep], label[keep], start[keep], end[keep])


def with_sed_eval(reference: Lists, estimated: Lists, vocabulary: list[str]) -> dict[str, float]:
    """Score as HEAR does: containers of all events, then file by file through each metric."""
    containers = [
        dcase_util.containers.MetaDataContainer(
            [
                {
                    "event_label": event["label"],
                    "event_onset": event["start"] / 1000.0,
                    "event_offset": event["end"] / 1000.0,
                    "file": file,
                }
                for file, events in lists.items()
                for event in events
            ]
        )
        for lists in (reference, estimated)
    ]
    scores = {}
    for name, (metric_class, settings, primary) in SED_EVAL_SETTINGS.items():
        metric = metric_class(event_label_list=vocabulary, **settings)
        for file in estimated:
            metric.evaluate(*(container.filter(filename=file) for container in containers))
        scores[name] = metric.results_overall_metrics()[primary][primary]
    return scores


def fastest(function: Callable[[], dict[str, float]], repeats: int) -> tuple[float, dict[str, float]]:
    """Run ``function`` ``repeats`` times: the shortest time in seconds, and its result."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - begin)
    return min(seconds), result


def compare(title: str, reference: Events, estimated: Events, labels: int, repeats: int) -> None:
    """Time both on the same events and print one line."""
    vocabulary = [f"class{label:02d}" for label in range(labels)]
    files = [f"file{file:03d}.wav" for file in range(int(reference.file.max()) + 1)]
    lists = [events.to_lists(files, vocabulary) for events in (reference, estimated)]
    theirs_s, theirs = fastest(lambda: with_sed_eval(*lists, vocabulary), repeats)
    arrays_s, ours = fastest(lambda: evaluate_events(list(SED_EVAL_SETTINGS), reference, estimated), 20 * repeats)
    lists_s, _ = fastest(
        lambda: evaluate_events(
            list(SED_EVAL_SETTINGS), *(Events.from_lists(events, files, vocabulary) for events in lists)
        ),
        20 * repeats,
    )
    difference = max(abs(ours[name] - theirs[name]) for name in SED_EVAL_SETTINGS)
    print(
        f"{title}: {len(reference)} reference and {len(estimated)} estimated events; sed_eval {theirs_s:.3f} s, "
        f"here {arrays_s * 1e3:.2f} ms from arrays ({arrays_s / theirs_s:.3%}), "
        f"{lists_s * 1e3:.2f} ms from lists ({lists_s / theirs_s:.3%}); largest difference {difference:.1e}"
    )


def main() -> None:
    """Compare on two kinds of tasks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="runs of sed_eval, of which the fastest counts")
    parser.add_argument("--skip-notes", action="store_true", help="leave out the case with 1500 notes per file")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    reference = draw(rng, files=14, events=40, labels=11, duration_s=120.0, mean_ms=1000.0)
    compare("DCASE-like", reference, jitter(rng, reference, 11), 11, options.repeats)
    if not options.skip_notes:
        reference = draw(rng, files=2, events=1500, labels=88, duration_s=120.0, mean_ms=400.0)
        compare("MAESTRO-like", reference, jitter(rng, reference, 88), 88, 1)


if __name__ == "__main__":
    main()
