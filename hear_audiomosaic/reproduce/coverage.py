"""Do the intervals of reports cover, and do their tests hold their level? Simulated, where the truth is known.

``reports/coverage``. Every experiment draws test clips and the answers of encoders that are equally good, computes what
a report computes (:mod:`hear_audiomosaic.reporting.analysis.replicates`), and asks three things: whether the 95 %
interval holds the expected score, how often two equal encoders differ at 5 %, and how often any of all pairs does
after Holm's method. The expected score is the mean over all experiments of a setting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from hear_audiomosaic.errors import RecipeError
from hear_audiomosaic.files import write_text
from hear_audiomosaic.metrics import Events, get_score
from hear_audiomosaic.reporting.analysis.replicates import clip_replicates, event_replicates
from hear_audiomosaic.reporting.text.csv_cells import csv_text
from hear_audiomosaic.reproduce.recipes import OnMessage, Outcome
from hear_audiomosaic.statistics import FoldReplicates, holm, paired_t_test, score_interval, standard_error

__all__ = ["KINDS", "Rates", "Setting", "run", "simulate"]

Array = npt.NDArray[Any]
Folds = list[FoldReplicates]

_CLIPS_PER_GROUP = 20
_SEED_SD = 0.03  # of an accuracy, due to the probe's seed


@dataclass(frozen=True)
class Setting:
    """What is simulated.

    Attributes:
        kind: one of `KINDS`.
        score: name of the score.
        n: clips or files of each fold; the mean number for groups.
        groups: groups of each fold; empty: clips are independent.
        classes: of rankings.
        positives: fewest positive clips of a class; d' is infinite where a class is ranked without a mistake.
        rate: expected accuracy, or share of events found.
        encoders: compared with one another.
        seeds: probes of each encoder.
    """

    kind: str
    score: str
    n: int = 0
    groups: tuple[int, ...] = ()
    classes: int = 0
    positives: int = 1
    rate: float = 0.7
    encoders: int = 2
    seeds: int = 1

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> Setting:
        """From a recipe's YAML.

        Raises:
            RecipeError: no such kind.
        """
        if content["kind"] not in KINDS:
            raise RecipeError(f"There is no kind '{content['kind']}' of experiment; there are {', '.join(KINDS)}.")
        return cls(**{**content, "groups": tuple(content.get("groups", ()))})


@dataclass(frozen=True)
class Rates:
    """What came of the experiments of a setting."""

    coverage: float
    """Share of the intervals that hold the expected score; wanted: 0.95."""
    level: float
    """Share of pairs of equal encoders, each task's first two, that differ at 5 %; wanted: 0.05 at most."""
    family: float
    """Share of experiments in which any pair differs after Holm's method; wanted: 0.05 at most."""
    outside: int
    """Scores outside their own interval; wanted: none."""


def run(recipe: Mapping[str, Any], data_dir: Path, out: Path, *, device: str, on_message: OnMessage) -> Outcome:
    """Simulate every setting and write ``coverage.csv``.

    Args:
        recipe: ``repetitions``, ``seed`` and ``settings``; a setting may have ``repetitions`` of its own.
        data_dir: not used; nothing is read.
        out: folder of the table.
        device: not used.
        on_message: called with each setting's row.
    """
    rows = []
    for content in recipe["settings"]:
        own = {name: value for name, value in content.items() if name != "repetitions"}
        setting, repetitions = Setting.from_mapping(own), content.get("repetitions", recipe["repetitions"])
        rates = simulate(setting, repetitions, recipe["seed"])
        rows.append({**_facts(setting), "repetitions": repetitions, **_rounded(rates)})
        on_message(", ".join(f"{name} {value}" for name, value in rows[-1].items() if value != ""))
    write_text(out / "coverage.csv", csv_text(list(rows[0]), [list(map(str, row.values())) for row in rows]))
    return Outcome(out / "coverage.csv", tuple(rows))


def simulate(setting: Setting, repetitions: int, seed: int = 0) -> Rates:
    """Run the experiments of a setting.

    Args:
        setting: what is simulated.
        repetitions: number of experiments.
        seed: of the generator.
    """
    rng = np.random.default_rng(seed)
    draw, bounds = KINDS[setting.kind], get_score(setting.score).bounds
    scores, ends, level, family = [], [], 0, 0
    for _ in range(repetitions):
        encoders = [_seeded(folds, setting, rng) for folds in draw(setting, rng)]
        for folds, of_seeds in encoders:
            score = float(np.mean([fold.score for fold in folds]))
            interval = score_interval(score, standard_error(folds, of_seeds), bounds=bounds)
            scores.append(score)
            ends.append((interval.low, interval.high))
        p = [
            paired_t_test(a, b, seed_differences=np.subtract(seeds_a, seeds_b)).p
            for (a, seeds_a), (b, seeds_b) in combinations(encoders, 2)
        ]
        level += int(p[0] < 0.05)
        family += int((holm(p) < 0.05).any())
    observed, (low, high) = np.array(scores), np.array(ends).T
    truth = observed.mean()
    return Rates(
        coverage=float(np.mean((low <= truth) & (truth <= high))),
        level=level / repetitions,
        family=family / repetitions,
        outside=int(np.count_nonzero((observed < low) | (observed > high))),
    )


