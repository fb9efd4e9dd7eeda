"""What ``encoders new`` writes works as it is, and CONTRIBUTING's two minutes with it."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hear_audiomosaic.cli import main
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.conformance import check_encoder
from hear_audiomosaic.hear.template import write_template
from hear_audiomosaic.results import load_results

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEAR_AUDIOMOSAIC_HOME", str(tmp_path / "home"))
    modules = dict(sys.modules)
    yield
    for name in set(sys.modules) - set(modules):
        del sys.modules[name]


def run_tests_of(file: str) -> None:
    tests = [value for name, value in runpy.run_path(file).items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()


def test_contributings_two_minutes(tmp_path: Path) -> None:
    section = CONTRIBUTING.read_text().split("## Add an encoder")[1].split("\n## ")[0]
    commands = re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)[0].splitlines()
    started = time.perf_counter()
    for command in commands:
        program, *arguments = shlex.split(command)
        if program == "pytest":
            run_tests_of(*arguments)
            continue
        assert program == "hear-audiomosaic"
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert not ended.value.code, command
    assert time.perf_counter() - started < 120
    results = {loaded.result.encoder.label: loaded.result for loaded in load_results(tmp_path / "results")}
    assert results["my_encoder (UNTRAINED)"].encoder.card is not None
    assert (tmp_path / "report" / "index.html").is_file()


def test_the_placeholder_has_no_blemish(tmp_path: Path) -> None:
    module, test = write_template("mine", tmp_path / "in")
    findings = check_encoder(f"./{module.relative_to(tmp_path)}")
    assert {finding.verdict for finding in findings} == {"ok"}, findings
    run_tests_of(str(test))


def test_the_test_fails_where_the_check_does(tmp_path: Path) -> None:
    module, test = write_template("mine", tmp_path)
    content = module.read_text()
    module.write_text(content.replace("embeddings.mean(dim=1)", "embeddings.mean(dim=(0, 1)).expand(len(audio), -1)"))
    with pytest.raises(AssertionError, match="alone as in a batch"):
        run_tests_of(str(test))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    for there in ("a.py", "test_b.py"):
        (tmp_path / there).write_text("mine")
    (tmp_path / "c").mkdir()
    for name in "abc":
        with pytest.raises(EncoderError, match="is there already and stays as it is"):
            write_template(name, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "c", "test_b.py"]
    assert (tmp_path / "a.py").read_text() == (tmp_path / "test_b.py").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "my-encoder", "2nd", "a/b", "class", "__main__", "a.b", "é", "a\nb"])
def test_names_that_no_module_has(tmp_path: Path, name: str) -> None:
    with pytest.raises(EncoderError, match="cannot be the name of a module; take letters"):
        write_template(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_names_that_are_taken(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="is the name of a registered encoder"):
        write_template("logmel", tmp_path / "new")
    with pytest.raises(EncoderError, match="There is a module json already"):
        write_template("json", tmp_path / "new")
    assert not (tmp_path / "new").exists()
