"""Which publications there are, and what each of them shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.reporting.published import audiomosaic, peers
from hear_audiomosaic.reporting.published.figures import read_figures
from hear_audiomosaic.reporting.published.layout import Layout, lay_out
from hear_audiomosaic.reporting.published.leaderboard import leaderboard_tables
from hear_audiomosaic.reporting.tables.model import Table

__all__ = ["PUBLISHED", "Publication"]


@dataclass(frozen=True)
class Publication:
    """One set of published tables."""

    title: str
    about: str
    build: Callable[[Path], tuple[Table, ...]]
    """Folder of the CSVs -> the tables."""

    def tables(self, folder: Path | None = None) -> tuple[Table, ...]:
        """The tables.

        Args:
            folder: where the CSVs are; the shipped ones if None.

        Raises:
            ResultError: a CSV is missing or broken.
        """
        return self.build(folder or content_dir("reports") / "published")


def _laid_out(file: str, layouts: tuple[Layout, ...]) -> Callable[[Path], tuple[Table, ...]]:
    return lambda folder: lay_out(read_figures(folder / file), layouts)


def _msm_mae(folder: Path) -> tuple[Table, ...]:
    figures = read_figures(folder / "msm_mae_reported.csv")
    first, *others = lay_out(figures, peers.MSM_MAE)
    return first, peers.best_on_hear(figures), *others


PUBLISHED: Mapping[str, Publication] = MappingProxyType(
    {
        "hear2021": Publication(
            "The HEAR 2021 leaderboard",
            "All 34 systems of the HEAR 2021 leaderboard, 29 of the competition and 5 of later years.",
            leaderboard_tables,
        ),
        "audiomosaic": Publication(
            "AudioMosaic's published figures",
            "The tables of arXiv 2605.14231 and the figures of its README.",
            _laid_out("audiomosaic_reported.csv", audiomosaic.LAYOUTS),
        ),
        "msm-mae": Publication(
            "MSM-MAE's published figures",
            "MSM-MAE (arXiv 2204.12260) on HEAR's tasks, in EVAR's linear evaluation and fine-tuned, with the methods "
            "it was compared with.",
            _msm_mae,
        ),
        "aasp": Publication(
            "Published figures around AaSP",
            "AaSP (arXiv 2512.03637): the one figure that is public, and related methods.",
            _laid_out("aasp_reported.csv", peers.AASP),
        ),
        "adversarial": Publication(
            "Published figures around adversarial negatives",
            "Relatives of adversarial negatives (arXiv 2303.08561); no figure of that paper itself was available.",
            _laid_out("adversarial_reported.csv", peers.ADVERSARIAL),
        ),
        "recent": Publication(
            "HEAR figures of recent papers",
            "What papers of 2025 and 2026 report on HEAR's tasks.",
            _laid_out("hear_recent_reported.csv", peers.RECENT),
        ),
    }
)
"""By name, in the order of help texts."""
