"""The option ``layer``: tokens after a block, pooled and normed like those of the last."""

from __future__ import annotations

import pytest
import torch

import hear_aasp
import hear_audiomosaic
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import load_encoder
from hear_audiomosaic.hear.patches import PatchModel

METHODS = {"audiomosaic": hear_audiomosaic, "aasp": hear_aasp}
DEPTH = 4  # of the size micro


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def noise(seconds: float, n_clips: int = 2) -> torch.Tensor:
    return 0.1 * torch.randn(n_clips, int(16000 * seconds), generator=torch.Generator().manual_seed(0))


def layers(model: PatchModel, spectrogram: torch.Tensor) -> list[torch.Tensor]:
    """Tokens after every block, without any norm, by the encoder's own list."""
    return model.encoder.forward_layers(spectrogram)


def test_the_deepest_layer_is_the_default_bit_for_bit(method: str) -> None:
    module, audio = METHODS[method], noise(1.0)
    default, deepest = module.load_model("random:micro"), module.load_model("random:micro", layer=DEPTH)
    assert torch.equal(module.get_scene_embeddings(audio, default), module.get_scene_embeddings(audio, deepest))
    for one, other in zip(
        module.get_timestamp_embeddings(audio, default), module.get_timestamp_embeddings(audio, deepest), strict=True
    ):
        assert torch.equal(one, other)


@pytest.mark.parametrize("layer", range(1, DEPTH + 1))
def test_a_layer_is_pooled_and_normed_like_the_last(method: str, layer: int) -> None:
    module, audio = METHODS[method], noise(1.0)
    whole, model = module.load_model("random:micro"), module.load_model("random:micro", layer=layer)
    with torch.no_grad():
        tokens = layers(whole, whole.spectrogram(whole.remove_dc(audio)))[layer - 1]
        expected = (
            whole.encoder.norm(tokens).mean(dim=1) if method == "aasp" else whole.encoder.fc_norm(tokens.mean(dim=1))
        )
    assert torch.allclose(module.get_scene_embeddings(audio, model), expected, atol=1e-5)
    assert module.get_timestamp_embeddings(audio, model)[0].shape[2] == model.timestamp_embedding_size == 192


def test_blocks_that_are_not_needed_are_not_there(method: str) -> None:
    module = METHODS[method]
    assert [len(module.load_model("random:micro", layer=k).encoder.blocks) for k in (None, 1, 3)] == [DEPTH, 1, 3]


@pytest.mark.parametrize("layer", ["0", "5", "-1", "true", "2.0", "last"])
def test_a_layer_that_is_not_there(method: str, layer: str) -> None:
    with pytest.raises(EncoderError, match=f"layer = .* is not there; this encoder has the layers 1 to {DEPTH}"):
        load_encoder(f"{method}:random:micro?layer={layer}")


def test_by_reference(method: str) -> None:
    audio = noise(0.5)
    second, last = load_encoder(f"{method}:random:micro?layer=2"), load_encoder(f"{method}:random:micro")
    assert second.ref.text == f"{method}:random:micro?layer=2"
    assert second.untrained
    assert second.fingerprint != last.fingerprint
    assert second.n_parameters < last.n_parameters
    assert abs(second.scene(audio) - last.scene(audio)).max() > 1e-3
