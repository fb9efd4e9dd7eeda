"""Ways to make an encoder's stored embeddings stale, and ways that only look like it.

A way is a generator: it writes an encoder, yields, and changes one thing. ``WAYS`` change the embedding, ``HARMLESS``
ones do not. Both are run against fingerprints, and against the store.
"""

from __future__ import annotations

import importlib
import os
import py_compile
import shutil
import sys
import types
import zipfile
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


# Code


@stale
def its_own_code(bench: Bench) -> Iterator[None]:
    bench.encoder("1")
    yield
    bench.encoder("2")


@stale
def a_helper_beside_it(bench: Bench) -> Iterator[None]:
    bench.encoder("helper.GAIN", "import helper")
    bench.write("helper.py", "GAIN = 1")
    yield
    bench.write("helper.py", "GAIN = 2")


@stale
def a_helper_of_a_helper(bench: Bench) -> Iterator[None]:
    bench.encoder("helper.other.gain()", "import helper")
    bench.write("helper.py", "import other")
    bench.write("other.py", "def gain(): return 1")
    yield
    bench.write("other.py", "def gain(): return 2")


@stale
def a_helper_that_is_imported_in_a_function(bench: Bench) -> Iterator[None]:
    bench.encoder("helper.GAIN", lines="import helper")
    bench.write("helper.py", "GAIN = 1")
    yield
    bench.write("helper.py", "GAIN = 2")


@stale
def a_helper_that_is_imported_by_a_literal(bench: Bench) -> Iterator[None]:
    bench.encoder("importlib.import_module('helper').GAIN", "import importlib")
    bench.write("helper.py", "GAIN = 1")
    yield
    bench.write("helper.py", "GAIN = 2")


@stale
def a_helper_that_is_imported_by_a_computed_name(bench: Bench) -> Iterator[None]:
    bench.encoder("model.part.gain()", "import importlib", init="self.part = importlib.import_module('hel' + 'per')")
    bench.write("helper.py", "def gain(): return 1")
    yield
    bench.write("helper.py", "def gain(): return 2")


@stale
def a_helper_from_a_folder_that_it_puts_on_the_path(bench: Bench) -> Iterator[None]:
    head = "sys.path.insert(0, str(Path(__file__).parent / 'source'))\nimport of_the_source"
    bench.encoder("of_the_source.gain()", head)
    bench.write("source/of_the_source.py", "def gain(): return 1")
    yield
    bench.write("source/of_the_source.py", "def gain(): return 2")


@stale
def code_that_it_executes(bench: Bench) -> Iterator[None]:
    head = "for file in Path(__file__).parent.glob('*.code'): exec(file.read_text())"
    bench.encoder("further()", head)
    bench.write("part.code", "def further(): return 1")
    yield
    bench.write("part.code", "def further(): return 2")


@stale
def a_part_of_a_package_that_it_imports(bench: Bench) -> Iterator[None]:
    bench.encoder("inner()", "from package_of_it.deep.parts import inner")
    for name in ("package_of_it/__init__.py", "package_of_it/deep/__init__.py"):
        bench.write(name, "")
    bench.write("package_of_it/deep/parts.py", "from ..scale import GAIN\ndef inner(): return GAIN")
    bench.write("package_of_it/scale.py", "GAIN = 1")
    yield
    bench.write("package_of_it/scale.py", "GAIN = 2")


def _in_a_package(bench: Bench, gain: str, head: str = "", **more: str) -> None:
    bench.ref = "its_package.encoder"
    bench.write("its_package/__init__.py", "")
    bench.encoder(gain, head, file="its_package/encoder.py", **more)


@stale
def another_file_of_its_package(bench: Bench) -> Iterator[None]:
    _in_a_package(bench, "GAIN", "from its_package.other import GAIN")
    bench.write("its_package/other.py", "GAIN = 1")
    yield
    bench.write("its_package/other.py", "GAIN = 2")


@stale
def a_file_of_its_package_that_is_found_by_a_computed_name(bench: Bench) -> Iterator[None]:
    lines = "import importlib; part = importlib.import_module('its_package.' + 'ot' + 'her')"
    _in_a_package(bench, "part.GAIN", lines=lines)
    bench.write("its_package/other.py", "GAIN = 1")
    yield
    bench.write("its_package/other.py", "GAIN = 2")


@stale
def the_package_file_itself(bench: Bench) -> Iterator[None]:
    _in_a_package(bench, "sys.modules['its_package'].gain()")
    bench.write("its_package/__init__.py", "def gain(): return 1")
    yield
    bench.write("its_package/__init__.py", "def gain(): return 2")


