"""Encoders that misbehave, a few lines each, written as modules into a folder."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

_MODULE = """\
import argparse, gc, locale, logging, os, random, signal, subprocess, sys, time, warnings
import numpy as np
import torch
{top}
class Net(torch.nn.Module):
    sample_rate = 16000; scene_embedding_size = 4; timestamp_embedding_size = 4
{members}
def load_model(model_file_path="", **options):
{load}
    return Net()
def features(x):
    return torch.stack([x.mean(1), x.std(1), x.abs().amax(1), x.diff(dim=1).std(1)], 1)
def get_scene_embeddings(audio, model):
{scene}
    return features(audio)
def get_timestamp_embeddings(audio, model):
    return features(audio)[:, None], torch.full((len(audio), 1), 500.0 * audio.shape[1] / 16000)
"""


@dataclass(frozen=True)
class Hostile:
    """An encoder that misbehaves in one way.

    Attributes:
        told: what the run says of it; empty for one that is to succeed.
        top: code at import.
        members: code in the model's class.
        load: code in ``load_model``.
        scene: code in ``get_scene_embeddings``.
    """

    told: str = ""
    top: str = ""
    members: str = ""
    load: str = ""
    scene: str = ""

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = {name: textwrap.indent(getattr(self, name), "    ") for name in ("members", "load", "scene")}
        path.write_text(_MODULE.format(top=self.top, **parts), encoding="utf-8")


LOUD = "loud (a test looks for this on stdout)"

_HAND_MADE_ERROR = """
class Mute(Exception):
    def __str__(self): raise SystemExit(0)
"""
_NAMELESS = """
class Nameless(type(sys)):
    def __getattribute__(self, name):
        if name == "load_model": raise OSError("no such name")
        return super().__getattribute__(name)
