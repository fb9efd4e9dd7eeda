"""The door for Python: what the command line does, as a notebook calls it."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from from_python import Levels, mine

import hear_audiomosaic as ha
from hear_audiomosaic import api
from hear_audiomosaic.errors import EncoderError, ResultError, TaskError
from hear_audiomosaic.hear.dependencies.compiled import compiled_code
from hear_audiomosaic.hear.objects import as_encoder, name_of


@pytest.fixture
def folder(tmp_path: Path, synth_pitch: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one to work in; of the synthetic tasks that would be made on the spot, one is there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_package_offers_what_the_api_has() -> None:
    assert set(ha._API) == set(api.__all__)
    assert set(api.__all__) <= set(dir(ha))
    assert ha.evaluate is api.evaluate
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        ha.evaluat  # noqa: B018


def test_importing_the_package_is_light() -> None:
    code = "import sys, hear_audiomosaic; print(sorted({'torch', 'numpy', 'pandas', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["hear_audiomosaic", "hear_audiomosaic.api"])
def test_examples(folder: Path, module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


# ---------------------------------------------------------------------------------------------- encoders as objects


def clips(seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 0.1, (2, 8000)).astype(np.float32))


def test_a_module_a_pair_and_a_loaded_encoder_answer_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mine", mine)
    pair = as_encoder((Levels(), mine))
    for other in (mine, pair):
        np.testing.assert_array_equal(as_encoder(other).scene(clips()), pair.scene(clips()))
    assert as_encoder(mine).label == "mine"
    assert as_encoder(pair) is pair
    assert as_encoder("logmel").fingerprint == ha.load_encoder("logmel").fingerprint


def test_models_of_one_module_stay_apart_by_their_weights() -> None:
    module = types.ModuleType("scaled")
    module.load_model = lambda model_file_path="": Levels()  # type: ignore[attr-defined]
    module.get_scene_embeddings = lambda audio, model: model(audio) * model.scale  # type: ignore[attr-defined]
    module.get_timestamp_embeddings = mine.get_timestamp_embeddings  # type: ignore[attr-defined]
    models = [Levels(), Levels(), Levels()]
    for model, scale in zip(models, (1.0, 2.0, 2.0), strict=True):
        model.register_buffer("scale", torch.tensor(scale))
    one, two, same = (as_encoder((model, module)) for model in models)
    assert one.ref.slug != two.ref.slug
    assert two.ref == same.ref
    assert two.fingerprint == same.fingerprint != one.fingerprint


def test_functions_without_a_file_are_part_of_the_fingerprint() -> None:
    def cell(factor: float) -> types.ModuleType:  # what running a notebook's cell again does
        module = types.ModuleType("__main__")
        exec(  # noqa: S102 - a notebook's cell
            "import torch\n"
            "def load_model(model_file_path=''): ...\n"
            f"def get_scene_embeddings(audio, model): return model(audio) * {factor}\n"
            "def get_timestamp_embeddings(audio, model): ...\n",
            module.__dict__,
        )
        return module

    one, again, other = (as_encoder((Levels(), cell(factor))) for factor in (1.0, 1.0, 2.0))
    assert one.fingerprint == again.fingerprint != other.fingerprint


def test_a_set_in_the_code_of_a_notebook_has_one_order() -> None:
    module = types.ModuleType("cell")
    exec("def get_scene_embeddings(audio, model): return audio in {'c', 'a', 'b'}", module.__dict__)  # noqa: S102
    [code] = compiled_code(module, object, lambda value, name: "")[0].values()
    assert """["'a'", "'b'", "'c'"]""" in code


def test_a_label_is_what_tables_show(folder: Path) -> None:
    first = ha.evaluate({"ours": (Levels(), mine)}, ["synth_pitch"], ["logistic"])
    assert [result.encoder.label for result in first] == ["ours"]
    again = ha.evaluate({"renamed": (Levels(), mine)}, ["synth_pitch"], ["logistic"])
    assert [result.encoder.label for result in again] == ["renamed"]
    assert not again.finished  # the same weights: nothing is probed again
    assert [result.encoder.label for result in again.requested] == ["renamed"]


@pytest.mark.parametrize("thing", [3, (1, 2), (Levels(), 2), (Levels(),), Levels()])
def test_what_is_not_an_encoder(thing: object) -> None:
    with pytest.raises(EncoderError, match=r"expected|not a HEAR module"):
        as_encoder(thing)  # type: ignore[arg-type]


def test_names_of_things_that_could_not_be_loaded() -> None:
    assert name_of("logmel") == "logmel"
    assert name_of(mine) == "mine"
    assert name_of((Levels(), mine)) == "a model of mine"


# ----------------------------------------------------------------------------------------------------------- results


def test_a_failure_is_listed_and_the_rest_is_done(folder: Path) -> None:
    results = ha.evaluate(["nobody", "logmel"], ["synth_pitch"], ["logistic"])
    assert {one.encoder.ref: one.status for one in results} == {"logmel": "success", "nobody": "error"}
    [failure] = results.failures
    assert failure.startswith("nobody: ")
    assert "2 results, 1 failed" in repr(results)


def test_nothing_but_failures(folder: Path) -> None:
    nameless = ha.evaluate(["no reference"], ["synth_pitch"], ["logistic"], out="none")
    assert (len(nameless), len(nameless.failures)) == (0, 1)
    assert nameless.to_dataframe().empty
    results = ha.evaluate(["nobody"], ["synth_pitch"], ["logistic"])
    [failed] = results
    assert (failed.status, failed.encoder.label, failed.encoder.sample_rate_hz) == ("error", "nobody", None)
    assert len(results.to_dataframe()) == len(results.failures) == 1


def test_a_single_name_is_a_list_of_one(folder: Path) -> None:
    results = ha.evaluate("logmel", "synth_pitch", "logistic")
    assert [result.encoder.label for result in results] == ["logmel"]
    assert len(ha.embed("logmel", "synth_pitch", "embeddings")) == 1


def test_wrong_names_are_errors_at_once(folder: Path) -> None:
    with pytest.raises(TaskError):
        ha.evaluate(["logmel"], ["no_such_task"])
    with pytest.raises(ResultError, match="is not a folder"):
        ha.load_results("nowhere")
    with pytest.raises(TaskError, match="needs a name"):
        ha.prepare_task(folder)
