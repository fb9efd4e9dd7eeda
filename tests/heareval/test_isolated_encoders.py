"""Encoders of other times and libraries, isolated: Python 3.8 with an old torch; TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hear_audiomosaic.hear import EncoderRef
from hear_audiomosaic.hear.isolated.encoder import load_isolated

pytestmark = pytest.mark.heareval

COMMON = """
class Net({base}):
    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 8
    def __init__(self):
        super().__init__()
        self.weight = {variable}((np.arange(3200).reshape(400, 8) % 7 / 7).astype("float32"))
def load_model(model_file_path):
    return Net()
def get_scene_embeddings(audio, model):
    return get_timestamp_embeddings(audio, model)[0]{mean}
"""
OLD_TORCH = """
import numpy as np
import torch
def parameter(array): return torch.nn.Parameter(torch.from_numpy(array))
def get_timestamp_embeddings(audio, model):
    frames = audio.unfold(1, 400, 400) @ model.weight
    return frames, (torch.arange(frames.shape[1]) * 25.0 + 12.5).expand(len(audio), -1)
""" + COMMON.format(base="torch.nn.Module", variable="parameter", mean=".mean(1)")
TENSORFLOW = """
import numpy as np
import tensorflow as tf
def get_timestamp_embeddings(audio, model):
    frames = tf.signal.frame(audio, 400, 400) @ model.weight
    times = tf.range(frames.shape[1], dtype=tf.float32) * 25.0 + 12.5
    return frames, tf.tile(times[None], (audio.shape[0], 1))
""" + COMMON.format(base="tf.Module", variable="tf.Variable", mean="")
TENSORFLOW = TENSORFLOW.replace("model)[0]\n", "model)[0].numpy().mean(1)\n")


def check(python: Path, text: str, folder: Path, monkeypatch: pytest.MonkeyPatch, library: str) -> str:
    """Embeddings are those of the same sums here; returns the version of Python that made them."""
    (folder / "of_another_time.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    encoder = load_isolated(EncoderRef("of_another_time", python=str(python)), torch.device("cpu"))
    audio = torch.rand(3, 16000, generator=torch.Generator().manual_seed(0)) - 0.5
    weight = (np.arange(3200).reshape(400, 8) % 7 / 7).astype("float32")
    expected = audio.numpy().reshape(3, 40, 400) @ weight
    values, times = encoder.timestamps(audio)
    np.testing.assert_allclose(values, expected, atol=1e-4)
    np.testing.assert_allclose(times, np.tile(np.arange(40) * 25.0 + 12.5, (3, 1)))
    np.testing.assert_allclose(encoder.scene(audio), expected.mean(1), atol=1e-4)
    assert encoder.n_parameters == 3200
    again = load_isolated(encoder.ref, torch.device("cpu"))
    assert again.inventory.differences(encoder.inventory) == []
    assert any(name.startswith(library) for name in encoder.inventory.packages)
    return encoder.inventory.packages["python"]


def test_python_38_with_an_old_torch(python38: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(python38, OLD_TORCH, tmp_path, monkeypatch, "torch").startswith("3.8.")


def test_a_tensorflow_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = Path(os.environ.get("HEAREVAL_TENSORFLOW_PYTHON", sys.executable))
    if subprocess.run([python, "-c", "import tensorflow"], capture_output=True, check=False).returncode:
        pytest.skip("no TensorFlow here (run: tox -e heareval)")
    check(python, TENSORFLOW, tmp_path, monkeypatch, "tensorflow")
