"""MSM-MAE's network and objective: the published facts, and slow references in plain loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.nn import SIZES, Block, EncoderSize
from hear_msm_mae.encoder import INPUT_SIZES, PATCH_SIZES, MsmMae, parse_size, position_table
from hear_msm_mae.objective import keep_ids, masked_loss, reconstruction_loss

SMALL = EncoderSize(192, 2, 3)
DECODER = EncoderSize(128, 1, 2)


def network(**options: object) -> MsmMae:
    torch.manual_seed(0)
    return MsmMae(SMALL, **({"decoder": DECODER} | options)).eval()


def count(tensors: object) -> int:
    return sum(tensor.numel() for tensor in tensors)


@pytest.mark.parametrize(("frames", "total"), [(208, 92_812_288), (512, 92_921_728)])
def test_published_names_shapes_and_counts(frames: int, total: int) -> None:
    with torch.device("meta"):
        model = MsmMae(SIZES["base"], (80, frames))
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    rows = 1 + 5 * frames // 16
    expected = {
        "cls_token": (1, 1, 768), "pos_embed": (1, rows, 768), "mask_token": (1, 1, 384),
        "decoder_pos_embed": (1, rows, 384), "patch_embed.proj.weight": (768, 1, 16, 16),
        "patch_embed.proj.bias": (768,), "norm.weight": (768,), "norm.bias": (768,),
        "decoder_embed.weight": (384, 768), "decoder_embed.bias": (384,), "decoder_norm.weight": (384,),
        "decoder_norm.bias": (384,), "decoder_pred.weight": (256, 384), "decoder_pred.bias": (256,),
    }  # fmt: skip
    for blocks, depth, d in (("blocks", 12, 768), ("decoder_blocks", 4, 384)):
        for i in range(depth):
            parts = {
                "norm1.weight": (d,), "norm1.bias": (d,), "attn.q_bias": (d,), "attn.v_bias": (d,),
                "attn.qkv.weight": (3 * d, d), "attn.proj.weight": (d, d), "attn.proj.bias": (d,),
                "norm2.weight": (d,), "norm2.bias": (d,), "mlp.fc1.weight": (4 * d, d), "mlp.fc1.bias": (4 * d,),
                "mlp.fc2.weight": (d, 4 * d), "mlp.fc2.bias": (d,),
            }  # fmt: skip
            expected |= {f"{blocks}.{i}.{name}": shape for name, shape in parts.items()}
    assert shapes == expected
    assert len(shapes) == 222
    assert count(model.state_dict().values()) == total
    assert count(p for p in model.parameters() if p.requires_grad) == 92_736_256
    decoder = {name for name in shapes if name.startswith(("decoder_", "mask_token"))}
    if frames == 208:
        assert count(t for name, t in model.state_dict().items() if name in decoder) == 7_516_672
        assert count(t for name, t in model.state_dict().items() if name not in decoder) == 85_295_616


def test_counts_of_the_m2d_family() -> None:
    with torch.device("meta"):
        retrained = MsmMae(SIZES["base"], (80, 608), recipe="m2d")
        # M2D itself: the same encoder, a predictor of tokens (512 / 8 / 16, 768 wide at the end), a target encoder.
        m2d = MsmMae(SIZES["base"], (80, 608), recipe="m2d", decoder=EncoderSize(512, 8, 16))
        m2d.decoder_pred = nn.Linear(512, 768)
        m2d.target = nn.ModuleList([*(Block(768, 12) for _ in range(12)), nn.LayerNorm(768)])
    assert count(retrained.state_dict().values()) == 92_967_042
    assert retrained.state_dict()["norm_stats"].shape == (2,)
    assert retrained.state_dict()["blocks.0.attn.qkv.bias"].shape == (2304,)
    assert count(m2d.state_dict().values()) == 196_562_946


def test_encoder_positions_by_hand() -> None:
    table = network().pos_embed[0]
    assert table[0].abs().max() == 0
    for f, t in ((0, 0), (1, 0), (3, 7), (4, 12)):
        for channel in range(192):
            quarter, k = divmod(channel, 48)
            angle = (t if quarter < 2 else f) * 10000 ** (-k / 48)
            value = math.sin(angle) if quarter % 2 == 0 else math.cos(angle)
            assert table[1 + f * 13 + t, channel].item() == pytest.approx(value, abs=1e-6)


def test_first_rows_of_the_published_table() -> None:
    table = position_table((5, 13), 768)[0]
    blocks = [torch.zeros(192), torch.ones(192)] * 2
    assert torch.equal(table[1], torch.cat(blocks))
    differing = (table[1] != table[1 + 13]).nonzero().flatten()
    assert differing.min() == 384
    assert table.shape == (66, 768)


def test_decoder_positions_by_hand() -> None:
    table = network().decoder_pos_embed[0]
    assert table[0].abs().max() == 0
    for n in (0, 1, 20, 64):
        for i in range(64):
            angle = n / 10000 ** (2 * i / 128)
            assert table[1 + n, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-5)
            assert table[1 + n, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-5)
    assert torch.equal(network(recipe="m2d").decoder_pos_embed, position_table((5, 13), 128))
    assert not any(p.requires_grad for n, p in network().named_parameters() if n.endswith("pos_embed"))


def test_patch_1_2_is_token_15() -> None:
    spectrogram = torch.randn(1, 80, 208)
    patches = network().patchify(spectrogram)
    assert patches.shape == (1, 65, 256)
    assert torch.equal(patches[0, 15], spectrogram[0, 16:32, 32:48].flatten())
    model = network()
    with torch.no_grad():
        by_map = patches @ model.patch_embed.proj.weight.flatten(1).T + model.patch_embed.proj.bias
        assert torch.allclose(model.embed_patches(spectrogram), by_map + model.pos_embed[:, 1:], atol=1e-5)


@pytest.mark.parametrize("patch", PATCH_SIZES)
def test_patch_sizes(patch: str) -> None:
    height, width = parse_size(patch)
    model = network(patch_size=(height, width))
    spectrogram = torch.randn(1, 80, 208)
    patches = model.patchify(spectrogram)
    f, t = 80 // height - 1, 2
    patch_f_t = spectrogram[0, f * height : (f + 1) * height, t * width : (t + 1) * width]
    assert torch.equal(patches[0, f * (208 // width) + t], patch_f_t.flatten())
    ids = keep_ids(1, model.grid)
    assert reconstruction_loss(model, spectrogram, ids).item() > 0
    assert model.time_features(spectrogram).shape == (1, 208 // width, 80 // height * 192)


@pytest.mark.parametrize("name", INPUT_SIZES)
def test_input_sizes(name: str) -> None:
    assert network(input_size=parse_size(name)).n_tokens == 5 * parse_size(name)[1] // 16


@pytest.mark.parametrize(("tokens", "kept"), [(30, 7), (65, 16), (95, 23), (125, 31), (160, 40), (190, 47)])
def test_visible_tokens(tokens: int, kept: int) -> None:
    ids = keep_ids(3, (5, tokens // 5))
    assert ids.shape == (3, kept)
    assert ids.max() < tokens
    assert all(len(set(clip)) == kept for clip in ids.tolist())


def layout_by_hand(model: MsmMae, spectrogram: Tensor) -> Tensor:
    tokens, (n_bands, _) = model(spectrogram), model.grid
    n_steps = spectrogram.shape[2] // model.patch_size[1]
    out = torch.zeros(len(tokens), n_steps, n_bands * model.size.embed_dim)
    for b in range(len(tokens)):
        for t in range(n_steps):
            for f in range(n_bands):
                for d in range(model.size.embed_dim):
                    out[b, t, f * model.size.embed_dim + d] = tokens[b, 1 + f * n_steps + t, d]
    return out


@torch.no_grad()
@pytest.mark.parametrize("frames", [208, 48])
def test_time_features_equal_plain_loops(frames: int) -> None:
    model, spectrogram = network(), torch.randn(2, 80, frames)
    assert torch.equal(model.time_features(spectrogram), layout_by_hand(model, spectrogram))


@torch.no_grad()
def test_low_bands_come_first_and_time_is_time() -> None:
    """Without blocks, a token sees its own patch only."""
    torch.manual_seed(0)
    model = MsmMae(EncoderSize(192, 1, 3), decoder=None).eval()
    for linear in (model.blocks[0].attn.proj, model.blocks[0].mlp.fc2):
        linear.weight.zero_()
    spectrogram = torch.randn(1, 80, 208)
    changed = spectrogram.clone()
    changed[0, 20, 100] += 1.0  # band 1, time step 6
    moved = (model.time_features(changed) != model.time_features(spectrogram)).nonzero()
    assert set(moved[:, 1].tolist()) == {6}
    assert set((moved[:, 2] // 192).tolist()) == {1}


@torch.no_grad()
def test_shorter_inputs_take_the_first_time_steps_of_the_table() -> None:
    model, spectrogram = network(), torch.randn(1, 80, 208)
    whole = model.embed_patches(spectrogram).reshape(1, 5, 13, 192)
    short = model.embed_patches(spectrogram[:, :, :48]).reshape(1, 5, 3, 192)
    assert torch.equal(short, whole[:, :, :3])
    for shape in ((1, 80, 40), (1, 80, 224), (1, 80, 0), (1, 128, 48)):
        with pytest.raises(EncoderError, match="80 bins and a multiple of 16"):
            model(torch.zeros(shape))


@torch.no_grad()
def test_masked_patches_are_never_seen_by_the_encoder() -> None:
    model, spectrogram = network(), torch.randn(2, 80, 208)
    ids = keep_ids(2, model.grid)
    visible = model(spectrogram, ids)
    assert visible.shape == (2, 17, 192)
    changed = spectrogram.clone()
    for clip in range(2):
        for n in set(range(65)) - set(ids[clip].tolist()):
            f, t = divmod(n, 13)
            changed[clip, 16 * f : 16 * f + 16, 16 * t : 16 * t + 16] += 1.0
    assert torch.equal(model(changed, ids), visible)


@torch.no_grad()
def test_decoder_equals_the_shuffled_formulation_of_mae() -> None:
    """Shuffled order, mask tokens appended, un-shuffled: as the MAE paper words it."""
    model, spectrogram = network(), torch.randn(2, 80, 208)
    order = torch.rand(2, 65).argsort(dim=1)
    kept = order[:, :16]
    visible = model(spectrogram, kept)  # in shuffled order
    x = model.decoder_embed(visible)
    rows = torch.cat([x[:, 1:], model.mask_token.expand(2, 49, -1)], dim=1)
    full = torch.zeros(2, 65, 128)
    for b in range(2):
        for position, n in enumerate(order[b].tolist()):
            full[b, n] = rows[b, position]
    x = torch.cat([x[:, :1], full], dim=1) + model.decoder_pos_embed
    x = model.decoder_pred(model.decoder_norm(model.decoder_blocks[0](x)))[:, 1:]
    ascending = kept.sort(dim=1).values
    assert torch.allclose(model.decode(model(spectrogram, ascending), ascending), x, atol=1e-5)


def loss_by_hand(predicted: Tensor, patches: Tensor, ids: Tensor, normalise: bool) -> float:
    total, n_masked = 0.0, 0
    for b in range(len(predicted)):
        for n in range(predicted.shape[1]):
            if n in ids[b].tolist():
                continue
            target = [float(y) for y in patches[b, n]]
            if normalise:
                mean = sum(target) / len(target)
                variance = sum((y - mean) ** 2 for y in target) / (len(target) - 1)
                target = [(y - mean) / math.sqrt(variance + 1e-6) for y in target]
            total += sum((float(p) - y) ** 2 for p, y in zip(predicted[b, n], target, strict=True)) / len(target)
            n_masked += 1
    return total / n_masked


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize(("clips", "tokens", "values"), [(1, 4, 2), (3, 65, 16), (2, 30, 128)])
def test_loss_equals_plain_loops(clips: int, tokens: int, values: int, normalise: bool) -> None:
    torch.manual_seed(clips)
    predicted, patches = torch.randn(clips, tokens, values), 3.0 * torch.randn(clips, tokens, values) - 1.0
    ids = keep_ids(clips, (1, tokens))
    by_hand = loss_by_hand(predicted, patches, ids, normalise)
    assert masked_loss(predicted, patches, ids, normalise).item() == pytest.approx(by_hand, rel=1e-5)


def test_visible_patches_carry_no_loss_and_float32_under_autocast() -> None:
    predicted, patches = torch.randn(1, 65, 256), torch.randn(1, 65, 256)
    ids = keep_ids(1, (5, 13))
    changed = predicted.clone()
    changed[0, ids[0]] += 5.0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = masked_loss(changed, patches, ids)
    assert loss.dtype == torch.float32
    assert loss == masked_loss(predicted, patches, ids)


def test_a_few_steps_lower_the_loss() -> None:
    model = network().train()
    time = torch.arange(208.0)
    spectrogram = torch.sin(time / 9.0 + torch.arange(80.0)[:, None] / 11.0).expand(4, 80, 208)
    generator = torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=1e-3)
    losses = []
    for _ in range(25):
        loss = reconstruction_loss(model, spectrogram, keep_ids(4, model.grid, generator=generator))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


@torch.no_grad()
def test_layers_end_with_the_output() -> None:
    model, spectrogram = network(), torch.randn(1, 80, 32)
    layers = model.forward_layers(spectrogram)
    assert len(layers) == 2
    assert torch.equal(model.norm(layers[-1]), model(spectrogram))


@torch.no_grad()
def test_without_class_token() -> None:
    model, spectrogram = network(cls_token=False), torch.randn(1, 80, 208)
    assert model.pos_embed.shape == (1, 65, 192)
    assert model(spectrogram).shape == (1, 65, 192)
    assert reconstruction_loss(model, spectrogram, keep_ids(1, model.grid)).isfinite()


def test_initialisation() -> None:
    torch.manual_seed(0)
    model = MsmMae(SIZES["tiny"])
    qkv = model.blocks[0].attn.qkv.weight
    bound = math.sqrt(6 / (192 + 3 * 192))  # one matrix: its fan-out is 3 x
    assert bound * 0.99 < qkv.abs().max().item() <= bound
    patch = model.patch_embed.proj.weight
    bound = math.sqrt(6 / (192 + 256))
    assert bound * 0.99 < patch.abs().max().item() <= bound
    assert model.patch_embed.proj.bias.abs().max() > 0  # the convolution's default
    assert model.cls_token.std().item() == pytest.approx(0.02, rel=0.3)
    assert all(
        module.bias is None or not module.bias.any() for module in model.modules() if isinstance(module, nn.Linear)
    )
    assert not any(p.any() for n, p in model.named_parameters() if n.endswith(("q_bias", "v_bias")))
    assert all(module.eps == 1e-6 for module in model.modules() if isinstance(module, nn.LayerNorm))


def test_bad_sizes() -> None:
    for text in ("80", "80x", "axb", "80x208p16x16", "0x16"):
        with pytest.raises(EncoderError, match="is no size"):
            parse_size(text)
    for sizes in ({"input_size": (64, 208)}, {"patch_size": (15, 16)}, {"input_size": (80, 200)}):
        with pytest.raises(EncoderError, match="80 mel bins and whole patches"):
            network(**sizes)
    model = network(decoder=None)
    with pytest.raises(EncoderError, match="without a decoder"):
        model.decode(torch.zeros(1, 17, 192), keep_ids(1, model.grid))
