"""The analysis of a folder of invented results."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hear_audiomosaic.reporting.analysis.uncertainty import Analysis, analyse
from hear_audiomosaic.reporting.comparison.build import compare
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.results.load import load_results


def table(folder: Path) -> Comparison:
    (one,) = compare(load_results(folder).results)
    return one


def analysed(folder: Path) -> Analysis:
    return analyse(table(folder), folder, n_resamples=200)


def answers(n: int, n_right: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.arange(n) < n_right)
