"""Small folders of recordings with tables, for the tests of the preparation."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from hear_audiomosaic.tasks import PreparedTask, prepare_folder

RATE_HZ = 16000


def tone(frequency_hz: float, seconds: float = 0.05, rate_hz: int = RATE_HZ) -> np.ndarray:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32)


def write_audio(folder: Path, name: str, samples: np.ndarray, rate_hz: int = RATE_HZ, subtype: str = "PCM_16") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz, subtype=subtype)


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def scene_rows(n: int = 24) -> list[dict[str, Any]]:
    """Clips of 4 speakers x 2 labels, with a split, a fold (= speaker), and tags."""
    rows = []
    for i in range(n):
        speaker = i % 4
        rows.append(
            {
                "filename": f"audio/clip{i:02d}.wav",
                "label": ("dog", "cat")[(i // 4) % 2],
                "split": ("train", "train", "valid", "test")[speaker],
                "fold": ("1", "2", "10", "11")[speaker],
                "speaker": f"s{speaker}",
                "tags": ("a|b", "a", "", "b| c ", "c|a", "b")[i % 6],
            }
        )
    return rows


def scene_folder(folder: Path, rows: Sequence[dict[str, Any]] | None = None) -> Path:
    rows = scene_rows() if rows is None else rows
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "metadata.csv", rows)
    for i, name in enumerate(dict.fromkeys(row["filename"] for row in rows)):
        write_audio(folder, name, tone(200 + 20 * i))
    return folder


def event_folder(folder: Path, length_s: float = 0.6, events: Sequence[dict[str, Any]] | None = None) -> Path:
    """Six clips of 2 s; clip5 has no event."""
    folder.mkdir(parents=True, exist_ok=True)
    splits = ("train", "train", "valid", "test", "test", "train")
    rows = [{"filename": f"c{i}.flac", "split": splits[i], "kind": "xy"[i % 2]} for i in range(6)]
    write_table(folder / "metadata.csv", rows)
    for i in range(6):
        write_audio(folder, f"c{i}.flac", tone(300 + 10 * i, 2.0))
    if events is None:
        events = [
            {"filename": f"c{i}.flac", "onset_s": onset, "offset_s": onset + length_s, "label": label, "level": level}
            for i in range(5)
            for onset, label in ((0.57, "knock"), (0.1, "bell"))
            for level in ("coarse", "fine")
        ]
    write_table(folder / "events.csv", events)
    return folder


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def prepare(source: Path, tasks: Path, name: str = "pets", **options: Any) -> PreparedTask:
    return prepare_folder(source, name, tasks_dir=tasks, **({"label_column": "label"} | options))