@stale
def a_module_without_source(bench: Bench) -> Iterator[None]:
    def compiled(text: str) -> None:
        source = bench.write("source.txt", text)
        py_compile.compile(str(source), cfile=str(bench.folder / "helper.pyc"), dfile="helper.py")

    bench.encoder("helper.gain()", "import helper")
    compiled("def gain(): return 1")
    yield
    compiled("def gain(): return 2")


@stale
def a_module_in_an_archive(bench: Bench) -> Iterator[None]:
    def packed(text: str) -> None:
        with zipfile.ZipFile(bench.folder.parent / "parts.zip", "w") as archive:
            archive.writestr("packed_helper.py", text)

    packed("def gain(): return 1")
    bench.add_path(bench.folder.parent / "parts.zip")
    bench.encoder("packed_helper.gain()", "import packed_helper")
    yield
    packed("def gain(): return 2")


@stale
def the_same_name_in_another_folder(bench: Bench) -> Iterator[None]:
    bench.encoder("1")
    yield
    bench.encoder("2", file="elsewhere/stale.py")
    bench.add_path(bench.folder / "elsewhere")


@stale
def a_helper_of_the_same_name_in_another_folder(bench: Bench) -> Iterator[None]:
    bench.encoder("helper.gain()", "import helper")
    bench.write("helper.py", "def gain(): return 1")
    yield
    bench.write("elsewhere/helper.py", "def gain(): return 2")
    bench.add_path(bench.folder / "elsewhere")


# Installed packages


@stale
def another_version_of_an_installed_package(bench: Bench) -> Iterator[None]:
    bench.distribution("installed_part", "1.0", "def gain(): return 1")
    bench.encoder("installed_part.gain()", "import installed_part")
    yield
    bench.distribution("installed_part", "1.1", "def gain(): return 2")


@stale
def another_version_of_what_an_installed_package_requires(bench: Bench) -> Iterator[None]:
    bench.distribution("installed_part", "1.0", "from required_part import gain", "required_part>=1")
    bench.distribution("required_part", "1.0", "def gain(): return 1")
    bench.encoder("installed_part.gain()", "import installed_part")
    yield
    bench.distribution("required_part", "1.1", "def gain(): return 2")


@stale
def an_installation_from_a_folder_under_the_same_version(bench: Bench) -> Iterator[None]:
    bench.distribution("installed_part", "1.0", "def gain(): return 1", local=True)
    bench.encoder("installed_part.gain()", "import installed_part")
    yield
    bench.distribution("installed_part", "1.0", "def gain(): return 2", local=True)


# Weights and options


@stale
def weights_in_an_array_that_is_no_buffer(bench: Bench) -> Iterator[None]:
    bench.ref = f"stale:{bench.array('of_numpy.npy', 1)}"
    bench.encoder("model.array", init="self.array = np.load(weights)")
    yield
    bench.array("of_numpy.npy", 2)


@stale
def weights_that_are_read_while_embedding(bench: Bench) -> Iterator[None]:
    bench.ref = f"stale:{bench.write('weights.txt', '1')}"
    bench.encoder("Path(model.place[0]).read_text()", init="self.place = [weights]")
    yield
    bench.write("weights.txt", "2")


@stale
def a_file_deep_in_a_folder_of_weights(bench: Bench) -> Iterator[None]:
    bench.write("weights/a/b/c.txt", "1")
    bench.ref = f"stale:{bench.folder / 'weights'}"
    bench.encoder("open(model.place + '/a/b/c.txt').read()", init="self.place = weights")
    yield
    bench.write("weights/a/b/c.txt", "2")


@stale
def weights_that_are_a_link_to_another_file(bench: Bench) -> Iterator[None]:
    link = bench.folder / "latest"
    link.symlink_to(bench.write("one.txt", "1"))
    bench.ref = f"stale:{link}"
    bench.encoder("open(model.place).read()", init="self.place = weights")
    yield
    link.unlink()
    link.symlink_to(bench.write("two.txt", "2"))


@stale
def weights_that_are_the_beginning_of_a_name(bench: Bench) -> Iterator[None]:
    bench.write("model.index", "1")
    bench.ref = f"stale:{bench.folder / 'model'}"
    bench.encoder("open(model.place + '.index').read()", init="self.place = weights")
    yield
    bench.write("model.index", "2")


@stale
def an_option_that_is_a_file(bench: Bench) -> Iterator[None]:
    bench.ref = f"stale?config={bench.write('config.txt', '1')}"
    bench.encoder("open(model.given['config']).read()")
    yield
    bench.write("config.txt", "2")


