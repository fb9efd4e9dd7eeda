"""MSM-MAE's checkpoints: both families, sizes from the tensors, errors that name the tensor."""

from __future__ import annotations

import argparse
import logging
import pathlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import hear_msm_mae
from hear_audiomosaic.audiomosaic.encoder import AudioMosaicEncoder
from hear_audiomosaic.errors import CheckpointError, EncoderError
from hear_audiomosaic.nn import EncoderSize
from hear_msm_mae.checkpoint import build_from_state, load_encoder, sizes_of_folder
from hear_msm_mae.encoder import MsmMae, position_table

SMALL = EncoderSize(192, 2, 3)


def make(**options: object) -> MsmMae:
    torch.manual_seed(0)
    return MsmMae(SMALL, **({"decoder": EncoderSize(128, 1, 2)} | options)).eval()


@pytest.fixture
def state() -> dict[str, Tensor]:
    return make().state_dict()


@torch.no_grad()
@pytest.mark.parametrize("recipe", ["original", "m2d"])
@pytest.mark.parametrize("cls_token", [True, False])
@pytest.mark.parametrize(
    ("input_size", "patch_size"),
    [((80, 208), (16, 16)), ((80, 512), (16, 16)), ((80, 608), (16, 16)), ((80, 208), (16, 8)), ((80, 208), (16, 4)),
     ((80, 208), (8, 16)), ((80, 200), (80, 4))],
)  # fmt: skip
def test_sizes_are_read_from_the_tensors(
    recipe: str, cls_token: bool, input_size: tuple[int, int], patch_size: tuple[int, int]
) -> None:
    model = make(input_size=input_size, patch_size=patch_size, recipe=recipe, cls_token=cls_token)
    loaded = build_from_state(model.state_dict())
    assert (loaded.input_size, loaded.patch_size, loaded.recipe) == (input_size, patch_size, recipe)
    assert loaded.size == SMALL
    spectrogram = torch.randn(1, 80, 2 * patch_size[1])
    assert torch.equal(loaded(spectrogram), model(spectrogram))
    assert set(loaded.state_dict()) == set(model.state_dict())
    assert not loaded.training


@torch.no_grad()
def test_both_families_of_the_same_network_agree(state: dict[str, Tensor]) -> None:
    generator = torch.Generator().manual_seed(1)
    for name in state:
        if name.endswith(("q_bias", "v_bias")):
            state[name] = torch.randn(state[name].shape, generator=generator)
    fused = {name: tensor for name, tensor in state.items() if not name.endswith(("q_bias", "v_bias"))}
    for name, query in state.items():
        if name.endswith("q_bias"):
            key = torch.randn(query.shape, generator=generator)  # softmax does not see it
            prefix = name.removesuffix("q_bias")
            fused[f"{prefix}qkv.bias"] = torch.cat([query, key, state[f"{prefix}v_bias"]])
    spectrogram = torch.randn(2, 80, 208, generator=generator)
    separate_model, fused_model = (
        build_from_state(state),
        build_from_state(fused | {"norm_stats": torch.tensor([-6.0, 3.0])}),
    )
    assert torch.allclose(separate_model(spectrogram), fused_model(spectrogram), atol=1e-5)
    assert separate_model.norm_stats.tolist() == pytest.approx([-7.1, 4.2])
    assert fused_model.norm_stats.tolist() == [-6.0, 3.0]
    assert fused_model.normalise(torch.tensor(0.0)).item() == 2.0
    assert build_from_state(fused).norm_stats.tolist() == pytest.approx([-7.1, 4.2])


def test_a_training_runs_file(tmp_path: Path, state: dict[str, Tensor]) -> None:
    """Tensors beside an optimiser's state and the command line's arguments, as MAE's code writes them."""
    folder = tmp_path / "80x208p16x16_mine"
    folder.mkdir()
    args = argparse.Namespace(lr=1e-3, output_dir=pathlib.PosixPath("somewhere"), betas=(0.9, 0.95))
    content = {"model": {f"module.{n}": t for n, t in state.items()}, "optimizer": {"state": {}}, "epoch": 99,
               "scaler": {"scale": 65536.0}, "args": args}  # fmt: skip
    torch.save(content, folder / "checkpoint-99.pth")
    model = hear_msm_mae.load_model(str(folder / "checkpoint-99.pth"))
    assert not model.untrained
    assert all(torch.equal(model.encoder.state_dict()[name], tensor) for name, tensor in state.items())
    with pytest.raises(EncoderError, match="tells its own"):
        hear_msm_mae.load_model(str(folder / "checkpoint-99.pth"), input_size="80x208")


