"""The tests of each two of many encoders: the same bits as one by one, and no work of a distribution for each pair."""

from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path
from typing import Any

import fake_predictions as predictions
import fake_results as fake
import numpy as np
import pytest
from analysed_results import answers, table

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.reporting.analysis.replicates import cell_replicates
from hear_audiomosaic.reporting.analysis.uncertainty import compare_pairs
from hear_audiomosaic.statistics import jackknife, mcnemar, mcnemar_of_all, paired

LARGEST_M = 40


def test_mcnemar_of_all_is_mcnemar_of_each() -> None:
    """To the bit, for every number of wins and losses up to 40 clips, and for many clips."""
    for m in range(LARGEST_M + 1):
        both = np.array([np.zeros(m + 2), *(np.arange(m + 2) < wins for wins in range(m + 1))], dtype=bool)
        p = mcnemar_of_all(both)
        for wins in range(m + 1):  # against the opposite of it, m clips differ
            pair = np.array([np.arange(m) < wins, np.arange(m) >= wins]) if m else np.zeros((2, 3), dtype=bool)
            assert mcnemar_of_all(pair)[0, 1] == mcnemar(*pair)
        for i, j in combinations(range(len(both)), 2):
            if (i + j) % 7 == 0:
                assert p[i, j] == p[j, i] == mcnemar(both[i], both[j])
    rng = np.random.default_rng(0)
    right = rng.random((6, 5000)) < rng.uniform(0.4, 0.6, (6, 1))
    p = mcnemar_of_all(right)
    assert np.diag(p).tolist() == [1.0] * 6
    for i, j in combinations(range(6), 2):
        assert p[i, j] == mcnemar(right[i], right[j])
    with pytest.raises(MetricError, match="only 0 and 1"):
        mcnemar_of_all([[0.5, 1.0]])
    with pytest.raises(MetricError, match="shape"):
        mcnemar_of_all([1.0, 0.0])


def results(folder: Path, n_encoders: int) -> Path:
    for number in range(n_encoders):
        encoder = fake.encoder(f"encoder{number}")
        for task, n in (("small", 40), ("large", 60)):
            fold = predictions.right(answers(n, 20 + number, seed=number))
            predictions.clips(folder, encoder, fake.task(task, 0.5, vocabulary=("a", "b")), [fold])
    return folder


def test_a_pair_costs_no_call_of_a_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """scipy's distributions take some 100 us a call, so 19 tasks x 1,225 pairs must not make any for each pair."""
    calls: dict[str, int] = {}

    def counted(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def call(*args: Any, **more: Any) -> Any:
            calls[name] = calls.get(name, 0) + 1
            return real(*args, **more)

        monkeypatch.setattr(owner, name, call)

    for name in ("cdf", "sf", "pmf"):
        counted(paired.binom, name)
    counted(paired, "binomtest")
    counted(jackknife.stats.t, "ppf")
    counted(jackknife.stats.t, "sf")
    found = {}
    for n_encoders in (4, 12):
        calls.clear()
        jackknife._t_quantile.cache_clear()
        folder = results(tmp_path / str(n_encoders), n_encoders)
        pairs = compare_pairs(table(folder), folder)
        assert len(pairs) == 2 * math.comb(n_encoders, 2)
        assert all(pair.mcnemar_p is not None for pair in pairs)
        found[n_encoders] = dict(calls)
    assert found[4] == found[12] == {"cdf": 2, "sf": 2, "ppf": 2}


def test_pairs_have_mcnemar_s_p(tmp_path: Path) -> None:
    folder = results(tmp_path, 5)
    comparison = table(folder)
    cells = {
        (row.label, column.label): cell_replicates(cell, folder).correct
        for row in comparison.rows
        for column, cell in zip(comparison.columns, row.cells, strict=True)
    }
    for pair in compare_pairs(comparison, folder):
        assert pair.mcnemar_p == mcnemar(cells[pair.a, pair.column], cells[pair.b, pair.column])
