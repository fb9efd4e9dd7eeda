"""The methods section of a report, from the contents of the result files."""

from __future__ import annotations

from collections.abc import Sequence

from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.comparison.report_data import ReportData
from hear_audiomosaic.reporting.text.formats import listing, percent

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


def _protocol(comparison: Comparison) -> str:
    points = listing(map(str, comparison.grid_points))
    seeds = listing(map(str, comparison.seeds))
    refs, n = ", ".join(sorted(row.encoder.ref for row in comparison.rows)), len(comparison.columns)
    return (
        f"{len(comparison.rows)} encoders ({refs}) were compared on {n} task{'s' if n > 1 else ''} "
        f"({', '.join(column.task.directory for column in comparison.columns)}) by the protocol {comparison.protocol} "
        f"(fingerprint {comparison.fingerprint[:12]}, {points} grid points, seeds {seeds}, {comparison.precision})."
    )


def _uncertainty(comparisons: Sequence[Comparison], analyses: Sequence[Analysis]) -> str:
    first = analyses[0]
    level, alpha = percent(first.level), percent(first.alpha)
    cells = [cell for one in analyses for cell in one.cells.values() if cell.interval is not None]
    if not cells:
        return "There are no intervals and no tests, since no test predictions could be used."
    fewest = min(cell.n_resamples for cell in cells)
    fewer = f" ({fewest} at least for the largest tasks)" if fewest < first.n_resamples else ""
    parts = [
        f"Intervals are {level} percentile bootstrap intervals over the test clips ({first.n_resamples} "
        f"resamples{fewer}, seed {first.seed}), folds being resampled separately and the trained probes held fixed. A "
        "percentile interval of a few dozen clips is slightly too short, and that of a score of exactly 0 or 1 has no "
        "width.",
        _groups(comparisons, analyses),
    ]
    if any(cell.seed_sd is not None for cell in cells):
        parts.append(
            "Where there are several seeds, score and interval are those of their mean; ± is the standard deviation "
            "over seeds, which neither the intervals nor the tests take into account."
        )
    if any(pair.is_tested for one in analyses for pair in one.pairs):
        parts.append(
            "Two encoders are compared on the same resamples (two-sided paired bootstrap test of the difference). "
            f"p-values are adjusted over the tasks of each pair by Holm's method, which gives the verdicts at {alpha}, "
            "and by Benjamini and Hochberg's; for the mark † they are adjusted by Holm's method over the comparisons "
            "of one task with its best encoder. For accuracies, pairs.csv also has an exact McNemar test."
        )
    return " ".join(part for part in parts if part)


def _groups(comparisons: Sequence[Comparison], analyses: Sequence[Analysis]) -> str:
    grouped = dict.fromkeys(
        column
        for comparison, analysis in zip(comparisons, analyses, strict=True)
        for column in (one.label for one in comparison.columns)
        if any(cell.n_groups is not None for (_, task), cell in analysis.cells.items() if task == column)
    )
    rest = "Clips were resampled one by one, since the predictions name no groups of clips that belong together"
    if not grouped:
        return f"{rest}; where there are such groups (one speaker, one recording) the intervals are too short."
    return (
        f"Groups of clips that belong together were resampled as a whole on {listing(grouped)}; elsewhere clips were "
        "resampled one by one."
    )


def _software(content: ReportData) -> str:
    made = [environment.manifest for environment in content.environments]

    def all_of(name: str) -> str:
        return listing(sorted({str(getattr(one, name)) for one in made}))

    return (
        f"Made with hear_audiomosaic {all_of('package_version')}, Python {all_of('python')}, PyTorch {all_of('torch')} "
        f"and NumPy {all_of('numpy')} on {all_of('platform')}, device {all_of('device')}."
    )
