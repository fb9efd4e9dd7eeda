"""The tables that hold MSM-MAE, AaSP and their relatives, adversarial negatives' relatives and recent HEAR figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hear_audiomosaic.reporting.published.figures import METRICS, PublishedFigure
from hear_audiomosaic.reporting.published.layout import Layout
from hear_audiomosaic.reporting.tables.model import Cell, ColumnHeader, Row, Table

__all__ = ["AASP", "ADVERSARIAL", "MSM_MAE", "RECENT", "best_on_hear"]

_LEADERBOARD = "hearbenchmark/hear-leaderboard leaderboard.csv @7ebc0af"
_ABSTRACT = "MSM-MAE paper abstract (PMLR 166 / arXiv 2204.12260)"
_ISSUE = "nttcslab/msm-mae issue #2 (author comment 2023-01-25, after timestamp fix)"
_FINE_TUNING_ORDER = ("AudioSet-2M", "AudioSet-20K", "AS-2M", "AS-20K", "ESC-50", "SPCV2", "VoxCeleb1", "VC1")
_EVAR_ORDER = (
    *("ESC-50", "US8K", "SPCV2", "VoxCeleb1", "VC1", "VoxForge", "VF", "CREMA-D", "CRM-D", "GTZAN", "NSynth"),
    *("Surge", "Average(9)", "Avg"),
)
_HEAR_ORDER = (
    *("Beehive", "Beijing Opera", "CREMA-D", "DCASE 2016", "ESC-50", "FSD50K", "GTZAN Genre", "GTZAN Music/Speech"),
    *("Gunshot", "Libricount", "Maestro 5h", "Mridangam Stroke", "Mridangam Tonic", "NSynth Pitch 50h"),
    *("NSynth Pitch 5h", "Speech commands 5h", "Speech commands full", "Vocal Imitation", "VoxLingua107 top 10"),
)

MSM_MAE = (
    Layout(
        "hear-msm-mae",
        "MSM-MAE on tasks of HEAR 2021: all that could be established",
        (_ABSTRACT, "Table 1 and AudioMosaic Table 1", _ISSUE),
        best="",
        remarks=("The paper's own table of HEAR tasks was not available.",),
    ),
    Layout(
        "hear-leaderboard",
        "HEAR 2021 leaderboard, per cent",
        (_LEADERBOARD,),
        order=_HEAR_ORDER,
        places=2,
    ),
    Layout(
        "evar-linear-weights",
        "EVAR linear evaluation of released weights",
        ("nttcslab/msm-mae README sec.5 @f0c442f", "nttcslab/m2d README (older revision)"),
        order=_EVAR_ORDER,
    ),
    Layout(
        "evar-linear-unrounded",
        "EVAR linear evaluation of MSM-MAE's released weights, unrounded",
        ("evar_scores_pretrained.csv @f0c442f",),
        order=_EVAR_ORDER,
    ),
    Layout(
        "evar-linear-m2d-clap",
        "EVAR linear evaluation, M2D-CLAP Table 3",
        ("image_Table3_CLAP_LE.png",),
        order=_EVAR_ORDER,
    ),
    Layout("evar-linear-m2d", "EVAR linear evaluation, M2D Table V", ("table-V-M2D-AS-le.png",), order=_EVAR_ORDER),
    Layout(
        "evar-linear-readme",
        "EVAR linear evaluation, EVAR's own table",
        ("nttcslab/eval-audio-repr README sec.7-2 @88ba772",),
        order=_EVAR_ORDER,
        remarks=("It has no row for MSM-MAE.",),
    ),
    Layout(
        "fine-tuning-m2d-clap",
        "Fine-tuning, M2D-CLAP Table 4",
        ("image_Table4_CLAP_FT.png", "citing M2D paper Table 5"),
        order=_FINE_TUNING_ORDER,
    ),
    Layout("fine-tuning-m2d", "Fine-tuning, M2D Table VI", ("table-VI-M2D-AS-ft.png",), order=_FINE_TUNING_ORDER),
)

AASP = (
    Layout(
        "own-figure",
        "AaSP: the one figure that is public",
        ("(third-party metadata; excerpt cut after this row)",),
        best="",
        remarks=(
            "No table of the paper was available; the other tables here are of related methods, by their authors.",
        ),
    ),
    Layout(
        "linear-evaluation",
        "Linear evaluation (EVAR) of related methods",
        protocols=("linear evaluation",),
        order=_EVAR_ORDER,
    ),
    Layout("fine-tuning", "Fine-tuning of related methods", protocols=("fine-tuning",), order=_FINE_TUNING_ORDER),
)

_NOT_ITS_OWN = "No figure of the adversarial negatives' paper was available; this is a relative's own table."

ADVERSARIAL = (
    Layout(
        "byol-a",
        "BYOL-A: linear evaluation",
        ("nttcslab/byol-a README (peer's own table, NOT this paper's)",),
        remarks=(_NOT_ITS_OWN,),
    ),
    Layout(
        "cola", "COLA, Table 1: frozen", ("COLA paper, arXiv 2010.10915, Table 1, frozen",), remarks=(_NOT_ITS_OWN,)
    ),
)

RECENT = (
    Layout(
        "hear-recent",
        "HEAR tasks in recent papers",
        remarks=("Whether the papers' copies of HEAR's pipeline agree in every setting is not known.",),
    ),
)

_SAME_TASK = {"DCASE 2016 Task 2": "DCASE 2016", "LibriCount": "Libricount"}
_ENSEMBLES = ("GURA Fuse", "GURA Cat", "GURA Avg")


def best_on_hear(figures: Sequence[PublishedFigure]) -> Table:
    """MSM-MAE beside the best of the HEAR 2021 competition's entries on each task.

    Args:
        figures: those of ``msm_mae_reported.csv``.
    """
    entries = [one for one in figures if one.source == _LEADERBOARD and one.protocol == "HEAR 2021"]
    metrics = {one.task: one.metric for one in entries}
    own = {
        _SAME_TASK.get(one.task, one.task): one
        for one in figures
        if one.source in (_ABSTRACT, _ISSUE) and one.metric == metrics.get(_SAME_TASK.get(one.task, one.task))
    }
    single = [one for one in entries if not one.method.startswith(_ENSEMBLES)]
    rows = []
    for task in sorted(metrics, key=_HEAR_ORDER.index):
        msm_mae = Cell()
        if task in own:
            number = float(own[task].value)
            msm_mae = Cell(f"{number:.4g}", number, footnotes=(1 if own[task].source == _ABSTRACT else 2,))
        label = f"{task} ({METRICS[metrics[task]].label})"
        sources = [own[task].source, _LEADERBOARD] if task in own else [_LEADERBOARD]
        rows.append(Row(label, (msm_mae, *_top(task, entries), *_top(task, single)), source="; ".join(sources)))
    n_methods = len({one.method for one in entries})
    return Table(
        key="hear-best",
        title="HEAR 2021: MSM-MAE beside the best entry of each task, per cent",
        stub="task",
        columns=(
            ColumnHeader("MSM-MAE"),
            *_best_and_whose(f"the competition's {n_methods} entries"),
            *_best_and_whose("without GURA's Fuse, Cat and Avg"),
        ),
        rows=tuple(rows),
        footnotes=(f"Source: {_ABSTRACT}; variant not named.", f"Source: {_ISSUE}."),
        remarks=(f"Source of the entries: {_LEADERBOARD}.",),
    )


def _best_and_whose(group: str) -> tuple[ColumnHeader, ColumnHeader]:
    return ColumnHeader("best", group=group), ColumnHeader("system", group=group)


def _top(task: str, figures: Iterable[PublishedFigure]) -> tuple[Cell, Cell]:
    """The best figure of a task and whose it is; further ones of the same value are counted."""
    found = [one for one in figures if one.task == task]
    best = max(found, key=lambda one: float(one.value))
    others = sum(one.value == best.value for one in found) - 1
    return Cell(f"{float(best.value):.2f}", best.number), Cell(best.method + (f" and {others} more" if others else ""))
