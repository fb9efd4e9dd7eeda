"""Two sources of variance of a score, separated: the test clips and the seed.

Origin: Bouthillier et al., "Accounting for Variance in Machine Learning Benchmarks", 2021 (arXiv 2103.03098).

A bootstrap over clips keeps the trained probe fixed, repeated seeds keep the clips fixed; neither alone estimates how
much a score would change if the experiment were repeated with other clips and another seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy.typing as npt

from hear_audiomosaic.errors import MetricError
from hear_audiomosaic.statistics._arrays import clip_values

__all__ = ["Variances", "score_variances"]


@dataclass(frozen=True)
class Variances:
    """Variances in the squared unit of the score."""

    test: float
    """Due to the choice of test clips."""
    seed: float
    """Due to the seed; NaN where there is only one."""
    total: float
    """Their sum: the variance of one run's score. NaN where there is only one seed."""

    def of_mean(self, n_seeds: int) -> float:
        """Variance of the mean score of ``n_seeds`` runs on the same clips.

        Formula: test + seed / n_seeds: more seeds average out the seed, but not the clips that all share.

        Source: Bouthillier et al., 2021, on means of runs that share a source of variance.
        """
        if n_seeds < 1:
            raise MetricError(f"n_seeds: expected at least 1, found {n_seeds}.")
        return self.test + self.seed / n_seeds


def score_variances(scores: npt.ArrayLike, resampled: npt.ArrayLike) -> Variances:
    """Split the variance of a score into that of the test clips and that of the seed.

    Formula: the law of total variance, Var(s) = E_seed[Var_test(s | seed)] + Var_seed(E_test[s | seed]). The first term
    is the mean over seeds of the variance of that seed's bootstrap scores, the second the variance of the scores
    over seeds; both divide by one less than the number.

    All seeds are scored on the same clips. An effect of the clips that all seeds share therefore does not enter
    the seed's term; disagreement between seeds on single clips does, so that term is slightly too large on small test
    sets.

    Args:
        scores: (S,) the score of each seed.
        resampled: (S, n_resamples) each seed's bootstrap scores, finite.

    Returns:
        The variances; ``seed`` and ``total`` are NaN for a single seed.

    Raises:
        MetricError: shapes that do not fit, fewer than two resamples, or values that are not finite.

    Source: Bouthillier et al., 2021 (the sources of variance, and that all of them must be varied); the decomposition
    is the law of total variance.
    """
    observed, table = clip_values(scores, "scores"), clip_values(resampled, "resampled")
    if observed.ndim != 1 or table.ndim != 2 or len(observed) != len(table) or table.shape[1] < 2:
        raise MetricError(
            "expected scores (S,) and resampled (S, n_resamples) with n_resamples > 1, "
            f"found {observed.shape} and {table.shape}."
        )
    test = float(table.var(axis=1, ddof=1).mean())
    seed = float(observed.var(ddof=1)) if len(observed) > 1 else float("nan")
    return Variances(test, seed, test + seed)