sys.modules[__name__].__class__ = Nameless
"""
_DEEP = """
def deep(): return deep()
"""

FAILING: dict[str, Hostile] = {
    # at import
    "exits_at_import": Hostile("SystemExit: it ended the program with exit code 0", top="sys.exit(0)"),
    "exits_with_words": Hostile("SystemExit: it ended the program: a GPU is needed", top="sys.exit('a GPU is needed')"),
    "parses_arguments": Hostile(
        "SystemExit: it ended the program with exit code 2",
        top="sys.argv = ['x', '--seeds', '1']\nargparse.ArgumentParser().parse_args()",
    ),
    "raises_at_import": Hostile(
        "RuntimeError: no config (raises_at_import.py, line 4)", "raise RuntimeError('no config')"
    ),
    "lacks_a_package": Hostile("No module named 'no_such_package_of_mine'", "import no_such_package_of_mine"),
    "is_no_python": Hostile("SyntaxError", "def ("),
    "raises_what_is_no_exception": Hostile("Odd: 1", "class Odd(BaseException): pass\nraise Odd(1)"),
    "recurses": Hostile("RecursionError", top=_DEEP + "deep()"),
    "package_exits.encoder": Hostile("it ended the program with exit code 3"),
    "raises_for_names": Hostile(
        "Looking for HEAR's functions in raises_for_names failed: OSError: no such name",
        top=_NAMELESS,
    ),
    # in load_model
    "exits_in_load_model": Hostile("load_model of exits_in_load_model failed: SystemExit", load="raise SystemExit"),
    "stops_iteration": Hostile("load_model of stops_iteration failed: StopIteration", load="next(iter(()))"),
    "has_a_mute_error": Hostile("Mute: (its message cannot be read)", top=_HAND_MADE_ERROR, load="raise Mute"),
    "talks_at_length": Hostile("(1,000,012 letters)", load="raise ValueError('x' * 10 ** 6)"),
    "talks_to_the_terminal": Hostile(r"ValueError: \u001b[2J", load="raise ValueError('\\x1b[2J')"),
    "eats_memory_at_load": Hostile("MemoryError", load="raise MemoryError"),
    "asserts": Hostile("failed: AssertionError (asserts.py", load="assert False"),
    "interrupts_a_generator": Hostile("failed: CancelledError", load="import asyncio; raise asyncio.CancelledError"),
    "returns_nothing": Hostile("returned nothing; expected a model with its sample_rate", load="return None"),
    # what the model says of itself
    "property_raises": Hostile(
        "Reading the attributes of the model of property_raises failed: RuntimeError: not built",
        members="@property\ndef sample_rate(self): raise RuntimeError('not built')",
    ),
    "property_exits": Hostile("exit code 1", members="@property\ndef scene_embedding_size(self): sys.exit(1)"),
    "rate_is_a_property_of_nothing": Hostile("sample_rate = None", members="sample_rate = None"),
    "untrained_is_a_riddle": Hostile("RuntimeError: Boolean value of Tensor", members="untrained = torch.ones(2)"),
    "weights_lie_nowhere": Hostile(
        "Reading the card of weights_lie_nowhere failed: ValueError", members="weights_path = ''"
    ),
    "card_raises": Hostile(
        "Reading the card of card_raises failed: KeyError",
        top="from collections.abc import Mapping\nclass Card(Mapping):\n    def __len__(self): return 1\n"
        "    def __iter__(self): return iter(['title'])\n    def __getitem__(self, name): raise KeyError(name)\n"
        "encoder_card = Card()",
    ),
    "card_is_a_number": Hostile("card_is_a_number.encoder_card is not an encoder's card", top="encoder_card = 3"),
    "does_not_move": Hostile(
        "cannot be put on device 'cpu': NotImplementedError: stays",
        members="def to(self, *a): raise NotImplementedError('stays')",
    ),
    "does_not_rest": Hostile("cannot be put on device 'cpu': SystemExit", members="def eval(self): sys.exit()"),
    "has_a_lazy_layer": Hostile(
        "has no values yet (a lazy layer",
        members="def __init__(self):\n    super().__init__(); self.net = torch.nn.LazyLinear(4)",
    ),
    "is_on_no_device": Hostile(
        "cannot be put on device 'cpu': NotImplementedError: Cannot copy out of meta tensor",
        members="def __init__(self):\n    super().__init__(); self.net = torch.nn.Linear(4, 4, device='meta')",
    ),
    "state_raises": Hostile("state_dict() of", members="def state_dict(self, *a): raise KeyError('a')"),
    "parameters_raise": Hostile("Counting the parameters", members="def parameters(self): raise TypeError('sharded')"),
    # while embedding
    "raises_on_every_clip": Hostile(
        "2.wav and 9 more clips: get_scene_embeddings of raises_on_every_clip failed: RuntimeError: shapes",
        scene="raise RuntimeError('shapes')",
    ),
    "exits_on_every_clip": Hostile("failed: SystemExit", scene="sys.exit(0)"),
    "raises_on_one_clip": Hostile(
        "1 clip failed; 11 could be", scene="if (audio.std(1) > .25).any(): raise ValueError('loud')"
    ),
    "eats_memory": Hostile("MemoryError (eats_memory.py, line 14). 12 clips failed", scene="raise MemoryError"),
    "allocates": Hostile("RuntimeError: [enforce fail", scene="torch.empty(10 ** 15)"),
    "warns_in_error": Hostile("UserWarning: odd", top="warnings.simplefilter('error')", scene="warnings.warn('odd')"),
    "returns_sparse": Hostile("failed: TypeError", scene="return features(audio).to_sparse()"),
    "returns_nowhere": Hostile("failed: NotImplementedError", scene="return features(audio).to('meta')"),
    "returns_nan_for_one": Hostile(
        "returned NaN", scene="return features(audio) / (audio.std(1) < .25).float()[:, None]"
    ),
    "returns_an_exception": Hostile("returned a ValueError", scene="return ValueError('no')"),
}
"""Name of the module -> an encoder that fails."""

_NEEDS_FLOAT64 = "if torch.zeros(1).dtype != torch.float64: raise RuntimeError('not in float64')"

CHANGING: dict[str, Hostile] = {
    "state_is_an_object": Hostile(
        members="def get_extra_state(self): return object()\ndef set_extra_state(self, state): pass"
    ),
    "sets_a_dtype": Hostile(load="torch.set_default_dtype(torch.float64)", scene=_NEEDS_FLOAT64),
    "sets_a_device": Hostile(load="torch.set_default_device('meta')"),
    "sets_a_device_late": Hostile(scene="torch.set_default_device('meta')"),
    "sets_gradients": Hostile(load="torch.set_grad_enabled(False)", scene="torch.set_grad_enabled(True)"),
    "sets_kernels": Hostile(
        load="torch.use_deterministic_algorithms(True); torch.set_num_threads(3)\n"
        "torch.backends.cudnn.benchmark = torch.backends.cuda.matmul.allow_tf32 = True\n"
        "torch.set_float32_matmul_precision('medium'); torch.set_flush_denormal(True)",
    ),
    "sets_autocast": Hostile(scene="torch.autocast('cpu', torch.bfloat16).__enter__()"),
    "sets_numpy": Hostile(
        load="np.seterr(all='raise'); np.set_printoptions(precision=1)", scene="np.seterr(all='ignore')"
    ),
    "sets_seeds": Hostile(load="torch.manual_seed(0); np.random.seed(0); random.seed(0)", scene="torch.rand(3)"),
    "sets_logging": Hostile(
        top="logging.basicConfig(level=10, stream=sys.stdout, force=True); logging.disable(50)\n"
        "logging.getLogger('hear_audiomosaic').disabled = True\nimport logging.config\n"
        "logging.config.dictConfig({'version': 1})",
    ),
    "sets_warnings": Hostile(top="warnings.simplefilter('error')", scene="warnings.filters.clear()"),
    "sets_the_folder": Hostile(
        load="os.chdir(os.path.dirname(__file__))", scene="open('sets_the_folder.py').close(); os.chdir('/')"
    ),
    "sets_arguments": Hostile(load="sys.argv = ['x']", scene="sys.argv.clear()"),
    "sets_the_search_path": Hostile(
        load="sys.path[:0] = [os.path.join(os.path.dirname(__file__), 'more')]", scene="import only_there"
    ),
    "empties_the_search_path": Hostile(scene="sys.path.clear()"),
    "sets_signals": Hostile(
        load="signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        scene="signal.signal(signal.SIGINT, lambda *_: None)",
    ),
    "sets_the_environment": Hostile(load="os.environ['HEAR_TEST_ONLY'] = '1'; os.environ.pop('PATH', 0)"),
    "sets_the_locale": Hostile(
        load="locale.setlocale(locale.LC_ALL, 'C.UTF-8' if locale.setlocale(0) == 'C' else 'C')"
    ),
    "sets_limits": Hostile(load="sys.setrecursionlimit(700); gc.disable()"),
    "prints": Hostile(
        top=f"print({LOUD!r})",
        load=f"sys.stdout.write({LOUD!r}); os.write(1, {LOUD.encode()!r}); print({LOUD!r}, file=sys.__stdout__)",
        scene=f"subprocess.run(['echo', {LOUD!r}]); sys.stdout.buffer.write({LOUD.encode()!r})",
    ),
    "closes_streams": Hostile(load="sys.stdout.close(); sys.stderr.close()", scene="os.close(1); os.close(2)"),
    "replaces_streams": Hostile(load="import io; sys.stdout = sys.stderr = io.StringIO()", scene="sys.stdout = None"),
    "writes_into_the_audio": Hostile(scene="audio -= audio.mean(1, keepdim=True)"),
    "reuses_its_output": Hostile(
        top="out = torch.empty(64, 4)", scene="return out[: len(audio)].copy_(features(audio)).view(-1, 4)"
    ),
    "returns_no_model_from_eval": Hostile(members="def eval(self): super().eval()\ndef to(self, *a): super().to(*a)"),
}
"""Name of the module -> an encoder that changes what all share, and is to succeed."""


def write_all(folder: Path) -> tuple[str, ...]:
    """Write every module; returns their names."""
    for name, hostile in (FAILING | CHANGING).items():
        hostile.write(folder / Path(*name.split(".")).with_suffix(".py"))
    (folder / "package_exits" / "__init__.py").write_text("raise SystemExit(3)")
    (folder / "more").mkdir()
    (folder / "more" / "only_there.py").touch()
    return (*FAILING, *CHANGING)
