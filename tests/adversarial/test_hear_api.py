"""The adversarial-negatives encoder as a HEAR module: sizes, position cues, any length, weights files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import hear_adversarial
from hear_adversarial.checkpoint import build_from_state
from hear_adversarial.encoder import ConvEncoder, get_size
from hear_adversarial.front_end import N_MELS, spectrogram
from hear_adversarial.model import AdversarialModel
from hear_adversarial.objective import AdversarialObjective
from hear_audiomosaic.errors import CheckpointError, EncoderError
from hear_audiomosaic.hear.conformance import check_encoder

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def model() -> AdversarialModel:
    return hear_adversarial.load_model("random:micro")


def noise(seconds: float, n_clips: int = 1, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(n_clips, int(16000 * seconds), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("options", ["?variant=V1", "?variant=V2&bands=centre"])
def test_contract(options: str) -> None:
    findings = check_encoder(f"hear_adversarial:random:micro{options}")
    assert len(findings) == 18
    assert not [finding for finding in findings if finding.verdict != "ok"]


def _by_hand(model: AdversarialModel, pieces: torch.Tensor) -> torch.Tensor:
    """Both bands of windows that were cut out of the waveform: (N, 16000) -> (N, D)."""
    guarded = spectrogram(pieces)
    with torch.no_grad():
        return (model.encoder(guarded[:, :N_MELS]) + model.encoder(guarded[:, 32:])) / 2


def test_scene_is_the_mean_over_windows_of_one_second(model: AdversarialModel) -> None:
    audio = noise(2.5) * torch.linspace(0.1, 1.0, 40000)
    pieces = torch.stack([audio[0, s : s + 16000] for s in (0, 16000, 24000)])  # the last one ends with the clip
    expected = _by_hand(model, pieces).mean(dim=0)
    assert torch.allclose(hear_adversarial.get_scene_embeddings(audio, model)[0], expected, atol=TOLERANCE)


def test_timestamps_are_sliding_windows_centred_on_their_stamps(model: AdversarialModel) -> None:
    audio = noise(2.0) * torch.linspace(0.1, 1.0, 32000)
    embeddings, times = hear_adversarial.get_timestamp_embeddings(audio, model)
    assert torch.allclose(times[0], 25.0 + 50.0 * torch.arange(40))
    padded = torch.nn.functional.pad(audio[0], (8000, 8000))
    for i in (0, 7, 20, 39):
        start = round(float(times[0, i]) * 16)
        expected = _by_hand(model, padded[None, start : start + 16000])[0]
        assert torch.allclose(embeddings[0, i], expected, atol=TOLERANCE)


@pytest.mark.parametrize("hop_ms", [10, 20, 100, 1000])
@pytest.mark.parametrize("seconds", [0.025, 0.07, 1.0, 1.999])
def test_hops(model: AdversarialModel, hop_ms: int, seconds: float) -> None:
    other = AdversarialModel(model.encoder, hop_ms=hop_ms).eval()
    audio = noise(seconds)
    embeddings, times = hear_adversarial.get_timestamp_embeddings(audio, other)
    assert embeddings.shape == (1, times.shape[1], 256)
    assert times.min() >= 0.0
    assert times.max() <= 1000 * seconds
    if times.shape[1] > 1:
        assert torch.allclose(times.diff(dim=1), torch.tensor(float(hop_ms)))
        assert times[0, 0] <= hop_ms
        assert times[0, -1] >= 1000 * seconds - hop_ms


def test_one_clip_does_not_change_another(model: AdversarialModel) -> None:
    audio = noise(1.3, 3)
    louder = torch.cat([audio[:1], 5 * audio[1:].flip(0)])
    for function in (model.scene, lambda x: model.timestamps(x)[0]):
        assert torch.allclose(function(audio)[0], function(louder)[0], atol=TOLERANCE)
        assert torch.allclose(function(audio)[0], function(audio[:1])[0], atol=TOLERANCE)


def test_groups_of_windows_do_not_show(model: AdversarialModel, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = noise(3.3, 5)
    whole = model.timestamps(audio)[0]
    monkeypatch.setattr("hear_adversarial.model._MAX_BATCH", 3)
    assert torch.allclose(model.timestamps(audio)[0], whole, atol=TOLERANCE)


def test_minutes_in_one_call(model: AdversarialModel) -> None:
    coarse = AdversarialModel(model.encoder, hop_ms=1000, bands="centre").eval()
    audio = noise(120.0)
    assert model.scene(audio).shape == (1, 256)
    assert coarse.timestamps(audio)[0].shape == (1, 120, 256)


@pytest.mark.parametrize("name", ["small", "tiny", "micro"])
@pytest.mark.parametrize(("variant", "factor", "channels"), [("V0", 1, 1), ("V1", 1, 3), ("V2", 2, 1)])
def test_position_cues(name: str, variant: str, factor: int, channels: int) -> None:
    encoder = ConvEncoder(get_size(name), variant=variant).eval()
    assert encoder.n_features == factor * get_size(name).features
    assert encoder(torch.zeros(2, 64, 98)).shape == (2, encoder.n_features)
    assert encoder.trunk[0].in_channels == channels


def test_v2_keeps_two_frequency_rows_apart() -> None:
    encoder = ConvEncoder(get_size("micro"), variant="V2").eval()
    x = torch.randn(1, 64, 98, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps = encoder.trunk(((x + 4.5) / 3.0)[:, None])  # (1, C, 2, 4)
        assert torch.equal(encoder(x).view(256, 2), maps[0].amax(dim=2))


@pytest.mark.parametrize(("variant", "size", "channels"), [("V0", 1280, 1), ("V1", 1280, 3), ("V2", 2560, 1)])
def test_efficientnet(variant: str, size: int, channels: int, tmp_path: Path) -> None:
    pytest.importorskip("timm")
    base = hear_adversarial.load_model("random:base", variant=variant)
    assert base.scene_embedding_size == size
    assert base.encoder.trunk.conv_stem.in_channels == channels
    assert 3.9e6 < sum(p.numel() for p in base.encoder.parameters()) < 4.2e6  # B0 without its classifier
    scene = hear_adversarial.get_scene_embeddings(noise(1.0), base)
    assert torch.isfinite(scene).all()
    assert scene.std() > 0
    save_file(base.encoder.state_dict(), tmp_path / "base.safetensors")
    again = hear_adversarial.load_model(str(tmp_path / "base.safetensors"))
    assert torch.equal(hear_adversarial.get_scene_embeddings(noise(1.0), again), scene)


def test_base_without_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(EncoderError, match=r"pip install timm.*small, tiny, micro"):
        hear_adversarial.load_model("random:base")


def test_untrained_is_marked_and_seeded(model: AdversarialModel) -> None:
    assert model.untrained
    assert not model.training
    audio = noise(1.0)
    other = hear_adversarial.load_model("random:micro", seed=1)
    assert torch.equal(model.scene(audio), hear_adversarial.load_model("random:micro").scene(audio))
    assert not torch.allclose(model.scene(audio), other.scene(audio), atol=TOLERANCE)


@pytest.mark.parametrize("variant", ["V0", "V1", "V2"])
@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_weights_tell_size_and_variant(variant: str, suffix: str, tmp_path: Path) -> None:
    torch.manual_seed(5)
    encoder = ConvEncoder(get_size("tiny"), variant=variant)
    path = tmp_path / f"weights.{suffix}"
    save_file(encoder.state_dict(), path) if suffix == "safetensors" else torch.save(encoder.state_dict(), path)
    loaded = hear_adversarial.load_model(str(path))
    assert not loaded.untrained
    assert loaded.encoder.variant == variant
    assert loaded.encoder.size.name == "tiny"
    assert all(torch.equal(value, loaded.encoder.state_dict()[name]) for name, value in encoder.state_dict().items())


def test_a_training_runs_state_is_taken_without_its_heads() -> None:
    run = AdversarialObjective(ConvEncoder(get_size("micro")))
    encoder = build_from_state(run.state_dict())
    assert torch.equal(encoder.trunk[0].weight, run.encoder.trunk[0].weight)
    assert not encoder.training


def test_bad_weights(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no weights file"):
        hear_adversarial.load_model(str(tmp_path / "none.pt"))
    state = ConvEncoder(get_size("micro")).state_dict()
    with pytest.raises(CheckpointError, match="variant_index"):
        build_from_state({"a": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="position cue 7"):
        build_from_state({**state, "variant_index": torch.tensor(7)})
    with pytest.raises(CheckpointError, match="no known size"):
        build_from_state({**state, "trunk.0.weight": torch.zeros(5, 1, 3, 3)})
    with pytest.raises(CheckpointError, match=r"missing tensors: trunk\.1\.weight"):
        build_from_state({name: value for name, value in state.items() if name != "trunk.1.weight"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hop_ms": 25}, "multiple of 10"),
        ({"hop_ms": 0}, "multiple of 10"),
        ({"bands": "all"}, "'both' or 'centre'"),
        ({"variant": "V3"}, "V0, V1, V2"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        hear_adversarial.load_model("random:micro", **options)  # type: ignore[arg-type]


def test_bad_names(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="base, small, tiny, micro"):
        hear_adversarial.load_model("random:huge")
    with pytest.raises(EncoderError, match="padding"):
        ConvEncoder(get_size("base"), padding="circular")
    path = tmp_path / "w.safetensors"
    save_file(ConvEncoder(get_size("micro")).state_dict(), path)
    with pytest.raises(EncoderError, match="variant is for random"):
        hear_adversarial.load_model(str(path), variant="V0")


@pytest.mark.parametrize("audio", [torch.zeros(16000), torch.zeros(1, 0), torch.full((1, 16000), float("nan"))])
def test_bad_audio(model: AdversarialModel, audio: torch.Tensor) -> None:
    for function in (hear_adversarial.get_scene_embeddings, hear_adversarial.get_timestamp_embeddings):
        with pytest.raises(EncoderError):
            function(audio, model)
