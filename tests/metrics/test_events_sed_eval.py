"""Event scores against sed_eval itself."""

from __future__ import annotations

import math

import pytest
from random_events import NAMES, quietly, random_cases, rows_of

from hear_audiomosaic.metrics import Events, events


def sed_eval_scores(reference: Events, estimated: Events, files: int) -> dict[str, float]:
    """As HEAR calls it, file by file."""
    sed_eval = pytest.importorskip("sed_eval")
    containers = pytest.importorskip("dcase_util").containers
    vocabulary = ["a", "b", "c", "d"]
    base = sed_eval.sound_event.EventBasedMetrics
    metrics = {
        NAMES[0]: base(vocabulary, evaluate_offset=False, t_collar=0.2),
        NAMES[1]: base(vocabulary, evaluate_offset=False, t_collar=0.05),
        NAMES[2]: base(vocabulary, evaluate_offset=True, t_collar=0.05, percentage_of_length=0.2),
        NAMES[3]: sed_eval.sound_event.SegmentBasedMetrics(vocabulary, time_resolution=1.0),
    }
    for file in range(files):
        lists = [
            containers.MetaDataContainer(
                [
                    {
                        "file": str(file),
                        "event_label": vocabulary[row[1]],
                        "event_onset": row[2] / 1000.0,
                        "event_offset": row[3] / 1000.0,
                    }
                    for row in rows_of(some)
                    if row[0] == file
                ]
            )
            for some in (reference, estimated)
        ]
        for metric in metrics.values():
            metric.evaluate(*lists)
    scores = {}
    for name, metric in metrics.items():
        values = metric.overall_error_rate() if name == "segment_1s_er" else metric.overall_f_measure()
        parts = ["error_rate"] if name == "segment_1s_er" else ["f_measure", "precision", "recall"]
        scores |= {name: values[parts[0]]} | {f"{name}_{part}": values[part] for part in parts}
    return scores


@pytest.mark.parametrize(("seed", "count", "files"), [(5, 250, 1), (6, 30, 5)])
def test_hundreds_of_cases_equal_sed_eval(seed: int, count: int, files: int) -> None:
    for reference, estimated in random_cases(seed, count, files):
        expected = sed_eval_scores(reference, estimated, files)
        found = quietly(events.evaluate, reference, estimated)
        assert list(found) == list(expected)
        for name, value in expected.items():
            assert found[name] == value or (math.isnan(found[name]) and math.isnan(value)), name
