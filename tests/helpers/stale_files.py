"""Ways to change an embedding by files: weights, options, data; and by the environment."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from stale_bench import Bench, in_a_package, stale


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


@stale
def a_config_in_its_package_that_is_read_while_embedding(bench: Bench) -> Iterator[None]:
    in_a_package(bench, "json.loads((Path(__file__).parent / ('con' + 'fig.json')).read_text())['gain']")
    bench.write("its_package/config.json", '{"gain": 1}')
    yield
    bench.write("its_package/config.json", '{"gain": 2}')


@stale
def data_in_a_folder_of_its_package(bench: Bench) -> Iterator[None]:
    in_a_package(bench, "np.load(next((Path(__file__).parent / 'data').rglob('*.npy')))")
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
def a_file_beside_an_installed_encoder(bench: Bench) -> Iterator[None]:
    bench.ref = "installed_encoder"
    bench.encoder(
        "np.load(Path(__file__).with_name('mel.npy'))", "NAMES = ['numpy']", file="site-packages/installed_encoder.py"
    )
    bench.add_path(bench.folder / "site-packages")
    bench.array("site-packages/mel.npy", 1)
    bench.array("site-packages/numpy/unrelated.npy", 1)  # this folder is another package
    yield
    bench.array("site-packages/mel.npy", 2)


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
