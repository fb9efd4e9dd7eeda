"""The state of any model as bytes: dense, sparse and quantised tensors, and what is no tensor at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from hear_audiomosaic.errors import EncoderError

__all__ = ["n_parameters", "state_of"]


def n_parameters(model: nn.Module) -> int:
    """Number of parameters of a model; a lazy layer that has none yet counts none."""
    return sum(one.numel() for one in model.parameters() if not nn.parameter.is_lazy(one))


def state_of(model: nn.Module) -> Iterator[tuple[str, bytes]]:
    """What ``state_dict`` holds, by sorted name: each entry's name, shape and dtype, and its content.

    Entries that are no tensors (the extra state of a module, packed parameters of a quantised one) are taken apart into
    those that are, and plain values.

    Raises:
        EncoderError: a value that nothing can be read from: of a lazy layer or on the device "meta", or an object that
            is neither tensor nor plain value.
    """
    for name, value in sorted(model.state_dict().items(), key=lambda item: str(item[0])):
        yield from _parts(str(name), value)


def _parts(name: str, value: object) -> Iterator[tuple[str, bytes]]:
    if isinstance(value, Tensor):
        yield from _of_tensor(name, value)
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from _parts(f"{name}[{key!r}]", value[key])
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for i, one in enumerate(value):
            yield from _parts(f"{name}[{i}]", one)
    elif isinstance(value, str | bytes | int | float | complex | bool | torch.dtype | torch.device | None):
        yield f"{name} {type(value).__name__}", repr(value).encode("utf-8", "surrogatepass")
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        yield f"{name} {value.shape} {value.dtype}", value.tobytes()
    else:
        raise EncoderError(
            f"{name} of the model's state_dict is a {type(value).__name__}, which has no bytes that say whether it is "
            "still the same; expected tensors, numbers, text, and lists and dicts of these."
        )


def _of_tensor(name: str, tensor: Tensor) -> Iterator[tuple[str, bytes]]:
    if nn.parameter.is_lazy(tensor) or tensor.is_meta:
        raise EncoderError(
            f"{name} of the model's state_dict has no values yet (a lazy layer, or the device 'meta'), so that nobody "
            "can tell whether they are still the same later; embed some audio once inside load_model, or load weights."
        )
    tensor = tensor.detach()
    title = f"{name} {tuple(tensor.shape)} {tensor.dtype}"
    if tensor.layout != torch.strided:
        dense = tensor if tensor.layout == torch.sparse_coo else tensor.to_sparse_coo()  # type: ignore[no-untyped-call]
        dense = dense.coalesce()
        yield f"{title} sparse", b""
        yield from _of_tensor(f"{name} indices", dense.indices())
        yield from _of_tensor(f"{name} values", dense.values())
    elif tensor.is_quantized:
        per_channel = tensor.qscheme() in (torch.per_channel_affine, torch.per_channel_affine_float_qparams)
        yield f"{title} {tensor.qscheme()}", b""
        yield from _of_tensor(f"{name} integers", tensor.int_repr())
        scales = (tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points()) if per_channel else None
        yield from _parts(f"{name} scales", scales or (tensor.q_scale(), tensor.q_zero_point()))
    else:
        real = torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
        content = real.resolve_neg().cpu().contiguous().reshape(-1)
        yield title, content.view(torch.uint8).numpy().tobytes()
