"""Ways to change an embedding by code: of the encoder, its helpers and packages, installed ones."""

from __future__ import annotations

import py_compile
import zipfile
from collections.abc import Iterator

from stale_bench import Bench, in_a_package, stale


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


@stale
def another_file_of_its_package(bench: Bench) -> Iterator[None]:
    in_a_package(bench, "GAIN", "from its_package.other import GAIN")
    bench.write("its_package/other.py", "GAIN = 1")
    yield
    bench.write("its_package/other.py", "GAIN = 2")


@stale
def a_file_of_its_package_that_is_found_by_a_computed_name(bench: Bench) -> Iterator[None]:
    lines = "import importlib; part = importlib.import_module('its_package.' + 'ot' + 'her')"
    in_a_package(bench, "part.GAIN", lines=lines)
    bench.write("its_package/other.py", "GAIN = 1")
    yield
    bench.write("its_package/other.py", "GAIN = 2")


@stale
def the_package_file_itself(bench: Bench) -> Iterator[None]:
    in_a_package(bench, "sys.modules['its_package'].gain()")
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
