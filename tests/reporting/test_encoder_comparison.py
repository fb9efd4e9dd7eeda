"""``compare`` and ``status`` as functions: who is held against whom, and what is told of what is not there."""

from __future__ import annotations

import math
from pathlib import Path

import fake_predictions as stored
import fake_results as fake
import numpy as np
import pytest

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.reporting.analysis.encoder_comparison import compare_encoders
from hear_audiomosaic.reporting.comparison.status import status_of

A, B, C = fake.AUDIOMOSAIC, fake.MSM_MAE, fake.LOGMEL


def answers(n_right: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.arange(80) < n_right)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A and B on four tasks: A better, B better, alike, and one without predictions; and more that both lack."""
    for i, (a, b) in enumerate(((76, 40), (30, 70), (60, 59))):
        stored.clips(tmp_path, A, fake.task(f"t{i}", 0.5), [stored.right(answers(a, i))])
        stored.clips(tmp_path, B, fake.task(f"t{i}", 0.5), [stored.right(answers(b, i + 10))])
    for one in (A, B):
        fake.save(tmp_path, fake.success(one, fake.task("t3", None), [0.5]))
    fake.save(
        tmp_path,
        fake.success(A, fake.task("t4", None), [0.5]),
        fake.failure(B, fake.task("t4", None), "diverged\nat epoch 3"),
        fake.success(B, fake.task("t5", None), [0.5]),
        fake.success(C, fake.task("t5", None), [0.5], fake.protocol("hear-2021-faster", points=3)),
        fake.success(A, fake.task("t0", None), [0.5], fake.protocol("hear-2021-faster", seed=1, points=3)),
        fake.success(A, fake.task("t0", None), [0.6], fake.protocol("hear-2021-faster", seed=2, points=3)),
    )
    (tmp_path / "stranger.json").write_text("{}", encoding="utf-8")
    return tmp_path


def test_verdicts_of_each_task_and_in_one_sentence(results: Path) -> None:
    comparisons = compare_encoders(results, A.label, B.ref)
    [one] = comparisons
    assert [(task.task, task.verdict) for task in one.tasks[:3]] == [
        ("t0", "A better"),
        ("t1", "B better"),
        ("t2", "no significant difference"),
    ]
    assert one.tasks[3].verdict.startswith("no test: AudioMosaic base: the result file names no predictions")
    assert one.sentence == (
        "Of 4 tasks that both have: A better on 1, B better on 1, no significant difference on 1, no test on 1 "
        "(paired t tests, probes held fixed, Holm over tasks, 5 %). Only A has a score on t4. Only B has a score on t5."
    )
    assert [file.file for file in comparisons.skipped] == ["stranger.json"]
    assert (one.protocol, one.a, one.b) == ("hear-2021", A.label, B.label)


def test_the_order_of_the_two_is_the_one_asked_for(results: Path) -> None:
    there, back = (compare_encoders(results, *pair).comparisons[0] for pair in ((A.label, B.label), (B.label, A.label)))
    for one, other in zip(there.tasks, back.tasks, strict=True):
        assert one.pair.difference == -other.pair.difference
        assert one.pair.p == other.pair.p or (math.isnan(one.pair.p) and math.isnan(other.pair.p))
    assert [task.verdict for task in back.tasks[:3]] == ["B better", "A better", "no significant difference"]


@pytest.mark.parametrize(
    ("names", "protocol", "complaint"),
    [
        (("nobody", "logmel"), None, r"'nobody'; there are AudioMosaic base \(audiomosaic\), MSM-MAE \(msm-mae\) and"),
        (("logmel", "logmel"), None, "the same encoder"),
        (("logmel", "msm-mae"), None, r"hear-2021: .*; hear-2021-faster: AudioMosaic base and logmel"),
        (("audiomosaic", "msm-mae"), "hear-2020", "there are hear-2021 and hear-2021-faster"),
        (("audiomosaic", "msm-mae"), "hear-2021-faster", "'msm-mae'; there are AudioMosaic base"),
    ],
)
def test_names_that_fit_nothing_list_what_is_there(
    results: Path, names: tuple[str, str], protocol: str | None, complaint: str
) -> None:
    with pytest.raises(ResultError, match=complaint):
        compare_encoders(results, *names, protocol=protocol)


def test_a_name_that_fits_two_encoders_lists_both(tmp_path: Path) -> None:
    other = A.model_copy(update={"fingerprint": "0" * 64})
    fake.save(tmp_path / "a", fake.success(A, fake.GUNSHOT, [0.5]))
    fake.save(tmp_path / "b", fake.success(other, fake.GUNSHOT, [0.6]), fake.success(B, fake.GUNSHOT, [0.6]))
    with pytest.raises(ResultError, match=r"'audiomosaic' may be .*weights 0{8}\] or .*give one of these labels"):
        compare_encoders(tmp_path, "audiomosaic", "msm-mae")
    [one] = compare_encoders(tmp_path, "AudioMosaic base [audiomosaic, weights 00000000]", "msm-mae")
    assert one.a.endswith("weights 00000000]")


def test_two_without_a_common_task_have_no_verdict(tmp_path: Path) -> None:
    fake.save(tmp_path, fake.success(A, fake.GUNSHOT, [0.5]), fake.success(B, fake.ESC50, [0.5]))
    [one] = compare_encoders(tmp_path, A.ref, B.ref)
    assert (one.tasks, one.sentence) == ((), "They have no task in common.")


def test_status_is_about_all_encoders_tasks_and_protocols(results: Path) -> None:
    found = status_of(results)
    assert len(found.cells) == 2 * 3 * 6
    state = {(one.protocol, one.encoder, one.task): one for one in found.cells}
    assert state["hear-2021", A.label, "t4"].state == "done"
    failed = state["hear-2021", B.label, "t4"]
    assert (failed.state, failed.error) == ("failed", "diverged")
    assert state["hear-2021", C.label, "t5"].state == "missing"
    # two seeds of A, one (another) of logmel: all three belong to the protocol
    partly = state["hear-2021-faster", A.label, "t0"]
    assert (partly.state, partly.n_done, partly.n_seeds) == ("partly", 2, 3)
    assert found.counts == {"done": 10, "partly": 2, "failed": 1, "missing": 23}
    assert [one.file for one in found.skipped] == ["stranger.json"]
