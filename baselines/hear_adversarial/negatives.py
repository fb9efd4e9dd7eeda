"""Positional negatives: the same local patterns in other places (arXiv 2303.08561).

Confirmed: the idea. Choice: the operators.

Six operators on a log-mel window X of F = 64 bins x T = 98 frames, cut at row ``offset`` from a guarded spectrogram X+
of 96 bins:

* ``frequency_shift`` (g1): X'[f, t] = X+[offset + f + d, t], |d| in 8..16; no border is invented.
* ``time_order`` (g2): 2, 3, 4 or 6 pieces in an order without fixed point; two pieces are a circular roll by T / 2.
* ``time_reversal`` (g3), ``frequency_flip`` (g4).
* ``grid_jigsaw`` (g5): 4 x 4 tiles, at least half of them moved.
* ``band_shift`` (g6): a band of 16 rows changes places with the |d| rows that it moves over.

A shift in time is no negative: it is what random cropping does to the positives.

Each is a pair of index maps, so that a batch of mixed operators is one gather. The pieces of g2 and g5 are joined by
linear cross-fades over 3 frames (rows).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple

import torch
from torch import Tensor

from hear_adversarial.front_end import GUARD, N_MELS
from hear_audiomosaic.errors import EncoderError

__all__ = [
    "FREQUENCY_TYPE",
    "MAX_OFFSET",
    "OPERATORS",
    "PROBABILITIES",
    "TIME_TYPE",
    "IndexMaps",
    "apply_maps",
    "apply_operators",
    "changed_enough",
    "draw_operators",
    "operator_maps",
    "seam_control_maps",
    "spec_augment",
]

OPERATORS = ("frequency_shift", "time_order", "time_reversal", "frequency_flip", "grid_jigsaw", "band_shift")
PROBABILITIES = (0.35, 0.25, 0.10, 0.05, 0.15, 0.10)
FREQUENCY_TYPE = (1.0, 0.0, 0.0, 1.0, 0.5, 1.0)  # share of each operator that counts as a frequency-type negative
TIME_TYPE = (0.0, 1.0, 1.0, 0.0, 0.5, 0.0)
MAX_OFFSET = 2 * GUARD
_G1, _G2, _G3, _G4, _G5, _G6 = range(6)
_SHIFTS = (8, 16)
_PIECES = (2, 3, 4, 6)
_TILES = 4
_BAND = N_MELS // 4
_CONTROL_FRAMES, _CONTROL_ROWS = 4, 1  # how far the pieces of a seam control are read from their own place
_MIN_CHANGE = 0.2


class IndexMaps(NamedTuple):
    """Where every value of N windows is read: rows of X+ and frames, int64 (N, F, T); and which windows have seams."""

    rows: Tensor
    frames: Tensor
    seams: Tensor


@dataclass(frozen=True)
class _Orders:
    """All orders of g2 for one T: source frames (R, T), and of which number of pieces each row is."""

    frames: Tensor
    first: tuple[int, ...]
    count: tuple[int, ...]


def draw_operators(
    n_clips: int,
    k: int,
    probabilities: Tensor | None = None,
    balanced: bool = True,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Choose operators.

    Args:
        n_clips: B.
        k: K, negatives per clip.
        probabilities: of the six operators, shape (6,); by default :data:`PROBABILITIES`.
        balanced: whether frequency-type and time-type negatives alternate, so that K = 2 are one of each; the jigsaw is
            of both types.
        generator: source of randomness.

    Returns:
        int64, shape (B, K), indices into :data:`OPERATORS`.
    """
    p = torch.tensor(PROBABILITIES) if probabilities is None else probabilities.float().cpu()
    if not balanced:
        return torch.multinomial(p.expand(n_clips, -1), k, replacement=True, generator=generator)
    kinds = torch.tensor([FREQUENCY_TYPE, TIME_TYPE]) * p  # (2, 6)
    rows = kinds[torch.arange(k) % 2].repeat(n_clips, 1)  # (B * K, 6)
    return torch.multinomial(rows, 1, generator=generator).view(n_clips, k)


