"""Cost and provenance: computing time, software and machines, and the commands that reproduce the results."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hear_audiomosaic.reporting.comparison.model import Comparison, succeeded
from hear_audiomosaic.reporting.text.formats import listing
from hear_audiomosaic.results.load import LoadedResult
from hear_audiomosaic.results.schema import STRICT, EncoderFacts, Manifest, Result

__all__ = ["Cost", "Environment", "commands", "costs", "environments", "notices"]


@dataclass(frozen=True)
class Cost:
    """Computing time of one encoder on one device, over all tasks, protocols and seeds that succeeded."""

    label: str
    encoder: EncoderFacts
    device: str
    embedding_sizes: tuple[int, ...]
    n_results: int
    audio_seconds: float
    embedding_seconds: float
    probing_seconds: float

    @property
    def speed(self) -> float | None:
        """Seconds of audio embedded per second; None if all embeddings came from the store."""
        known = self.embedding_seconds > 0 and self.audio_seconds > 0
        return self.audio_seconds / self.embedding_seconds if known else None


@dataclass(frozen=True)
class Environment:
    """A combination of software and machine, and the results made with it."""

    manifest: Manifest
    """Of the earliest result."""
    n_results: int
    last_created: str


def costs(results: Iterable[LoadedResult], labels: Mapping[tuple[str, str], str]) -> tuple[Cost, ...]:
    """Cost of every encoder on every device, sorted by label.

    An embedding of a task is shared by all protocols and seeds, each of whose results records its time; it counts once.
    """
    groups: defaultdict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for loaded in results:
        result = loaded.result
        if succeeded(result) and result.encoder.imported is None:  # elsewhere, at a cost that is not known
            groups[result.encoder.ref, result.encoder.fingerprint, result.manifest.device].append(result)
    rows = []
    for (ref, fingerprint, device), members in groups.items():
        embedded = {
            (one.task.directory, one.task.digest, one.manifest.embedding_seconds, one.manifest.audio_seconds)
            for one in members
        }
        rows.append(
            Cost(
                label=labels[ref, fingerprint],
                encoder=members[0].encoder,
                device=device,
                embedding_sizes=tuple(sorted({one.encoder.embedding_size or 0 for one in members})),
                n_results=len(members),
                audio_seconds=sum(sorted(audio for *_, audio in embedded)),
                embedding_seconds=sum(sorted(seconds for *_, seconds, _ in embedded)),
                probing_seconds=sum(sorted(one.manifest.probing_seconds for one in members)),
            )
        )
    return tuple(sorted(rows, key=lambda cost: (cost.label.lower(), cost.label, cost.device)))


def environments(results: Iterable[LoadedResult]) -> tuple[Environment, ...]:
    """Every combination of software and machine among the results."""
    groups: defaultdict[tuple[str, ...], list[Manifest]] = defaultdict(list)
    for loaded in results:
        made = loaded.result.manifest
        if loaded.result.encoder.imported is not None:  # by what, nothing is known
            continue
        groups[made.package_version, made.python, made.torch, made.numpy, made.platform, made.device].append(made)
    rows = []
    for _, members in sorted(groups.items()):
        members.sort(key=lambda made: made.created)
        rows.append(Environment(members[0], len(members), members[-1].created))
    return tuple(rows)


def commands(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """Command lines that reproduce these results and this report, given the tasks and the weights."""
    lines = []
    for comparison in comparisons:
        encoders = sorted({row.encoder.ref for row in comparison.rows if row.encoder.imported is None})
        if not encoders:
            continue
        options = [
            ("--encoders", *encoders),
            ("--tasks", *sorted({column.task.directory for column in comparison.columns})),
            ("--protocols", comparison.protocol.removesuffix(STRICT)),
            ("--seeds", *map(str, comparison.seeds)),
            *([("--strict",)] if comparison.protocol.endswith(STRICT) else []),
            *([("--precision", comparison.precision)] if comparison.precision != "fp32" else []),
            *([("--store-dtype", comparison.store_dtype)] if comparison.store_dtype != "float32" else []),
            ("--out", "results/"),
        ]
        lines.append(" \\\n    ".join(["hear-audiomosaic run", *map(shlex.join, options)]))
    return (*lines, "hear-audiomosaic report results/ --out report/")


def notices(comparisons: Sequence[Comparison], environments: Sequence[Environment], n_skipped: int) -> tuple[str, ...]:
    """Warnings to be read before the tables; empty if there are none."""
    notes = []
    untrained = sorted({row.label for one in comparisons for row in one.rows if row.encoder.untrained})
    if untrained:
        notes.append(f"UNTRAINED, here as a floor and not as a contender: {listing(untrained)}.")
    imported = sorted({row.label for one in comparisons for row in one.rows if row.encoder.imported is not None})
    if imported:
        notes.append(
            f"Imported: the embeddings of {listing(imported)} were written by another program; nothing is known here "
            "of how, and the encoder was not checked."
        )
    if len(comparisons) > 1:
        notes.append(
            "There is more than one protocol. Each has its own table; the scores of two protocols are not comparable."
        )
    unofficial = [one.label for one in comparisons if not one.official]
    if unofficial:
        notes.append(
            f"Not the protocol of the HEAR 2021 evaluation: {listing(unofficial)}. "
            "These scores are not comparable with those of the HEAR leaderboard."
        )
    unranked = [one.label for one in comparisons if one.official and not one.rankable]
    if unranked:
        stored = " on float32 embeddings" if any(one.store_dtype != "float32" for one in comparisons) else ""
        notes.append(
            f"Not computed in fp32{stored}: {listing(unranked)}. These rows are not ranked on the HEAR leaderboard and "
            "not in leaderboard.csv, whose scores were."
        )
    strict = [one.label for one in comparisons if one.protocol.endswith(STRICT)]
    if strict:
        notes.append(
            f"Strict: {listing(strict)} stops where heareval stops, for example at the first validation score that is "
            "NaN; without it training goes on there."
        )
    n_failed = sum(len(one.failures) for one in comparisons)
    if n_failed:
        notes.append(f"{_counted(n_failed, 'result')} failed; the errors are listed below the tables.")
    n_missing = sum(one.n_missing for one in comparisons)
    if n_missing:
        notes.append(
            f"{_counted(n_missing, 'cell')} of the tables {'has' if n_missing == 1 else 'have'} no result yet."
        )
    if n_skipped:
        notes.append(f"{_counted(n_skipped, 'file')} could not be used; they are named at the end.")
    if len(environments) > 1:
        notes.append(
            f"The results come from {len(environments)} different environments (software or machine); see Manifest."
        )
    return tuple(notes)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