def _seeded(folds: Folds, setting: Setting, rng: np.random.Generator) -> tuple[Folds, Array]:
    """The mean over seeds, whose scores differ by more than their clips, and the score of each seed."""
    score = float(np.mean([fold.score for fold in folds]))
    if setting.seeds == 1:
        return folds, np.array([score])
    shift = rng.normal(0.0, _SEED_SD, setting.seeds)
    return [FoldReplicates(fold.score + shift.mean(), fold.replicates) for fold in folds], score + shift


# ---------------------------------------------------------------------------------------------------- experiments


def _draw_clips(setting: Setting, rng: np.random.Generator) -> list[Folds]:
    """Accuracies of independent clips, some of which are hard for all encoders."""
    n = setting.n
    shared = rng.normal(size=n)
    return [
        [_accuracy(np.sqrt(0.5) * (shared + rng.normal(size=n)) < ndtri(setting.rate), np.arange(n))]
        for _ in range(setting.encoders)
    ]


def _draw_groups(setting: Setting, rng: np.random.Generator) -> list[Folds]:
    """Accuracies of clips in groups, some of which are hard for all encoders and some for one."""
    folds: list[list[FoldReplicates]] = [[] for _ in range(setting.encoders)]
    for n_groups in setting.groups:
        sizes = 1 + rng.poisson((setting.n or _CLIPS_PER_GROUP) - 1, n_groups)
        unit = np.repeat(np.arange(n_groups), sizes)
        shared = np.sqrt(0.15) * rng.normal(size=n_groups)[unit] + np.sqrt(0.35) * rng.normal(size=len(unit))
        for own in folds:
            group = np.sqrt(0.15) * rng.normal(size=n_groups)[unit]
            clip = np.sqrt(0.35) * rng.normal(size=len(unit))
            own.append(_accuracy(shared + group + clip < ndtri(setting.rate), unit))
    return folds


def _draw_tags(setting: Setting, rng: np.random.Generator) -> list[Folds]:
    """Rankings of multi-label clips; classes are unequally frequent, and each has some positive clips."""
    n, n_classes = setting.n, setting.classes
    frequency = np.clip(0.12 * np.random.default_rng(3).exponential(size=n_classes), setting.positives / n, 0.6)
    targets = rng.random((n, n_classes)) < frequency
    while (few := targets.sum(axis=0) < setting.positives).any():
        targets[:, few] = rng.random((n, int(few.sum()))) < frequency[few]
    noise, multi_hot = rng.normal(size=(n, n_classes)), targets.astype(np.float64)
    probabilities = (np.sqrt(0.5) * (noise + rng.normal(size=(n, n_classes))) for _ in range(setting.encoders))
    return [[clip_replicates(setting.score, multi_hot, values + multi_hot, np.arange(n))] for values in probabilities]


def _draw_events(setting: Setting, rng: np.random.Generator) -> list[Folds]:
    """Events of files that differ in their number of events and in how hard they are."""
    n_files = setting.n
    counts = 1 + rng.poisson(6, n_files)
    file = np.repeat(np.arange(n_files), counts)
    position = np.arange(len(file)) - np.repeat(np.cumsum(counts) - counts, counts)
    reference = _events(file, position)
    shared = rng.normal(size=n_files)
    drawn = []
    for _ in range(setting.encoders):
        hard = np.sqrt(0.15) * (shared + rng.normal(size=n_files))[file] + np.sqrt(0.7) * rng.normal(size=len(file))
        found = hard < ndtri(setting.rate)
        extra = np.repeat(np.arange(n_files), rng.poisson(2, n_files))
        estimated = _events(
            np.concatenate([file[found], extra]), np.concatenate([position[found], 100 + np.arange(len(extra))])
        )
        drawn.append([event_replicates(setting.score, reference, estimated, np.arange(n_files))])
    return drawn


KINDS: Mapping[str, Callable[[Setting, np.random.Generator], list[Folds]]] = {
    "clips": _draw_clips,
    "groups": _draw_groups,
    "tags": _draw_tags,
    "events": _draw_events,
}
"""Kinds of experiments: each returns the folds of every encoder."""


def _accuracy(correct: Array, unit: Array) -> FoldReplicates:
    first = np.zeros((len(correct), 2))
    first[:, 0] = 1.0
    answers = np.column_stack([correct, ~correct]).astype(np.float64)
    return clip_replicates("top1_acc", first, answers, unit)


def _events(file: Array, second: Array) -> Events:
    """One event of 0.5 s in the given second of each file."""
    start = 1000.0 * second + 100.0
    return Events(file, np.zeros(len(file), dtype=np.int64), start, start + 500.0)


# -------------------------------------------------------------------------------------------------------- the table


def _facts(setting: Setting) -> dict[str, Any]:
    return {
        "score": setting.score,
        "n": setting.n or _CLIPS_PER_GROUP,
        "per": "group" if setting.groups else "test set",
        "classes": setting.classes or "",
        "groups": _groups_text(setting.groups),
        "rate": "" if setting.classes else setting.rate,
        "encoders": setting.encoders,
        "seeds": setting.seeds,
    }


def _groups_text(groups: Sequence[int]) -> str:
    return "" if not groups else str(groups[0]) if len(groups) == 1 else f"{len(groups)} folds of {groups[0]}"


def _rounded(rates: Rates) -> dict[str, Any]:
    return {
        "coverage": f"{rates.coverage:.3f}",
        "level": f"{rates.level:.3f}",
        "family": f"{rates.family:.3f}",
        "outside": rates.outside,
    }
