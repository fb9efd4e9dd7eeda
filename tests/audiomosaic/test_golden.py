"""Agreement with the authors' model, as data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

SCRIPT = Path(__file__).parents[1] / "golden" / "check_audiomosaic.py"


def check(prefix: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, prefix], capture_output=True, text=True, check=False)


def test_agrees_with_the_authors_model(shared: Path) -> None:
    done = check(shared / "goldens" / "audiomosaic_a")
    print(done.stdout)  # noqa: T201 - the table, when the test fails
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) >= 15  # fbank, normalised, tokens, layer, pooled, projected, four branches twice, the loss
    assert [float(value) for _, value in lines] == sorted(float(value) for _, value in lines)


def test_the_check_can_fail(shared: Path, tmp_path: Path) -> None:
    golden = shared / "goldens" / "audiomosaic_a"
    for suffix in (".json", ".vectors.npz"):
        (tmp_path / f"a{suffix}").write_bytes(Path(f"{golden}{suffix}").read_bytes())
    state = load_file(f"{golden}.state.safetensors")
    state["blocks.1.mlp.fc2.bias"] = state["blocks.1.mlp.fc2.bias"] + np.float32(0.001)
    save_file(state, tmp_path / "a.state.safetensors")
    assert check(tmp_path / "a").returncode == 1


def test_what_float32_cannot_explain_fails_in_a_filter_bank_too(shared: Path, tmp_path: Path) -> None:
    golden = shared / "goldens" / "audiomosaic_a"
    for suffix in (".json", ".state.safetensors"):
        (tmp_path / f"a{suffix}").write_bytes(Path(f"{golden}{suffix}").read_bytes())
    vectors = dict(np.load(f"{golden}.vectors.npz"))
    vectors["fbank"] = vectors["fbank"] + np.float32(3e-4)
    np.savez(tmp_path / "a.vectors.npz", **vectors)
    assert check(tmp_path / "a").returncode == 1


@pytest.mark.parametrize("arguments", [[], ["a", "b"]])
def test_usage(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "PREFIX" in done.stderr