def operator_maps(
    operators: Tensor, n_frames: int, offset: int = GUARD, generator: torch.Generator | None = None
) -> IndexMaps:
    """Index maps of a batch of operators.

    Args:
        operators: int64, shape (N,), indices into :data:`OPERATORS`.
        n_frames: T, at least 24.
        offset: first row of the window in X+, 0 to 32. Shifts that would leave X+ go the other way.
        generator: source of randomness.

    Returns:
        Maps of N windows.
    """
    if not 0 <= offset <= MAX_OFFSET or n_frames < 24:
        raise EncoderError(f"offset = {offset}, T = {n_frames}: expected an offset from 0 to {MAX_OFFSET}, T >= 24.")
    operators = operators.cpu()
    rows, frames = _identity(len(operators), n_frames)
    where = {i: (operators == i).nonzero()[:, 0] for i in range(len(OPERATORS))}
    d = _shifts(len(where[_G1]), offset, generator)
    rows[where[_G1]] += d[:, None, None]
    frames[where[_G2]] = _time_orders(len(where[_G2]), n_frames, generator)[:, None, :]
    frames[where[_G3]] = frames[where[_G3]].flip(2)
    rows[where[_G4]] = rows[where[_G4]].flip(1)
    rows[where[_G5]], frames[where[_G5]] = _jigsaw(len(where[_G5]), n_frames, generator)
    rows[where[_G6]] = _band_shifts(len(where[_G6]), generator)[:, :, None]
    return IndexMaps(rows + offset, frames, (operators == _G2) | (operators == _G5))


def seam_control_maps(
    n_windows: int,
    n_frames: int,
    offset: int = GUARD,
    probability: float = 0.5,
    generator: torch.Generator | None = None,
) -> IndexMaps:
    """Seams without a change of order: what keeps a network from telling negatives by their seams.

    With equal chances, a window is cut like g2 or like g5, and the pieces stay where they are. A cross-fade between
    neighbours that fit together is no seam at all (derived); so every piece is read up to 4 frames (and, in a grid, up
    to 1 row, which positives tolerate) off its place, which makes cuts of the same kind as a permutation does.

    Args:
        n_windows: N.
        n_frames: T.
        offset: first row of the window in X+.
        probability: that a window gets seams at all.
        generator: source of randomness.

    Returns:
        Maps of N windows.
    """
    rows, frames = _identity(n_windows, n_frames)
    chosen = torch.rand(n_windows, generator=generator) < probability
    as_grid = torch.rand(n_windows, generator=generator) < 0.5
    pieces = torch.tensor(_PIECES)[torch.randint(len(_PIECES), (n_windows,), generator=generator)]
    piece = torch.arange(n_frames) * pieces[:, None] // n_frames  # (N, T)
    reach = _CONTROL_FRAMES
    moves = torch.randint(-reach, reach + 1, (n_windows, max(_PIECES)), generator=generator)
    in_time = moves.gather(1, piece)[:, None, :].expand_as(frames)
    tile = _tile_of(n_frames).expand(n_windows, -1, -1)  # (N, F, T)
    n_tiles = _TILES**2 + 1
    tile_moves = torch.randint(-reach, reach + 1, (n_windows, n_tiles), generator=generator)
    row_moves = torch.randint(-_CONTROL_ROWS, _CONTROL_ROWS + 1, (n_windows, n_tiles), generator=generator)
    by_tile = (moved.gather(1, tile.flatten(1)).view_as(tile) for moved in (tile_moves, row_moves))
    in_grid, in_rows = (values * as_grid[:, None, None] for values in by_tile)
    frames = frames + torch.where(as_grid[:, None, None], in_grid, in_time) * chosen[:, None, None]
    frames = (n_frames - 1) - ((n_frames - 1) - frames.abs()).abs()  # reflected at both ends
    rows = (rows + in_rows * chosen[:, None, None] + offset).clamp(0, N_MELS + MAX_OFFSET - 1)
    return IndexMaps(rows, frames, chosen)


