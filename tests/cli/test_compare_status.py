"""``compare`` and ``status`` as users read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import fake_predictions as stored
import fake_results as fake
import numpy as np
import pytest

from hear_audiomosaic.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def type_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Type a command in a folder with results: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results"
    for i, (ours, theirs) in enumerate(((76, 40), (60, 59))):
        for one, n_right in ((fake.AUDIOMOSAIC, ours), (fake.LOGMEL, theirs)):
            right = np.random.default_rng(n_right).permutation(np.arange(80) < n_right)
            stored.clips(results, one, fake.task(f"t{i}", 0.5), [stored.right(right)])
    fake.save(results, fake.failure(fake.LOGMEL, fake.task("t2", None), "diverged\nat epoch 3"))
    (results / "stranger.json").write_text("{}", encoding="utf-8")

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        out = capsys.readouterr()
        return int(ended.value.code or 0), out.out, out.err

    return run


def test_compare_says_who_is_better_on_what(type_in: Run) -> None:
    code, out, err = type_in("compare", "results", "AudioMosaic base", "logmel")
    assert (code, err.startswith("skipped: stranger.json")) == (0, True)
    first, header, t0, t1, sentence = out.splitlines()
    assert first == "protocol hear-2021: A = AudioMosaic base, B = logmel"
    assert header.split("  ")[0] == "task"
    assert t0.endswith("A better")
    assert "+0.450" in t0
    assert t1.endswith("no significant difference")
    assert sentence.startswith("Of 2 tasks that both have: A better on 1, no significant difference on 1")


def test_compare_as_json(type_in: Run) -> None:
    code, out, _ = type_in("compare", "results", "logmel", "audiomosaic", "--protocol", "hear-2021", "--json")
    assert code == 0
    [one] = json.loads(out)
    assert (one["a"], one["b"], one["protocol"]) == ("logmel", "AudioMosaic base", "hear-2021")
    assert [task["verdict"] for task in one["tasks"]] == ["B better", "no significant difference"]
    task = one["tasks"][0]
    assert task["low"] < task["difference"] < task["high"] < 0
    assert task["p"] <= task["p_holm"] < 0.05


def test_unknown_encoders_are_one_line_that_lists_what_is_there(type_in: Run) -> None:
    code, out, err = type_in("compare", "results", "nobody", "logmel")
    assert (code, out) == (1, "")
    skipped, error = err.splitlines()
    assert skipped.startswith("skipped: stranger.json")
    assert error == "error: No results of an encoder 'nobody'; there are AudioMosaic base (audiomosaic) and logmel."


def test_status_shows_what_is_done_failed_and_missing(type_in: Run) -> None:
    code, out, err = type_in("status", "results")
    assert (code, err.startswith("skipped: stranger.json")) == (0, True)
    lines = [line.split() for line in out.splitlines()]
    assert lines[1:4] == [
        ["encoder", "t0", "t1", "t2"],
        ["AudioMosaic", "base", "done", "done", "missing"],
        ["logmel", "done", "done", "failed"],
    ]
    assert out.splitlines()[-2:] == [
        "failed: logmel on t2, hear-2021: diverged",
        "4 done, 0 partly, 1 failed, 1 missing",
    ]


def test_status_as_json(type_in: Run) -> None:
    code, out, _ = type_in("status", "results", "--json")
    cells = json.loads(out)
    assert code == 0
    assert len(cells) == 6
    assert {"protocol": "hear-2021", "task": "t2", "state": "failed", "error": "diverged"}.items() <= cells[-1].items()
