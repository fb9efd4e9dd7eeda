"""One run with some seventy encoders that misbehave: each is told, and the good ones do not notice."""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hostile_encoders import CHANGING, FAILING, LOUD, Hostile, write_all

from hear_audiomosaic.bench.plan import Plan, Summary
from hear_audiomosaic.bench.runner import run
from hear_audiomosaic.cli import main
from hear_audiomosaic.hear import card, finding
from hear_audiomosaic.hear.surroundings import SETTINGS
from hear_audiomosaic.probing import get_protocol
from hear_audiomosaic.reporting.comparison.status import status_of
from hear_audiomosaic.results.schema import read_result
from hear_audiomosaic.tasks import PreparedTask, prepare_folder

GOOD = ("good_before", "good_after")
"""With random weights that nobody seeded: equal only if random numbers and dtypes are what they were."""
_LOGISTIC = get_protocol("logistic")
_QUICK = dataclasses.replace(
    _LOGISTIC, name="quick", probe=dataclasses.replace(_LOGISTIC.probe, inverse_penalties=(1.0,))
)
_RANDOM = Hostile(
    members="def __init__(self):\n    super().__init__(); self.net = torch.nn.Linear(4, 4)",
    scene="h = model.net(features(audio)); return h + 0 * torch.rand(len(h), 1)",
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> PreparedTask:
    """Twelve clips of 50 ms, one of them loud."""
    folder, rng = tmp_path_factory.mktemp("tiny"), np.random.default_rng(0)
    lines = ["filename,label,split"]
    for i, split in enumerate(["train"] * 6 + ["valid"] * 2 + ["test"] * 4):
        level = 0.3 if i == 4 else (0.01, 0.1)[i % 2]
        soundfile.write(folder / f"{i}.wav", level * rng.standard_normal(800).clip(-3, 3), 16000)
        lines.append(f"{i}.wav,{'ab'[i % 2]},{split}")
    (folder / "metadata.csv").write_text("\n".join(lines))
    tasks_dir = tmp_path_factory.mktemp("tasks")
    return prepare_folder(folder, "tiny", label_column="label", split_column="split", tasks_dir=tasks_dir)


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ...]]:
    before = set(sys.modules)
    for module in (finding, card):  # reading what is installed, again and again, would take half of the time
        name = "registered_encoders" if module is finding else "entry_points"
        monkeypatch.setattr(module, name, functools.cache(getattr(module, name)))
    names = write_all(tmp_path / "modules")
    for name in GOOD:
        _RANDOM.write(tmp_path / "modules" / f"{name}.py")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    yield names
    _forget(before)


def _forget(before: set[str]) -> None:
    for name in set(sys.modules) - before:
        if name.split(".")[0] in {one.split(".")[0] for one in (*FAILING, *CHANGING, *GOOD)}:
            del sys.modules[name]


def _run(folder: Path, task: PreparedTask, encoders: tuple[str, ...]) -> Summary:
    plan = {"protocols": [_QUICK], "seeds": [42], "out": folder / "results"}
    return run(Plan(encoders=encoders, tasks=[task], store_dir=folder / "store", **plan))


def _made(folder: Path, encoder: str) -> dict[str, object]:
    """What a run made of one encoder: the files' bytes, and the result but for when it was made and how fast."""
    made: dict[str, object] = {}
    for path in sorted([*(folder / "results" / encoder).rglob("*.*"), *(folder / "store").glob(f"{encoder}-*/**/*.*")]):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".json":
            result = json.loads(path.read_text())
            made[name] = [result.pop("manifest"), *(fold.pop("time_in_min") for fold in result["folds"])] and result
        elif path.is_file():
            made[name] = path.read_bytes()
    return made


