"""The position checks find what is there: embeddings that know nothing of time, or nothing of place at all."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from hear_audiomosaic.audio import write_wav
from hear_audiomosaic.hear import load_encoder


@pytest.fixture(scope="module")
def position() -> Iterator[ModuleType]:
    path = Path(__file__).parents[2] / "benchmarks" / "position_sensitivity.py"
    spec = importlib.util.spec_from_file_location("position_sensitivity", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


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


def test_what_an_embedding_knows_shows_in_the_numbers(position: ModuleType) -> None:
    views = position.make_views(_clips(40), 0)
    assert views.windows["clip"].shape == (40, 64, 98)
    blind_to_time = position.measure(views, position.embed_windows(views, lambda x: x.mean(dim=2)))
    blind_to_place = position.measure(views, position.embed_windows(views, lambda x: x.flatten(1).sort(dim=1).values))
    assert blind_to_time["auc/time_reversal"] < 0.05
    assert blind_to_time["auc/frequency_flip"] > 0.9
    assert abs(blind_to_time["order_auc"] - 0.5) < 0.25
    assert blind_to_time["shift_r2_relative"] > 0.5
    assert blind_to_place["auc/frequency_flip"] < 0.05
    assert blind_to_place["auc/time_reversal"] < 0.05


def test_any_encoder_and_a_figure(position: ModuleType, tmp_path: Path) -> None:
    for i, clip in enumerate(_clips(10)):
        write_wav(tmp_path / "audio" / f"{i}.wav", clip.numpy(), 16000)
    clips = position.read_clips([str(tmp_path / "audio")], 10, 0)
    views = position.make_views(clips, 0)
    sounds = position.audible(views, n_iterations=2)
    assert all(sound.shape == (10, 15520) and sound.abs().max() <= 1.0 for sound in sounds.values())
    scores = position.measure(views, position.embed_all(sounds, load_encoder("logmel")))
    assert len(scores) == 10
    assert all(np.isfinite(value) for value in scores.values())
    position.draw({"logmel": scores, "again": scores}, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10000
    assert "order_auc" in position.table({"logmel": scores})


def test_sources(position: ModuleType, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_wav(tmp_path / f"{name}.wav", np.zeros(10, dtype=np.float32), 16000)
    (tmp_path / "metadata.csv").write_text("filename,fold\na.wav,1\nb.wav,2\n", encoding="utf-8")
    assert [path.name for path in position.audio_files([f"{tmp_path}:fold=2,3"])] == ["b.wav"]
    assert [path.name for path in position.audio_files([str(tmp_path)])] == ["a.wav", "b.wav"]
    with pytest.raises(SystemExit, match="no recording"):
        position.audio_files([f"{tmp_path}:fold=9"])
    with pytest.raises(SystemExit, match="Only 0 recordings"):
        position.read_clips([str(tmp_path)], 5, 0)
