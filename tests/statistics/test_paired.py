from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics import benjamini_hochberg, holm, mcnemar

GENERATOR = np.random.default_rng(2)


# ------------------------------------------------------------------------------------------------------------ McNemar


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (3, 3), (7, 2), (0, 9), (12, 20)])
def test_mcnemar_is_the_sum_over_all_outcomes(wins: int, losses: int) -> None:
    m = wins + losses
    correct_a = np.r_[np.ones(wins), np.zeros(losses), [1, 0, 1]]
    correct_b = np.r_[np.zeros(wins), np.ones(losses), [1, 0, 1]]
    chances = {k: math.comb(m, k) / 2**m for k in range(m + 1)}
    reach = abs(2 * wins - m)
    exact = sum(chance for k, chance in chances.items() if abs(2 * k - m) >= reach)
    as_far = sum(chance for k, chance in chances.items() if abs(2 * k - m) == reach)
    assert mcnemar(correct_a, correct_b) == pytest.approx(exact)
    assert mcnemar(correct_b, correct_a) == pytest.approx(exact)
    assert mcnemar(correct_a > 0, correct_b > 0, mid_p=True) == pytest.approx(exact - as_far / 2 if m else 1.0)


# --------------------------------------------------------------------------------------------------- many comparisons


def test_holm_steps_down() -> None:
    # by hand: sorted .01 .01 .03 .04, times 4 3 2 1, then never falling
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03, 0.01]), [0.06, 0.04, 0.06, 0.04])


def test_adjusted_values_are_those_of_plain_loops() -> None:
    p = GENERATOR.random(15) ** 2
    m = len(p)
    order = sorted(range(m), key=lambda i: p[i])
    slow_holm, slow_bh = np.empty(m), np.empty(m)
    for position, i in enumerate(order):
        slow_holm[i] = min(1.0, max((m - j) * p[order[j]] for j in range(position + 1)))
        slow_bh[i] = min(1.0, min(m / (j + 1) * p[order[j]] for j in range(position, m)))
    np.testing.assert_allclose(holm(p), slow_holm)
    np.testing.assert_allclose(benjamini_hochberg(p), slow_bh)
    assert (p <= benjamini_hochberg(p)).all()
    assert (benjamini_hochberg(p) <= holm(p) + 1e-15).all()


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_missing_p_values_stay_where_they_are(adjust: Any) -> None:
    p = np.array([[0.01, np.nan], [0.2, 0.03]])
    adjusted = adjust(p)
    assert adjusted.shape == (2, 2)
    assert np.isnan(adjusted[0, 1])
    np.testing.assert_allclose(adjusted[[0, 1, 1], [0, 0, 1]], adjust([0.01, 0.2, 0.03]))
    assert np.isnan(adjust([np.nan, np.nan])).all()
    np.testing.assert_array_equal(p, [[0.01, np.nan], [0.2, 0.03]])


def test_holm_keeps_false_findings_rare_and_benjamini_hochberg_their_share() -> None:
    generator = np.random.default_rng(3)
    false = np.empty(500, dtype=bool)
    shares = np.empty(500)
    for i in range(500):
        z = generator.normal(np.repeat([0.0, 3.5], 10))
        p = 2 * stats.norm.sf(np.abs(z))
        false[i] = (holm(p)[:10] <= 0.05).any()
        found = benjamini_hochberg(p) <= 0.05
        shares[i] = found[:10].sum() / max(found.sum(), 1)
    assert false.mean() < 0.06
    assert 0.01 < shares.mean() < 0.05


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: mcnemar([0.5, 1.0], [0.0, 1.0]), "only 0 and 1"),
        (lambda: mcnemar([1.0], [0.0, 1.0]), "for both"),
        (lambda: holm([0.5, 1.2]), "between 0 and 1"),
        (lambda: benjamini_hochberg([-0.1]), "between 0 and 1"),
    ],
)
def test_errors_say_what_is_wrong(wrong: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        wrong()


def test_all_pairs_of_right_and_wrong_are_symmetric() -> None:
    for a, b in itertools.product(itertools.product([0, 1], repeat=4), repeat=2):
        assert mcnemar(a, b) == pytest.approx(mcnemar(b, a))
        assert 0.0 <= mcnemar(a, b, mid_p=True) <= mcnemar(a, b) <= 1.0
