"""The tables of AudioMosaic's paper (arXiv 2605.14231) and of its README."""

from __future__ import annotations

import re

from hear_audiomosaic.reporting.published.figures import METRICS, PublishedFigure
from hear_audiomosaic.reporting.published.layout import Layout, task_column
from hear_audiomosaic.reporting.tables.model import ColumnHeader

__all__ = ["LAYOUTS"]

_TABLE_1 = {"params_PT": "pre-training", "params_FT": "fine-tuning"}
_MASK_RATIOS = re.compile(r"rho_t=(?P<time>[\d.]+) rho_f=(?P<frequency>[\d.]+)")
_MSM_MAE = "Quoted; elsewhere the same number stands as a frozen HEAR 2021 result of MSM-MAE, not a fine-tuned one."
_README = "HanxunH/AudioMosaic @67a86a8)"


def _table_1(figure: PublishedFigure) -> ColumnHeader:
    if figure.task in _TABLE_1:
        return ColumnHeader(_TABLE_1[figure.task], METRICS[figure.metric].label, group="parameters")
    return task_column(figure)


def _envsdd(figure: PublishedFigure) -> ColumnHeader:
    metric = METRICS[figure.metric]
    _, kind, test = figure.task.split(" ", 2)
    return ColumnHeader(test.partition(" ")[0], metric.label, metric.better, group=kind)


def _ltu(figure: PublishedFigure) -> ColumnHeader:
    metric = METRICS[figure.metric]
    group = "zero-shot" if figure.protocol.endswith("zero-shot") else ""
    return ColumnHeader(figure.task, metric.label, metric.better, group)


def _memory(figure: PublishedFigure) -> ColumnHeader:
    metric = METRICS[figure.metric]
    return ColumnHeader(figure.task.rpartition(" ")[2], metric.label, metric.better, group="batch size")


def _probe(figure: PublishedFigure) -> str:
    return f"{figure.protocol} ({METRICS[figure.metric].label})"


def _ablation(figure: PublishedFigure) -> str:
    return figure.method.removeprefix("AudioMosaic ablation: ")


def _mask_ratio(figure: PublishedFigure, axis: str) -> str:
    found = _MASK_RATIOS.search(figure.method)
    return found[axis] if found else figure.method


def _frequency_ratio(figure: PublishedFigure) -> str:
    return _mask_ratio(figure, "frequency")


def _time_ratio(figure: PublishedFigure) -> ColumnHeader:
    metric = METRICS[figure.metric]
    return ColumnHeader(_mask_ratio(figure, "time"), metric.label, metric.better, group="share of time masked")


def _task_of(figure: PublishedFigure) -> str:
    return f"{figure.task}, {figure.protocol} ({METRICS[figure.metric].label})"


def _alone(figure: PublishedFigure) -> ColumnHeader:
    return ColumnHeader(figure.method)


LAYOUTS = (
    Layout(
        "table1-fine-tuning",
        "AudioMosaic, Table 1: fine-tuning",
        ("Table 1",),
        column=_table_1,
        order=(*_TABLE_1.values(), "AS-20K", "AS-2M", "ESC-50", "SPC-2", "SPC-1"),
        incomparable=("linear evaluation",),
        cell_notes={("MSM-MAE (AS)", task): _MSM_MAE for task in ("ESC-50", "SPC-2")},
        remarks=("Figures of other methods are quoted by AudioMosaic's authors from the methods' own papers.",),
    ),
    Layout(
        "table2-linear-probing",
        "AudioMosaic, Table 2: linear probing of the last layer",
        ("Table 2",),
        remarks=("Other methods were run by AudioMosaic's authors from official weights.",),
    ),
    Layout(
        "figure3-probing-layers",
        "AudioMosaic, Figure 3: probing its layers, AS-20K",
        ("(Figure 3)",),
        stub="probe",
        row=_probe,
        protocol_shown=True,
        column=_alone,
        best="",
        remarks=("What the text says of the figure; its other values cannot be read off.",),
    ),
    Layout(
        "table3-envsdd",
        "AudioMosaic, Table 3: detecting generated environmental sound (EnvSDD)",
        ("Table 3",),
        stub="system",
        column=_envsdd,
        decimals=2,
        remarks=(
            "test01: source and generator seen in training, test02: generator unseen, test03: source unseen, "
            "test04: both unseen.",
            "The README of the released models gives 0.30 for ATA test03 and test04 of AudioMosaic.",
        ),
    ),
    Layout(
        "table4-ltu", "AudioMosaic, Table 4: as the ear of a language model (LTU, LLaMA-7B)", ("Table 4",), column=_ltu
    ),
    Layout(
        "table5-memory",
        "AudioMosaic, Table 5: peak GPU memory of pre-training",
        ("Table 5",),
        column=_memory,
        remarks=("OOM: out of memory.",),
    ),
    Layout(
        "table9-augmentation",
        "AudioMosaic, Table 9: waveform augmentation",
        ("Table 9",),
        stub="augmentation; masking",
        row=_ablation,
    ),
    Layout(
        "figure4b-mask-ratios",
        "AudioMosaic, Figure 4b: share of time and of frequency masked, AS-20K fine-tuned",
        ("(heat-map cell labels; batch 2048)",),
        stub="share of frequency masked",
        row=_frequency_ratio,
        column=_time_ratio,
        best="table",
    ),
    Layout(
        "readme-released-models",
        "AudioMosaic's README: the released models",
        (_README, "computed from README folds"),
        stub="task, protocol",
        row=_task_of,
        protocol_shown=True,
        column=_alone,
        best="",
    ),
)
"""In the paper's order."""
