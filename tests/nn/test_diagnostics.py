"""Intrinsic dimension and effective rank against plain loops and closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from hear_audiomosaic.nn.diagnostics import effective_rank, local_intrinsic_dimension


def lid_by_hand(rows: list[list[float]], k: int) -> float:
    total, n = 0.0, 0
    for i, a in enumerate(rows):
        distances = sorted(math.dist(a, b) for j, b in enumerate(rows) if j != i)[:k]
        m, w = sum(distances[:-1]) / (len(distances) - 1), distances[-1]
        if w > m:
            total, n = total + m / (w - m), n + 1
    return total / n


@pytest.mark.parametrize(("n", "dim", "k"), [(40, 3, 8), (40, 7, 32), (10, 2, 32)])
def test_lid_equals_plain_loops(n: int, dim: int, k: int) -> None:
    x = torch.randn(n, dim, generator=torch.Generator().manual_seed(0))
    assert local_intrinsic_dimension(x, k).item() == pytest.approx(lid_by_hand(x.tolist(), k), rel=1e-3)


@pytest.mark.parametrize("dim", [2, 5])
def test_lid_is_the_dimension_of_a_flat_cloud(dim: int) -> None:
    generator = torch.Generator().manual_seed(0)
    cloud = torch.rand(2000, dim, generator=generator) @ torch.randn(dim, 20, generator=generator)
    assert local_intrinsic_dimension(cloud).item() == pytest.approx(dim, rel=0.15)


def test_effective_rank_of_known_matrices() -> None:
    assert effective_rank(torch.eye(7)).item() == pytest.approx(7.0, rel=1e-5)
    assert effective_rank(torch.ones(9, 4)).item() == pytest.approx(1.0, abs=1e-3)
    shares = torch.tensor([3.0, 1.0]) / 4.0
    entropy = -(shares * shares.log()).sum()
    assert effective_rank(torch.diag(torch.tensor([3.0, 1.0]))).item() == pytest.approx(entropy.exp().item(), rel=1e-5)