@stale
def an_option_that_is_a_folder(bench: Bench) -> Iterator[None]:
    bench.write("checkpoint/part/w.txt", "1")
    bench.ref = f"stale?folder={bench.folder / 'checkpoint'}"
    bench.encoder("open(model.given['folder'] + '/part/w.txt').read()")
    yield
    bench.write("checkpoint/part/w.txt", "2")


@stale
def the_value_of_an_option(bench: Bench) -> Iterator[None]:
    bench.ref = "stale?gain=1"
    bench.encoder("model.given['gain']")
    yield
    bench.ref = "stale?gain=2"


# Files


@stale
def a_config_in_its_package_that_is_read_while_embedding(bench: Bench) -> Iterator[None]:
    _in_a_package(bench, "json.loads((Path(__file__).parent / ('con' + 'fig.json')).read_text())['gain']")
    bench.write("its_package/config.json", '{"gain": 1}')
    yield
    bench.write("its_package/config.json", '{"gain": 2}')


@stale
def data_in_a_folder_of_its_package(bench: Bench) -> Iterator[None]:
    _in_a_package(bench, "np.load(next((Path(__file__).parent / 'data').rglob('*.npy')))")
    bench.array("its_package/data/of/w.npy", 1)
    yield
    bench.array("its_package/data/of/w.npy", 2)


@stale
def a_file_beside_it_that_its_source_names(bench: Bench) -> Iterator[None]:
    bench.encoder("json.load(open(Path(__file__).with_name('stale.json')))['gain']")
    bench.write("stale.json", '{"gain": 1}')
    yield
    bench.write("stale.json", '{"gain": 2}')


@stale
def a_file_that_its_source_names_in_two_parts(bench: Bench) -> Iterator[None]:
    bench.encoder("np.load(os.path.join(os.path.dirname(__file__), 'weights', 'w.npy'))")
    bench.array("weights/w.npy", 1)
    yield
    bench.array("weights/w.npy", 2)


@stale
def a_file_whose_name_is_filled_in(bench: Bench) -> Iterator[None]:
    bench.encoder("np.load(Path(__file__).parent / f'mel_{size}.npy')", lines="size = 2 ** 6")
    bench.array("mel_64.npy", 1)
    yield
    bench.array("mel_64.npy", 2)


@stale
def a_file_of_its_own_name(bench: Bench) -> Iterator[None]:
    bench.encoder("np.load(Path(__file__).with_suffix('.npy'))")
    bench.array("stale.npy", 1)
    yield
    bench.array("stale.npy", 2)


@stale
def a_file_far_away_that_its_source_names(bench: Bench) -> Iterator[None]:
    path = bench.array("../far/away.npy", 1).resolve()
    bench.encoder(f"np.load({str(path)!r})")
    yield
    bench.array("../far/away.npy", 2)


@stale
def a_file_that_is_read_by_its_import(bench: Bench) -> Iterator[None]:
    head = (
        "def _read(): return float(np.load(Path(__file__).parent / ('of_' + 'numpy.npy')))\ngain_of_it = lambda: TABLE"
    )
    bench.encoder("gain_of_it()", f"{head}\nTABLE = _read()")
    bench.array("of_numpy.npy", 1)
    yield
    bench.array("of_numpy.npy", 2)


@stale
def a_file_that_is_read_by_loading(bench: Bench) -> Iterator[None]:
    load = "path = open(Path(__file__).parent / ('a' + 'b')).read()"
    bench.encoder("model.kept()", load=load, init="self.kept = [weights].pop if False else (lambda: float(weights))")
    bench.write("ab", "1")
    yield
    bench.write("ab", "2")


@stale
def a_file_that_is_read_by_a_library(bench: Bench) -> Iterator[None]:
    load = "path = torch.load(Path(__file__).parent / ('a' + 'b'), weights_only=True)"
    bench.encoder("HELD[-1]", "HELD = []", load=load, init="HELD.append(weights)")
    torch.save(torch.tensor(1.0), bench.folder / "ab")
    yield
    torch.save(torch.tensor(2.0), bench.folder / "ab")


@stale
def a_file_that_the_model_holds_the_name_of(bench: Bench) -> Iterator[None]:
    init = "self.holder = type('Session', (), {})(); self.holder.path = str(Path(__file__).parent / ('a' + 'b.x'))"
    bench.encoder("open(model.holder.path).read()", init=init)
    bench.write("ab.x", "1")
    yield
    bench.write("ab.x", "2")


# Environment


