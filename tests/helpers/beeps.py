"""A set of a few made-up clips: high and low tones in noise, with splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

__all__ = ["write_beeps"]


def write_beeps(folder: Path) -> None:
    """18 clips of 0.6 s in ``folder/audio`` and their ``metadata.csv``: label, split, and a take that counts them."""
    (folder / "audio").mkdir(parents=True)
    lines = ["filename,label,split,duration_s,take"]
    rng = np.random.default_rng(0)
    for i in range(18):
        label, split = i % 2, ("train", "valid", "test")[i // 2 % 3]
        tone = 0.1 * np.sin(2 * np.pi * (300 + 900 * label) * np.arange(9600) / 16000) + 0.01 * rng.normal(size=9600)
        soundfile.write(folder / "audio" / f"{i}.wav", tone, 16000)
        lines.append(f"audio/{i}.wav,{'high' if label else 'low'},{split},0.6,{i}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
