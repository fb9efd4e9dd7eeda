"""Tasks prepared from HEAR's small source archives, beside what hearpreprocess made of the same archives.

``python tests/helpers/published_tasks.py`` (with the project's root and ``tests/helpers`` importable) prints the table
of all tasks at all rates.
"""

from __future__ import annotations

import csv
import hashlib
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from hear_audiomosaic.tasks import PreparedTask
from hear_audiomosaic.tasks.from_source import prepare_from_source

RATES_HZ = (16000, 22050, 32000, 44100, 48000)
VOX_LINGUA_LABELS = ("az", "da", "fa", "fi", "fr", "hy", "ja", "lv", "ru", "uk")
"""hearpreprocess cut its ten languages from ties in the order of its file system; these it happened to take."""
LEVEL_TOLERANCE = 1e-6
STEP = 2.0**-15
TABLES = ("clips.csv", "sources.csv")


def golden_names(shared: Path) -> list[str]:
    return sorted(path.name for path in (shared / "goldens" / "hearpreprocess").iterdir() if path.is_dir())


def prepare_small(
    folder: str, shared: Path, tasks_dir: Path, rates_hz: Sequence[int], workers: int | None = 1
) -> PreparedTask:
    """The task from the archives of its small mode."""
    return prepare_from_source(
        folder,
        [shared / "data" / "hear_small"],
        labels=VOX_LINGUA_LABELS if folder.startswith("vox_lingua") else (),
        rates_hz=rates_hz,
        tasks_dir=tasks_dir,
        workers=workers,
    )


@dataclass
class Comparison:
    """What differs between a prepared task and its golden; lists name clips or files."""

    task: PreparedTask
    tables: list[str] = field(default_factory=list)
    clips: list[str] = field(default_factory=list)
    lengths: list[str] = field(default_factory=list)
    unresampled: int = 0
    other_samples: list[str] = field(default_factory=list)
    rms_differences: dict[str, float] = field(default_factory=dict)
    rms_of: dict[str, float] = field(default_factory=dict)

    @property
    def worst_rms(self) -> float:
        return max(self.rms_differences.values(), default=0.0)

    @property
    def other_levels(self) -> list[str]:
        """Resampled clips whose level is another one than dither explains.

        Near silence dither is the level: it adds up to a quarter of a step squared to the power, where rounding adds a
        twelfth or swallows the signal.
        """
        return [
            name
            for name, difference in self.rms_differences.items()
            if difference > LEVEL_TOLERANCE
            and not (self.rms_of[name] < 3 * STEP and self.power_differences[name] < STEP**2 / 2)
        ]

    @property
    def beyond_tolerance(self) -> list[str]:
        """Resampled clips whose level differs by more than 1e-6."""
        return [name for name, difference in self.rms_differences.items() if difference > LEVEL_TOLERANCE]

    @property
    def power_differences(self) -> dict[str, float]:
        return {
            name: difference * (2 * self.rms_of[name] + difference) for name, difference in self.rms_differences.items()
        }


def compare(task: PreparedTask, golden: Path, rates_hz: Sequence[int]) -> Comparison:
    """Tables byte for byte; of every clip its length, its samples where it was not resampled, its level elsewhere."""
    result = Comparison(task)
    for path in sorted(golden.iterdir()):
        if path.name not in TABLES and path.read_bytes() != (task.directory / path.name).read_bytes():
            result.tables.append(path.name)
    own_rate = {
        (row["split"], row["filename"]): int(row["clip_rate_hz_before_resampling"]) for row in _rows(golden, TABLES[1])
    }
    expected = [row for row in _rows(golden, TABLES[0]) if int(row["rate_hz"]) in rates_hz]
    wanted = {f"{row['rate_hz']}/{row['split']}/{row['filename']}" for row in expected}
    there = {path.relative_to(task.directory).as_posix() for path in task.directory.glob("*/*/*")}
    result.clips = sorted(wanted ^ there)
    for row in expected:
        _compare_clip(result, row, own_rate[row["split"], row["filename"]])
    return result


def _compare_clip(result: Comparison, row: dict[str, str], own_rate_hz: int) -> None:
    name = f"{row['rate_hz']}/{row['split']}/{row['filename']}"
    path = result.task.directory / name
    samples, rate_hz = soundfile.read(path, dtype="int16", always_2d=True)
    if (*samples.shape, rate_hz, soundfile.info(path).subtype) != (
        int(row["n_samples"]),
        1,
        int(row["rate_hz"]),
        "PCM_16",
    ):
        result.lengths.append(name)
    if int(row["rate_hz"]) == own_rate_hz:
        result.unresampled += 1
        if hashlib.md5(samples.astype("<i2").tobytes(), usedforsecurity=False).hexdigest() != row["md5_of_pcm_bytes"]:
            result.other_samples.append(name)
    else:
        rms = float(np.sqrt(np.mean((samples.astype(np.float64) / 32768.0) ** 2)))
        result.rms_differences[name] = abs(rms - float(row["rms"]))
        result.rms_of[name] = float(row["rms"])


def _rows(golden: Path, table: str) -> list[dict[str, str]]:
    with (golden / table).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table_row(folder: str, result: Comparison) -> str:
    """A line of the table in Markdown."""
    splits = "/".join(str(len(result.task.labels(split))) for split in result.task.splits)
    equal = result.unresampled - len(result.other_samples)
    fine = "same" if not (result.tables or result.clips) else "DIFFER"
    lengths = "all equal" if not result.lengths else f"{len(result.lengths)} DIFFER"
    n_clips = sum(len(result.task.labels(split)) for split in result.task.splits)
    n_rows = result.unresampled + len(result.rms_differences)
    beyond = result.beyond_tolerance
    loudest = max((result.rms_of[name] for name in beyond), default=0.0)
    return (
        f"| {folder} | {splits} | {n_clips} | {fine} | {len(result.task.vocabulary)} | {lengths} of {n_rows} | "
        f"{equal} of {result.unresampled} | {result.worst_rms:.1e} | "
        f"{f'{len(beyond)}, all below {loudest / STEP:.1f} steps of 16 bits' if beyond else 0} |"
    )


def main(shared: Path) -> None:
    sys.stdout.write(
        "| task | clips per split | clips | split files, labels, vocabulary, metadata | labels | lengths | "
        "samples equal where not resampled | worst level difference (rms) | beyond 1e-6 |\n" + "|---" * 9 + "|\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in golden_names(shared):
            task = prepare_small(name, shared, Path(folder), RATES_HZ, workers=None)
            result = compare(task, shared / "goldens" / "hearpreprocess" / name, RATES_HZ)
            sys.stdout.write(table_row(name, result) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
