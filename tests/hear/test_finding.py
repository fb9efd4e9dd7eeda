"""Where an encoder's module is found: the current folder, a path, and what lies beside it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import Encoder, load_encoder

_MODULE = """
import torch
{head}

class Net(torch.nn.Module):
    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 2

def load_model(path=""):
    return Net()

def get_scene_embeddings(audio, model):
    {lazily}
    return torch.full((len(audio), 2), float({value}))

def get_timestamp_embeddings(audio, model):
    return torch.full((len(audio), 1, 2), float({value})), torch.full((len(audio), 1), 10.0)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, value: object, head: str = "", lazily: str = "pass") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_MODULE.format(value=value, head=head, lazily=lazily))
    return path


def value(encoder: Encoder) -> float:
    return float(encoder.scene(torch.zeros(1, 1600))[0, 0])


def test_the_current_folder_is_on_the_path_of_the_encoder_alone(here: Path) -> None:
    write(here / "my_finding.py", "GAIN", "from helper_of_mine import GAIN", "import later_of_mine")
    (here / "helper_of_mine.py").write_text("GAIN = 3.0")
    (here / "later_of_mine.py").write_text("")
    before = list(sys.path), set(sys.modules)
    encoder = load_encoder("my_finding")
    assert value(encoder) == 3.0
    assert sys.path == before[0]
    assert not {"my_finding", "helper_of_mine", "later_of_mine"} & set(sys.modules)
    assert {"my_finding.py", "helper_of_mine.py"} <= encoder.inventory.code.keys()


@pytest.mark.parametrize("ref", ["./my_finding.py", "{here}/my_finding.py", "../{name}/my_finding.py"])
def test_a_file_is_a_reference_with_relative_imports(here: Path, ref: str) -> None:
    write(here / "my_finding.py", "GAIN", "from .helper import GAIN")
    (here / "helper.py").write_text("from .deeper import GAIN")
    (here / "deeper.py").write_text("GAIN = 4.0")
    first = load_encoder(ref.format(here=here, name=here.name))
    assert value(first) == 4.0
    assert {"my_finding/helper.py", "my_finding/deeper.py"} <= first.inventory.code.keys()
    (here / "deeper.py").write_text("GAIN = 5.00")
    again = load_encoder(first.ref)
    assert value(again) == 5.0
    assert again.fingerprint != first.fingerprint
    assert any("GAIN" in one for one in again.inventory.differences(first.inventory))


def test_the_same_names_in_two_folders_are_two_encoders(here: Path) -> None:
    for folder, gain in (("a", 1.0), ("b", 2.0)):
        write(
            here / folder / "encoder.py",
            "GAIN",
            "import helper\nGAIN = helper.GAIN",
            "import late; assert late.G==GAIN",
        )
        (here / folder / "helper.py").write_text(f"GAIN = {gain}")
        (here / folder / "late.py").write_text(f"G = {gain}")
    a, b = load_encoder("./a/encoder.py"), load_encoder("./b/encoder.py")
    assert [value(one) for one in (a, b, a)] == [1.0, 2.0, 1.0]
    assert a.fingerprint != b.fingerprint
    (here / "a").rename(here / "elsewhere")
    assert load_encoder("./elsewhere/encoder.py").fingerprint == a.fingerprint  # the place does not count


def test_packages_and_odd_names(here: Path) -> None:
    write(here / "my_package" / "__init__.py", "GAIN", "from .part import GAIN")
    (here / "my_package" / "part.py").write_text("GAIN = 6.0")
    write(here / "my_package" / "inner.py", "GAIN + 1", "from .part import GAIN")
    write(here / "my-finding.v2.py", 8.0)
    write(here / "random.py", 9.0, "import random; random.random()")
    assert [value(load_encoder(f"./{one}")) for one in ("my_package", "my_package/inner.py")] == [6.0, 7.0]
    assert value(load_encoder("./my-finding.v2.py")) == 8.0
    import random

    assert random.random() < 1.0  # noqa: S311 - it is Python's own


@pytest.mark.parametrize(("ref", "cure"), [
    ("my_findin", "Did you mean 'my_finding'"), ("deep_one", r"in \./sub: give \./sub/deep_one\.py"),
    ("my_finding.py", r"give \./my_finding\.py"), ("./my_findng.py", r"Did you mean \./my_finding\.py"),
    ("./my_finding", r"Did you mean \./my_finding\.py"), ("./sub", r"without __init__\.py; give a file: \./sub/deep"),
    ("./weights.pt", "as its weights"), ("odd_nam", r"Did you mean '\./odd-name\.py'"),
])  # fmt: skip
def test_errors_say_what_to_do(here: Path, ref: str, cure: str) -> None:
    write(here / "my_finding.py", 1.0)
    write(here / "sub" / "deep_one.py", 1.0)
    write(here / "odd-name.py", 1.0)
    (here / "weights.pt").write_text("")
    with pytest.raises(EncoderError, match=cure):
        load_encoder(ref)


def test_a_broken_file_is_told_by_its_path(here: Path) -> None:
    (here / "broken.py").write_text("import numpy\n1 / 0\n")
    with pytest.raises(EncoderError, match=r"Importing \./broken\.py failed: ZeroDivisionError.*line 2"):
        load_encoder("./broken.py")
    assert np.ones(1) == 1


def test_a_file_that_is_edited_twice_in_a_second_is_the_edited_one(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size and the second of its change stay, which is all that Python's cached bytecode goes by."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    write(here / "my_finding.py", "GAIN", "from .beside import GAIN")
    write(here / "in_the_folder.py", "GAIN", "from beside import GAIN")
    write(here / "my_package" / "__init__.py", "GAIN", "from .beside import GAIN")
    for gain in ("1.0", "2.0", "3.0"):
        write(here / "alone.py", gain)
        for file in (here / "beside.py", here / "my_package" / "beside.py"):
            file.write_text(f"GAIN = {gain}")
        for file in here.rglob("*.py"):
            os.utime(file, ns=(10**18, 10**18 + int(float(gain))))
        for ref in ("./alone.py", "./my_finding.py", "in_the_folder", "./my_package"):
            assert value(load_encoder(ref)) == float(gain), ref
            assert value(load_encoder(f"{ref}@{sys.executable}")) == float(gain), ref
