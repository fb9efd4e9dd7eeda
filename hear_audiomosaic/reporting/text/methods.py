"""The methods section of a report, from the contents of the result files."""

from __future__ import annotations

from collections.abc import Sequence

from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.comparison.report_data import ReportData
from hear_audiomosaic.reporting.text.formats import listing, percent
from hear_audiomosaic.reporting.text.uncertainty import about_units
from hear_audiomosaic.results.schema import STRICT
from hear_audiomosaic.statistics.jackknife import FEWEST_UNITS

__all__ = ["methods"]


def methods(content: ReportData, analyses: Sequence[Analysis]) -> tuple[str, ...]:
    """How the scores of a report were computed, as paragraphs for a paper.

    Args:
        content: the contents of the report.
        analyses: of its comparisons, in their order.

    Returns:
        Paragraphs: the scores, the intervals and tests, the software.
    """
    return (
        " ".join([*map(_protocol, content.comparisons), _SCORES]),
        *([_uncertainty(content.comparisons, analyses)] if analyses else []),
        _software(content),
    )


_SCORES = (
    "The encoders are frozen: probes are trained on their embeddings, the grid point with the best validation score is "
    "scored on the test data, and a task with folds has the unweighted mean over them."
)


_POPULATION = (
    "The mean average precision of an infinite population is another quantity: small test sets are biased against it."
)


def _protocol(comparison: Comparison) -> str:
    points = listing(map(str, comparison.grid_points))
    seeds = listing(map(str, comparison.seeds))
    refs, n = ", ".join(sorted(row.encoder.ref for row in comparison.rows)), len(comparison.columns)
    protocol = comparison.protocol
    protocol += ", which stops or crashes where heareval does," if protocol.endswith(STRICT) else ""
    return (
        f"{len(comparison.rows)} encoders ({refs}) were compared on {n} task{'s' if n > 1 else ''} "
        f"({', '.join(column.task.directory for column in comparison.columns)}) by the protocol {protocol} "
        f"(fingerprint {comparison.fingerprint[:12]}, {points} grid points, seeds {seeds}, {comparison.arithmetic})."
    )


def _uncertainty(comparisons: Sequence[Comparison], analyses: Sequence[Analysis]) -> str:
    first = analyses[0]
    level, alpha = percent(first.level), percent(first.alpha)
    cells = [cell for one in analyses for cell in one.cells.values() if cell.interval is not None]
    if not cells:
        return "There are no intervals and no tests, since no test predictions could be used."
    has_map = any(column.score_name == "mAP" for one in comparisons for column in one.columns)
    parts = [
        f"Intervals are for the score that is expected of test sets of this size, at {level}: Wilson's with the "
        "effective number of units and Student's t (score ± t · se for scores without an upper bound). Standard errors "
        "are of the jackknife that leaves out one independent unit at a time within its fold, degrees of freedom the "
        f"units less the folds; fewer than {FEWEST_UNITS} units have neither interval nor test.",
        *([_POPULATION] if has_map else []),
        *(text for pair in zip(comparisons, analyses, strict=True) for text in about_units(*pair)),
    ]
    if any(cell.includes_seeds for cell in cells):
        parts.append(
            "Where there are several seeds, score, interval and test are those of their mean, and the variance between "
            "seeds is in them (Satterthwaite's degrees of freedom), of which two seeds know so little that "
            "intervals are wide; ± is the standard deviation over seeds."
        )
    if not all(cell.includes_seeds for cell in cells):
        parts.append("Results of a single seed hold the trained probe fixed.")
    if any(pair.is_tested for one in analyses for pair in one.pairs):
        parts.append(
            "Two encoders are compared on the same units (two-sided paired t test of the jackknife's differences). "
            f"p-values are adjusted over the tasks of each pair by Holm's method, which gives the verdicts at {alpha}, "
            "and by Benjamini and Hochberg's; for the mark † they are adjusted by Holm's method over all "
            "pairs of encoders on the task. For accuracies, pairs.csv also has an exact McNemar test."
        )
    return " ".join(part for part in parts if part)


def _software(content: ReportData) -> str:
    made = [environment.manifest for environment in content.environments]

    def all_of(name: str) -> str:
        return listing(sorted({str(getattr(one, name)) for one in made}))

    return (
        f"Made with hear_audiomosaic {all_of('package_version')}, Python {all_of('python')}, PyTorch {all_of('torch')} "
        f"and NumPy {all_of('numpy')} on {all_of('platform')}, device {all_of('device')}."
    )
