"""MSM-MAE's weights: a published checkpoint of either family, or this project's own.

Families: the original release (``q_bias`` and ``v_bias``, no key bias) and the re-training with the M2D recipe (one
``qkv.bias``, and ``norm_stats``). Sizes are read from the tensors' shapes; the released code reads them from the
folder's name, which here only helps where the position table is missing.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from hear_audiomosaic.errors import CheckpointError
from hear_audiomosaic.nn import EncoderSize
from hear_audiomosaic.nn.checkpoints import check_names_and_shapes, read_state, write_state
from hear_audiomosaic.nn.sizes import heads_of_width
from hear_msm_mae.encoder import AUDIOSET_STATS, HEAD_WIDTH, N_MELS, MsmMae, Recipe, decoder_for, position_table

__all__ = ["build_from_state", "load_encoder", "save_encoder", "sizes_of_folder"]

_log = logging.getLogger(__name__)
_FOLDER = re.compile(r"(?<!\d)(\d+)x(\d+)p(\d+)x(\d+)(?!\d)")
_TABLE_TOLERANCE = 0.01  # a table stored in half precision is off by 5e-4; one of another token order by 1

Size = tuple[int, int]


def load_encoder(path: str | Path) -> MsmMae:
    """Read a weights file and build its network; see :func:`build_from_state`.

    The file may be ``.safetensors`` or ``.pth``, tensors alone or beside a training run's state.

    Raises:
        CheckpointError: no such file, or one that does not fit.
    """
    path = Path(path)
    return build_from_state(read_state(path), source=str(path), folder=path.absolute().parent.name)


def sizes_of_folder(name: str) -> tuple[Size, Size] | None:
    """Input and patch size in a name such as ``80x512p16x16_paper``: ((80, 512), (16, 16)); None if there are none."""
    match = _FOLDER.search(name)
    if match is None:
        return None
    height, width, patch_height, patch_width = (int(group) for group in match.groups())
    return (height, width), (patch_height, patch_width)


def save_encoder(path: Path, encoder: MsmMae) -> None:
    """Write the network's tensors by their published names, without the decoder."""
    decoder = ("decoder_", "mask_token")
    write_state(path, {n: t for n, t in encoder.state_dict().items() if not n.startswith(decoder)})


def build_from_state(state: Mapping[str, Tensor], *, source: str = "the checkpoint", folder: str = "") -> MsmMae:
    """Build the network that the tensors describe and load them.

    Read from the tensors: width and patch size (``patch_embed.proj.weight``), depth, class token, family, decoder, and
    input size (rows of ``pos_embed``; the front end always has 80 mel bins). The decoder is optional, as a whole.
    Heads are 64 wide. Without ``pos_embed``, ``folder`` tells the input size and the tables are computed.

    Args:
        state: tensors by their published names.
        source: what to call the state in errors.
        folder: name of the folder the file lay in.

    Returns:
        The network, in eval mode.

    Raises:
        CheckpointError: unknown, missing, misshapen or unusable tensors, each named; or a width of no known size.
    """
    state = dict(state)
    recipe: Recipe = "m2d" if "blocks.0.attn.qkv.bias" in state else "original"
    width, patch_size = _patch_map(state, source)
    heads = heads_of_width(width)
    if heads is None:
        raise CheckpointError(f"{source}: 'patch_embed.proj.weight' is {width} wide, the width of no known size.")
    size = EncoderSize(embed_dim=width, depth=_depth(state, "blocks", source), num_heads=heads)
    stats = _take_stats(state, source)
    model = MsmMae(
        size,
        _input_size(state, patch_size, source, folder),
        patch_size,
        recipe=recipe,
        cls_token="cls_token" in state,
        decoder=_decoder(state, size, source),
        norm_stats=stats,
    )
    expected = model.state_dict()
    if stats is not None or recipe == "m2d":
        expected.pop("norm_stats")  # already checked, and already in the model
    if "pos_embed" not in state:
        state |= {name: expected[name] for name in ("pos_embed", "decoder_pos_embed") if name in expected} | state
    check_names_and_shapes(expected, state, source, "MSM-MAE")
    _check_table(state["pos_embed"], model, source)
    model.load_state_dict(state, strict=False)  # names are checked; only norm_stats is not among them
    return model.eval()


