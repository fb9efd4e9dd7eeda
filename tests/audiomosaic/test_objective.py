"""AudioMosaic's objective: what is dropped is not seen, views are the clip's, the released layout is another one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hear_audiomosaic.audio import kaldi_fbank
from hear_audiomosaic.audiomosaic.augment import SETS, TRANSFORMS, WaveformAugmentation
from hear_audiomosaic.audiomosaic.encoder import normalise, pad_frames
from hear_audiomosaic.audiomosaic.objective import AudioMosaicObjective, build_objective, nt_xent
from hear_audiomosaic.errors import PretrainingError

N_SAMPLES = 33280  # 2.08 s: 206 frames, 13 x 8 patches


def made(**options: object) -> AudioMosaicObjective:
    torch.manual_seed(0)
    return build_objective("micro", N_SAMPLES / 16000, augment="off", drop_path=0.0, **options).train()  # type: ignore[arg-type]


def clips(n: int = 3) -> torch.Tensor:
    return 0.1 * torch.randn(n, 2, N_SAMPLES, generator=torch.Generator().manual_seed(1))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_views_are_the_papers_input() -> None:
    audio = clips()
    found = made().views(audio)
    one = audio[1, 1] - audio[1, 1].mean()
    assert torch.allclose(found[1, 1], normalise(pad_frames(kaldi_fbank(one[None]), 208))[0], atol=1e-5)


def test_masks_drop_whole_steps_and_whole_bands() -> None:
    drawn = made().draw(5, N_SAMPLES, seeded())
    assert drawn["time"].shape == (5, 5 * 8)  # 40 % of 13 steps, all bands
    assert drawn["frequency"].shape == (5, 4 * 13)  # 60 % of 8 bands, all steps
    for kept in drawn["time"]:
        steps = set((kept // 8).tolist())
        assert sorted(kept.tolist()) == sorted(8 * step + band for step in steps for band in range(8))
    for kept in drawn["frequency"]:
        bands = set((kept % 8).tolist())
        assert sorted(kept.tolist()) == sorted(8 * step + band for step in range(13) for band in bands)
    other = made(layout="released").draw(5, N_SAMPLES, seeded())
    assert other["time"].shape == (5, 3 * 13)
    assert made(time_ratio=0.0).draw(5, N_SAMPLES, seeded()).keys() == {"frequency"}


def test_dropped_tokens_are_not_seen() -> None:
    objective = made().eval()
    drawn = objective.draw(3, N_SAMPLES, seeded())
    views = objective.views(clips())
    changed = views.clone()
    for clip, kept in enumerate(drawn["time"].tolist()):
        for token in set(range(104)) - set(kept):
            step, band = divmod(token, 8)
            changed[clip, 0, 16 * step : 16 * step + 16, 16 * band : 16 * band + 16] += 5.0
    with torch.no_grad():
        assert torch.equal(objective(views, drawn)[0], objective(changed, drawn)[0])
        assert not torch.equal(objective(views, {})[0], objective(changed, {})[0])


def test_loss_is_nt_xent_of_the_projected_means() -> None:
    objective = made()
    drawn = objective.draw(3, N_SAMPLES, seeded())
    views = objective.views(clips())
    loss, logs = objective(views, drawn, detailed=True)
    encoder = made().encoder
    first = encoder.project(encoder(views[:, 0], drawn["time"]).mean(dim=1))
    second = encoder.project(encoder(views[:, 1], drawn["frequency"]).mean(dim=1))
    assert torch.allclose(loss, nt_xent(first, second), atol=1e-5)
    assert set(logs) == {"loss", "contrastive_accuracy", "lid", "effective_rank"}
    assert set(objective(views, drawn)[1]) == {"loss"}


def test_a_position_table_does_not_decay_and_a_weight_does() -> None:
    objective = made()
    decayed = {name for name, p in objective.named_parameters() if objective.decays(name, p)}
    assert "encoder.blocks.0.attn.qkv.weight" in decayed
    assert not {"encoder.pos_embed", "encoder.cls_token", "encoder.fc_norm.weight"} & decayed
    assert not any(name.endswith("bias") for name in decayed)


@pytest.mark.parametrize("names", [*SETS, *TRANSFORMS])
def test_augmentation_depends_on_its_generator_alone(names: str) -> None:
    augment = WaveformAugmentation.named(names)
    assert augment is not None
    wave = np.sin(np.arange(16000) * 0.2).astype(np.float32) * np.linspace(0.1, 0.5, 16000, dtype=np.float32)
    before = wave.copy()
    np.random.seed(5)  # noqa: NPY002 - what others draw must not change
    first, again, other = (augment(wave, 16000, np.random.default_rng(seed)) for seed in (1, 1, 2))
    drawn = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    assert drawn == np.random.random()  # noqa: NPY002
    assert first.shape == wave.shape
    assert first.dtype == np.float32
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(wave, before)
    silent = augment(np.zeros(16000, dtype=np.float32), 16000, np.random.default_rng(0))
    assert not silent.any()


def test_roll_and_gain_keep_the_spectrum_up_to_a_factor() -> None:
    augment = WaveformAugmentation.named("none")
    assert augment is not None
    wave = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    gains = []
    for seed in range(200):
        rolled = augment(wave, 16000, np.random.default_rng(seed))
        gains.append(np.linalg.norm(rolled) / np.linalg.norm(wave))
    spectra = [np.abs(np.fft.rfft(x)) for x in (wave, rolled)]
    assert np.allclose(spectra[0] * gains[-1], spectra[1], rtol=1e-3, atol=1e-2)
    assert 0.5 < min(gains) < max(gains) < 1.5
    assert np.mean(gains) == pytest.approx(1.0, abs=0.03)  # Beta(10, 10) + 0.5


def test_unknown_augmentation_and_layout() -> None:
    with pytest.raises(PretrainingError, match=r"no augmentation 'echo'; expected off, full, fast, none"):
        WaveformAugmentation.named("gain+echo")
    assert WaveformAugmentation.named("off") is None
    with pytest.raises(PretrainingError, match="layout = 'swapped'"):
        made(layout="swapped")