def apply_maps(guarded: Tensor, maps: IndexMaps, fade: bool = True) -> Tensor:
    """Read windows off guarded spectrograms.

    Args:
        guarded: X+, shape (N, 96, T).
        maps: of N windows.
        fade: whether seams are cross-faded.

    Returns:
        shape (N, 64, T).
    """
    device = guarded.device
    rows, frames, seams = (part.to(device) for part in maps)
    out = _read(guarded, rows, frames)
    chosen = seams.nonzero()[:, 0]
    if not fade or not len(chosen):
        return out
    source, main = guarded[chosen], out[chosen]
    r, t = rows[chosen], frames[chosen]
    other_r, other_t, weight_t = _faded(r, t, dim=2)
    mixed = main + weight_t * (_read(source, other_r, other_t.clamp(0, guarded.shape[2] - 1)) - main)
    other_t, other_r, weight_r = _faded(t, r, dim=1)
    mixed += weight_r * (_read(source, other_r.clamp(0, guarded.shape[1] - 1), other_t) - main)
    return out.index_copy(0, chosen, mixed)


def apply_operators(
    guarded: Tensor,
    operators: Tensor,
    offset: int = GUARD,
    generator: torch.Generator | None = None,
    fade: bool = True,
) -> Tensor:
    """Positional negatives of a batch: (N, 96, T), (N,) -> (N, 64, T); arguments as of :func:`operator_maps`."""
    return apply_maps(guarded, operator_maps(operators, guarded.shape[2], offset, generator), fade)


def changed_enough(windows: Tensor, negatives: Tensor, least: float = _MIN_CHANGE) -> Tensor:
    """Whether ||X - X'||_1 / ||X - mean X||_1 >= ``least``; a constant window never changes.

    Args:
        windows: X, shape (..., F, T).
        negatives: X', same shape.
        least: below it the negative is a false one, and is dropped; 0.2 (choice).

    Returns:
        bool, shape (...).
    """
    change = (windows - negatives).abs().sum(dim=(-2, -1))
    spread = (windows - windows.mean(dim=(-2, -1), keepdim=True)).abs().sum(dim=(-2, -1))
    flat = spread <= 1e-6 * windows.abs().sum(dim=(-2, -1))
    return (change >= least * spread) & ~flat


def spec_augment(
    windows: Tensor, max_rows: int = 8, max_frames: int = 15, generator: torch.Generator | None = None
) -> Tensor:
    """Cover up to 8 bins and up to 15 frames of every window with its mean: (N, F, T) -> (N, F, T)."""
    n, n_rows, n_frames = windows.shape
    rows = _stripe(n, n_rows, max_rows, generator).to(windows.device)[:, :, None]
    frames = _stripe(n, n_frames, max_frames, generator).to(windows.device)[:, None, :]
    return torch.where(rows | frames, windows.mean(dim=(1, 2), keepdim=True), windows)


def _identity(n: int, n_frames: int) -> tuple[Tensor, Tensor]:
    """Maps that change nothing, rows counted from the window's first."""
    rows = torch.arange(N_MELS)[None, :, None].expand(n, -1, n_frames)
    frames = torch.arange(n_frames).expand(n, N_MELS, -1)
    return rows.clone(), frames.clone()


def _read(guarded: Tensor, rows: Tensor, frames: Tensor) -> Tensor:
    index = (rows * guarded.shape[2] + frames).flatten(1)
    return guarded.flatten(1).gather(1, index).view_as(rows)


def _signed(n: int, generator: torch.Generator | None) -> Tensor:
    """Shifts d with |d| uniform in 8..16 and a random sign, shape (n,)."""
    size = torch.randint(_SHIFTS[0], _SHIFTS[1] + 1, (n,), generator=generator)
    return size * (2 * torch.randint(2, (n,), generator=generator) - 1)


def _shifts(n: int, offset: int, generator: torch.Generator | None) -> Tensor:
    d = _signed(n, generator)
    inside = (offset + d >= 0) & (offset + d <= MAX_OFFSET)
    return torch.where(inside, d, -d)


@lru_cache(maxsize=8)
def _all_orders(n_frames: int) -> _Orders:
    rows: list[Tensor] = []
    first: list[int] = []
    count: list[int] = []
    for n in _PIECES:
        pieces = torch.arange(n_frames).tensor_split(n)
        orders = [p for p in permutations(range(n)) if all(i != p[i] for i in range(n))]
        first.append(len(rows))
        count.append(len(orders))
        rows += [torch.cat([pieces[i] for i in order]) for order in orders]
    return _Orders(torch.stack(rows), tuple(first), tuple(count))


