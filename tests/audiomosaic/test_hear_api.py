"""AudioMosaic as a HEAR module: any length, bounded memory, embeddings that mean what the docstring says."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import hear_audiomosaic
from hear_audiomosaic.audio import kaldi_fbank
from hear_audiomosaic.audiomosaic.encoder import normalise, pad_frames
from hear_audiomosaic.audiomosaic.model import AudioMosaicModel
from hear_audiomosaic.errors import CheckpointError, EncoderError

TOLERANCE = 1e-5  # of embeddings whose values are of the order of 1


@pytest.fixture(scope="module")
def model() -> AudioMosaicModel:
    return hear_audiomosaic.load_model("random:micro")


def noise(seconds: float, n_clips: int = 1, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(n_clips, int(16000 * seconds), generator=torch.Generator().manual_seed(seed))


def test_nothing_heavy_at_import() -> None:
    code = "import sys, hear_audiomosaic; print([m for m in ('torch', 'numpy', 'scipy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_one_full_window_is_what_the_heads_of_the_paper_see(model: AudioMosaicModel) -> None:
    audio = noise(10.24, 2)
    centred = audio - audio.mean(dim=1, keepdim=True)
    with torch.no_grad():
        tokens = model.encoder(normalise(pad_frames(kaldi_fbank(centred), 1024)))
        expected = model.encoder.fc_norm(tokens.mean(dim=1))
    assert tokens.shape[1] == 513
    assert torch.allclose(hear_audiomosaic.get_scene_embeddings(audio, model), expected, atol=TOLERANCE)


def test_long_clips_equal_a_plain_loop_over_windows(model: AudioMosaicModel) -> None:
    audio = noise(23.7)
    fbank = kaldi_fbank(audio - audio.mean())  # of the whole clip at once
    sums, n_tokens, steps = torch.zeros(192), 0, []
    for start in range(0, fbank.shape[1], 1024):
        window = fbank[:, start : start + 1024]
        with torch.no_grad():
            tokens = model.encoder(normalise(pad_frames(window, -(-window.shape[1] // 16) * 16)))[0]
        sums, n_tokens = sums + tokens.sum(dim=0), n_tokens + len(tokens)
        steps.append(tokens[1:].reshape(-1, 8, 192).mean(dim=1))
    with torch.no_grad():
        scene, by_time = model.encoder.fc_norm(sums / n_tokens), model.encoder.fc_norm(torch.cat(steps))
    assert torch.allclose(hear_audiomosaic.get_scene_embeddings(audio, model)[0], scene, atol=TOLERANCE)
    natural = AudioMosaicModel(model.encoder, hop_ms=160).eval()
    embeddings, times = hear_audiomosaic.get_timestamp_embeddings(audio, natural)
    assert torch.allclose(embeddings[0], by_time[: embeddings.shape[1]], atol=TOLERANCE)
    assert torch.allclose(times[0], 87.5 + 160.0 * torch.arange(times.shape[1]))


@pytest.mark.parametrize("hop_ms", [160, 80, 40, 20])
@pytest.mark.parametrize("seconds", [0.025, 0.03, 0.1, 0.5, 1.0, 10.24, 10.25])
def test_timestamps_are_regular_and_inside(model: AudioMosaicModel, hop_ms: int, seconds: float) -> None:
    fine = AudioMosaicModel(model.encoder, hop_ms=hop_ms).eval()
    embeddings, times = hear_audiomosaic.get_timestamp_embeddings(noise(seconds, 2), fine)
    assert embeddings.shape == (2, times.shape[1], 192)
    assert embeddings.isfinite().all()
    assert torch.equal(times[0], times[1])
    assert times.min() >= 0
    assert times.max() <= 1000 * seconds
    if times.shape[1] > 1:
        assert torch.allclose(times.diff(dim=1), torch.tensor(float(hop_ms)))
    if hop_ms < 160:
        assert times[0, 0] == 7.5
        assert times[0, -1] > 1000 * seconds - hop_ms


def test_finer_hops_contain_the_natural_ones(model: AudioMosaicModel) -> None:
    audio = noise(2.0)
    natural, natural_times = AudioMosaicModel(model.encoder, hop_ms=160).eval().timestamps(audio)
    fine, fine_times = AudioMosaicModel(model.encoder, hop_ms=20).eval().timestamps(audio)
    shared = [fine_times[0].tolist().index(time) for time in natural_times[0].tolist()]
    # The pass that starts at the clip's beginning is the natural one; the others are padded or start later.
    assert torch.allclose(fine[0, shared], natural[0], atol=TOLERANCE)


def test_concatenation_holds_the_mean(model: AudioMosaicModel) -> None:
    wide = hear_audiomosaic.load_model("random:micro", frequency="concat")
    embeddings, _ = hear_audiomosaic.get_timestamp_embeddings(noise(0.5), wide)
    assert embeddings.shape[2] == wide.timestamp_embedding_size == 8 * 192
    assert wide.scene_embedding_size == 192


def test_a_clip_alone_in_a_batch_and_among_others(model: AudioMosaicModel) -> None:
    audio = torch.cat([noise(1.3), 5 * noise(1.3, 40, seed=1)])  # more clips than one forward pass takes
    for embed in (
        hear_audiomosaic.get_scene_embeddings,
        lambda a, m: hear_audiomosaic.get_timestamp_embeddings(a, m)[0],
    ):
        assert torch.allclose(embed(audio, model)[:1], embed(audio[:1], model), atol=TOLERANCE)


def test_louder_channels_offset_does_not_matter(model: AudioMosaicModel) -> None:
    audio = noise(1.0)
    shifted = hear_audiomosaic.get_scene_embeddings(audio + 0.3, model)
    assert torch.allclose(shifted, hear_audiomosaic.get_scene_embeddings(audio, model), atol=1e-3)


def test_eval_mode_no_gradient_float32(model: AudioMosaicModel) -> None:
    scene = hear_audiomosaic.get_scene_embeddings(noise(0.5), model)
    assert not model.training
    assert not scene.requires_grad
    assert scene.dtype == torch.float32


def test_untrained_models_say_so_and_are_reproducible(model: AudioMosaicModel) -> None:
    torch.manual_seed(123)
    before = torch.get_rng_state()
    again = hear_audiomosaic.load_model("random:micro")
    assert torch.equal(torch.get_rng_state(), before)  # loading leaves the global generator alone
    assert again.untrained
    first, second = (next(m.encoder.blocks[0].parameters()) for m in (model, again))
    assert torch.equal(first, second)
    other = hear_audiomosaic.load_model("random:micro", seed=1).encoder.blocks[0].attn.qkv.weight
    assert not torch.equal(other, model.encoder.blocks[0].attn.qkv.weight)


@pytest.mark.parametrize("audio", [torch.zeros(1, 0), torch.zeros(100), torch.full((1, 1000), float("nan"))])
def test_bad_audio(model: AudioMosaicModel, audio: torch.Tensor) -> None:
    with pytest.raises(EncoderError):
        hear_audiomosaic.get_scene_embeddings(audio, model)


@pytest.mark.parametrize(("path", "options", "complaint"), [
    ("random:huge", {}, "base, small, tiny, micro"),
    ("random:micro", {"hop_ms": 30}, "160, 80, 40, 20"),
    ("random:micro", {"frequency": "max"}, "mean"),
    ("absent.safetensors", {}, "no weights file"),
])  # fmt: skip
def test_bad_options(path: str, options: dict[str, object], complaint: str) -> None:
    with pytest.raises((EncoderError, CheckpointError), match=complaint):
        hear_audiomosaic.load_model(path, **options)


@pytest.mark.parametrize("name", ["hear_audiomosaic", "hear_msm_mae", "hear_aasp", "hear_adversarial"])
def test_default_weights_are_trained_and_small(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = importlib.import_module(name)
    model = module.load_model()
    assert not model.untrained
    package = importlib.import_module("hear_audiomosaic.audiomosaic") if name == "hear_audiomosaic" else module
    path = Path(package.__file__ or "").parent / "weights" / "micro.safetensors"
    assert path.stat().st_size < 12e6
    card = json.loads(path.with_suffix(".json").read_text())
    assert {"method", "n_steps", "last_loss", "data", "licence", "note"} <= card.keys()
    assert all("NC" not in licence for one in card["data"].values() for licence in one["licences"])
    monkeypatch.setattr(package, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(CheckpointError, match=r"no default weights.*random:tiny"):
        module.load_model()


@pytest.mark.slow
def test_twenty_minutes_in_bounded_memory(model: AudioMosaicModel) -> None:
    import resource

    audio = noise(1200.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert hear_audiomosaic.get_scene_embeddings(audio, model).isfinite().all()
    embeddings, times = hear_audiomosaic.get_timestamp_embeddings(audio, model)
    assert embeddings.shape[:2] == times.shape == (1, 30000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # KiB
