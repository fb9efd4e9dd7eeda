"""The content of a tensor as bytes, whatever its layout: strided, sparse, quantised, nested, or a wrapper of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from hear_audiomosaic.errors import EncoderError

__all__ = ["tensor_content"]

_COMPRESSED_ROWS = {torch.sparse_csr, torch.sparse_bsr}
_COMPRESSED_COLUMNS = {torch.sparse_csc, torch.sparse_bsc}
_PER_TENSOR = {torch.per_tensor_affine, torch.per_tensor_symmetric}


def tensor_content(tensor: Tensor, name: str) -> Iterator[Any]:
    """What tells two tensors apart: kind, dtype, shape, values. The device does not count.

    Args:
        tensor: any.
        name: what the message calls it.

    Raises:
        EncoderError: a tensor without values, as that of a lazy layer.
    """
    if is_lazy(tensor) or tensor.is_meta:
        raise EncoderError(
            f"'{name}' has no values yet (a lazy layer, or the device 'meta'), so every run would compute with others; "
            "give it values in load_model, such as by one forward pass or by loading weights."
        )
    tensor = tensor.detach()
    yield f"{tensor.layout} {tensor.dtype} {'nested' if tensor.is_nested else tuple(tensor.shape)}".encode()
    parts = _parts(tensor)
    if parts is None:
        yield _bytes(tensor)
        return
    for label, part in parts.items():
        yield label.encode()
        if isinstance(part, Tensor):
            yield from tensor_content(part, name)
        else:
            yield repr(part).encode()


def _parts(tensor: Tensor) -> dict[str, Any] | None:
    """What a tensor consists of that is no plain block of memory; None of one that is."""
    flatten = getattr(tensor, "__tensor_flatten__", None)
    if flatten is not None:
        inner, context = flatten()
        return {
            "wrapper": type(tensor).__qualname__,
            "context": context,
            **{one: getattr(tensor, one) for one in inner},
        }
    if tensor.is_nested:
        return {str(i): part for i, part in enumerate(tensor.unbind())}
    if tensor.layout is torch.sparse_coo:
        whole = tensor.coalesce()
        return {"indices": whole.indices(), "values": whole.values()}
    if tensor.layout in _COMPRESSED_ROWS:
        return {"crow": tensor.crow_indices(), "col": tensor.col_indices(), "values": tensor.values()}
    if tensor.layout in _COMPRESSED_COLUMNS:
        return {"ccol": tensor.ccol_indices(), "row": tensor.row_indices(), "values": tensor.values()}
    if tensor.layout is not torch.strided:  # a layout of one kind of processor
        return {"dense": tensor.to_dense()}
    if tensor.is_quantized and tensor.qscheme() in _PER_TENSOR:
        return {"integers": tensor.int_repr(), "scale": tensor.q_scale(), "zero": tensor.q_zero_point()}
    if tensor.is_quantized:
        scales, zeros = tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points()
        return {"integers": tensor.int_repr(), "scales": scales, "zeros": zeros, "axis": tensor.q_per_channel_axis()}
    return None


def _bytes(tensor: Tensor) -> Any:  # a buffer
    plain = tensor.cpu().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8)
    return plain.numpy().data