def _time_orders(n: int, n_frames: int, generator: torch.Generator | None) -> Tensor:
    """Source frames (n, T): the number of pieces is uniform, and so is the order among those without fixed point."""
    orders = _all_orders(n_frames)
    kind = torch.randint(len(_PIECES), (n,), generator=generator)
    first, count = torch.tensor(orders.first)[kind], torch.tensor(orders.count)[kind]
    return orders.frames[first + (torch.rand(n, generator=generator) * count).long()]


@lru_cache(maxsize=8)
def _tile_of(n_frames: int) -> Tensor:
    """Number of the tile that each value lies in, (F, T); 16 for the T mod 4 last frames, which stay."""
    width = n_frames // _TILES
    column = torch.arange(n_frames) // width
    tile = torch.arange(N_MELS)[:, None] // (N_MELS // _TILES) * _TILES + column
    return torch.where(column < _TILES, tile, _TILES**2)


def _jigsaw(n: int, n_frames: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    n_tiles, height, width = _TILES**2, N_MELS // _TILES, n_frames // _TILES
    order = torch.rand(n, n_tiles, generator=generator).argsort(dim=1)
    home = torch.arange(n_tiles)
    too_few = (order != home).sum(dim=1) < n_tiles // 2
    order = torch.where(too_few[:, None], home.roll(1), order)
    order = torch.cat([order, torch.full((n, 1), n_tiles)], dim=1)  # the last frames stay
    tile = _tile_of(n_frames).expand(n, -1, -1)
    source = order.gather(1, tile.flatten(1)).view_as(tile)
    moved = tile < n_tiles
    rows, frames = _identity(n, n_frames)
    rows = torch.where(moved, rows + (source // _TILES - tile // _TILES) * height, rows)
    frames = torch.where(moved, frames + (source % _TILES - tile % _TILES) * width, frames)
    return rows, frames


def _band_shifts(n: int, generator: torch.Generator | None) -> Tensor:
    """Source rows (n, F): a block of 16 + |d| rows turns by d."""
    d = _signed(n, generator)[:, None]
    length = _BAND + d.abs()
    start = (torch.rand(n, 1, generator=generator) * (N_MELS - length + 1)).long()
    row = torch.arange(N_MELS)
    turned = start + (row - start - d) % length
    return torch.where((row >= start) & (row < start + length), turned, row)


def _faded(across: Tensor, along: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """What fades in at the seams: source indices (across, along) and weights 1/4, 1/2, 1/4 around each seam.

    A seam lies before place i where the source does not go on: ``along`` does not rise by 1, or ``across`` changes. The
    piece on the right is read back by one place, the one on the left on by two.
    """
    size = along.shape[dim]
    goes_on = (along == along.roll(1, dim) + 1) & (across == across.roll(1, dim))
    first = torch.zeros(size, dtype=torch.bool, device=along.device)
    first[0] = True
    seam = ~goes_on & ~first.view([-1 if i == dim else 1 for i in range(3)])
    other_across, other_along = across.clone(), along.clone()
    weight = torch.zeros(along.shape, device=along.device)
    # (seam that many places ahead, source that many places ahead, step from that source, weight)
    for ahead, source, step, w in ((1, 1, -1, 0.25), (0, -1, 1, 0.5), (-1, -2, 2, 0.25)):
        here = seam.roll(-ahead, dim)
        if ahead == -1:
            here = here & ~first.view([-1 if i == dim else 1 for i in range(3)])  # a seam at the end does not wrap
        other_across = torch.where(here, across.roll(-source, dim), other_across)
        other_along = torch.where(here, along.roll(-source, dim) + step, other_along)
        weight = torch.where(here, w, weight)
    return other_across, other_along, weight


def _stripe(n: int, size: int, longest: int, generator: torch.Generator | None) -> Tensor:
    length = torch.randint(longest + 1, (n, 1), generator=generator)
    start = (torch.rand(n, 1, generator=generator) * (size - length + 1)).long()
    place = torch.arange(size)
    return (place >= start) & (place < start + length)
