"""How the rows of an epoch are cut into batches."""

from __future__ import annotations

from hear_audiomosaic.errors import ProtocolError

__all__ = ["batch_slices"]


def batch_slices(n: int, batch_size: int, *, normalised: bool, strict: bool) -> list[slice]:
    """Cut n rows into consecutive batches; the last one may be short.

    Args:
        n: number of rows.
        batch_size: rows in a batch.
        normalised: the head has batch normalisation, which needs two rows.
        strict: raise where heareval crashes, on a lone last row. Otherwise that row joins the batch before it.

    Raises:
        ProtocolError: there are too few rows; or ``strict``, and a batch of one row is left.
    """
    slices = [slice(start, min(start + batch_size, n)) for start in range(0, n, batch_size)]
    if not normalised or not slices or slices[-1].stop - slices[-1].start > 1:
        return slices
    if len(slices) == 1 or batch_size == 1:
        raise ProtocolError("batch normalisation needs at least two training rows in a batch; there is one.")
    if strict:
        raise ProtocolError(
            f"{n} training rows leave one row for the last batch of {batch_size}, where heareval crashes; "
            "run without strict to let it join the batch before it."
        )
    last = slices.pop()
    slices[-1] = slice(slices[-1].start, last.stop)
    return slices