def test_a_run_outlives_every_encoder(
    tmp_path: Path, tiny: PreparedTask, modules: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    before = set(sys.modules)
    alone = _run(tmp_path / "alone", tiny, GOOD)
    assert (len(alone.finished), alone.failures) == (2, [])
    _forget(before)
    settings = {name: setting.read() for name, setting in SETTINGS.items()}
    together = _run(tmp_path / "together", tiny, (GOOD[0], *modules, GOOD[1]))
    assert {name: setting.read() for name, setting in SETTINGS.items()} == settings
    assert LOUD not in capfd.readouterr().out

    # the good ones did not notice
    for name in GOOD:
        assert _made(tmp_path / "together", name) == _made(tmp_path / "alone", name)
        assert len(_made(tmp_path / "alone", name)) >= 8
    # each is told, by its name and with its cause
    assert [failure.split(":")[0].split(" on ")[0] for failure in together.failures] == list(FAILING)
    faults = [
        f"{name}: {hostile.told!r} not in {failure!r}"
        for (name, hostile), failure in zip(FAILING.items(), together.failures, strict=True)
        if hostile.told not in failure
    ]
    assert not faults, "\n".join(faults)
    for failure in together.failures:
        assert len(failure) < 3000
        assert "\x1b" not in failure
    assert [path.parts[-3] for path in together.finished] == [GOOD[0], *CHANGING, GOOD[1]]
    # and the folder says so, too
    status = {cell.ref: cell for cell in status_of(tmp_path / "together" / "results").cells}
    assert {ref for ref, cell in status.items() if cell.state == "failed"} == set(FAILING)
    assert {ref for ref, cell in status.items() if cell.state == "done"} == {*CHANGING, *GOOD}
    assert all(status[name].error in failure for name, failure in zip(FAILING, together.failures, strict=True))


def test_an_encoder_that_loads_later_replaces_its_failures(
    tmp_path: Path, tiny: PreparedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    path, name = tmp_path / "mended_later.py", "mended_later"
    Hostile(top="raise OSError('no weights')").write(path)
    assert "no weights" in _run(tmp_path, tiny, (name,)).failures[0]
    [file] = (tmp_path / "results" / name).rglob("*.json")
    failed = read_result(file)
    assert (failed.status, failed.encoder.fingerprint, failed.encoder.n_parameters) == ("error", "", None)
    assert "no weights" in (failed.error or "")
    Hostile(top="# mended, and so of another length").write(path)
    assert _run(tmp_path, tiny, (name,)).finished == [file]
    whole = file.read_bytes()
    # broken again, it takes nothing away
    sys.modules.pop(name)
    Hostile(top="raise OSError('no weights any more')").write(path)
    assert "no weights any more" in _run(tmp_path, tiny, (name,)).failures[0]
    assert file.read_bytes() == whole
    sys.modules.pop(name, None)


def test_failed_and_known_cells_of_one_reference_are_one_row(
    tmp_path: Path, tiny: PreparedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    path, name = tmp_path / "comes_and_goes.py", "comes_and_goes"
    Hostile().write(path)
    _run(tmp_path, tiny, (name,))
    sys.modules.pop(name)
    Hostile(top="raise OSError('gone')  # so of another length").write(path)
    plan = {"protocols": [_QUICK, get_protocol("few-shot-1")], "seeds": [42]}
    run(Plan(encoders=(name,), tasks=[tiny], out=tmp_path / "results", store_dir=tmp_path / "store", **plan))
    cells = status_of(tmp_path / "results").cells
    assert [(cell.encoder, cell.protocol, cell.state) for cell in cells] == [
        (name, "few-shot-1", "failed"),
        (name, "quick", "done"),
    ]


def test_the_command_says_what_failed_and_prints_facts_only(
    tmp_path: Path, tiny: PreparedTask, modules: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    """Through the command line: a module that exits with 0 is a failure, and one that prints leaves JSON alone."""
    tasks, results = f"--tasks {tiny.card.name} --tasks-dir {tiny.directory.parent}", tmp_path / "results"

    def typed(line: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(line.split())
        return int(ended.value.code or 0), *capfd.readouterr()

    common = f"{tasks} --store {tmp_path / 'store'} --protocols logistic --out {results}"
    code, out, err = typed(f"run --encoders exits_at_import prints {common} --json")
    assert (code, [row["encoder"] for row in json.loads(out)]) == (1, ["prints"])
    assert "failed: exits_at_import: Importing exits_at_import failed: SystemExit" in err
    code, out, _ = typed(f"status {results}")
    assert (code, out.splitlines()[-1]) == (0, "1 done, 0 partly, 1 failed, 0 missing")
    assert "failed: exits_at_import on tiny, logistic: Importing exits_at_import failed: SystemExit" in out
    code, _, _ = typed(f"report {results} --out {tmp_path / 'report'}")
    assert code == 0
    for name in ("report.md", "index.html", "report.csv"):
        assert "SystemExit: it ended the program with exit code 0" in (tmp_path / "report" / name).read_text()
    code, out, _ = typed("encoders check prints --json")
    assert {finding["verdict"] for finding in json.loads(out)} <= {"ok", "warn", "FAIL"}
    code, out, err = typed("encoders check exits_at_import --json")
    assert (code, [finding["check"] for finding in json.loads(out)]) == (1, ["loads"])