def _environment(bench: Bench, gain: str, head: str = "") -> Iterator[None]:
    bench.encoder(gain, head)
    bench.environment("STALE_GAIN", "1")
    yield
    bench.environment("STALE_GAIN", "2")


@stale
def a_variable_of_the_environment(bench: Bench) -> Iterator[None]:
    return _environment(bench, "os.environ['STALE_GAIN']")


@stale
def a_variable_whose_name_is_a_constant(bench: Bench) -> Iterator[None]:
    return _environment(bench, "environ.get(NAME)", "from os import environ\nNAME = 'STALE_GAIN'")


@stale
def a_variable_that_a_helper_reads(bench: Bench) -> Iterator[None]:
    bench.write("helper.py", "import os\ndef gain(): return os.getenv('STALE_GAIN', '1')")
    return _environment(bench, "helper.gain()", "import helper")


@stale
def a_variable_that_was_not_set(bench: Bench) -> Iterator[None]:
    bench.encoder("os.getenv('stale_gain', '1')")
    yield
    bench.environment("stale_gain", "2")


# State


def _state(bench: Bench, gain: str, init: str = "pass", head: str = "") -> Iterator[None]:
    bench.encoder(gain, f"VALUE = lambda: {FROM_AFAR}\n{head}", init=init)
    yield
    bench.afar(2.0)


