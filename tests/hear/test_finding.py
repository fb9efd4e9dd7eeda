"""Where an encoder's module is found: the current folder, a path, beside others of the same names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import EncoderRef, load_encoder
from hear_audiomosaic.hear.finding import find_module, search_folders

MODULE = """
import torch

class Model(torch.nn.Module):
    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 1

def load_model(path=""):
    return Model()

def get_scene_embeddings(audio, model):
    return GAIN * audio.abs().mean(dim=1, keepdim=True)

def get_timestamp_embeddings(audio, model):
    return get_scene_embeddings(audio, model)[:, None], torch.full((len(audio), 1), audio.shape[1] / 32)
"""
AUDIO = torch.ones(1, 1600)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    modules, path = dict(sys.modules), list(sys.path)
    yield
    assert sys.path == path  # what one encoder is imported from is no other's
    for name in set(sys.modules) - set(modules):
        del sys.modules[name]


def write(path: Path, gain: float | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    imports = f"GAIN = {gain}\n" if isinstance(gain, float) else f"{gain}\n"
    path.write_text(imports + MODULE)
    return path


def gain(ref: str) -> float:
    return float(load_encoder(ref).scene(AUDIO)[0, 0])


def test_the_current_folder_is_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "my_local_encoder.py", 2.0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one not in ("", ".")])
    assert gain("my_local_encoder") == 2.0


def test_the_console_script_finds_a_module_beside_it(tmp_path: Path) -> None:
    """As CONTRIBUTING's first command has it; the script's own folder stands first on its path, not the current one."""
    write(tmp_path / "my_local_encoder.py", 2.0)
    script = "import sys; sys.path[0] = '/bin'; from hear_audiomosaic.cli import main; sys.exit(main())"
    ended = subprocess.run(
        [sys.executable, "-c", script, "encoders", "show", "my_local_encoder", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert '"my_local_encoder"' in ended.stdout


@pytest.mark.parametrize(
    ("file", "ref"),
    [
        ("my_encoder.py", "./my_encoder.py"),
        ("my-encoder v2.py", "./my-encoder v2.py"),
        ("in/my_encoder.py", "in/../in/my_encoder.py"),
        ("my_package/__init__.py", "./my_package"),
        ("my_package/__init__.py", "./my_package/"),
        ("my_package/encoder.py", "./my_package/encoder.py"),
        ("my_encoder.py", "{folder}/my_encoder.py"),
    ],
)
def test_paths_are_references(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, ref: str) -> None:
    write(tmp_path / file, 3.0)
    monkeypatch.chdir(tmp_path)
    ref = ref.format(folder=tmp_path)
    if ref.startswith("in/"):
        with pytest.raises(EncoderError, match="is not an encoder reference"):
            EncoderRef.parse(ref)
        ref = f"./{ref}"
    assert EncoderRef.parse(EncoderRef.parse(ref).text) == EncoderRef.parse(ref)
    assert gain(ref) == 3.0
    encoder = load_encoder(ref)
    assert encoder.inventory.names["code"]
    assert encoder.card is None


def test_what_lies_beside_a_file_or_in_its_package_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "one" / "my_encoder.py", "from my_helper import GAIN")
    (tmp_path / "one" / "my_helper.py").write_text("GAIN = 5.0")
    write(tmp_path / "my_package" / "__init__.py", "from .inner import GAIN")
    (tmp_path / "my_package" / "inner.py").write_text("GAIN = 6.0")
    assert gain("./one/my_encoder.py") == 5.0
    assert gain("./my_package") == 6.0


def test_namesakes_in_two_folders_are_two_encoders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one process, helpers of one name included, and back again."""
    monkeypatch.chdir(tmp_path)
    for name, value in (("a", 1.0), ("b", 2.0)):
        write(tmp_path / name / "my_encoder.py", "from my_helper import GAIN")
        (tmp_path / name / "my_helper.py").write_text(f"GAIN = {value}")
    a, b = load_encoder("./a/my_encoder.py"), load_encoder("./b/my_encoder.py")
    assert [float(encoder.scene(AUDIO)[0, 0]) for encoder in (a, b, a)] == [1.0, 2.0, 1.0]
    assert a.fingerprint != b.fingerprint
    assert load_encoder("./a/my_encoder.py").fingerprint == a.fingerprint


def test_a_broken_module_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "my_encoder.py", "1 / 0")
    for _ in range(2):
        with pytest.raises(EncoderError, match=r"Importing \./my_encoder\.py failed: ZeroDivisionError"):
            load_encoder("./my_encoder.py")
    write(tmp_path / "my_encoder.py", 1.0)
    assert gain("./my_encoder.py") == 1.0


def test_errors_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "sub" / "my_encoder.py", 1.0)
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "json.py").write_text("")
    for ref in ("my_encoder", "./my_encoder.py", "my_encoder.py"):
        with pytest.raises(EncoderError, match=r"There is \./sub/my_encoder\.py; give that path\."):
            load_encoder(ref)
    with pytest.raises(EncoderError, match="it is a folder without an __init__"):
        load_encoder("./sub")
    with pytest.raises(EncoderError, match=r"it is not a \.py file"):
        load_encoder("./notes.txt")
    with pytest.raises(EncoderError, match=r"has the name of the module json, which is loaded already from .*another"):
        load_encoder("./json.py")


def test_an_isolated_worker_looks_in_the_same_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "/x:/y")
    file = write(tmp_path / "in" / "my_encoder.py", 1.0)
    found = find_module(EncoderRef.parse("./in/my_encoder.py"))
    assert (found.name, found.file) == ("my_encoder", file)
    assert search_folders(found) == [str(tmp_path / "in"), "/x", "/y", str(tmp_path)]
    assert search_folders(find_module(EncoderRef.parse("my_encoder"))) == ["/x", "/y", str(tmp_path)]
