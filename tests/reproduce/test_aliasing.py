"""The aliasing measurements: an encoder that hears a modulation, one that hears nothing, and the whole recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hear_audiomosaic.audio import write_wav
from hear_audiomosaic.audio.stimuli import modulated_noise, noise_textures, stretch_time
from hear_audiomosaic.errors import RecipeError
from hear_audiomosaic.reproduce import RECIPES, read_recipe, reproduce

SMALL = {"n_clips": 3, "n_train": 2, "n_test": 1, "shift_step": 8, "stem_widths": [48], "n_stem_seeds": 1}


def test_the_whole_recipe_on_made_up_noise_and_on_recordings(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(2):
        write_wav(tmp_path / "clips" / f"{i}.wav", rng.uniform(-0.1, 0.1, 40000).astype(np.float32), 16000)
    for audio in (None, ["clips"]):
        changes = SMALL | {"encoders": ["logmel"], "audio": audio}
        outcome = reproduce("aliasing", data_dir=tmp_path, out=tmp_path / "out", changes=changes)
        lines = outcome.report.read_text().splitlines()
        assert lines[0] == "logmel"
        assert len(lines) == 4 + 2 * 5
        assert (tmp_path / "out" / "aliasing.png").stat().st_size > 10000


def test_modulations_are_those_asked_for() -> None:
    clips, classes = modulated_noise((4, 20), 3, 4.0, 8000, torch.Generator().manual_seed(0), depth=0.9)
    assert clips.shape == (6, 32000)
    assert classes.tolist() == [0, 0, 0, 1, 1, 1]
    spectrum = torch.fft.rfft(clips.square() - clips.square().mean(dim=1, keepdim=True)).abs()[:, : 4 * 60]
    assert (spectrum.argmax(dim=1) / 4).tolist() == [4, 4, 4, 20, 20, 20]


def test_a_stretch_keeps_the_pitch() -> None:
    tone = torch.sin(2 * torch.pi * 440 * torch.arange(16000) / 16000)[None]
    slower = stretch_time(tone, 1.25)
    assert slower.shape == (1, 20000)
    assert float(torch.fft.rfft(slower[0, 2000:18000]).abs().argmax()) == pytest.approx(440, abs=2)


def test_textures_are_loud_and_reproducible() -> None:
    first, second = (noise_textures(2, 0.5, 8000, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)
    torch.testing.assert_close(first.abs().amax(dim=1), torch.full((2,), 0.3))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_committed(name: str) -> None:
    assert read_recipe(name)


def test_what_a_recipe_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no recipe 'nothing'; there are aliasing, controlled"):
        read_recipe("nothing")
    with pytest.raises(RecipeError, match=r"no setting 'size'; expected one of encoders, audio"):
        read_recipe("aliasing", {"size": 3})
    with pytest.raises(RecipeError, match=r"no setting 'pretraining\.sise'; expected one of size, n_steps"):
        read_recipe("controlled", {"pretraining.sise": "base"})
    with pytest.raises(RecipeError, match=r"no setting 'seeds\.0\.1'"):
        read_recipe("controlled", {"seeds.0.1": "base"})
    assert read_recipe("controlled", {"pretraining.size": "base"})["pretraining"]["size"] == "base"
    with pytest.raises(RecipeError, match="a divisor of 16"):
        reproduce("aliasing", out=tmp_path, changes={"shift_step": 3})
