"""Tolerant in form, strict in substance: broken modules fail on one line, awkward ones pass and are told apart."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from foreign_modules import AWKWARD, BROKEN, PLAIN, TENSORFLOW, source_of

from hear_audiomosaic.cli import main
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import load_encoder
from hear_audiomosaic.hear.conformance import check_encoder

AS_NUMPY = ("scene embeddings came as numpy.ndarray", "timestamp embeddings came as numpy.ndarray")
UNSTATED = "{}_embedding_size is not stated: the first call showed it"
EMPTY_PATH = "load_model requires a path, none was given: it got an empty one"

RIGHT_LINE = {
    "seconds_for_milliseconds": (
        "timestamps in milliseconds",
        "up to 3.99 for a clip of 4000 ms: they look like seconds",
    ),
    "not_a_number": ("shapes, dtype, finite values", "NaN or infinity for 2 of 2 clips"),
    "one_embedding_for_all": ("different sounds, different embeddings", "the same scene embedding, to 0.0e"),
    "one_embedding_for_most": (
        "few sounds share an embedding",
        "24 of 24 different sounds share their scene embedding",
    ),
    "statistics_of_the_batch": ("alone as in a batch", "?batch=1 embeds clip by clip"),
    "scene_breaks_timestamps": ("calls in any order", "timestamp calls work, but fail after a scene call"),
    "timestamps_change_scene": ("calls in any order", "scene calls give others after a timestamp call"),
    "drifting": ("timestamps over twenty minutes", "9.9 s in twenty minutes"),
    "another_rate": ("behaves like its sample rate", "declares 48000 Hz, but behaves like 16000 Hz"),
}
COERCIONS = {
    "wordy": {
        EMPTY_PATH,
        UNSTATED.format("scene"),
        UNSTATED.format("timestamp"),
        "timestamps of int64 became float64",
        "timestamps of shape (T,) were taken for every clip",
    },
    "attached": {
        "scene embeddings lost their gradient",
        "timestamp embeddings became contiguous",
        "a list of embeddings and timestamps was taken as a tuple",
        "of 3 values for timestamps the first two were taken",
    },
    "an_object": {
        EMPTY_PATH,
        *AS_NUMPY,
        "scene embeddings of float64 became float32",
        "timestamp embeddings of float64 became float32",
        "timestamps came as numpy.ndarray",
    },
    "of_lists": {
        "sample_rate of str became int",
        "scene_embedding_size of int64 became int",
        "scene embeddings came as a list",
        "timestamp embeddings came as a list",
        "timestamps came as a list",
    },
    "half": {
        "sample_rate of float became int",
        "scene embeddings of float16 became float32",
        "timestamp embeddings of float16 became float32",
        "timestamps of int64 became float64",
    },
    "squeezed": {
        "of 2 values for a scene the first was taken",
        "scene embeddings of bfloat16 became float32",
        "scene embeddings of one clip got an axis of clips",
        "timestamp embeddings of one clip got an axis of clips",
        "timestamps of shape (1, T) were taken for every clip",
    },
    "of_tensorflow": {
        "audio was given as a TensorFlow tensor",
        UNSTATED.format("scene"),
        UNSTATED.format("timestamp"),
        "scene embeddings came as tensorflow.Tensor",
        "timestamp embeddings came as tensorflow.Tensor",
        "timestamps came as tensorflow.Tensor",
    },
}


@pytest.fixture(autouse=True)
def _modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    names = {name: source_of(name) for name in (*BROKEN, *AWKWARD)} | {"plain": PLAIN, "tensorflow": TENSORFLOW}
    for name, text in names.items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in names:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", RIGHT_LINE)
def test_a_broken_module_fails_on_exactly_the_right_line(name: str) -> None:
    failed = {finding.check: finding.found for finding in check_encoder(name) if finding.verdict == "FAIL"}
    line, found = RIGHT_LINE[name]
    assert list(failed) == [line]
    assert found in failed[line]


@pytest.mark.parametrize("name", COERCIONS)
def test_an_awkward_module_passes_with_its_coercions_listed(name: str) -> None:
    findings = {finding.check: finding for finding in check_encoder(name)}
    assert not {check: one.found for check, one in findings.items() if one.verdict in ("FAIL", "skip")}
    listed = re.sub(r" \(\d+ times\)", "", findings["brought into form"].found)
    assert set(listed.split("; ")) == COERCIONS[name]


@pytest.mark.parametrize("name", AWKWARD)
def test_an_awkward_module_means_the_same(name: str) -> None:
    audio = torch.rand(2, 8000, generator=torch.Generator().manual_seed(0)) - 0.5
    plain, awkward = load_encoder("plain"), load_encoder(name)
    close = {"rtol": 1e-2 if name in ("half", "squeezed") else 1e-6}
    assert awkward.scene_embedding_size == awkward.timestamp_embedding_size == 16
    np.testing.assert_allclose(awkward.scene(audio), plain.scene(audio), **close)
    for made, expected in zip(awkward.timestamps(audio), plain.timestamps(audio), strict=True):
        np.testing.assert_allclose(made, expected, **close)
    assert not plain.coercions


def test_a_plain_module_is_all_right() -> None:
    findings = check_encoder("plain")
    assert [(one.check, one.verdict) for one in findings if one.verdict != "ok"] == [
        ("what stored embeddings depend on", "warn")  # it has no parameters
    ]
    assert findings[-1].found == "nothing had to be"


def test_what_it_prints_stays_out_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["encoders", "show", "wordy", "--json"])
    out, err = capfd.readouterr()
    assert json.loads(out)["scene_embedding_size"] == 16
    assert {"imported", "loading ", "from C at load", "embedding", "from C"} <= set(err.splitlines())
    sys.modules.pop("wordy")
    with pytest.raises(SystemExit, match="0"):
        main(["encoders", "check", "wordy", "--json"])
    out, err = capfd.readouterr()
    assert json.loads(out)[-1]["check"] == "brought into form"
    assert err.count("from C at load") == 2  # loaded again


def test_clip_by_clip_when_asked() -> None:
    audio = torch.rand(3, 8000, generator=torch.Generator().manual_seed(0)) - 0.5
    together, alone = load_encoder("statistics_of_the_batch"), load_encoder("statistics_of_the_batch?batch=1")
    singly = np.concatenate([together.scene(one[None]) for one in audio])
    assert np.array_equal(alone.scene(audio), singly)
    assert not np.allclose(together.scene(audio), singly)
    assert np.array_equal(alone.timestamps(audio)[0][1:2], together.timestamps(audio[1:2])[0])
    assert alone.fingerprint != together.fingerprint  # its embeddings are others
    findings = {one.check: one for one in check_encoder("statistics_of_the_batch?batch=1")}
    assert findings["alone as in a batch"].verdict == "ok"
    assert "as ?batch=1 asks" in findings["alone as in a batch"].found


def test_what_is_stored_follows_weights_of_an_object(tmp_path: Path) -> None:
    before = load_encoder("an_object")
    assert before.fingerprint == load_encoder("an_object").fingerprint
    assert load_encoder("of_tensorflow").n_parameters == 16
    text = source_of("an_object")
    sys.modules.pop("an_object")
    (tmp_path / "an_object.py").write_text(text.replace("ones(16)", "full((16,), 2.0)"))
    differences = before.inventory.differences(load_encoder("an_object").inventory)
    assert "state: weights" in differences


def test_another_rate_inside(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(
        PLAIN
        + "Model.__init__ = lambda self: (super(Model, self).__init__(), setattr(self, 'mel', torch.nn.Identity()), "
        "setattr(self.mel, 'sample_rate', 32000))[0]\n"
    )
    [finding] = [one for one in check_encoder("plain") if one.check == "behaves like its sample rate"]
    assert (finding.verdict, finding.found) == (
        "warn",
        "declares 16000 Hz, but its part mel (Identity) states 32000 Hz",
    )


def test_a_path_that_is_missing_is_told(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(PLAIN + "\ndef load_model(path):\n    return torch.load(path)\n")
    with pytest.raises(EncoderError, match=r"requires a path to its weights \(path\).* plain:WEIGHTS"):
        load_encoder("plain")
