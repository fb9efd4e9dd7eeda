"""The fingerprint follows whatever changes an embedding, and nothing else."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from stale_encoders import HARMLESS, TEMPLATE, WAYS, Bench, Way

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import Encoder, load_encoder
from hear_audiomosaic.hear.conformance import check_encoder
from hear_audiomosaic.hear.dependencies import data_files
from hear_audiomosaic.hear.describe import describe_encoder
from hear_audiomosaic.hear.fingerprint import IN_WORDS
from hear_audiomosaic.hear.objects import as_encoder

N_STALE, N_HARMLESS = len(WAYS), len(HARMLESS)
PART = {
    "a_helper_beside_it": "code: helper.py",
    "another_version_of_an_installed_package": "packages: installed-part",
    "weights_that_are_read_while_embedding": "weights: WEIGHTS",
    "an_option_that_is_a_file": "weights: option config",
    "the_value_of_an_option": "options: gain",
    "data_in_a_folder_of_its_package": "data files: its_package/data/of/w.npy",
    "a_file_that_is_read_by_loading": "files read: ab",
    "a_variable_of_the_environment": "environment: STALE_GAIN",
    "an_attribute_that_is_an_array": "state: w",
    "an_array_of_the_module": "state: stale.W",
}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(tmp_path, monkeypatch)
    yield bench
    bench.forget()


def name(way: Way) -> str:
    return way.__name__


def test_there_are_many_ways() -> None:
    assert (N_STALE >= 30, N_HARMLESS >= 8) == (True, True)
    assert PART.keys() <= {way.__name__ for way in WAYS}


@pytest.mark.parametrize("way", WAYS, ids=name)
def test_what_changes_an_embedding_changes_the_fingerprint(bench: Bench, way: Way) -> None:
    steps = way(bench)
    next(steps)
    before = bench.load()
    was = bench.embedding(before)
    assert next(steps, "changed") == "changed"
    after = bench.load()
    assert not np.array_equal(bench.embedding(after), was)  # it is a change indeed
    assert after.fingerprint != before.fingerprint
    differences = before.inventory.differences(after.inventory)
    parts = {IN_WORDS.get(part, part) for part in {one.partition(":")[0].replace(" ", "_") for one in differences}}
    assert set(after.inventory.changed_since(before.inventory.parts)) == parts
    assert PART.get(way.__name__, differences[0]) in differences


@pytest.mark.parametrize("way", HARMLESS, ids=name)
def test_what_changes_no_embedding_does_not(bench: Bench, way: Way) -> None:
    steps = way(bench)
    next(steps)
    before = bench.load()
    was = bench.embedding(before)
    assert next(steps, "changed") == "changed"
    after = bench.load()
    assert np.array_equal(bench.embedding(after), was)
    assert before.inventory.differences(after.inventory) == []
    assert after.fingerprint == before.fingerprint


def test_loading_again_in_one_process_is_the_same(bench: Bench) -> None:
    """A module is imported once: what its import read is known from the first time."""
    bench.encoder("TABLE", "TABLE = np.load(Path(__file__).parent / ('of_' + 'numpy.npy'))", init="self.calls = 0")
    bench.array("of_numpy.npy", 1)
    first = bench.load()
    assert list(first.inventory.files_read) == ["of_numpy.npy"]
    bench.embedding(first)
    assert load_encoder(bench.ref).inventory.differences(first.inventory) == []


def test_an_inventory_is_taken_before_anything_is_embedded(bench: Bench) -> None:
    bench.encoder("1", init="self.cache = {}", lines="model.cache[len(model.cache)] = np.ones(3)")
    encoder = bench.load()
    bench.embedding(encoder)
    assert encoder.with_label("other").fingerprint == encoder.fingerprint == load_encoder(bench.ref).fingerprint


def test_values_of_a_module_that_lies_in_no_file_count(bench: Bench) -> None:
    def pair(gain: float) -> Encoder:
        module = types.ModuleType("a_notebook")
        text = TEMPLATE.format(head="", gain="GAIN[0]", init="pass", load="pass", lines="pass")
        exec(text, module.__dict__)  # noqa: S102 - a notebook's cell
        module.GAIN = np.full(3, gain)  # type: ignore[attr-defined]
        module.unrelated = object()  # type: ignore[attr-defined]
        return as_encoder((module.load_model(), module))

    assert pair(1.0).fingerprint == pair(1.0).fingerprint != pair(2.0).fingerprint


def test_a_value_that_is_set_by_hand_counts(bench: Bench) -> None:
    bench.encoder("GAIN", "GAIN = 1")
    first = bench.load()
    sys.modules["stale"].GAIN = 2  # type: ignore[attr-defined]
    assert first.inventory.differences(load_encoder(bench.ref).inventory) == ["state: stale.GAIN"]


@pytest.mark.parametrize(
    ("init", "complaint"),
    [
        ("self.layer = torch.nn.LazyLinear(3)", "'layer.weight' has no values yet"),
        ("self.w = torch.ones(3, device='meta')", "'w' has no values yet"),
        ("self.state_dict = lambda *a, **b: 1 / 0", "state_dict.. of Net raises ZeroDivisionError"),
    ],
)
def test_a_model_whose_values_cannot_be_read_is_refused(bench: Bench, init: str, complaint: str) -> None:
    bench.encoder("1", init=init)
    with pytest.raises(EncoderError, match=complaint):
        bench.load()


def test_large_weights_are_read_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hear_audiomosaic.file_digests._SETTLED_NS", 0)
    path = bench.write("weights.txt", "1" * (1 << 21))
    bench.ref = f"stale:{path}"
    bench.encoder("1")
    first = bench.load()
    monkeypatch.setattr("hear_audiomosaic.file_digests.sha256_of_file", lambda path: 1 / 0)
    assert bench.load().fingerprint == first.fingerprint
    monkeypatch.undo()


def test_large_weights_are_read_anew_where_nothing_can_be_remembered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hear_audiomosaic.file_digests._SETTLED_NS", 0)
    home = bench.write("no_folder", "")
    bench.environment("HEAR_AUDIOMOSAIC_HOME", str(home))
    bench.ref = f"stale:{bench.write('weights.txt', '1' * (1 << 21))}"
    bench.encoder("1")
    with caplog.at_level("INFO"):
        assert len(bench.load().inventory.weights["WEIGHTS"]) == 64
    assert "The digests are not remembered" in caplog.text


def test_of_very_many_files_the_largest_count_by_names_and_sizes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "_MOST_FILES", 2)
    paths = {f"{i}.txt": bench.write(f"{i}.txt", "1" * (9 - i)) for i in range(4)}
    with data_files.Digester(bench.folder / "memory") as digester:
        digests = digester.bounded(paths)
    assert (digests["0.txt"], digests["1.txt"]) == ("9 bytes", "8 bytes")
    assert (len(digests["2.txt"]), len(digests["3.txt"])) == (64, 64)


def test_the_class_of_a_model_counts_wherever_it_comes_from(bench: Bench) -> None:
    def pair(gain: int) -> Encoder:
        bench.write("net_of_it.py", f"import torch\nclass Inner(torch.nn.Module):\n    gain = {gain}")
        bench.forget()
        model = bench.load()._model
        model.inner = importlib.import_module("net_of_it").Inner()
        return as_encoder((model, sys.modules["stale"]))

    bench.encoder("1")
    one, again, other = (pair(gain) for gain in (1, 1, 2))
    assert one.inventory.differences(again.inventory) == []
    assert "code: net_of_it.py" in one.inventory.differences(other.inventory)


def test_what_a_notebook_imports_counts(bench: Bench) -> None:
    def pair(gain: int) -> Encoder:
        bench.write("helper.py", f"GAIN = {gain}")
        bench.forget()
        module = types.ModuleType("a_notebook")
        text = TEMPLATE.format(head="import helper", gain="helper.GAIN", init="pass", load="pass", lines="pass")
        exec(text, module.__dict__)  # noqa: S102 - a notebook's cell
        return as_encoder((module.load_model(), module))

    assert pair(1).inventory.differences(pair(2).inventory) == ["code: helper.py", "state: helper.GAIN"]


def found(ref: str, check: str) -> tuple[str, str]:
    [finding] = [one for one in check_encoder(ref) if one.check == check]
    return finding.verdict, finding.found


def test_the_check_warns_of_weights_that_may_go_unseen(bench: Bench) -> None:
    bench.ref = f"stale:{bench.array('w.npy', 1)}"
    bench.encoder("model.array", init="self.array = np.load(weights)")
    bench.load()
    verdict, text = found(bench.ref, "what stored embeddings depend on")
    assert verdict == "warn"
    assert text.startswith("0 parameters: weights that are not in parameters or buffers are digested only as ")
    assert "1 files: WEIGHTS; " in text
    bench.encoder("1", init="self.w = torch.nn.Parameter(torch.ones(3))")
    bench.load()
    assert found("stale", "what stored embeddings depend on")[0] == "ok"


def test_the_check_warns_of_an_encoder_that_is_another_one_every_time(bench: Bench) -> None:
    bench.encoder("1", init="self.layer = torch.nn.Linear(2, 2)")
    bench.load()
    verdict, text = found("stale", "loaded again, the same")
    assert (verdict, "state: layer.bias, state: layer.weight" in text) == ("warn", True)


def test_what_a_fingerprint_covers_is_shown(bench: Bench) -> None:
    bench.ref = f"stale:{bench.array('w.npy', 1)}"
    bench.encoder("model.array", "import helper", init="self.array = np.load(weights)")
    bench.write("helper.py", "GAIN = 1")
    bench.load()
    nested, lines = describe_encoder(bench.ref), describe_encoder(bench.ref, nested=False)
    assert {"helper.py", "stale.py"} <= set(nested["depends_on"]["code"])
    assert nested["depends_on"]["weights"] == ["WEIGHTS"]
    assert lines["depends on: weights"] == "WEIGHTS"
    assert lines["depends on: state"].startswith(f"{len(nested['depends_on']['state'])}: ")


@pytest.mark.faults
def test_processes_agree(bench: Bench) -> None:
    """Whatever the order of their sets, their working directory and what they have imported."""
    head = (
        "import helper\nfrom os import environ\nWORDS = {'a', 'b', 'c', None, 3}\nHERE = Path(__file__).parent\n"
        "TABLE = np.load(HERE / ('of_' + 'numpy.npy'))"
    )
    init = "self.w = {'x': [np.ones(3), WORDS], 3: HERE}; self.f = lambda x, *, y={1, 2}: x; self.path = sys.path"
    bench.encoder("helper.GAIN * float(os.getenv('STALE_GAIN', '1'))", head, init=init)
    bench.write("helper.py", "import typer\nGAIN = 1")
    bench.array("of_numpy.npy", 1)
    code = "from hear_audiomosaic.hear import load_encoder; print(json.dumps(load_encoder('stale').inventory.parts))"
    found = []
    for seed, first in (
        ("1", "import json"),
        ("2", "import json, helper, hear_audiomosaic.reporting, sklearn.pipeline"),
    ):
        folder = bench.folder / f"here{seed}"
        folder.mkdir()
        paths = os.pathsep.join((str(bench.folder), os.environ.get("PYTHONPATH", "")))
        environment = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": seed, "UNRELATED": seed}
        command = [sys.executable, "-c", f"{first}\n{code}"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout))
    assert found[0] == found[1]
    assert found[0] == bench.load().inventory.parts
