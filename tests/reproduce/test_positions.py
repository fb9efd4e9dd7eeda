"""The position measurements find what is there: embeddings that know nothing of time, or nothing of place at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hear_audiomosaic.audio import write_wav
from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.files import read_json
from hear_audiomosaic.reproduce import read_recipe, reproduce
from hear_audiomosaic.reproduce.positions.probes import embed_windows, measure
from hear_audiomosaic.reproduce.positions.views import make_audible, make_views, read_clips
from hear_audiomosaic.reproduce.recordings import find_recordings, first_seconds


def _clips(n: int) -> list[torch.Tensor]:
    """A tone that decays, over noise: frequency and order in time are plain, and differ from clip to clip."""
    generator = np.random.default_rng(0)
    t = np.arange(32000) / 16000
    clips = []
    for _ in range(n):
        hz = 600 * 2 ** generator.uniform(0, 2)
        tone = np.sin(2 * np.pi * hz * t) * np.exp(-3 * (t % 1.0))
        clips.append(torch.from_numpy((0.3 * tone + 0.003 * generator.standard_normal(len(t))).astype(np.float32)))
    return clips


def test_what_an_embedding_knows_shows_in_the_numbers() -> None:
    views = make_views(_clips(40), 0)
    assert views.windows["clip"].shape == (40, 64, 98)
    blind_to_time = measure(views, embed_windows(views, lambda x: x.mean(dim=2)))
    blind_to_place = measure(views, embed_windows(views, lambda x: x.flatten(1).sort(dim=1).values))
    assert blind_to_time["auc/time_reversal"] < 0.05
    assert blind_to_time["auc/frequency_flip"] > 0.9
    assert abs(blind_to_time["order_auc"] - 0.5) < 0.25
    assert blind_to_time["shift_r2_relative"] > 0.5
    assert blind_to_place["auc/frequency_flip"] < 0.05
    assert blind_to_place["auc/time_reversal"] < 0.05


def _write(folder: Path, n: int) -> None:
    for i, clip in enumerate(_clips(n)):
        write_wav(folder / f"{i}.wav", clip.numpy(), 16000)


def test_any_encoder_and_a_figure(tmp_path: Path) -> None:
    _write(tmp_path / "audio", 10)
    views = make_views(read_clips(tmp_path, ["audio"], 10, 0), 0)
    sounds = make_audible(views, n_iterations=2)
    assert all(sound.shape == (10, 15520) and sound.abs().max() <= 1.0 for sound in sounds.values())
    changes = {"encoders": ["logmel", "random:micro"], "audio": ["audio"], "n_clips": 10}
    said: list[str] = []
    outcome = reproduce("positions", data_dir=tmp_path, out=tmp_path / "out", changes=changes, on_message=said.append)
    results = read_json(tmp_path / "out" / "positions.json")
    assert [len(scores) for scores in results.values()] == [10, 10]
    assert all(np.isfinite(value) for scores in results.values() for value in scores.values())
    assert (tmp_path / "out" / "positions.png").stat().st_size > 10000
    assert outcome.report.read_text() == "".join(f"{text}\n" for text in said)
    assert "order_auc" in said[0]


@pytest.mark.slow
def test_a_gamma_run_is_kept_and_summed_up(tmp_path: Path) -> None:
    _write(tmp_path / "audio", 10)
    changes = {"train": ["audio"], "test": ["audio"], "n_clips": 10, "n_steps": 2, "batch_size": 4, "seeds": [0]}
    outcome = reproduce("gamma", data_dir=tmp_path, out=tmp_path / "out", changes=changes)
    table = outcome.report.read_text()
    assert len(table.splitlines()) == 1 + 4 + 2 * 10
    assert "mel/auc/mean" in table
    weights = (tmp_path / "out" / "gamma1-seed0.safetensors").stat().st_mtime_ns
    reproduce("gamma", data_dir=tmp_path, out=tmp_path / "out", changes=changes)
    assert (tmp_path / "out" / "gamma1-seed0.safetensors").stat().st_mtime_ns == weights
    assert outcome.report.read_text() == table


def test_sources(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_wav(tmp_path / "set" / f"{name}.wav", np.zeros(10, dtype=np.float32), 16000)
    (tmp_path / "set" / "metadata.csv").write_text("filename,fold\na.wav,1\nb.wav,2\n", encoding="utf-8")
    assert [path.name for path in find_recordings(tmp_path, ["set:fold=2,3"])] == ["b.wav"]
    assert [path.name for path in find_recordings(tmp_path, ["set"])] == ["a.wav", "b.wav"]
    with pytest.raises(AudioError, match="no recording"):
        find_recordings(tmp_path, ["set:fold=9"])
    with pytest.raises(AudioError, match="no columns filename and part; it has filename, fold"):
        find_recordings(tmp_path, ["set:part=9"])
    with pytest.raises(AudioError, match=r"There is no .*metadata\.csv"):
        find_recordings(tmp_path, ["other:fold=9"])
    with pytest.raises(AudioError, match="Only 0 recordings"):
        read_clips(tmp_path, ["set"], 5, 0)
    with pytest.raises(AudioError, match=r"set holds no recording of 1\.5 s or more"):
        first_seconds(tmp_path, ["set"], 5, 1.5, 8000)


def test_the_committed_recipes_test_on_what_nothing_was_trained_on() -> None:
    [esc50] = [one for one in read_recipe("controlled")["tasks"] if one["set"] == "esc50"]
    assert (esc50["column"], esc50["test"]) == ("fold", [5])  # what tasks test on stays out of the pool
    assert read_recipe("positions")["audio"] == read_recipe("gamma")["test"] == ["esc50:fold=5"]
    assert "5" not in read_recipe("gamma")["train"][0].removeprefix("esc50:")
