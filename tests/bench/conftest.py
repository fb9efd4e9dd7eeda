"""A small task of tones, prepared once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hear_audiomosaic.tasks import PreparedTask, prepare_folder

PITCHES_HZ = {"low": 220.0, "middle": 880.0, "high": 3000.0}
SPLITS = {"train": 6, "valid": 3, "test": 4}


def write_tones(folder: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["filename,label,split,fold"]
    for label, hz in PITCHES_HZ.items():
        for split, n_clips in SPLITS.items():
            for i in range(n_clips):
                name = f"{label}_{split}_{i}.wav"
                time = np.arange(4000) / 16000
                tone = 0.3 * np.sin(2 * np.pi * hz * rng.uniform(0.95, 1.05) * time) + 0.05 * rng.standard_normal(4000)
                soundfile.write(folder / name, tone, 16000)
                lines.append(f"{name},{label},{split},{i % 3}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones")
    write_tones(folder)
    return folder


@pytest.fixture(scope="session")
def tasks_dir(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    prepare_folder(tones, "tones", label_column="label", split_column="split", tasks_dir=folder)
    prepare_folder(tones, "tone_folds", label_column="label", fold_column="fold", tasks_dir=folder)
    return folder


@pytest.fixture
def task(tasks_dir: Path) -> PreparedTask:
    return PreparedTask.open(tasks_dir / "tones-v1-full")
