"""Positional negatives: acceptance tests 1, 2, 6 and 7 of the specification, seams and their controls."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from hear_adversarial.negatives import (
    MAX_OFFSET,
    OPERATORS,
    PROBABILITIES,
    apply_maps,
    apply_operators,
    changed_enough,
    draw_operators,
    operator_maps,
    seam_control_maps,
    spec_augment,
)
from hear_audiomosaic.errors import EncoderError

N, F, T, GUARD = 200, 64, 98, 16


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(n: int = N, t: int = T) -> torch.Tensor:
    """X+ whose every value is different."""
    return torch.arange(96.0 * t).view(1, 96, t).repeat(n, 1, 1)


def all_of(name: str, n: int = N) -> torch.Tensor:
    return torch.full((n,), OPERATORS.index(name))


@pytest.mark.parametrize("n_frames", [96, 98])
@pytest.mark.parametrize("name", OPERATORS)
def test_1_shape_and_the_multiset_of_values(name: str, n_frames: int) -> None:
    guarded = numbered(t=n_frames)
    window = guarded[:, GUARD : GUARD + F]
    moved = apply_operators(guarded, all_of(name), GUARD, generator(), fade=False)
    assert moved.shape == window.shape
    if name != "frequency_shift":
        assert torch.equal(moved.flatten(1).sort(dim=1).values, window.flatten(1).sort(dim=1).values)


@pytest.mark.parametrize("name", OPERATORS)
def test_no_operator_is_the_identity(name: str) -> None:
    guarded = numbered()
    moved = apply_operators(guarded, all_of(name), GUARD, generator(), fade=False)
    assert ((moved != guarded[:, GUARD : GUARD + F]).flatten(1).float().mean(dim=1) > 0.3).all()


def test_2_orders_have_no_fixed_piece() -> None:
    frames = operator_maps(all_of("time_order", 2000), T, generator=generator()).frames[:, 0]  # (N, T)
    kinds = set()
    for row in frames:
        cuts = [0, *((row[1:] != row[:-1] + 1).nonzero()[:, 0] + 1).tolist(), T]
        pieces = [row[a:b].tolist() for a, b in pairwise(cuts)]
        assert all(piece[0] != place for piece, place in zip(pieces, cuts, strict=False))  # none stays where it was
        kinds.add(len(pieces))
    assert (frames != torch.arange(T)).float().mean() > 0.98
    assert {2, 3, 4, 6} <= kinds
    two = [row for row in frames if int((row[1:] != row[:-1] + 1).sum()) == 1 and int(row[0]) == T // 2]
    assert two, "two pieces are a circular roll by T / 2"
    assert torch.equal(two[0], torch.arange(T).roll(-T // 2))


@pytest.mark.parametrize("offset", range(MAX_OFFSET + 1))
def test_2_shifts_are_of_8_to_16_bins_and_stay_inside(offset: int) -> None:
    maps = operator_maps(all_of("frequency_shift"), T, offset, generator(offset))
    d = maps.rows[:, :, 0] - torch.arange(F) - offset
    assert (d == d[:, :1]).all()
    assert d.abs().min() >= 8
    assert d.abs().max() <= 16
    assert maps.rows.min() >= 0
    assert maps.rows.max() <= 95
    if offset == GUARD:
        assert set(d[:, 0].abs().tolist()) == set(range(8, 17))
        assert {-1, 1} == set(d[:, 0].sign().tolist())


def test_the_shift_reads_real_rows_of_the_guarded_spectrogram() -> None:
    guarded = numbered(5)
    maps = operator_maps(all_of("frequency_shift", 5), T, GUARD, generator())
    moved = apply_maps(guarded, maps)
    for i in range(5):
        first = int(maps.rows[i, 0, 0])
        assert torch.equal(moved[i], guarded[i, first : first + F])


@pytest.mark.parametrize("name", ["time_reversal", "frequency_flip"])
def test_6_involutions(name: str) -> None:
    guarded = torch.randn(4, 96, T, generator=generator())
    once = guarded.clone()
    once[:, GUARD : GUARD + F] = apply_operators(guarded, all_of(name, 4))
    twice = apply_operators(once, all_of(name, 4))
    assert torch.equal(twice, guarded[:, GUARD : GUARD + F])


def test_at_least_half_of_the_tiles_move() -> None:
    maps = operator_maps(all_of("grid_jigsaw"), T, GUARD, generator())
    rows = maps.rows[:, ::16, 0:96:24] - GUARD
    frames = maps.frames[:, ::16, 0:96:24]
    stays = (rows == torch.arange(0, 64, 16)[:, None]) & (frames == torch.arange(0, 96, 24))
    assert stays.flatten(1).sum(dim=1).max() <= 8
    assert torch.equal(maps.frames[:, 0, 96:], torch.tensor([96, 97]).expand(N, -1))


def test_the_band_shift_swaps_a_band_with_the_rows_it_moves_over() -> None:
    rows = operator_maps(all_of("band_shift"), T, 0, generator()).rows[:, :, 0]
    for row in rows:
        moved = (row != torch.arange(F)).nonzero()[:, 0]
        length = int(moved[-1] - moved[0]) + 1
        assert 16 + 8 <= length <= 16 + 16
        block = row[int(moved[0]) : int(moved[-1]) + 1]
        assert int((block[1:] != block[:-1] + 1).sum()) == 1  # two pieces changed places, the rest stayed


def test_seams_are_cross_faded_over_three_frames() -> None:
    guarded = torch.zeros(1, 96, T)
    guarded[:, :, : T // 2] = 1.0  # the first half is 1, the second 0
    frames = torch.arange(T).roll(-T // 2).expand(1, F, T)
    rows = torch.arange(F)[None, :, None].expand(1, F, T) + GUARD
    maps = operator_maps(all_of("time_order", 1), T)._replace(rows=rows, frames=frames)
    faded = apply_maps(guarded, maps)[0, 0]
    # The last frames of the piece on the left are 0; what fades in before the seam is frame -1, which is frame 0.
    assert torch.allclose(faded[46:52], torch.tensor([0.0, 0.0, 0.25, 0.5, 0.75, 1.0]))
    assert set(apply_maps(guarded, maps, fade=False).unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("name", OPERATORS)
def test_only_cuts_are_faded(name: str) -> None:
    guarded = torch.randn(20, 96, T, generator=generator(1))
    hard, soft = (apply_operators(guarded, all_of(name, 20), GUARD, generator(), fade) for fade in (False, True))
    touched = (hard != soft).float().mean()
    assert (touched > 0) == (name in ("time_order", "grid_jigsaw"))
    assert touched < 0.35
    assert soft.min() >= guarded.min()
    assert soft.max() <= guarded.max()


def test_controls_keep_the_order_and_have_seams() -> None:
    maps = seam_control_maps(N, T, GUARD, 1.0, generator())
    assert (maps.frames - torch.arange(T)).abs().max() <= 4
    assert (maps.rows - GUARD - torch.arange(F)[:, None]).abs().max() <= 1
    cuts = (maps.frames[:, :, 1:] != maps.frames[:, :, :-1] + 1).flatten(1).any(dim=1)
    assert cuts.float().mean() > 0.9
    assert torch.equal(seam_control_maps(50, T, GUARD, 0.0, generator()).frames[:, 0], torch.arange(T).expand(50, -1))
    assert 0.3 < seam_control_maps(N, T, GUARD, 0.5, generator()).seams.float().mean() < 0.7


def test_7_near_stationary_windows_are_filtered() -> None:
    hum = torch.linspace(2.0, -8.0, 96)[None, :, None].expand(20, 96, T)
    hum = hum + 0.1 * torch.randn(20, 96, T, generator=generator())
    silence = torch.full((20, 96, T), -11.5129)
    speech_like = torch.randn(20, 1, T, generator=generator()).cumsum(dim=2) + hum
    for name in ("time_order", "time_reversal"):
        for guarded, wanted in ((hum, False), (silence, False), (speech_like, True)):
            moved = apply_operators(guarded, all_of(name, 20), GUARD, generator())
            assert changed_enough(guarded[:, GUARD : GUARD + F], moved).tolist() == [wanted] * 20
    moved = apply_operators(hum, all_of("frequency_flip", 20))
    assert changed_enough(hum[:, GUARD : GUARD + F], moved).all(), "stationary, yet another sound when flipped"


def test_operators_are_drawn_as_often_as_told() -> None:
    drawn = draw_operators(20000, 1, balanced=False, generator=generator())
    shares = torch.bincount(drawn.flatten(), minlength=6) / drawn.numel()
    assert torch.allclose(shares, torch.tensor(PROBABILITIES), atol=0.015)
    pair = draw_operators(2000, 2, generator=generator())
    assert set(pair[:, 0].tolist()) == {0, 3, 4, 5}
    assert set(pair[:, 1].tolist()) == {1, 2, 4}
    only = torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    assert (draw_operators(50, 3, only, balanced=False) == 2).all()


def test_the_same_seed_draws_the_same_negatives() -> None:
    guarded = torch.randn(30, 96, T, generator=generator())
    operators = draw_operators(30, 1, generator=generator(3))[:, 0]
    first, second = (apply_operators(guarded, operators, 5, generator(4)) for _ in range(2))
    assert torch.equal(first, second)


def test_a_mixed_batch_is_its_operators_one_by_one() -> None:
    guarded = torch.randn(6, 96, T, generator=generator())
    mixed = apply_operators(guarded, torch.arange(6))
    assert torch.equal(mixed[2], guarded[2, GUARD : GUARD + F].flip(1))
    assert torch.equal(mixed[3], guarded[3, GUARD : GUARD + F].flip(0))


def test_spec_augment_covers_little() -> None:
    windows = torch.randn(N, F, T, generator=generator())
    covered = spec_augment(windows, generator=generator()) != windows
    rows, frames = covered.all(dim=2).sum(dim=1), covered.all(dim=1).sum(dim=1)
    assert rows.max() <= 8
    assert frames.max() <= 15
    assert rows.max() > 4
    assert covered.float().mean() < 0.3


def test_a_window_outside_the_guarded_rows_is_refused() -> None:
    with pytest.raises(EncoderError, match="from 0 to 32"):
        operator_maps(all_of("time_order", 1), T, offset=33)
