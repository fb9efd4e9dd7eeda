"""The command line as users type it: examples run, errors are one line, exit codes say what happened."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import evar_sets
import miniatures
import numpy as np
import pytest
import soundfile
import typer.main

from hear_audiomosaic.cli import main
from hear_audiomosaic.cli._app import app
from hear_audiomosaic.cli._common import spread_values

Run = Callable[..., tuple[int, str, str]]

_SLOW = ("demo", "--tasks synthetic")  # minutes; the rest takes seconds


@pytest.fixture
def type_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Type a command in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def run(line: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(line))
        out = capsys.readouterr()
        return int(ended.value.code or 0), out.out, out.err

    return run


def recordings(folder: Path) -> None:
    """What the examples speak of: a folder of audio with every kind of column."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines, events = ["filename,label,labels,split,fold,speaker"], ["filename,onset_s,offset_s,label,level"]
    for i in range(30):
        split = ("train", "train", "valid", "test", "test")[i % 5]
        name, label = f"{i}.wav", f"l{(i // 5) % 2}"
        time = np.arange(8000) / 16000
        tone = 0.2 * np.sin(2 * np.pi * (300 if label == "l0" else 2500) * time)
        soundfile.write(folder / name, tone + 0.01 * rng.standard_normal(8000), 16000)
        lines.append(f"{name},{label},{label}|all,{split},{i % 3},s{i % 10}")
        events += [f"{name},0.1,0.4,{label},class", f"{name},0.1,0.4,detail,subclass"]
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    (folder / "events.csv").write_text("\n".join(events) + "\n")


LOOKING = ("cache", "probe", "report", "results", "status", "compare")
"""Commands whose examples look at what others made."""


