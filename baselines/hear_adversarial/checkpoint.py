"""Weights of the adversarial-negatives encoder: this project's own, as nobody has published any."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from hear_adversarial.encoder import SIZES, VARIANTS, ConvEncoder
from hear_audiomosaic.errors import CheckpointError
from hear_audiomosaic.nn.checkpoints import check_names_and_shapes, read_state, write_state

__all__ = ["build_from_state", "load_encoder", "save_encoder"]

_PREFIX = "encoder."
_HEADS = ("projection.", "bilinear")
_RUN = ("selection_scores", "n_steps")  # a training run's own state


def build_from_state(state: Mapping[str, Tensor], *, source: str = "the checkpoint") -> ConvEncoder:
    """Build the encoder that the tensors describe and load them.

    Size and position cue are read from the tensors. The state of the whole objective is taken as well; its heads are
    left out, as downstream features are the pooled encoder output.

    Args:
        state: tensors by name: of :class:`ConvEncoder`, or of :class:`AdversarialObjective`.
        source: what to call the state in errors.

    Returns:
        The encoder, in eval mode.

    Raises:
        CheckpointError: no state of this method, or unknown, missing or misshapen tensors, each named.
    """
    if any(name.startswith(_PREFIX) for name in state):
        state = {
            name.removeprefix(_PREFIX): tensor
            for name, tensor in state.items()
            if not name.startswith(_HEADS) and name not in _RUN
        }
    if "variant_index" not in state:
        raise CheckpointError(
            f"{source} is no checkpoint of the adversarial-negatives encoder: it has no tensor 'variant_index'."
        )
    index = int(state["variant_index"])
    if not 0 <= index < len(VARIANTS):
        raise CheckpointError(f"{source} names position cue {index}; expected 0 to {len(VARIANTS) - 1}.")
    encoder = ConvEncoder(SIZES[_size_name(state, source)], variant=VARIANTS[index])
    check_names_and_shapes(encoder.state_dict(), state, source, "the adversarial-negatives encoder")
    encoder.load_state_dict(dict(state))
    return encoder.eval()


def load_encoder(path: str | Path) -> ConvEncoder:
    """Read a ``.safetensors`` or ``.pt`` file and build its encoder; errors as of :func:`build_from_state`."""
    return build_from_state(read_state(path), source=str(path))


def save_encoder(path: Path, encoder: ConvEncoder) -> None:
    """Write the encoder's tensors."""
    write_state(path, encoder.state_dict())


def _size_name(state: Mapping[str, Tensor], source: str) -> str:
    if "trunk.conv_stem.weight" in state:
        return "base"
    first = state.get("trunk.0.weight")
    for size in SIZES.values():
        if size.widths and first is not None and first.shape[0] == size.widths[0]:
            return size.name
    raise CheckpointError(
        f"{source} has a trunk of no known size ({', '.join(SIZES)}): 'trunk.0.weight' is "
        f"{'missing' if first is None else tuple(first.shape)}."
    )