def test_nothing_is_run_while_reading(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)

    torch.save({"model": {}, "args": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(CheckpointError, match=r"trap\.pth"):
        load_encoder(tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()


def test_the_folder_is_only_a_fallback(
    tmp_path: Path, state: dict[str, Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    wrong, right = tmp_path / "80x512p16x16_wrong", tmp_path / "msm_mae_vit_base-80x208p16x16-220924-mr75"
    bare = {name: tensor for name, tensor in state.items() if not name.endswith("pos_embed")}
    for folder in (wrong, right, tmp_path / "nothing"):
        folder.mkdir()
        save_file(state, folder / "whole.safetensors")
        save_file(bare, folder / "bare.safetensors")
    with caplog.at_level(logging.WARNING):
        assert load_encoder(wrong / "whole.safetensors").input_size == (80, 208)
    assert "the tensors count" in caplog.text
    caplog.clear()
    loaded = load_encoder(right / "bare.safetensors")
    assert not caplog.text
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in state.items())
    assert load_encoder(wrong / "bare.safetensors").input_size == (80, 512)
    with pytest.raises(CheckpointError, match="pos_embed"):
        load_encoder(tmp_path / "nothing" / "bare.safetensors")
    assert sizes_of_folder("80x512p16x16_paper") == ((80, 512), (16, 16))
    assert sizes_of_folder("paper") is None


def test_half_precision_files(state: dict[str, Tensor]) -> None:
    loaded = build_from_state({name: tensor.half() for name, tensor in state.items()})
    assert loaded.norm.weight.dtype == torch.float32


def test_the_decoder_is_optional_as_a_whole(state: dict[str, Tensor]) -> None:
    bare = {n: t for n, t in state.items() if not n.startswith(("decoder_", "mask_token"))}
    assert build_from_state(bare).mask_token is None
    with pytest.raises(CheckpointError, match=r"decoder_embed\.weight"):
        build_from_state({n: t for n, t in state.items() if n != "decoder_embed.weight"})


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("patch_embed.proj.weight", None),
        ("patch_embed.proj.weight", torch.zeros(192, 256)),
        ("patch_embed.proj.weight", torch.zeros(192, 1, 24, 16)),
        ("patch_embed.proj.weight", torch.zeros(1280, 1, 16, 16)),
        ("patch_embed.proj.bias", None),
        ("pos_embed", torch.zeros(1, 65, 192)),
        ("pos_embed", torch.zeros(66)),
        ("pos_embed", torch.zeros(1, 66, 96)),
        ("pos_embed", torch.zeros(1, 66, 192)),
        ("blocks.1.attn.v_bias", None),
        ("blocks.1.mlp.fc1.weight", torch.zeros(3, 4)),
        ("blocks.3.norm1.weight", torch.zeros(192)),
        ("blocks.999999999.norm1.weight", torch.zeros(192)),
        ("decoder_pred.weight", torch.zeros(128, 128)),
        ("decoder_embed.weight", torch.zeros(100, 192)),
        ("norm_stats", torch.zeros(80)),
        ("norm_stats", torch.tensor([-7.1, 0.0])),
        ("surprise", torch.zeros(1)),
    ],
)
def test_a_wrong_tensor_is_named(state: dict[str, Tensor], name: str, tensor: Tensor | None) -> None:
    wrong = {key: value for key, value in state.items() if key != name} | ({} if tensor is None else {name: tensor})
    with pytest.raises(CheckpointError) as caught:
        build_from_state(wrong)
    # A stray block reads as one whose other tensors are missing.
    assert name.removesuffix(".norm1.weight") in str(caught.value)


def test_other_methods_checkpoints_are_refused() -> None:
    with pytest.raises(CheckpointError, match="pos_embed"):
        build_from_state(AudioMosaicEncoder(SMALL).state_dict())
    with pytest.raises(CheckpointError, match=r"blocks\.0"):
        build_from_state({"patch_embed.proj.weight": torch.zeros(192, 1, 16, 16), "pos_embed": torch.zeros(1, 65, 192)})
    state = make().state_dict()
    time_major = position_table((5, 13), 192)[0, 1:].reshape(5, 13, 192).transpose(0, 1).reshape(65, 192)
    state["pos_embed"] = torch.cat([torch.zeros(1, 192), time_major])[None]
    with pytest.raises(CheckpointError, match="frequency-major"):
        build_from_state(state)


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "junk.pth").write_bytes(b"junk")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("absent.pth", "junk.pth", "list.pth"):
        with pytest.raises(CheckpointError, match=name):
            hear_msm_mae.load_model(str(tmp_path / name))