@stale
def a_parameter(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w.detach()", "self.w = torch.nn.Parameter(torch.tensor(VALUE()))")


@stale
def a_buffer_that_is_not_persistent(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w", "self.register_buffer('w', torch.tensor(VALUE()), persistent=False)")


@stale
def a_sparse_buffer(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w.to_dense()[1, 1]", "self.register_buffer('w', (torch.eye(2) * VALUE()).to_sparse())")


@stale
def a_quantised_layer(bench: Bench) -> Iterator[None]:
    init = (
        "layer = torch.nn.Linear(1, 1, bias=False); layer.weight.data.fill_(VALUE()); "
        "self.q = torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(layer), {torch.nn.Linear}, torch.qint8)"
    )
    return _state(bench, "model.q(torch.ones(1, 1))", init)


@stale
def an_attribute_that_is_a_tensor(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w", "self.w = torch.tensor(VALUE())")


@stale
def an_attribute_that_is_an_array(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w[0]", "self.w = np.full(3, VALUE())")


@stale
def an_attribute_that_is_a_number(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w", "self.w = VALUE()")


@stale
def an_array_in_a_list_in_a_dictionary(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w['a'][1][0]", "self.w = {'a': ['x', np.full(3, VALUE())]}")


@stale
def an_array_in_an_object(bench: Bench) -> Iterator[None]:
    head = "class Holder:\n    __slots__ = ('inner',)\n    def __init__(self, inner): self.inner = inner"
    return _state(bench, "model.w.inner[0]", "self.w = Holder(np.full(3, VALUE()))", head)


@stale
def a_model_in_a_list(bench: Bench) -> Iterator[None]:
    init = "inner = torch.nn.Linear(1, 1, bias=False); inner.weight.data.fill_(VALUE()); self.parts = [inner, self]"
    return _state(bench, "model.parts[0].weight.detach()", init)


@stale
def an_array_in_a_closure(bench: Bench) -> Iterator[None]:
    head = "def closed(w): return lambda: w[0]"
    return _state(bench, "model.f()", "self.f = closed(np.full(3, VALUE()))", head)


@stale
def a_hook(bench: Bench) -> Iterator[None]:
    init = (
        "self.inner = torch.nn.Identity(); w = torch.tensor(VALUE()); "
        "self.inner.register_forward_hook(lambda module, given, found: found * w)"
    )
    return _state(bench, "model.inner(torch.tensor(1.0))", init)


@stale
def an_array_of_the_module(bench: Bench) -> Iterator[None]:
    return _state(bench, "W[0]", head="W = np.full(3, VALUE())")


@stale
def a_number_of_a_helper(bench: Bench) -> Iterator[None]:
    bench.write("helper.py", f"import sys\nGAIN = {FROM_AFAR}")
    return _state(bench, "helper.GAIN", head="import helper")


@stale
def an_attribute_of_the_class(bench: Bench) -> Iterator[None]:
    return _state(bench, "Net.gain", "Net.gain = VALUE()")


@stale
def a_compiled_program(bench: Bench) -> Iterator[None]:
    head = (
        "class Inner(torch.nn.Module):\n"
        "    def __init__(self, gain):\n        super().__init__(); self.gain = gain\n"
        "    def forward(self, x: torch.Tensor) -> torch.Tensor: return x * self.gain"
    )
    return _state(bench, "model.inner(torch.tensor(1.0))", "self.inner = torch.jit.script(Inner(VALUE()))", head)


# What only looks like a change


@harmless
def nothing(bench: Bench) -> Iterator[None]:
    bench.encoder("model.w[0]", init="self.w = np.ones(3)")
    yield


@harmless
def another_working_directory(bench: Bench) -> Iterator[None]:
    bench.encoder("helper.GAIN", "import helper")
    bench.write("helper.py", "GAIN = 1")
    bench.write("another/stale.json", "1")
    yield
    bench.monkeypatch.chdir(bench.folder / "another")


@harmless
def later_times_of_files(bench: Bench) -> Iterator[None]:
    bench.ref = f"stale:{bench.array('w.npy', 1)}"
    bench.encoder("helper.GAIN", "import helper", init="self.w = np.load(weights)")
    bench.write("helper.py", "GAIN = 1")
    yield
    for path in bench.folder.rglob("*"):
        os.utime(path, (2e9, 2e9))


@harmless
def compiled_files_of_python(bench: Bench) -> Iterator[None]:
    _in_a_package(bench, "GAIN", "from its_package.other import GAIN")
    bench.write("its_package/other.py", "GAIN = 1")
    yield
    bench.monkeypatch.setattr(sys, "dont_write_bytecode", False)
    bench.load()
    assert list(bench.folder.rglob("*.pyc"))


@harmless
def an_unrelated_module_in_the_process(bench: Bench) -> Iterator[None]:
    bench.encoder("1")
    bench.write("unrelated/unrelated_module.py", "GAIN = 3")
    yield
    bench.add_path(bench.folder / "unrelated")
    importlib.import_module("unrelated_module")


@harmless
def a_helper_that_somebody_imported_before(bench: Bench) -> Iterator[None]:
    bench.encoder("helper.GAIN", lines="import helper")
    bench.write("helper.py", "import numpy as np\nGAIN = 1\nTABLE = np.ones(3)")
    yield
    importlib.import_module("helper")


@harmless
def an_unrelated_variable_of_the_environment(bench: Bench) -> Iterator[None]:
    bench.encoder("os.getenv('STALE_GAIN', '1')", "from os import environ")
    yield
    bench.environment("STALE_OTHER", "2")
    bench.environment("OMP_NUM_THREADS", "2")


@harmless
def unrelated_files(bench: Bench) -> Iterator[None]:
    _in_a_package(bench, "1")
    yield
    bench.write("beside.json", "{}")
    bench.write("its_package/README.md", "read me")
    bench.write("its_package/training.log", "step 1")
    bench.write("its_package/.git/HEAD", "ref")


@harmless
def the_order_of_options(bench: Bench) -> Iterator[None]:
    bench.ref = "stale?a=1&b=2"
    bench.encoder("1")
    yield
    bench.ref = "stale?b=2&a=1"


@harmless
def another_place_on_the_disk(bench: Bench) -> Iterator[None]:
    head = "import helper\nHERE = os.path.dirname(__file__)\nFILE = Path(__file__).with_name('w.npy')"
    bench.encoder("np.load(FILE) * helper.GAIN", head, init="self.home = HERE")
    bench.write("helper.py", "GAIN = 1")
    bench.array("w.npy", 1)
    yield
    shutil.copytree(bench.folder, bench.folder.parent / "moved")
    bench.add_path(bench.folder.parent / "moved")


@harmless
def the_same_weights_at_another_path(bench: Bench) -> Iterator[None]:
    path = bench.array("w.npy", 1)
    bench.ref = f"stale:{path}"
    bench.encoder("model.w", init="self.w = np.load(weights)")
    yield
    bench.ref = f"stale:{shutil.copy(path, bench.folder / 'copy.npy')}"


@harmless
def another_package_that_is_installed(bench: Bench) -> Iterator[None]:
    bench.distribution("installed_part", "1.0", "def gain(): return 1")
    bench.distribution("another_part", "1.0", "")
    bench.encoder("installed_part.gain()", "import installed_part")
    yield
    bench.distribution("another_part", "2.0", "")


@harmless
def things_without_a_value(bench: Bench) -> Iterator[None]:
    head = (
        "import logging, threading\nfrom os import environ\nLOG, LOCK = logging.getLogger(__name__), threading.Lock()"
    )
    init = "self.lock = threading.Lock(); self.device = 'cpu'; self.words = {'b', 'a', 'c'}; self.path = sys.path"
    bench.encoder("1", head, init=init)
    yield
    bench.environment("STALE_OTHER", "3")
    bench.add_path(bench.folder / "nowhere")
