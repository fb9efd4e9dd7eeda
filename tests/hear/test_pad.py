"""The option ``pad``: scenes of short clips with silence up to the window, as pre-training had them."""

from __future__ import annotations

import importlib

import pytest
import torch

from hear_audiomosaic.errors import EncoderError

METHODS = ["hear_audiomosaic", "hear_aasp"]
WINDOW = 208 * 160  # samples of 208 frames, 2.08 s


@pytest.fixture(params=METHODS)
def module(request: pytest.FixtureRequest):
    return importlib.import_module(request.param)


def load(module, **options):
    return module.load_model("random:micro", window_frames=208, **options)


def test_a_short_clip_is_its_crop_of_pre_training(module) -> None:
    own, window = load(module), load(module, pad="window")
    clip = 0.1 * torch.randn(2, 16000, generator=torch.Generator().manual_seed(0))
    crop = torch.cat([clip, torch.zeros(2, WINDOW - 16000)], dim=1)
    found = module.get_scene_embeddings(clip, window)
    torch.testing.assert_close(found, module.get_scene_embeddings(crop, own))
    assert (found - module.get_scene_embeddings(clip, own)).abs().max() > 1e-3
    for a, b in zip(*(module.get_timestamp_embeddings(clip, model) for model in (own, window)), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("n_samples", [WINDOW, WINDOW + 1, 50000])
def test_a_clip_of_a_window_or_more_stays_as_it_is(module, n_samples: int) -> None:
    clip = 0.1 * torch.randn(1, n_samples, generator=torch.Generator().manual_seed(0))
    own, window = (module.get_scene_embeddings(clip, load(module, pad=pad)) for pad in ("patch", "window"))
    assert torch.equal(own, window)


def test_what_pad_can_be(module) -> None:
    with pytest.raises(EncoderError, match="pad = 'long' is unknown; expected 'patch' or 'window'"):
        load(module, pad="long")
