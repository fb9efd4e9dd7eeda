"""From the test of a fold to the predictions that are stored of it."""

from __future__ import annotations

from collections.abc import Mapping

from hear_audiomosaic.probing.probe_result import FoldResult
from hear_audiomosaic.results.predictions import FoldPredictions

__all__ = ["fold_predictions"]


def fold_predictions(fold: FoldResult, groups: Mapping[str, str] | None = None) -> FoldPredictions:
    """The predictions of a fold, to be stored.

    Args:
        fold: of a probe's result.
        groups: clip -> what it belongs to; a clip that is not named is on its own. None or empty: nothing is known.
            (Default: None)
    """
    return FoldPredictions(
        split=fold.split,
        files=tuple(fold.files),
        probabilities=fold.probabilities,
        targets=fold.targets,
        row_file=fold.row_file,
        groups=tuple(groups.get(name, name) for name in fold.files) if groups else None,
        timestamps_ms=fold.timestamps_ms,
        predicted_events=fold.predicted_events,
        reference_events=fold.reference_events,
    )
