"""Small recordings and shards to stream from."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import soundfile


def noise(seed: int, seconds: float = 0.5, rate_hz: int = 8000) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, int(seconds * rate_hz)).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate_hz: int = 8000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz, subtype="FLOAT" if path.suffix == ".wav" else None)


def folder_of(path: Path, n: int, seconds: float = 0.5) -> Path:
    for k in range(n):
        write(path / f"{k % 3}" / f"{k:03d}.wav", noise(k, seconds))
    return path


def encoded(seed: int, suffix: str = "flac", seconds: float = 0.5) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, noise(seed, seconds), 8000, format={"opus": "OGG"}.get(suffix, suffix.upper()))
    return file.getvalue()


def tar_of(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def shard(first: int, n: int = 5) -> bytes:
    return tar_of(
        {
            f"{k:04d}.{ext}": encoded(k) if ext == "flac" else b"{}"
            for k in range(first, first + n)
            for ext in ("flac", "json")
        }
    )


def jitter(waveform: np.ndarray, rate_hz: int, generator: np.random.Generator) -> np.ndarray:
    return waveform * np.float32(generator.uniform(0.5, 1.0))
