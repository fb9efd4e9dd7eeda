"""What looks as if it changed an embedding, and does not."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Iterator

from stale_bench import Bench, harmless, in_a_package


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
    in_a_package(bench, "GAIN", "from its_package.other import GAIN")
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
    in_a_package(bench, "1")
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