def _patch_map(state: Mapping[str, Tensor], source: str) -> tuple[int, Size]:
    """Width D and patch size."""
    weight = state.get("patch_embed.proj.weight")
    if weight is None:
        raise CheckpointError(f"{source} is no MSM-MAE checkpoint: it has no tensor 'patch_embed.proj.weight'.")
    if weight.ndim != 4 or weight.shape[1] != 1 or N_MELS % weight.shape[2]:
        raise CheckpointError(
            f"{source}: 'patch_embed.proj.weight' has shape {tuple(weight.shape)}; expected (D, 1, height, width) "
            f"with a height that divides {N_MELS} mel bins."
        )
    return weight.shape[0], (weight.shape[2], weight.shape[3])


def _depth(state: Mapping[str, Tensor], prefix: str, source: str) -> int:
    """Number of blocks; a gap in their numbers is found by the check of names."""
    numbers = [int(m[1]) for m in (re.match(rf"{prefix}\.(\d+)\.", name) for name in state) if m]
    if not numbers:
        raise CheckpointError(f"{source} is no MSM-MAE checkpoint: it has no tensor '{prefix}.0.attn.qkv.weight'.")
    if max(numbers) >= len(state):
        raise CheckpointError(f"{source}: '{prefix}.{max(numbers)}' is too high a number for {len(state)} tensors.")
    return max(numbers) + 1


def _decoder(state: Mapping[str, Tensor], size: EncoderSize, source: str) -> EncoderSize | None:
    """The decoder's size; None when no tensor of one is there."""
    if not any(name == "mask_token" or name.startswith("decoder_") for name in state):
        return None
    if "decoder_embed.weight" not in state:
        return decoder_for(size)  # the check of names tells what is missing
    width = state["decoder_embed.weight"].shape[0]
    if width % HEAD_WIDTH:
        raise CheckpointError(
            f"{source}: 'decoder_embed.weight' has shape {tuple(state['decoder_embed.weight'].shape)}; expected a "
            f"width that is a multiple of {HEAD_WIDTH}, the width of a head."
        )
    depth = _depth(state, "decoder_blocks", source)
    return EncoderSize(embed_dim=width, depth=depth, num_heads=width // HEAD_WIDTH)


def _input_size(state: Mapping[str, Tensor], patch_size: Size, source: str, folder: str) -> Size:
    """(80, U) from the rows of the position table; from the folder's name when there is no table."""
    named = sizes_of_folder(folder)
    table = state.get("pos_embed")
    if table is None:
        if named is None or named[1] != patch_size or named[0][0] != N_MELS or named[0][1] % patch_size[1]:
            raise CheckpointError(
                f"{source} has no tensor 'pos_embed', and its folder '{folder}' does not tell an input size for "
                f"patches of {patch_size[0]}x{patch_size[1]}; expected a name such as 80x208p16x16_mine."
            )
        return named[0]
    bands = N_MELS // patch_size[0]
    rows = table.shape[1] - int("cls_token" in state) if table.ndim == 3 else 0
    if rows <= 0 or rows % bands:
        raise CheckpointError(
            f"{source}: 'pos_embed' has shape {tuple(table.shape)}; expected (1, rows, D) with one row for each of "
            f"{bands} frequency bands x T time steps (patches of {patch_size[0]}x{patch_size[1]})"
            + (" and one for the class token." if "cls_token" in state else ".")
        )
    found = (N_MELS, rows // bands * patch_size[1])
    if named is not None and named != (found, patch_size):
        tensors = (found, patch_size)
        _log.warning("%s: its folder's name says %s, its tensors %s; the tensors count.", source, named, tensors)
    return found


def _take_stats(state: dict[str, Tensor], source: str) -> tuple[float, float] | None:
    """Remove ``norm_stats`` from the table; None when there are none."""
    stats = state.pop("norm_stats", None)
    if stats is None:
        _log.info("%s has no 'norm_stats'; AudioSet's, %s, are used.", source, AUDIOSET_STATS)
        return None
    if stats.shape != (2,) or not torch.isfinite(stats).all() or stats[1] <= 0:
        raise CheckpointError(
            f"{source}: 'norm_stats' is {stats.tolist() if stats.numel() < 5 else tuple(stats.shape)}; expected a mean "
            "and a positive standard deviation."
        )
    return float(stats[0]), float(stats[1])


def _check_table(table: Tensor, model: MsmMae, source: str) -> None:
    """Refuse a position table of another token order, with which embeddings would be wrong without a sign."""
    expected = position_table(model.grid, model.size.embed_dim, "m2d", model.cls_token is not None)
    worst = float((table.float() - expected).abs().max())
    if not worst <= _TABLE_TOLERANCE:
        raise CheckpointError(
            f"{source}: 'pos_embed' differs by {worst:.3g} from the fixed table of {model.grid[0]} x {model.grid[1]} "
            "patches (frequency-major, time coded first); this is another method's checkpoint."
        )
