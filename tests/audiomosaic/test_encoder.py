"""The encoder, its checkpoint and its objective."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from hear_audiomosaic.audiomosaic.checkpoint import build_from_state, load_encoder
from hear_audiomosaic.audiomosaic.encoder import SIZES, AudioMosaicEncoder, EncoderSize, get_size
from hear_audiomosaic.audiomosaic.objective import keep_ids, nt_xent
from hear_audiomosaic.errors import CheckpointError, EncoderError

SMALL = EncoderSize(192, 2, 3)


@pytest.fixture
def state() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return AudioMosaicEncoder(SMALL).state_dict()


def test_published_names_shapes_and_counts() -> None:
    with torch.device("meta"):
        model = AudioMosaicEncoder(SIZES["base"])
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert len(shapes) == 166
    assert sum(parameter.numel() for parameter in model.parameters()) == 86_111_232
    assert (
        sum(p.numel() for n, p in model.named_parameters() if not n.startswith(("projector", "fc_norm"))) == 85_649_664
    )
    assert shapes["pos_embed"] == (1, 513, 768)
    assert shapes["patch_embed.proj.weight"] == (768, 1, 16, 16)
    assert shapes["blocks.11.attn.qkv.weight"] == (2304, 768)
    assert shapes["projector.3.weight"] == (128, 512)
    assert shapes["projector.4.num_batches_tracked"] == ()
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    assert frozen == ["projector.4.bias"]


def test_position_table_codes_band_then_time() -> None:
    table = AudioMosaicEncoder(SMALL).pos_embed[0, 1:].reshape(64, 8, 192)
    assert torch.equal(table[3, :, :96], table[10, :, :96])  # the band's half does not depend on time
    assert torch.equal(table[:, 2, 96:], table[:, 5, 96:])  # nor the time's half on the band
    assert AudioMosaicEncoder(SMALL).pos_embed[0, 0].abs().max() == 0


def test_shorter_windows_take_the_first_rows() -> None:
    torch.manual_seed(0)
    model = AudioMosaicEncoder(SMALL).eval()
    spectrogram = torch.randn(1, 1024, 128)
    assert torch.equal(model.embed_patches(spectrogram[:, :48]), model.embed_patches(spectrogram)[:, : 1 + 3 * 8])
    for n_frames in (40, 1040):
        with pytest.raises(EncoderError, match="multiple of 16"):
            model(torch.zeros(1, n_frames, 128))


def test_masked_tokens_are_dropped_before_the_first_block() -> None:
    torch.manual_seed(0)
    model = AudioMosaicEncoder(SMALL).eval()
    spectrogram = torch.randn(2, 64, 128)
    ids = keep_ids(2, (4, 8), "time", 0.5)
    visible = model(spectrogram, ids)
    assert visible.shape == (2, 1 + ids.shape[1], 192)
    changed = spectrogram.clone()
    for clip in range(2):  # what stands under the mask must not matter
        kept = {token // 8 for token in ids[clip].tolist()}
        for step in set(range(4)) - kept:
            changed[clip, 16 * step : 16 * (step + 1)] += 1.0
    assert torch.equal(model(changed, ids), visible)


def test_layers_end_with_the_output() -> None:
    model = AudioMosaicEncoder(SMALL).eval()
    spectrogram = torch.randn(1, 32, 128)
    layers = model.forward_layers(spectrogram)
    assert len(layers) == 2
    assert torch.equal(layers[-1], model(spectrogram))


def test_unknown_size_lists_the_sizes() -> None:
    with pytest.raises(EncoderError, match="base, small, tiny, micro"):
        get_size("huge")


@pytest.mark.parametrize("suffix", ["safetensors", "pt", "model.pt"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_files_and_prefixes(tmp_path: Path, state: dict[str, Tensor], suffix: str, prefix: str) -> None:
    named = {prefix + name: tensor for name, tensor in state.items()}
    path = tmp_path / f"weights.{suffix}"
    if suffix == "safetensors":
        save_file(named, path)
    else:
        torch.save({"model": named, "epoch": 3} if suffix == "model.pt" else named, path)
    loaded = load_encoder(path).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())


def test_projector_is_optional_and_a_classifier_is_left_out(state: dict[str, Tensor]) -> None:
    bare = {name: tensor for name, tensor in state.items() if not name.startswith("projector.")}
    model = build_from_state(bare | {"head.weight": torch.zeros(5, 192), "head.bias": torch.zeros(5)})
    assert model.projector is None
    with pytest.raises(EncoderError, match="projector"):
        model.project(torch.zeros(1, 192))


def test_every_wrong_tensor_is_named(state: dict[str, Tensor]) -> None:
    wrong = dict(state)
    del wrong["norm_pre.bias"]
    wrong["surprise"] = torch.zeros(1)
    wrong["blocks.0.mlp.fc1.weight"] = torch.zeros(3, 4)
    with pytest.raises(CheckpointError) as caught:
        build_from_state(wrong)
    for part in ("unknown tensors: surprise", "missing tensors: norm_pre.bias", "'blocks.0.mlp.fc1.weight'", "(3, 4)"):
        assert part in str(caught.value)


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    (tmp_path / "junk.pt").write_bytes(b"junk")
    torch.save([1, 2], tmp_path / "list.pt")
    for name in ("absent.pt", "junk.safetensors", "junk.pt", "list.pt"):
        with pytest.raises(CheckpointError, match=name):
            load_encoder(tmp_path / name)
    with pytest.raises(CheckpointError, match="cls_token"):
        build_from_state({})
    with pytest.raises(CheckpointError, match="num_heads"):
        build_from_state(AudioMosaicEncoder(EncoderSize(64, 1, 4)).state_dict())


def nt_xent_by_hand(first: Tensor, second: Tensor, temperature: float) -> float:
    z = [v / v.norm() for v in torch.cat([first, second]).double()]
    n, total = len(first), 0.0
    for i in range(2 * n):
        positive = (i + n) % (2 * n)
        terms = [math.exp(float(z[i] @ z[k]) / temperature) for k in range(2 * n) if k != i]
        total -= math.log(math.exp(float(z[i] @ z[positive]) / temperature) / sum(terms))
    return total / (2 * n)


@pytest.mark.parametrize(("n", "dim", "temperature"), [(1, 1, 0.1), (2, 3, 0.1), (8, 16, 0.5), (5, 128, 0.07)])
def test_nt_xent_equals_plain_loops(n: int, dim: int, temperature: float) -> None:
    torch.manual_seed(n)
    first, second = torch.randn(n, dim), torch.randn(n, dim)
    assert nt_xent(first, second, temperature).item() == pytest.approx(
        nt_xent_by_hand(first, second, temperature), abs=1e-5
    )
    assert nt_xent(second, first, temperature).item() == pytest.approx(
        nt_xent(first, second, temperature).item(), abs=1e-5
    )


def test_nt_xent_of_indistinguishable_vectors() -> None:
    same = torch.ones(6, 4)
    assert nt_xent(same, same).item() == pytest.approx(math.log(11), abs=1e-5)


def test_nt_xent_is_float32_under_autocast() -> None:
    torch.manual_seed(0)
    first, second = torch.randn(8, 16), torch.randn(8, 16)
    exact = nt_xent(first, second)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(nt_xent(first, second), exact)
        assert nt_xent(first.bfloat16(), second.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize(
    ("branch", "layout", "n_kept"),
    [("time", "grid", 200), ("frequency", "grid", 256), ("time", "released", 192), ("frequency", "released", 304)],
)
def test_how_many_tokens_stay(branch: str, layout: str, n_kept: int) -> None:
    ids = keep_ids(3, (64, 8), branch, 0.6 if branch == "time" else 0.4, layout)
    assert ids.shape == (3, n_kept)
    if layout == "released" and branch == "time":  # whole chunks of 8 time steps
        assert all(len({token // 64 for token in clip}) == 3 for clip in ids.tolist())
