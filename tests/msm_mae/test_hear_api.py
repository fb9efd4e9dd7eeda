"""MSM-MAE as a HEAR module: any length, bounded memory, embeddings that mean what the docstring says."""

from __future__ import annotations

import pytest
import torch

import hear_msm_mae
from hear_audiomosaic.audio import slaney_log_mel
from hear_audiomosaic.errors import CheckpointError, EncoderError
from hear_audiomosaic.nn import get_size
from hear_msm_mae.model import MsmMaeModel, hops_ms, log_mel

TOLERANCE = 1e-4  # of embeddings after a LayerNorm, whose values are of the order of 1


@pytest.fixture(scope="module")
def model() -> MsmMaeModel:
    return hear_msm_mae.load_model("random:micro")


def variant(model: MsmMaeModel, **options: object) -> MsmMaeModel:
    return MsmMaeModel(model.encoder, **options).eval()


def noise(seconds: float, n_clips: int = 1, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(n_clips, int(16000 * seconds), generator=torch.Generator().manual_seed(seed))


def embed(audio: torch.Tensor, model: MsmMaeModel) -> tuple[torch.Tensor, torch.Tensor]:
    return hear_msm_mae.get_timestamp_embeddings(audio, model)


def test_silence_frames_and_steps(model: MsmMaeModel) -> None:
    mel = log_mel(torch.zeros(1, 16000))
    assert mel.shape == (1, 80, 101)
    assert torch.allclose(mel, torch.tensor(-15.942385), atol=1e-5)
    with torch.device("meta"):
        base = MsmMaeModel(hear_msm_mae.MsmMae(get_size("base"), decoder=None))
    assert base.scene_embedding_size == base.timestamp_embedding_size == 3840
    assert base.steps(torch.zeros(1, 80, 101, device="meta")).shape == (1, 7, 3840)


@pytest.mark.parametrize(("seconds", "n_steps"), [(0.5, 4), (1.0, 7), (2.0, 13), (5.0, 32), (10.0, 63)])
def test_published_numbers_of_steps_and_timestamps(model: MsmMaeModel, seconds: float, n_steps: int) -> None:
    embeddings, times = embed(noise(seconds, 2), variant(model, timestamps="drifting"))
    assert embeddings.shape == (2, n_steps, 960)
    assert times[1].tolist() == pytest.approx([i * 1000 * seconds / n_steps for i in range(n_steps)], abs=1e-2)
    if seconds == 10.0:
        assert times[0, -1].item() == pytest.approx(9841.3, abs=0.1)


@pytest.mark.parametrize("seconds", [0.025, 81.9, 82.0, 100.3, 180.0])
def test_log_mel_in_blocks_is_that_of_the_whole_clip(seconds: float) -> None:
    audio = noise(seconds, 3)
    assert torch.allclose(log_mel(audio).transpose(1, 2), slaney_log_mel(audio), atol=1e-3)


def by_hand(model: MsmMaeModel, mel: torch.Tensor, pad_to: int = 16) -> torch.Tensor:
    """Plain loops over windows, time steps and bands: (80, L), normalised -> (T, F * D)."""
    window = model.encoder.input_size[1]
    steps = []
    for start in range(0, mel.shape[1], window):
        chunk = mel[:, start : start + window]
        n_steps = -(-chunk.shape[1] // 16)
        padded = torch.zeros(80, -(-chunk.shape[1] // pad_to) * pad_to)
        padded[:, : chunk.shape[1]] = chunk
        with torch.no_grad():
            tokens = model.encoder(padded[None])[0]
        width = padded.shape[1] // 16
        for t in range(n_steps):
            steps.append(torch.cat([tokens[1 + f * width + t] for f in range(5)]))  # noqa: PERF401
    return torch.stack(steps)


@pytest.mark.parametrize("seconds", [0.3, 2.08, 7.0, 68.0])
def test_embeddings_equal_plain_loops(model: MsmMaeModel, seconds: float) -> None:
    audio = noise(seconds)
    mel = slaney_log_mel(audio)[0].T
    steps = by_hand(model, (mel + 7.1) / 4.2)
    assert torch.allclose(hear_msm_mae.get_scene_embeddings(audio, model)[0], steps.mean(dim=0), atol=TOLERANCE)
    embeddings, times = embed(audio, variant(model, hop_ms=160))
    assert torch.allclose(embeddings[0], steps[: embeddings.shape[1]], atol=1e-3)
    assert torch.allclose(times[0], 75.0 + 160.0 * torch.arange(times.shape[1]))


def test_parity_with_the_published_runs(model: MsmMaeModel) -> None:
    """Statistics of the batch, zeros up to a whole window, drifting stamps, all steps."""
    audio = torch.cat([noise(3.0), 0.1 * noise(3.0, seed=1)])
    mel = slaney_log_mel(audio).transpose(1, 2)
    mel = (mel - mel.mean()) / mel.std()
    parity = variant(model, norm="batch", timestamps="drifting", pad="window")
    embeddings, _ = embed(audio, parity)
    for clip in range(2):
        steps = by_hand(model, mel[clip], pad_to=208)
        assert torch.allclose(embeddings[clip], steps, atol=1e-3)
        assert torch.allclose(parity.scene(audio)[clip], steps.mean(dim=0), atol=TOLERANCE)
    assert not torch.allclose(embed(audio[:1], parity)[0], embeddings[:1], atol=0.01)
    assert parity.scene(torch.zeros(1, 16000)).isfinite().all()


def test_hops() -> None:
    assert [hops_ms(frames) for frames in (16, 8, 4, 2, 1)] == [(160, 80, 40, 20), (80, 40, 20), (40, 20), (20,), (10,)]


@pytest.mark.parametrize(("patch", "hops"), [("16x16", (160, 80, 40, 20)), ("16x8", (80, 40)), ("80x4", (40, 20))])
@pytest.mark.parametrize("seconds", [0.01, 0.025, 0.1, 0.5, 1.0, 2.08, 2.09])
def test_timestamps_are_regular_and_inside(patch: str, hops: tuple[int, ...], seconds: float) -> None:
    network = hear_msm_mae.load_model("random:micro", patch_size=patch).encoder
    for hop_ms in hops:
        embeddings, times = embed(noise(seconds, 2), MsmMaeModel(network, hop_ms=hop_ms).eval())
        assert embeddings.shape[:2] == times.shape
        assert embeddings.isfinite().all()
        assert torch.equal(times[0], times[1])
        assert 0 <= times.min() <= times.max() <= 1000 * seconds
        if times.shape[1] > 1:
            assert torch.allclose(times.diff(dim=1), torch.tensor(float(hop_ms)), atol=1e-2)
            assert times[0, 0] < hop_ms
            assert times[0, -1] > 1000 * seconds - hop_ms


def test_default_hops_are_within_hears_advice(model: MsmMaeModel) -> None:
    assert model.hop_ms == 40
    assert variant(model, timestamps="drifting").hop_ms == 160
    assert hear_msm_mae.load_model("random:micro", patch_size="80x2").hop_ms == 20


@pytest.mark.parametrize("hop_ms", [80, 40, 20])
def test_finer_hops_contain_the_natural_ones(model: MsmMaeModel, hop_ms: int) -> None:
    audio = noise(2.5)
    natural, natural_times = embed(audio, variant(model, hop_ms=160))
    fine, fine_times = embed(audio, variant(model, hop_ms=hop_ms))
    common = [fine_times[0].tolist().index(time) for time in natural_times[0].tolist()]
    assert torch.allclose(fine[0, common], natural[0], atol=TOLERANCE)


def test_a_clip_alone_and_in_a_batch(model: MsmMaeModel) -> None:
    audio = torch.cat([noise(7.0), 5 * noise(7.0, 40, seed=1)])  # more windows than one forward pass takes
    for function in (hear_msm_mae.get_scene_embeddings, lambda a, m: embed(a, m)[0]):
        assert torch.allclose(function(audio, model)[:1], function(audio[:1], model), atol=TOLERANCE)


@pytest.mark.parametrize("hop_ms", [160, 40])
def test_appended_silence_changes_the_last_window_only(model: MsmMaeModel, hop_ms: int) -> None:
    """7 s have three full windows of 2.08 s; what they hold stays, what comes after changes, as documented."""
    audio = noise(7.0)
    padded = torch.nn.functional.pad(audio, (0, 48000))
    chosen = variant(model, hop_ms=hop_ms)
    (alone, times), (longer, _) = embed(audio, chosen), embed(padded, chosen)
    change = (longer[0, : alone.shape[1]] - alone[0]).norm(dim=1) / alone[0].norm(dim=1)
    # A pass may start up to 70 ms before the clip, and its windows with it.
    unchanged = times[0] < 3 * 2080 - 80 - 70
    assert change[unchanged].max() < 1e-5
    last = times[0] > 3 * 2080 + 160
    assert change[last].median() > 1e-3


def test_eval_mode_no_gradient_float32(model: MsmMaeModel) -> None:
    scene = hear_msm_mae.get_scene_embeddings(noise(0.5), model)
    assert not model.training
    assert not scene.requires_grad
    assert scene.dtype == torch.float32
    assert not any(p.requires_grad for p in model.parameters())


def test_untrained_models_say_so_and_are_reproducible(model: MsmMaeModel) -> None:
    before = torch.get_rng_state()
    again = hear_msm_mae.load_model("random:micro", input_size="80x208", patch_size="16x16")
    assert torch.equal(torch.get_rng_state(), before)
    assert again.untrained
    weights = [
        m.encoder.blocks[0].attn.qkv.weight for m in (model, again, hear_msm_mae.load_model("random:micro", seed=1))
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("audio", [torch.zeros(1, 0), torch.zeros(100), torch.full((1, 1000), float("nan"))])
def test_bad_audio(model: MsmMaeModel, audio: torch.Tensor) -> None:
    with pytest.raises(EncoderError):
        hear_msm_mae.get_scene_embeddings(audio, model)


@pytest.mark.parametrize(("path", "options", "complaint"), [
    ("random:huge", {}, "base, small, tiny, micro"),
    ("random:micro", {"hop_ms": 30}, "160, 80, 40, 20"),
    ("random:micro", {"hop_ms": 40, "timestamps": "drifting"}, "160"),
    ("random:micro", {"norm": "clip"}, "'fixed' or 'batch'"),
    ("random:micro", {"timestamps": "late"}, "'centred' or 'drifting'"),
    ("random:micro", {"pad": "all"}, "'patch' or 'window'"),
    ("random:micro", {"input_size": "208"}, "80x608"),
    ("random:micro", {"patch_size": "7x16"}, "whole patches"),
    ("absent.pth", {}, "no weights file"),
])  # fmt: skip
def test_bad_options(path: str, options: dict[str, object], complaint: str) -> None:
    with pytest.raises((EncoderError, CheckpointError), match=complaint):
        hear_msm_mae.load_model(path, **options)


@pytest.mark.slow
def test_twenty_minutes_in_bounded_memory(model: MsmMaeModel) -> None:
    import resource

    audio = noise(1200.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert hear_msm_mae.get_scene_embeddings(audio, model).isfinite().all()
    embeddings, times = embed(audio, model)
    assert embeddings.shape[:2] == times.shape == (1, 30000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # KiB