@pytest.fixture(scope="session")
def small_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder (``home``) and a working folder (``work``) with a task, results and embeddings."""
    root = tmp_path_factory.mktemp("small")
    (root / "work").mkdir()
    recordings(root / "work" / "recordings")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEAR_AUDIOMOSAIC_HOME", str(root / "home"))
        patch.chdir(root / "work")
        for line in (
            "tasks prepare recordings/ --name small --label label --split split",
            "run --encoders logmel random --tasks small --protocols hear-2021-faster --out results/",
            "embed --encoder logmel --tasks small --out embeddings/ --layout heareval",
        ):
            with pytest.raises(SystemExit, match="0"):
                main(shlex.split(line))
    return root


def all_examples() -> list[str]:
    lines: list[str] = []

    def collect(command: object) -> None:
        lines.extend(
            re.findall(r"^  hear-audiomosaic (.*)$", getattr(command, "epilog", None) or "", flags=re.MULTILINE)
        )
        for inner in getattr(command, "commands", {}).values():
            collect(inner)

    collect(typer.main.get_command(app))
    return lines


def leaf_commands(command: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = getattr(command, "commands", None)
    return (
        [path] if inner is None else [leaf for name, sub in inner.items() for leaf in leaf_commands(sub, (*path, name))]
    )


@pytest.mark.parametrize("path", leaf_commands(typer.main.get_command(app)), ids=" ".join)
def test_help_ends_in_examples(type_in: Run, path: tuple[str, ...]) -> None:
    code, out, _ = type_in(f"{' '.join(path)} --help")
    assert code == 0
    assert "Examples:" in out
    assert out.rstrip().splitlines()[-1].strip().startswith(f"hear-audiomosaic {' '.join(path)}")


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(line, marks=[pytest.mark.slow, pytest.mark.timeout(1200)] if any(s in line for s in _SLOW) else [])
        for line in all_examples()
        # hours, or a network: tests/reproduce, tests/tasks/test_fetch.py, tests/hear/test_environments.py
        if not line.startswith(("reproduce", "tasks fetch", "encoders env"))
    ],
)
def test_examples_run(type_in: Run, tmp_path: Path, request: pytest.FixtureRequest, example: str) -> None:
    if "--tasks synth_pitch" in example:  # which would be made on the spot
        request.getfixturevalue("synth_pitch")
    if not example.startswith(LOOKING):
        recordings(tmp_path / "recordings")
    if "--from" in example:
        miniatures.esc50(tmp_path)
        evar_sets.voxceleb1(tmp_path)
    (tmp_path / "my_module.py").write_text(
        "from hear_audiomosaic.floors.logmel import *\n"
        "from hear_audiomosaic.floors.logmel import LogMel\n"
        "def load_model(path, hop_ms=40):\n"
        "    return LogMel()\n"
    )
    if example.startswith("run") and "synthetic" not in example:
        assert type_in("tasks prepare recordings/ --name esc50 --label label --split split")[0] == 0
    if example.startswith(LOOKING):
        made = request.getfixturevalue("small_results")
        shutil.copytree(made / "home", os.environ["HEAR_AUDIOMOSAIC_HOME"], dirs_exist_ok=True)
        shutil.copytree(made / "work", tmp_path, dirs_exist_ok=True)
    if example.startswith("results import"):
        assert type_in("probe embeddings/logmel/small-v1-full --protocol logistic")[0] == 0
    if example.startswith("tasks verify"):
        named = "recordings/ --name esc50 --label label --split split" if "esc50" in example else "synth_pitch"
        assert type_in(f"tasks prepare {named}")[0] == 0
    code, out, err = type_in(example.replace("--steps 1000", "--steps 1 --batch-size 4"))
    assert code == 0, err
    assert out


def test_options_that_take_several_values() -> None:
    typed = ["run", "--encoders", "a", "b", "--tasks", "c", "--out", "d", "--seeds", "1", "2"]
    assert spread_values(typed) == [
        *("run", "--encoders", "a", "--encoders", "b", "--tasks", "c", "--out", "d", "--seeds", "1", "--seeds", "2")
    ]
    assert spread_values(["tasks", "show", "x"]) == ["tasks", "show", "x"]


def test_audio_to_table(type_in: Run, tmp_path: Path) -> None:
    recordings(tmp_path / "recordings")
    assert type_in("tasks prepare recordings/ --name two_tones --label label --fold fold --tasks-dir t")[0] == 0
    command = "run --encoders logmel --tasks two_tones --tasks-dir t --out results/ --json"
    code, out, _ = type_in(command)
    assert code == 0
    [row] = json.loads(out)
    assert float(row["value"]) > 0.9
    code, out, _ = type_in("report results/ --out report/")
    assert code == 0
    assert "two_tones" in (tmp_path / "report" / "report.md").read_text()
    assert "report/index.html" in out


def test_facts_as_json(type_in: Run) -> None:
    assert {"audiomosaic", "logmel"} <= {row["name"] for row in json.loads(type_in("encoders list --json")[1])}
    assert len(json.loads(type_in("tasks list --suite hear2021 --json")[1])) >= 19
    assert json.loads(type_in("tasks show synth_pitch --json")[1])["name"] == "synth_pitch"
    assert type_in("--version")[1].strip()


@pytest.mark.parametrize(("line", "code", "complaint"), [
    ("run --encoders logmel --tasks nothing_like_it", 1, "nothing_like_it"),
    ("run --encoders logmel --tasks synth_pitch --protocols hear-2020", 1, "hear-2020"),
    ("run --encoders logmel", 2, "--tasks"),
    ("report nowhere/", 1, "nowhere"),
    ("status nowhere/", 1, "nowhere"),
    ("compare nowhere/ a b", 1, "nowhere"),
    ("compare nowhere/ a", 2, "Missing argument"),
    ("tasks prepare nowhere/ --name x --split split", 1, "nowhere"),
    ("tasks show nothing_like_it", 1, "nothing_like_it"),
    ("tasks prepare recordings/", 1, "--name"),
    ("tasks prepare esc10 --from nowhere.zip", 1, "Did you mean esc50"),
    ("tasks prepare esc50 --from nowhere.zip", 1, "nowhere.zip"),
    ("tasks prepare esc50 --from nowhere.zip --fold fold", 2, "leave out --fold"),
    ("tasks prepare recordings/ --name x --mode small", 2, "--from"),
    ("tasks prepare esc50", 1, "--from"),
    ("encoders check json", 1, ""),
    ("no-such-verb", 2, "no-such-verb"),
])  # fmt: skip
@pytest.mark.usefixtures("synth_pitch")
def test_errors_are_one_line(type_in: Run, line: str, code: int, complaint: str) -> None:
    ended, _, err = type_in(line)
    assert ended == code
    assert complaint in err
    assert "Traceback" not in err
    if code == 1 and complaint:
        assert err.startswith("error: ")
        assert len(err.strip().splitlines()) == 1


def test_ctrl_c_says_what_to_do(type_in: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hear_audiomosaic.bench.plan.prepared_tasks", interrupted)
    code, _, err = type_in("run --encoders logmel --tasks synth_pitch")
    assert code == 130
    assert "the same command resumes" in err
