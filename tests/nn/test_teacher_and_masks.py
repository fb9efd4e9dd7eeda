"""What latent-prediction methods share: EMA teachers, cross-attention, inverse block masks."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hear_audiomosaic.nn.block_masking import inverse_block_keep_ids, masked_ids
from hear_audiomosaic.nn.cross_attention import CrossAttention, CrossBlock
from hear_audiomosaic.nn.ema import ema_momentum, ema_update, frozen_copy


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_frozen_copy_shares_nothing() -> None:
    student = nn.Linear(3, 2)
    teacher = frozen_copy(student)
    assert not any(p.requires_grad for p in teacher.parameters())
    assert all(p.requires_grad for p in student.parameters())
    with torch.no_grad():
        student.weight += 1
    assert not torch.equal(teacher.weight, student.weight)


def test_ema_by_hand() -> None:
    student = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    teacher = frozen_copy(student)
    before = teacher[0].weight.clone()
    with torch.no_grad():
        student[0].weight += torch.randn(2, 3, generator=seeded())
        student[1].running_mean += 1
    ema_update(teacher, student, 0.75)
    torch.testing.assert_close(teacher[0].weight, 0.75 * before + 0.25 * student[0].weight.detach())
    assert torch.equal(teacher[1].running_mean, student[1].running_mean)
    ema_update(teacher, student, 0.0)
    assert torch.equal(teacher[0].weight, student[0].weight)
    with pytest.raises(ValueError, match="weight"):
        ema_update(nn.Linear(3, 2), student, 0.5)


def test_momentum_rises_then_stays() -> None:
    assert [ema_momentum(p, 0.9, 1.0, 0.5) for p in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([0.9, 0.95, 1.0, 1.0])
    assert ema_momentum(0.5, 0.9, 1.0) == pytest.approx(0.95)


def test_cross_attention_equals_pytorchs() -> None:
    torch.manual_seed(0)
    ours, theirs = CrossAttention(24, 3), nn.MultiheadAttention(24, 3, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.q.weight, ours.kv.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.q.bias, ours.kv.bias]))
        theirs.out_proj.weight.copy_(ours.proj.weight)
        theirs.out_proj.bias.copy_(ours.proj.bias)
        queries, context = torch.randn(2, 5, 24), torch.randn(2, 7, 24)
        torch.testing.assert_close(ours(queries, context), theirs(queries, context, context)[0], rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="5 heads"):
        CrossAttention(24, 5)


def test_cross_block_by_hand() -> None:
    torch.manual_seed(0)
    block = CrossBlock(24, 3)
    queries, context = torch.randn(2, 5, 24), torch.randn(2, 7, 24)
    after = queries + block.attn(F.layer_norm(queries, (24,), eps=1e-6), context)
    torch.testing.assert_close(block(queries, context), after + block.mlp(F.layer_norm(after, (24,), eps=1e-6)))


@pytest.mark.parametrize(("grid", "n_kept"), [((64, 8), 102), ((13, 8), 20), ((6, 8), 9), ((1, 8), 1), ((2, 1), 1)])
def test_every_mask_keeps_equally_many_different_tokens(grid: tuple[int, int], n_kept: int) -> None:
    keep = inverse_block_keep_ids(50, grid, generator=seeded())
    n_tokens = grid[0] * grid[1]
    assert keep.shape == (50, n_kept)
    assert (keep.diff(dim=1) > 0).all()
    assert keep.min() >= 0
    assert keep.max() < n_tokens
    hidden = masked_ids(keep, n_tokens)
    assert torch.equal(torch.cat([keep, hidden], dim=1).sort(dim=1).values, torch.arange(n_tokens).expand(50, -1))
    assert torch.equal(keep, inverse_block_keep_ids(50, grid, generator=seeded()))


def test_what_stays_comes_in_blocks() -> None:
    """Far more neighbours stay together than by chance, and every token stays about equally often."""

    def pairs(keep: torch.Tensor) -> float:
        grid = torch.zeros(len(keep), 512).scatter_(1, keep, 1.0).unflatten(1, (64, 8))
        return float((grid[:, 1:] * grid[:, :-1]).sum() / len(keep))

    keep = inverse_block_keep_ids(500, (64, 8), generator=seeded())
    by_chance = torch.rand(500, 512, generator=seeded()).argsort(dim=1)[:, :102]
    assert pairs(keep) > 2.5 * pairs(by_chance)
    share = torch.zeros(500, 512).scatter_(1, keep, 1.0).mean(dim=0).unflatten(0, (64, 8))
    assert share.min() > 0.05
    assert share.max() < 0.4


def test_a_single_block_is_a_square() -> None:
    keep = inverse_block_keep_ids(200, (20, 20), ratio=1 - 25 / 400, adjust=0.0, generator=seeded())
    inner = 0
    for ids in keep:
        rows, columns = (ids // 20).unique(), (ids % 20).unique()
        if len(rows) == len(columns) == 5:  # not cut at an edge
            inner += 1
            assert rows[-1] - rows[0] == columns[-1] - columns[0] == 4
    assert inner > 80


def test_a_ratio_that_masks_nothing() -> None:
    with pytest.raises(ValueError, match="masks none"):
        inverse_block_keep_ids(1, (2, 2), ratio=0.0)
