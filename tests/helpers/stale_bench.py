"""Ways to make an encoder's stored embeddings stale, and ways that only look like it.

A way is a generator: it writes an encoder, yields, and changes one thing. ``WAYS`` change the embedding, ``HARMLESS``
ones do not. Both are run against fingerprints, and against the store.
"""

from __future__ import annotations

import importlib
import shutil
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from hear_audiomosaic.hear import Encoder, load_encoder

TEMPLATE = """
import json, os, sys
from pathlib import Path
import numpy as np
import torch
{head}

class Net(torch.nn.Module):
    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 4

    def __init__(self, weights, options):
        super().__init__()
        self.given = options
        {init}

def load_model(path="", **options):
    {load}
    return Net(path, options)

def gain(model):
    {lines}
    return {gain}

def get_scene_embeddings(audio, model):
    return torch.ones(len(audio), 4) * float(gain(model))

def get_timestamp_embeddings(audio, model):
    times = torch.arange(12.5, audio.shape[1] / 16, 25.0).expand(len(audio), -1)
    return torch.ones(len(audio), times.shape[1], 4) * float(gain(model)), times
"""
FROM_AFAR = "sys.modules['the_network'].value"
"""A value that comes from where no digest looks: what it ends up in must be digested."""


class Bench:
    """A folder for encoders that is on the path, and the loading of an encoder as by a new process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch, self.ref = folder / "encoders", monkeypatch, "stale"
        self.folder.mkdir(parents=True)
        self.add_path(self.folder)
        monkeypatch.setattr(sys, "dont_write_bytecode", True)  # else a change within one second goes unnoticed
        self.network = types.ModuleType("the_network")
        monkeypatch.setitem(sys.modules, "the_network", self.network)
        self.afar(1.0)

    def encoder(
        self,
        gain: str,
        head: str = "",
        *,
        init: str = "pass",
        load: str = "pass",
        lines: str = "pass",
        file: str = "stale.py",
    ) -> None:
        """Write the encoder whose embedding is ``gain``."""
        self.write(file, TEMPLATE.format(gain=gain, head=head, init=init, load=load, lines=lines))

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def array(self, name: str, value: float) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.save(file, np.array(value))
        return path

    def afar(self, value: float) -> None:
        self.network.value = value  # type: ignore[attr-defined]

    def add_path(self, folder: Path) -> None:
        self.monkeypatch.syspath_prepend(folder)

    def environment(self, name: str, value: str) -> None:
        self.monkeypatch.setenv(name, value)

    def distribution(self, name: str, version: str, code: str, requires: str = "", *, local: bool = False) -> None:
        """Install a package of one module."""
        site = self.folder.parent / "site-packages"
        for old in site.glob(f"{name}-*.dist-info"):
            shutil.rmtree(old)
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (site / f"{name}.py").write_text(code)
        requirement = f"Requires-Dist: {requires}\n" if requires else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requirement}")
        (info / "RECORD").write_text(f"{name}.py,sha256={abs(hash(code))},{len(code)}\n")
        if local:
            (info / "direct_url.json").write_text('{"url": "file:///here", "dir_info": {}}')
        if str(site) not in sys.path:
            self.add_path(site)

    def forget(self) -> None:
        """Take everything of the bench out of ``sys.modules``."""
        root = str(self.folder.parent)
        for name, module in list(sys.modules.items()):
            places = vars(module).get("__file__"), *(vars(module).get("__path__") or ())
            if any(str(place).startswith(root) for place in places):
                del sys.modules[name]
        importlib.invalidate_caches()
        sys.path_importer_cache.clear()

    def load(self) -> Encoder:
        """Load as a new process would."""
        self.forget()
        return load_encoder(self.ref)

    def embedding(self, encoder: Encoder) -> npt.NDArray[np.float32]:
        return encoder.scene(torch.zeros(1, 16000))


Way = Callable[[Bench], Iterator[None]]
WAYS: list[Way] = []
HARMLESS: list[Way] = []


def stale(way: Way) -> Way:
    WAYS.append(way)
    return way


def harmless(way: Way) -> Way:
    HARMLESS.append(way)
    return way


def in_a_package(bench: Bench, gain: str, head: str = "", **more: str) -> None:
    bench.ref = "its_package.encoder"
    bench.write("its_package/__init__.py", "")
    bench.encoder(gain, head, file="its_package/encoder.py", **more)
