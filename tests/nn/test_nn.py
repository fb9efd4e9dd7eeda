"""The shared network parts: equal to timm's, tables and masks equal to plain loops."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch

from hear_audiomosaic.nn import (
    Attention,
    Block,
    PatchEmbed,
    axis_keep_ids,
    contrastive_projector,
    drop_path_rates,
    gather_tokens,
    masked_tokens,
    random_keep_ids,
    scatter_tokens,
    sincos_1d,
    sincos_2d,
    sincos_interleaved,
)


def test_block_equals_timm() -> None:
    timm_vit = pytest.importorskip("timm.models.vision_transformer")
    torch.manual_seed(0)
    ours = Block(48, 4).eval()
    theirs = timm_vit.Block(48, 4, qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6)).eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 7, 48)
    assert torch.allclose(ours(x), theirs(x), atol=1e-5)


def test_patches_are_row_major() -> None:
    embed = PatchEmbed(256, (16, 16))
    with torch.no_grad():
        embed.proj.weight.copy_(torch.eye(256).reshape(256, 1, 16, 16))
        embed.proj.bias.zero_()
    spectrogram = torch.randn(1, 32, 48)
    tokens = embed(spectrogram)
    assert tokens.shape == (1, 6, 256)
    assert torch.allclose(tokens[0, 4], spectrogram[0, 16:32, 16:32].flatten(), atol=1e-6)  # row 1, column 1


def test_sincos_equals_plain_loops() -> None:
    code = sincos_1d(torch.tensor([0.0, 3.0, 7.0]), 8)
    for i, position in enumerate((0, 3, 7)):
        for k in range(4):
            angle = position * 10000 ** (-k / 4)
            assert code[i, k].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert code[i, 4 + k].item() == pytest.approx(math.cos(angle), abs=1e-6)
    both = sincos_2d(torch.tensor([2.0]), torch.tensor([5.0]), 16)
    assert torch.equal(both, torch.cat([sincos_1d(torch.tensor([2.0]), 8), sincos_1d(torch.tensor([5.0]), 8)], dim=1))
    with pytest.raises(ValueError, match="even"):
        sincos_1d(torch.zeros(1), 5)


def test_interleaved_sincos_equals_plain_loops() -> None:
    code = sincos_interleaved(torch.tensor([0.0, 3.0, 70.0]), 8)
    for i, position in enumerate((0, 3, 70)):
        for k in range(4):
            angle = position / 10000 ** (2 * k / 8)
            assert code[i, 2 * k].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert code[i, 2 * k + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_attention_without_key_bias_is_attention_with_zeros_there() -> None:
    torch.manual_seed(0)
    bare, full = Attention(24, 3, key_bias=False), Attention(24, 3)
    assert set(bare.state_dict()) == {"q_bias", "v_bias", "qkv.weight", "proj.weight", "proj.bias"}
    with torch.no_grad():
        bare.q_bias.normal_()
        bare.v_bias.normal_()
        full.qkv.weight.copy_(bare.qkv.weight)
        full.qkv.bias.copy_(torch.cat([bare.q_bias, torch.zeros(24), bare.v_bias]))
        full.proj.load_state_dict(bare.proj.state_dict())
    x = torch.randn(2, 5, 24)
    assert torch.equal(bare(x), full(x))
    assert Block(24, 3, key_bias=False).attn.qkv.bias is None


@pytest.mark.parametrize(("axis", "ratio", "kept_lines"), [(0, 0.6, 25), (1, 0.4, 4), (1, 0.5, 4), (0, 0.0, 64)])
def test_axis_masks_keep_whole_lines(axis: int, ratio: float, kept_lines: int) -> None:
    ids = axis_keep_ids(5, (64, 8), axis, ratio, torch.Generator().manual_seed(0))
    other = 8 if axis == 0 else 64
    assert ids.shape == (5, kept_lines * other)
    for clip in ids.tolist():
        lines = {token // 8 if axis == 0 else token % 8 for token in clip}
        assert len(lines) == kept_lines
        expected = [t for t in range(512) if (t // 8 if axis == 0 else t % 8) in lines]
        assert clip == expected
    if ratio:
        assert len({tuple(clip) for clip in ids.tolist()}) > 1  # drawn per clip


def test_mask_ratio_that_leaves_nothing() -> None:
    with pytest.raises(ValueError, match="leaves 0 of 8"):
        axis_keep_ids(1, (64, 8), 1, 0.9)


def test_random_masks_are_unstructured_and_drawn_per_clip() -> None:
    ids = random_keep_ids(2000, 20, 0.75, torch.Generator().manual_seed(0))
    assert ids.shape == (2000, 5)
    assert (ids.diff(dim=1) > 0).all()  # ascending, none twice
    assert torch.allclose(torch.bincount(ids.flatten(), minlength=20) / 2000, torch.tensor(0.25), atol=0.05)
    assert len({tuple(clip) for clip in ids.tolist()}) > 1500
    with pytest.raises(ValueError, match="leaves 0 of 3 tokens"):
        random_keep_ids(1, 3, 0.75)


def test_kept_tokens_go_back_to_their_places() -> None:
    tokens, filler = torch.arange(24.0).reshape(2, 4, 3), torch.full((1, 1, 3), -1.0)
    ids = torch.tensor([[3, 0], [1, 2]])
    full, mask = scatter_tokens(gather_tokens(tokens, ids), ids, filler, 4), masked_tokens(ids, 4)
    assert mask.tolist() == [[False, True, True, False], [True, False, False, True]]
    assert torch.equal(full, torch.where(mask[..., None], filler, tokens))


def test_gather_tokens() -> None:
    tokens = torch.arange(24.0).reshape(2, 4, 3)
    kept = gather_tokens(tokens, torch.tensor([[3, 0], [1, 2]]))
    assert torch.equal(kept[0], tokens[0, [3, 0]])
    assert torch.equal(kept[1], tokens[1, [1, 2]])


def test_drop_path_is_unbiased_and_off_in_eval() -> None:
    torch.manual_seed(0)
    block = Block(8, 2, drop_path=0.5)
    x = torch.randn(1, 3, 8)
    assert torch.equal(block.eval()(x), block(x))
    draws = block.train()(x.expand(4000, -1, -1)).mean(dim=0)
    assert torch.allclose(draws, block.eval()(x)[0], atol=0.15)
    assert drop_path_rates(0.1, 3) == pytest.approx([0.0, 0.05, 0.1])


def test_projector_has_a_frozen_last_bias() -> None:
    projector = contrastive_projector(16)
    frozen = [name for name, parameter in projector.named_parameters() if not parameter.requires_grad]
    assert frozen == ["4.bias"]
    assert projector(torch.randn(4, 16)).shape == (4, 128)
