"""AaSP's objective: the specification's acceptance tests 5, 7 and 8, and what training rests on."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hear_aasp.encoder import AaspEncoder, normalise
from hear_aasp.objective import AaspObjective, ObjectiveSettings, averaged_targets, multi_mask_nce
from hear_aasp.predictor import CrossAttentionPredictor
from hear_aasp.stem import PHASES, KernelPhase
from hear_audiomosaic.audio import kaldi_fbank, read_audio
from hear_audiomosaic.nn import EncoderSize, gather_tokens
from hear_audiomosaic.nn.block_masking import inverse_block_keep_ids, masked_ids
from hear_audiomosaic.nn.objective import Logs

SMALL = EncoderSize(64, 2, 2)
FEW = ObjectiveSettings(n_masks=2, predictor_depth=1)


def objective(settings: ObjectiveSettings = FEW, phase: KernelPhase = "even") -> AaspObjective:
    torch.manual_seed(0)
    return AaspObjective(AaspEncoder(SMALL, phase=phase), settings).train()


def spectrogram(n_clips: int = 4, n_frames: int = 96, seed: int = 0) -> Tensor:
    return 0.5 * torch.randn(n_clips, n_frames, 128, generator=torch.Generator().manual_seed(seed))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def step(model: AaspObjective, spectrograms: Tensor, generator: torch.Generator) -> tuple[Tensor, Logs]:
    """Loss and logs with masks drawn from ``generator``."""
    return model(spectrograms, {"keep": model.draw_masks(len(spectrograms), spectrograms.shape[1] // 16, generator)})


def test_5_visible_tokens_do_not_change_with_what_is_masked() -> None:
    encoder = objective().encoder.eval()
    torch.nn.init.normal_(encoder.stem.lambda_encoder.output.weight)
    torch.nn.init.ones_(encoder.stem.gate)
    keep = inverse_block_keep_ids(4, (6, 8), generator=seeded())
    hidden = masked_ids(keep, 48)
    changed = spectrogram()
    for clip, tokens in enumerate(hidden.tolist()):
        for token in tokens:
            step, band = divmod(token, 8)
            changed[clip, 16 * step : 16 * step + 16, 16 * band : 16 * band + 16] += 1.0 + torch.randn(16, 16)
    with torch.no_grad():
        before, after = encoder.embed_patches(spectrogram()), encoder.embed_patches(changed)
        assert torch.equal(encoder.encode(gather_tokens(before, keep)), encoder.encode(gather_tokens(after, keep)))
    assert not torch.equal(gather_tokens(before, hidden), gather_tokens(after, hidden))


@pytest.mark.parametrize("phase", PHASES)
def test_7_gradients_are_finite_in_bfloat16_training(phase: KernelPhase) -> None:
    model = objective(phase=phase)
    torch.nn.init.normal_(model.encoder.stem.lambda_encoder.output.weight, std=0.5)
    silent = spectrogram()
    silent[0] = -1.27  # digital silence, and a clip of one level: y = 0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = step(model, silent, seeded())
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients.values())
    for name in ("output.weight", "output.bias", "hidden.weight", "band"):  # theta and alpha depend on these
        assert gradients[f"encoder.stem.lambda_encoder.{name}"].abs().sum() > 0


def test_8_indistinguishable_embeddings_cost_the_logarithm_of_their_number() -> None:
    z = torch.eye(12).reshape(4, 3, 12)
    assert multi_mask_nce(z, math.inf).item() == pytest.approx(math.log(11), abs=1e-6)
    assert multi_mask_nce(z, 1.0).item() == pytest.approx(math.log(11), abs=1e-5)
    random = torch.randn(4, 3, 256, generator=seeded())
    assert multi_mask_nce(random, 1e6).item() == pytest.approx(math.log(11), abs=1e-4)


def test_8_agreement_of_masks_lowers_it() -> None:
    clips, noise = torch.randn(4, 1, 256, generator=seeded()), torch.randn(4, 3, 256, generator=seeded(1))
    losses = [multi_mask_nce(share * clips + (1 - share) * noise, 0.2).item() for share in (0.0, 0.3, 0.6, 1.0)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > losses[-1] + 1


def test_contrast_equals_plain_loops() -> None:
    z = torch.randn(3, 4, 8, generator=seeded()).double()
    unit = z / z.norm(dim=2, keepdim=True)
    total = 0.0
    for b in range(3):
        for m in range(4):
            below = sum(math.exp(unit[b, m] @ unit[c, n] / 0.2) for c in range(3) for n in range(4) if (c, n) != (b, m))
            total -= sum(math.log(math.exp(unit[b, m] @ unit[b, n] / 0.2) / below) for n in range(4) if n != m) / 3
    assert multi_mask_nce(z, 0.2).item() == pytest.approx(total / 12, abs=1e-5)
    with pytest.raises(ValueError, match="two masks"):
        multi_mask_nce(torch.zeros(3, 1, 8), 0.2)


def test_targets_equal_plain_arithmetic() -> None:
    layers = [torch.randn(2, 24, 16, generator=seeded(i)) * (i + 1) + i for i in range(3)]
    mean = sum((x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, correction=0) + 1e-5).sqrt() for x in layers) / 3
    expected = (mean - mean.mean(2, keepdim=True)) / (mean.var(2, keepdim=True, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(averaged_targets(layers), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="no layers"):
        averaged_targets([])


def test_loss_equals_a_plain_loop_over_clips_and_masks() -> None:
    model = objective().eval()
    keep = inverse_block_keep_ids(4 * 2, (6, 8), generator=seeded())
    with torch.no_grad():
        loss, logs = step(model, spectrogram(), seeded())
        masked, z = 0.0, []
        for row, ids in enumerate(keep):
            clip = spectrogram()[row // 2 : row // 2 + 1]
            target = averaged_targets(model.teacher.forward_layers(clip))[0]
            visible = model.encoder.encode(model.encoder.embed_patches(clip)[:, ids])
            hidden = masked_ids(ids[None], 48)
            predicted = model.predictor(visible, ids[None], hidden)[0]
            masked += (predicted - target[hidden[0]]).square().mean().item() / 8
            z.append(model.projector(visible.mean(dim=1))[0])
        contrastive = multi_mask_nce(torch.stack(z).unflatten(0, (4, 2)), 0.2).item()
    assert logs["masked"].item() == pytest.approx(masked, rel=1e-4)
    assert logs["contrastive"].item() == pytest.approx(contrastive, rel=1e-4)
    assert loss.item() == pytest.approx(masked + 0.1 * contrastive, rel=1e-4)
    assert set(logs) == {"loss", "masked", "contrastive", "target_std", "agreement"}
    assert not any(value.requires_grad for value in logs.values())


def test_one_mask_has_no_contrast() -> None:
    loss, logs = step(objective(ObjectiveSettings(n_masks=1, predictor_depth=1)), spectrogram(), seeded())
    assert logs["contrastive"] == 0
    assert torch.equal(loss.detach(), logs["masked"])
    with pytest.raises(ValueError, match="n_masks"):
        objective(ObjectiveSettings(n_masks=0))


def test_the_same_generator_gives_the_same_loss() -> None:
    model = objective().eval()
    with torch.no_grad():
        first, again, other = (step(model, spectrogram(), seeded(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_teacher_follows_the_student_and_its_stem() -> None:
    model = objective(ObjectiveSettings(n_masks=2, predictor_depth=1, ema=(0.9, 1.0), ema_ramp=0.5))
    assert not any(p.requires_grad for p in model.teacher.parameters())
    assert not model.teacher.training
    before = {name: p.clone() for name, p in model.teacher.named_parameters()}
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            parameter += 1.0
    model.after_step(0.25)  # half of the ramp: 0.95
    for name, parameter in model.teacher.named_parameters():
        torch.testing.assert_close(parameter, before[name] + 0.05, rtol=1e-4, atol=1e-5)
    assert any(name.startswith("stem.lambda_encoder") for name in before)
    settled = {name: p.clone() for name, p in model.teacher.named_parameters()}
    model.after_step(0.7)  # after the ramp: 1.0
    assert all(torch.equal(p, settled[name]) for name, p in model.teacher.named_parameters())


def test_a_prediction_does_not_depend_on_the_other_queries() -> None:
    torch.manual_seed(0)
    predictor = CrossAttentionPredictor(64, width=64, depth=2, num_heads=1).eval()
    keep, hidden = torch.tensor([[0, 3, 9]]), torch.tensor([[1, 2, 4, 20]])
    visible = torch.randn(1, 3, 64)
    with torch.no_grad():
        together, alone = predictor(visible, keep, hidden), predictor(visible, keep, hidden[:, 2:3])
    torch.testing.assert_close(together[:, 2:3], alone)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_hundred_steps_on_real_clips_lower_the_loss(shared: Path) -> None:
    with (shared / "data" / "esc50" / "metadata.csv").open(encoding="utf-8") as file:
        names = [row["filename"] for row in csv.DictReader(file) if row["fold"] != "5"][::16]
    clips = [torch.from_numpy(read_audio(shared / "data" / "esc50" / name, 16000)[0]) for name in names]
    audio = torch.stack([clip[:80000] for clip in clips if len(clip) >= 80000])
    torch.manual_seed(0)
    model = AaspObjective(AaspEncoder(EncoderSize(192, 4, 3)), ObjectiveSettings(n_masks=2)).train()
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-4, betas=(0.9, 0.95))
    generator, losses = seeded(), []
    for number in range(200):
        picked = torch.randint(len(audio), (16,), generator=generator).tolist()
        starts = torch.randint(audio.shape[1] - 33520, (16,), generator=generator).tolist()  # 2.08 s of frames
        crops = torch.stack([audio[i, start : start + 33520] for i, start in zip(picked, starts, strict=True)])
        loss, logs = step(model, normalise(kaldi_fbank(crops)), generator)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 4.0)
        optimiser.step()
        model.after_step((number + 1) / 200)
        losses.append([logs[name].item() for name in ("loss", "masked", "contrastive")])
    first, last = torch.tensor(losses[:10]).mean(dim=0), torch.tensor(losses[-10:]).mean(dim=0)
    assert (last < 0.9 * first).all(), (first, last)
