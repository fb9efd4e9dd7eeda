"""AaSP as a HEAR module, and its weights files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import hear_aasp
from hear_aasp.checkpoint import load_encoder, save_encoder
from hear_aasp.encoder import AaspEncoder, normalise
from hear_aasp.model import AaspModel, pad_to_patch
from hear_audiomosaic.audio import kaldi_fbank
from hear_audiomosaic.errors import CheckpointError, EncoderError
from hear_audiomosaic.nn import EncoderSize

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def model() -> AaspModel:
    return hear_aasp.load_model("random:micro")


def noise(seconds: float, n_clips: int = 1, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(n_clips, int(16000 * seconds), generator=torch.Generator().manual_seed(seed))


def test_long_clips_equal_a_plain_loop_over_windows(model: AaspModel) -> None:
    audio = noise(12.3)
    fbank = normalise(kaldi_fbank(audio))
    with torch.no_grad():
        tokens = torch.cat([model.encoder(fbank[:, :1024]), model.encoder(pad_to_patch(fbank[:, 1024:]))], dim=1)[0]
    assert torch.allclose(hear_aasp.get_scene_embeddings(audio, model)[0], tokens.mean(dim=0), atol=TOLERANCE)
    natural = AaspModel(model.encoder, hop_ms=160).eval()
    embeddings, times = hear_aasp.get_timestamp_embeddings(audio, natural)
    by_time = tokens.reshape(-1, 8, 192).mean(dim=1)
    assert torch.allclose(embeddings[0], by_time[: embeddings.shape[1]], atol=TOLERANCE)
    assert torch.allclose(times[0], 87.5 + 160.0 * torch.arange(times.shape[1]))


@pytest.mark.parametrize("hop_ms", [160, 80, 40, 20])
@pytest.mark.parametrize("seconds", [0.025, 0.1, 1.0])
def test_timestamps_are_regular_and_inside(model: AaspModel, hop_ms: int, seconds: float) -> None:
    fine = AaspModel(model.encoder, hop_ms=hop_ms).eval()
    embeddings, times = hear_aasp.get_timestamp_embeddings(noise(seconds, 2), fine)
    assert embeddings.shape == (2, times.shape[1], 192)
    assert embeddings.isfinite().all()
    assert times.min() >= 0
    assert times.max() <= 1000 * seconds
    if times.shape[1] > 1:
        assert torch.allclose(times.diff(dim=1), torch.tensor(float(hop_ms)))


def test_concatenation_holds_the_mean(model: AaspModel) -> None:
    wide = hear_aasp.load_model("random:micro", frequency="concat")
    embeddings, times = hear_aasp.get_timestamp_embeddings(noise(0.5), wide)
    narrow, _ = hear_aasp.get_timestamp_embeddings(noise(0.5), model)
    assert embeddings.shape == (1, times.shape[1], wide.timestamp_embedding_size)
    assert wide.timestamp_embedding_size == 8 * 192
    assert torch.allclose(embeddings.unflatten(2, (8, 192)).mean(dim=2), narrow, atol=TOLERANCE)


def test_a_clip_alone_in_a_batch_and_among_others(model: AaspModel) -> None:
    audio = torch.cat([noise(1.3), 5 * noise(1.3, 40, seed=1)])  # more clips than one forward pass takes
    together = hear_aasp.get_scene_embeddings(audio, model)[:1]
    assert torch.allclose(together, hear_aasp.get_scene_embeddings(audio[:1], model), atol=TOLERANCE)


def test_padding_repeats_the_last_frame() -> None:
    frames = torch.randn(2, 18, 128)
    padded = pad_to_patch(frames)
    assert padded.shape == (2, 32, 128)
    assert torch.equal(padded[:, :18], frames)
    assert torch.equal(padded[:, 18:], frames[:, 17:].expand(-1, 14, -1))
    assert pad_to_patch(frames[:, :16]).shape == (2, 16, 128)


def test_shorter_windows_take_the_first_positions(model: AaspModel) -> None:
    frames = torch.randn(1, 64, 128)
    assert torch.equal(model.encoder.embed_patches(frames[:, :48]), model.encoder.embed_patches(frames)[:, :24])
    for n_frames in (0, 40, 1040):
        with pytest.raises(EncoderError, match="multiple of 16"):
            model.encoder(torch.zeros(1, n_frames, 128))


def test_layers_end_with_the_output(model: AaspModel) -> None:
    frames = torch.randn(1, 32, 128)
    layers = model.encoder.forward_layers(frames)
    assert len(layers) == 4
    assert torch.equal(model.encoder.norm(layers[-1]), model.encoder(frames))


def test_untrained_models_say_so_and_are_reproducible(model: AaspModel) -> None:
    again, other = hear_aasp.load_model("random:micro"), hear_aasp.load_model("random:micro", seed=1)
    odd = hear_aasp.load_model("random:micro", phase="odd")
    assert model.untrained
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert odd.encoder.phase == "odd"
    audio = noise(0.5)
    scene = hear_aasp.get_scene_embeddings(audio, model)
    assert torch.equal(scene, hear_aasp.get_scene_embeddings(audio, again))
    for different in (other, odd):
        assert not torch.allclose(scene, hear_aasp.get_scene_embeddings(audio, different), atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "options", "match"),
    [
        ("random:huge", {}, "base, small, tiny, micro"),
        ("random:micro", {"hop_ms": 30}, "160, 80, 40, 20"),
        ("random:micro", {"frequency": "max"}, "'mean' or 'concat'"),
        ("random:micro", {"phase": "both"}, "even or odd"),
        ("some.safetensors", {"phase": "odd"}, "a weights file has its own"),
    ],
)
def test_wrong_options(arguments: str, options: dict[str, str | int], match: str) -> None:
    with pytest.raises(EncoderError, match=match):
        hear_aasp.load_model(arguments, **options)  # type: ignore[arg-type]


def test_weights_files(tmp_path: Path) -> None:
    torch.manual_seed(3)
    encoder = AaspEncoder(EncoderSize(64, 2, 4), phase="odd", n_states=8, window_frames=512).eval()
    path = tmp_path / "aasp.safetensors"
    save_encoder(path, encoder)
    loaded = load_encoder(path)
    assert (loaded.size, loaded.phase, loaded.n_states, loaded.grid) == (encoder.size, "odd", 8, (32, 8))
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in encoder.state_dict().items())
    model = hear_aasp.load_model(str(path))
    assert not model.untrained
    assert hear_aasp.get_scene_embeddings(noise(6.0), model).shape == (1, 64)  # longer than its window


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    encoder = AaspEncoder(EncoderSize(64, 1, 4))
    state = encoder.state_dict()
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    torch.save(state, tmp_path / "plain.pt")
    save_file(state, tmp_path / "plain.safetensors")
    save_file(state, tmp_path / "sizes.safetensors", {"format": "hear_aasp/1", "sizes": '{"depth": 0}'})
    save_file(state, tmp_path / "no_json.safetensors", {"format": "hear_aasp/1", "sizes": "{"})
    for name in ("absent.safetensors", "junk.safetensors", "plain.pt", "plain.safetensors"):
        with pytest.raises(CheckpointError, match=name):
            load_encoder(tmp_path / name)
    for name in ("sizes.safetensors", "no_json.safetensors"):
        with pytest.raises(CheckpointError, match="embed_dim"):
            load_encoder(tmp_path / name)


def test_every_wrong_tensor_is_named(tmp_path: Path) -> None:
    encoder = AaspEncoder(EncoderSize(64, 1, 4))
    path = tmp_path / "aasp.safetensors"
    save_encoder(path, encoder)
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    del state["norm.bias"]
    state |= {"surprise": torch.zeros(1), "stem.gate": torch.zeros(3)}
    save_file(state, path, metadata)
    with pytest.raises(CheckpointError) as caught:
        load_encoder(path)
    for part in ("unknown tensors: surprise", "missing tensors: norm.bias", "'stem.gate'"):
        assert part in str(caught.value)
    wrong = dict(metadata) | {"sizes": metadata["sizes"].replace('"num_heads": 4', '"num_heads": 5')}
    save_file(encoder.state_dict(), path, wrong)
    with pytest.raises(CheckpointError, match="5 heads"):
        load_encoder(path)
