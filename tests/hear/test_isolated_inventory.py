"""What an isolated encoder's fingerprint covers: all that its embeddings depend on, and nothing else."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import EncoderRef
from hear_audiomosaic.hear.fingerprint import Inventory
from hear_audiomosaic.hear.isolated.encoder import IsolatedEncoder, load_isolated

MODULE = """\
import json, os
import numpy as np
import strangers.helper
import installed_thing
GAIN = 1.0
TABLE = np.arange(3.0)
HERE = os.path.dirname(__file__)
class Part:
    def __init__(self): self.scale = [1.0, {"a": 2}]
class Model:
    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 4
    bias = 0.5
    def __init__(self, weights):
        self.part, self.weights, self.rng = Part(), weights, np.random.RandomState(0)
        self.itself, self.names = self, {"x", "y", "z", "w"}
def load_model(model_file_path="", gain=1.0):
    config = json.load(open(os.path.join(HERE, "..", "outside", "config.json")))
    return Model(np.load(model_file_path))
def get_scene_embeddings(audio, model):
    import strangers_late
    return np.zeros((len(audio), 4), np.float32) + (os.environ.get("STRANGERS_GAIN") is None)
def get_timestamp_embeddings(audio, model): pass
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "code"
    for name, content in {
        "code/strangers/__init__.py": MODULE,
        "code/strangers/helper.py": "X = 1\n",
        "code/strangers/unused.py": "X = 1\n",
        "code/strangers/mel.bin": "data",
        "code/strangers_late.py": "import strangers_later\n",
        "code/strangers_later.py": "X = 1\n",
        "code/nobodys.py": "X = 1\n",
        "code/outside/config.json": "{}",
        "site-packages/installed_thing.py": "X = 1\n",
        "site-packages/installed_thing-1.0.dist-info/METADATA": "Name: Installed_Thing\nVersion: 1.0\n\nVersion: 9\n",
        "site-packages/installed_thing-1.0.dist-info/RECORD": "installed_thing.py,sha256=a,6\n",
        "site-packages/other-2.0.dist-info/METADATA": "Name: other\nVersion: 2.0\n",
        "site-packages/other-2.0.dist-info/RECORD": "other.py,sha256=a,6\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    np.save(tmp_path / "weights.npy", [1.0, 2.0])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (home, tmp_path / "site-packages"))))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(gain: float = 1.0) -> IsolatedEncoder:
    ref = EncoderRef("strangers", "weights.npy", (("gain", gain),), sys.executable)
    return load_isolated(ref, torch.device("cpu"))


def inventory() -> Inventory:
    return load().inventory


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n#")


CHANGES: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "the module": (lambda at: edit(at / "code/strangers/__init__.py", "audio, model): pass", "audio, model): 1"),
                   {"code: strangers/__init__.py"}),
    "a global": (lambda at: edit(at / "code/strangers/__init__.py", "GAIN = 1.0", "GAIN = 1.5"),
                 {"code: strangers/__init__.py", "state: strangers"}),
    "a value deep inside": (lambda at: edit(at / "code/strangers/__init__.py", '{"a": 2}', '{"a": 3}'),
                            {"code: strangers/__init__.py", "state: model"}),
    "what it imports": (lambda at: append(at / "code/strangers/helper.py"), {"code: strangers/helper.py"}),
    "the rest of its package": (lambda at: append(at / "code/strangers/unused.py"), {"code: strangers/unused.py"}),
    "what it imports later": (lambda at: append(at / "code/strangers_late.py"), {"code: strangers_late.py"}),
    "what that imports": (lambda at: append(at / "code/strangers_later.py"), {"code: strangers_later.py"}),
    "its data": (lambda at: append(at / "code/strangers/mel.bin"), {"data files: strangers/mel.bin"}),
    "a file it opens": (lambda at: (at / "code/outside/config.json").write_text("[]"), {"files read: config.json"}),
    "the weights": (lambda at: np.save(at / "weights.npy", [1.0, 2.5]),
                    {"weights: WEIGHTS", "state: model"}),
    "a package": (lambda at: edit(at / "site-packages/installed_thing-1.0.dist-info/METADATA", "1.0", "1.1"),
                  {"packages: installed-thing"}),
    "what it does not use": (lambda at: append(at / "code/nobodys.py"), set()),
    "another package": (lambda at: edit(at / "site-packages/other-2.0.dist-info/METADATA", "2.0", "2.1"), set()),
}  # fmt: skip


def test_every_change_is_seen_in_its_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = inventory()
    assert before.packages["python"] == platform.python_version()
    assert before.packages["installed-thing"] == "1.0"
    for counts in (True, False):
        chosen = [(change, expected) for change, expected in CHANGES.values() if bool(expected) == counts]
        for change, _ in chosen:
            change(folder)
        after = inventory()
        assert set(after.differences(before)) == set().union(*(expected for _, expected in chosen))
        assert (after.fingerprint != before.fingerprint) == counts
        before = after
    monkeypatch.setenv("STRANGERS_GAIN", "2")
    assert inventory().differences(before) == ["environment: STRANGERS_GAIN"]
    assert load(gain=2.0).inventory.options == {"gain": "2.0"}


def test_the_place_does_not_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = inventory()
    shutil.move(folder / "code", folder / "elsewhere")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (folder / "elsewhere", folder / "site-packages"))))
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    assert inventory().differences(before) == []


def test_what_changes_while_it_runs_is_not_mixed(folder: Path) -> None:
    encoder = load()
    assert encoder.fingerprint
    append(folder / "code/strangers/helper.py")
    encoder._remote._worker.end()  # type: ignore[union-attr]
    with pytest.raises(EncoderError, match=r"is not what it was \(code: strangers/helper.py\)"):
        encoder.scene(torch.zeros(1, 800))
