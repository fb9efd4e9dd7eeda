"""One HEAR module in an interpreter of its own, asked over pipes: ``PYTHON worker.py``.

This file is all that runs there of this library. It needs Python 3.7 or newer and numpy, imports nothing of ours, and
imports torch or TensorFlow only if the module did. It reads requests from what was its stdin and answers on what was
its stdout; both are moved away before anything foreign is imported, so that what a module prints floods stderr.

A frame, in either direction: ``HAW1``, the length of a header (uint32, little endian), the header (JSON), and as many
arrays as ``header["arrays"]`` says, each as a ``.npy`` of version 1.0. Nothing is pickled.

    {"do": "hello"}                                         -> protocol, python
    {"do": "load", "module", "path", "options", ...}        -> what the model states, what it depends on
    {"do": "call", "function"} + audio (B, S), float32      -> what was returned: "structure", "forms", and arrays
    {"do": "end"}                                           -> the process ends

An answer to what raised is ``{"error": type, "message", "place", "memory"}``. The process ends with its stdin, and with
its parent, whatever the module is doing then.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import io
import json
import logging
import os
import platform
import select
import signal
import struct
import sys
import sysconfig
import traceback
import types

if sys.path and os.path.abspath(sys.path[0] or ".") == os.path.dirname(os.path.abspath(__file__)):
    del sys.path[0]  # the folder of this file, which holds nothing for foreign code

from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

__all__ = ["PROTOCOL", "FrameError", "Stream", "serve"]

PROTOCOL = 1
MAGIC = b"HAW1"
_MOST_HEADER_BYTES = 1 << 26
_MOST_ARRAYS = 4096
_MOST_ARRAY_BYTES = 1 << 33
_STATED = ("sample_rate", "scene_embedding_size", "timestamp_embedding_size", "untrained", "weights_path")


class FrameError(Exception):
    """What was read is no frame."""


class Stream:
    """Frames over two pipes.

    Args:
        reading, writing: unbuffered binary files.
        wait: is called before each system call, with the file and whether it is to be read; may raise.
    """

    def __init__(
        self, reading: Any, writing: Any, wait: Callable[[Any, bool], None] = lambda file, reads: None
    ) -> None:
        self._reading, self._writing, self._wait = reading, writing, wait

    def send(self, header: Dict[str, Any], arrays: Any = ()) -> None:
        """Write a frame."""
        content = json.dumps(dict(header, arrays=len(arrays))).encode("utf-8")
        small = MAGIC + struct.pack("<I", len(content)) + content
        for array in arrays:
            plain = np.ascontiguousarray(array)
            start = io.BytesIO()
            np.lib.format.write_array_header_1_0(start, np.lib.format.header_data_from_array_1_0(plain))
            self._write(small + start.getvalue())
            self._write(plain.reshape(-1).view(np.uint8).data)
            small = b""
        self._write(small)

    def receive(self) -> Tuple[Dict[str, Any], List[Any]]:
        """Read a frame.

        Raises:
            EOFError: the other side ended.
            FrameError: it is none.
        """
        magic, length = struct.unpack("<4sI", self.read(8))
        if magic != MAGIC or length > _MOST_HEADER_BYTES:
            raise FrameError("%r instead of a frame" % (magic + struct.pack("<I", length)))
        try:
            header = json.loads(self.read(length).decode("utf-8"))
            n_arrays = int(header["arrays"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise FrameError("a frame with a broken header (%s: %s)" % (type(error).__name__, error)) from error
        if not 0 <= n_arrays <= _MOST_ARRAYS:
            raise FrameError("a frame of %d arrays" % n_arrays)
        return header, [self._array() for _ in range(n_arrays)]

    def read(self, n: int = 0) -> bytes:
        """Exactly ``n`` bytes."""
        content = bytearray(n)
        self._fill(memoryview(content))
        return bytes(content)

    def _array(self) -> Any:
        try:
            version = np.lib.format.read_magic(self)
            if version != (1, 0):
                raise ValueError("version %s" % (version,))
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(self)
        except (ValueError, TypeError, SyntaxError, RecursionError) as error:
            raise FrameError("a frame with a broken array (%s)" % error) from error
        n_bytes = dtype.itemsize
        for one in shape:
            n_bytes *= one
        if dtype.kind not in "biuf" or dtype.itemsize > 8 or fortran or not 0 <= n_bytes <= _MOST_ARRAY_BYTES:
            raise FrameError("an array of %s and shape %s" % (dtype, shape))
        array = np.empty(shape, dtype)
        self._fill(array.reshape(-1).view(np.uint8).data)
        return array

    def _fill(self, view: Any) -> None:
        done = 0
        while done < len(view):
            self._wait(self._reading, True)
            n = self._reading.readinto(view[done:])
            if n == 0:
                raise EOFError("the other side ended")
            done += n or 0

    def _write(self, content: Any) -> None:
        view, done = memoryview(content), 0
        while done < len(view):
            self._wait(self._writing, False)
            done += self._writing.write(view[done:]) or 0


class _Worker:
    """The module that was loaded, and what is asked of it."""

    def __init__(self) -> None:
        self._module: Any = None
        self._model: Any = None
        self._device = "cpu"
        self._to_input: Callable[[Any], Any] = lambda audio: audio

    def load(self, request: Dict[str, Any]) -> Dict[str, Any]:
        before = set(sys.modules)
        sys.path[:0] = [one for one in request["folders"] if one not in sys.path]
        watch = _Opened()
        sys.path += [one for one in request.get("folders_behind", ()) if one not in sys.path]
        _compile_as_they_are([*request["folders"], *request.get("folders_behind", ())])
        self._module = _imported(request["module"], request.get("file"), by_name=not request.get("is_file"))
        torch = sys.modules.get("torch")
        if torch is not None and request["threads"]:
            torch.set_num_threads(request["threads"])
        missing = [name for name in request["functions"] if not callable(getattr(self._module, name, None))]
        if missing:
            return {"missing": missing}
        positional, options, notes = _arguments(self._module.load_model, request["path"], request["options"])
        self._device = request["device"]
        self._model = _moved(self._module.load_model(*positional, **options), self._device)
        self._to_input = _input_of(self._model, self._device)
        stated = {name: _plain(getattr(self._model, name)) for name in _STATED if hasattr(self._model, name)}
        facts = {"stated": stated, "n_parameters": _n_parameters(self._model), "notes": notes}
        card = getattr(self._module, "encoder_card", None)
        if card is not None:
            facts["card"] = json.loads(
                json.dumps(card.model_dump() if hasattr(card, "model_dump") else card, default=str)
            )
        return dict(facts, depends_on=_Dependencies(before, self._module, self._model).all(watch.end()))

    def call(self, request: Dict[str, Any], audio: Any) -> Tuple[Dict[str, Any], List[Any]]:
        function = getattr(self._module, request["function"])
        torch = sys.modules.get("torch")
        if torch is None:
            returned = function(self._to_input(audio), self._model)
        else:
            with torch.no_grad():
                returned = function(self._to_input(audio), self._model)
        several = isinstance(returned, (tuple, list)) and not _is_flat(returned)
        values = list(returned) if several else [returned]
        forms, arrays = [], []
        for value in values:
            forms.append("%s.%s" % (type(value).__module__.partition(".")[0], type(value).__name__))
            arrays.append(_array_of(value, request["function"]))
        return {"structure": type(returned).__name__ if several else "one", "forms": forms}, arrays


class _FromSource(importlib.machinery.SourceFileLoader):
    """Compiles a file as it is now.

    Cached bytecode goes by size and by time in whole seconds; a file that was edited twice in one would run as it was.
    """

    def path_stats(self, path: str) -> Dict[str, Any]:
        raise OSError("no bytecode is read or written")


def _compile_as_they_are(folders: List[str]) -> None:
    """Read no cached bytecode of modules in the encoder's own folders."""
    places = [os.path.abspath(one) + os.sep for one in folders]

    def finder(path: str) -> Any:
        folder = os.path.abspath(path) + os.sep
        if not os.path.isdir(path) or "site-packages" in folder or not any(folder.startswith(one) for one in places):
            raise ImportError("%s is left to Python's own finders" % path)
        machinery = importlib.machinery
        return machinery.FileFinder(
            path,
            (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
            (_FromSource, machinery.SOURCE_SUFFIXES),
            (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
        )

    sys.path_hooks.insert(0, finder)
    sys.path_importer_cache.clear()


def _imported(name: str, path: Optional[str], by_name: bool) -> Any:
    """The module of a name, or of a file: one that was given, or an adapter of a package that is not there."""
    if by_name:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if path is None or not (name + ".").startswith("%s." % error.name):
                raise
    assert path is not None  # noqa: S101 - a file was given
    name = name.rpartition(".")[2]
    spec = importlib.util.spec_from_file_location(
        name, path, loader=_FromSource(name, path), submodule_search_locations=[os.path.dirname(path)]
    )
    if spec is None or spec.loader is None:
        raise ImportError("%s is no Python module" % path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _arguments(load_model: Any, path: Optional[str], options: Dict[str, Any]) -> Tuple[Any, Dict[str, Any], List[str]]:
    """A path is passed where one is given, or an empty one where it is required."""
    try:
        parameters = list(inspect.signature(load_model).parameters.values())
    except (TypeError, ValueError):  # compiled
        return (() if path is None else (path,)), options, []
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    if path is not None:
        if not positional and not any(one.kind == one.VAR_POSITIONAL for one in parameters):
            return (), dict(options, model_file_path=path), []
        return (path,), options, []
    if positional and positional[0].default is inspect.Parameter.empty and positional[0].name not in options:
        return ("",), options, ["load_model requires a path, none was given: it got an empty one"]
    return (), options, []


def _moved(model: Any, device: str) -> Any:
    if callable(getattr(model, "to", None)):
        moved = model.to(device)
        model = model if moved is None else moved
    if callable(getattr(model, "eval", None)):
        model.eval()
    return model


def _input_of(model: Any, device: str) -> Callable[[Any], Any]:
    """What makes the tensor that a model takes: TensorFlow's for a tf.Module, torch's where torch is there, numpy's."""
    tensorflow, torch = sys.modules.get("tensorflow"), sys.modules.get("torch")
    kind = getattr(tensorflow, "Module", None)
    if isinstance(kind, type) and isinstance(model, kind):
        return tensorflow.convert_to_tensor  # type: ignore
    if torch is not None:
        return lambda audio: torch.from_numpy(audio).to(device)
    return lambda audio: audio


def _is_flat(values: Any) -> bool:
    """Whether a list is an array itself: of numbers, or of lists of them."""
    return all(isinstance(one, (int, float, np.generic, list)) for one in values)


def _array_of(value: Any, function: str) -> Any:
    """An array of any library, on the host, in native order."""
    if callable(getattr(value, "detach", None)):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    array = value.numpy() if callable(getattr(value, "numpy", None)) else value
    if not isinstance(array, np.ndarray):
        if not hasattr(array, "__array__") and not isinstance(array, (list, tuple, int, float)):
            raise TypeError("%s returned a %s; expected an array" % (function, type(value).__name__))
        array = np.asarray(array)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise TypeError("%s returned an array of %s; expected float32" % (function, array.dtype))
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if callable(getattr(value, "item", None)):
        value = value.item()
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)[:4096]


def _n_parameters(model: Any) -> int:
    if callable(getattr(model, "parameters", None)):
        return sum(int(one.numel()) for one in model.parameters() if type(one).__name__ != "UninitializedParameter")
    variables = getattr(model, "variables", None)
    if isinstance(variables, (list, tuple)):
        return sum(int(np.prod(tuple(one.shape))) for one in variables)
    inner = [one for one in getattr(model, "__dict__", {}).values() if callable(getattr(one, "parameters", None))]
    return sum(_n_parameters(one) for one in inner)


class _Opened:
    """Files that Python code opens for reading; nothing is seen before Python 3.8."""

    def __init__(self) -> None:
        self._found: Optional[Dict[str, None]] = {}
        if hasattr(sys, "addaudithook"):
            sys.addaudithook(self._hook)

    def end(self) -> List[str]:
        found, self._found = self._found or {}, None
        return [one for one in found if not (_is_of_python(one) or _is_installed(one) or "__pycache__" in one)]

    def _hook(self, event: str, arguments: Any) -> None:
        if self._found is None or event not in ("open", "ctypes.dlopen", "sqlite3.connect"):
            return
        if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wxa"):
            return
        if event == "open" and not isinstance(arguments[1], str) and arguments[2] & os.O_ACCMODE != os.O_RDONLY:
            return
        try:
            self._found[os.path.abspath(os.fsdecode(arguments[0]))] = None
        except (TypeError, ValueError, OSError):  # the number of an open file
            return


_PYTHON = tuple({os.path.realpath(sysconfig.get_path(one)) + os.sep for one in ("stdlib", "platstdlib")})


def _is_installed(path: str) -> bool:
    return not {"site-packages", "dist-packages"}.isdisjoint(path.split(os.sep))


def _is_of_python(path: str) -> bool:
    return not _is_installed(path) and os.path.realpath(path).startswith(_PYTHON)


class _Dependencies:
    """What the module's embeddings depend on here: own source files, installed packages, values.

    Args:
        before: names of the modules that were there before the module was imported.
        module: the HEAR module.
        model: what its load_model returned.
    """

    def __init__(self, before: Any, module: Any, model: Any) -> None:
        self._before, self._module, self._model = before, module, model
        self._own: Dict[str, str] = {}
        self._eager: List[str] = []
        self._tops = {"numpy"}
        self._packages: Dict[str, None] = {}
        self._waiting: List[str] = []

    def all(self, opened: List[str]) -> Dict[str, Any]:
        for name, loaded in sorted(sys.modules.items()):
            file = getattr(loaded, "__file__", None)
            if name not in self._before and isinstance(file, str) and self._seen(name, os.path.abspath(file)):
                self._eager.append(name)
        while self._waiting:
            for top in _imported_by(self._waiting.pop()):
                self._look_up(top)
        top = self._module.__name__.partition(".")[0]
        folder = os.path.dirname(getattr(sys.modules.get(top), "__file__", None) or "")
        state = {"model": _Digest(self._own).of(self._model)}
        for name in self._eager:
            values = {k: v for k, v in vars(sys.modules[name]).items() if k[:2] != "__"}
            state[name] = _Digest(self._own).of({k: v for k, v in values.items() if not isinstance(v, _CODE)})
        return {
            "module": self._module.__name__,
            "file": self._own.get(self._module.__name__),
            "own": self._own,
            "eager": self._eager,
            "package": folder if folder in self._packages else None,
            "installed": dict(_distributions(self._tops), python=platform.python_version()),
            "platform": "%s %s %s" % (platform.python_implementation(), sys.platform, platform.machine()),
            "opened": opened,
            "state": state,
        }

    def _seen(self, name: str, file: str) -> bool:
        """Whether a module is neither of Python nor installed."""
        if file == os.path.abspath(__file__) or _is_of_python(file) or not os.path.isfile(file):
            return False
        if _is_installed(file):
            self._tops.add(name.partition(".")[0])
            return False
        if name not in self._own:
            self._own[name] = file
            self._waiting.append(file)
            if os.path.basename(file).startswith("__init__."):
                self._whole(name, os.path.dirname(file))
        return True

    def _whole(self, name: str, folder: str) -> None:
        """All sources of a package, imported or not."""
        if not any(folder.startswith(one + os.sep) for one in self._packages):
            self._packages[folder] = None
            for root, folders, files in os.walk(folder):
                folders[:] = sorted(one for one in folders if not one.startswith((".", "__pycache__")))
                inner = os.path.relpath(root, folder).split(os.sep) if root != folder else []
                for one in sorted(files):
                    if one.endswith(".py"):
                        last = [] if one == "__init__.py" else [one[:-3]]
                        self._seen(".".join([name, *inner, *last]), os.path.join(root, one))

    def _look_up(self, top: str) -> None:
        if top in self._own or top in self._tops or top in sys.builtin_module_names:
            return
        try:
            found = importlib.machinery.PathFinder.find_spec(top)
        except (ImportError, ValueError):
            return
        places = list(found.submodule_search_locations or ()) if found else []
        origin = found.origin if found and found.has_location else None
        if origin or places:
            self._seen(top, os.path.abspath(origin or os.path.join(places[0], "__init__.py")))


def _imported_by(file: str) -> Any:
    """Top-level names that a source file imports anywhere."""
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read()) if file.endswith(".py") else ast.parse("")
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]
        elif isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = getattr(node.args[0], "value", getattr(node.args[0], "s", None))
            if name in ("import_module", "__import__") and isinstance(given, str) and given[:1] != ".":
                yield given.partition(".")[0]


_METADATA = ("METADATA", "PKG-INFO", "RECORD", "top_level.txt", "direct_url.json")


def _text(path: str) -> str:
    try:
        with io.open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _distributions(tops: Any) -> Any:
    """Names and versions of what provides top-level modules, read off the metadata beside them."""
    for folder in sys.path:
        for one in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            if not one.endswith((".dist-info", ".egg-info")) or not os.path.isdir(os.path.join(folder, one)):
                continue
            texts = {name: _text(os.path.join(folder, one, name)) for name in _METADATA}
            lines = "\n" + texts["RECORD"]
            provided = texts["top_level.txt"].split()
            if not any(top in provided or "\n%s/" % top in lines or "\n%s." % top in lines for top in tops):
                continue
            about: Dict[str, str] = {}
            for line in (texts["METADATA"] or texts["PKG-INFO"]).partition("\n\n")[0].splitlines():
                about.setdefault(*line.partition(": ")[::2])
            version = about.get("Version", "")
            if texts["direct_url.json"]:  # from no index: it may change under the same version
                content = sorted(
                    line for line in lines.splitlines() if ",sha256=" in line and ".dist-info/" not in line
                )
                version += " " + hashlib.sha256("\n".join(content).encode()).hexdigest()
            yield about.get("Name", one).lower().replace("_", "-").replace(".", "-"), version


_MOST_SETS = 3  # one inside another


class _Digest:
    """SHA-256 of a value and all that it holds, the same in every process.

    Of objects whose class is not the encoder's only tensors and arrays count, and what holds them.
    """

    def __init__(self, own: Dict[str, str], n_sets: int = 0) -> None:
        self._own = own
        self._n_sets = n_sets
        self._members: Dict[Tuple[int, int], Tuple[Any, str]] = {}
        self._homes = {os.path.dirname(one) for one in own.values()}
        self._hash = hashlib.sha256()
        self._seen: Dict[int, Tuple[int, Any]] = {}

    def of(self, value: Any) -> str:
        self._feed(value, True, 0)
        return self._hash.hexdigest()

    def _text(self, text: str) -> None:
        content = text.encode("utf-8", "surrogatepass")
        self._hash.update(b"%d " % len(content) + content)

    def _feed(self, value: Any, whole: bool, depth: int) -> None:
        kind = type(value)
        if depth > 40 or len(self._seen) > 200000 or isinstance(value, _IGNORED):
            return
        if kind.__module__ == "torch" and kind.__name__ in ("device", "dtype"):
            self._text(str(value) if kind.__name__ == "dtype" else "")
        elif isinstance(value, (str, os.PathLike)):
            self._text(self._path(os.fspath(value)) if whole else "")
        elif isinstance(value, _SCALARS):
            self._text("%s %r" % (kind.__name__, value) if whole else "")
        elif id(value) in self._seen:
            self._text("again %d" % self._seen[id(value)][0])
        else:
            self._seen[id(value)] = len(self._seen), value  # kept, so that nothing else takes its place in memory
            self._text(kind.__name__)
            self._compound(value, whole, depth + 1)

    def _compound(self, value: Any, whole: bool, depth: int) -> None:
        if _is_array(value):
            self._array(value, depth)
        elif isinstance(value, dict):
            for key in sorted(value, key=lambda key: repr(key) if isinstance(key, (str, *_SCALARS)) else ""):
                self._feed(key, whole, depth)
                self._feed(value[key], whole, depth)
        elif isinstance(value, (set, frozenset)):
            self._text(" ".join(sorted(self._member(one) for one in value)))
        elif isinstance(value, (list, tuple)):
            for one in value:
                self._feed(one, whole, depth)
        elif isinstance(value, types.FunctionType):
            self._feed([value.__defaults__, value.__kwdefaults__], whole, depth)
            for cell in (value.__closure__ or ()) if value.__module__ in self._own else ():
                self._feed(getattr(cell, "cell_contents", None), whole, depth)
        elif not isinstance(value, _CODE):
            self._object(value, whole, depth)

    def _object(self, value: Any, whole: bool, depth: int) -> None:
        is_own, name = type(value).__module__ in self._own, type(value).__name__
        if name.endswith("ScriptModule"):
            if hasattr(type(value), "state_dict"):  # not of what stands behind it in C++
                self._text(str(getattr(value, "code", "")))
                self._feed(dict(value.state_dict()), whole, depth)
            return
        if name in ("Generator", "RandomState") and callable(getattr(value, "get_state", None)):
            self._feed(value.get_state(), whole, depth)
        elif _top(value) in ("tensorflow", "keras") and isinstance(getattr(value, "variables", None), (list, tuple)):
            self._feed(list(value.variables), whole, depth)
            return
        for part in type(value).__mro__ if is_own else ():
            if part.__module__ in self._own:
                plain = {k: v for k, v in vars(part).items() if k[:2] != "__" and not callable(v)}
                self._feed({k: v for k, v in plain.items() if not hasattr(v, "__get__")}, whole, depth)
        self._feed({k: v for k, v in _attributes(value).items() if k != "training"}, is_own, depth)

    def _member(self, value: Any) -> str:
        """Digest of a member of a set; of one that lies in many sets, as nodes of a graph do, only its kind counts."""
        key = id(value), self._n_sets
        if key not in self._members:
            inner = _Digest(self._own, self._n_sets + 1)
            inner._members = self._members
            counts = self._n_sets < _MOST_SETS or isinstance(value, (str, bytes, int, float, type(None)))
            self._members[key] = value, inner.of(value if counts else type(value).__name__)
        return self._members[key][1]

    def _array(self, value: Any, depth: int) -> None:
        if callable(getattr(value, "detach", None)):
            value = value.detach().cpu()
            if getattr(value, "is_sparse", False):
                value = value.to_dense()
            if getattr(value, "is_quantized", False):
                value = value.dequantize()
            value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        try:
            array = np.asarray(value.numpy() if callable(getattr(value, "numpy", None)) else value)
        except (AttributeError, NotImplementedError, TypeError):  # of TensorFlow, that stands for a value to come
            return
        self._text("%s %s" % (array.dtype, array.shape))
        if array.dtype.hasobject:
            self._feed(array.reshape(-1).tolist(), True, depth)
        else:
            self._hash.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)

    def _path(self, text: str) -> str:
        """A text; of a path what lies there, and of the encoder's own place nothing."""
        if text in self._homes:
            return ""
        if os.sep in text and len(text) < 4096 and "\n" not in text and "\0" not in text and os.path.isfile(text):
            with open(text, "rb") as file:
                return hashlib.sha256(file.read()).hexdigest()
        return text


_CODE = (type, types.FunctionType, types.BuiltinFunctionType)
_SCALARS = (bool, int, float, complex, bytes, bytearray, type(None), type(...), range, slice, np.generic)
_IGNORED = (types.ModuleType, types.GeneratorType, io.IOBase, type(os.environ), logging.Logger, logging.Handler)


def _top(value: Any) -> str:
    return str(type(value).__module__).partition(".")[0]


def _is_array(value: Any) -> bool:
    torch = sys.modules.get("torch")
    if isinstance(value, np.ndarray) or (torch is not None and isinstance(value, torch.Tensor)):
        return True
    return (
        _top(value) in ("tensorflow", "keras", "jax", "jaxlib") and hasattr(value, "shape") and hasattr(value, "dtype")
    )


def _attributes(value: Any) -> Dict[str, Any]:
    found = dict(getattr(value, "__dict__", None) or {})
    for kind in type(value).__mro__:
        for name, slot in vars(kind).items():
            if isinstance(slot, types.MemberDescriptorType) and hasattr(value, name):
                found.setdefault(name, getattr(value, name))
    return {name: one for name, one in found.items() if isinstance(name, str)}


def serve(stream: Stream) -> None:
    """Answer requests until the last."""
    worker = _Worker()
    while True:
        request, arrays = stream.receive()
        returned: List[Any] = []
        if request["do"] == "end":
            return
        try:
            if request["do"] == "hello":
                answer: Dict[str, Any] = {"protocol": PROTOCOL, "python": list(sys.version_info[:3])}
            elif request["do"] == "load":
                answer = worker.load(request)
            else:
                answer, returned = worker.call(request, arrays[0])
        except BaseException as error:  # noqa: BLE001 - of foreign code; SystemExit and KeyboardInterrupt are its, too
            answer = _told(error)
        for one in (sys.stdout, sys.stderr):
            if one is not None and not one.closed:
                one.flush()
        stream.send(answer, returned)


def _told(error: BaseException) -> Dict[str, Any]:
    try:
        message = str(error).strip()
    except BaseException:  # noqa: BLE001 - the message is foreign code, too
        message = "(its message cannot be read)"
    if isinstance(error, SystemExit):
        message = "it ended the program" + (" with exit code %s" % error.code if isinstance(error.code, int) else "")
    frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename != __file__]
    own = [one for one in frames if not (_is_of_python(one.filename) or _is_installed(one.filename))] or frames
    place = "%s, line %s" % (os.path.basename(own[-1].filename), own[-1].lineno) if own else ""
    is_memory = isinstance(error, MemoryError) or type(error).__name__ in ("OutOfMemoryError", "ResourceExhaustedError")
    return {"error": type(error).__name__, "message": message[:1500], "place": place, "memory": is_memory}


def _end_with_parent(stdin: int, stdout: int) -> None:
    """End, with all children, as soon as the parent is gone or has closed stdin, whatever the module is doing.

    It is a process of its own that sees to this: a thread would wait for ever for a module that holds Python's lock.
    """
    worker = os.getpid()
    if os.fork() != 0:
        return
    try:
        for one in (1, 2, stdout):  # where the parent waits for their end
            os.close(one)
        poll = select.poll()
        poll.register(stdin, 0)
        while os.getppid() == worker and not poll.poll(500):
            pass
        if os.getpgrp() != worker and os.getppid() == worker:
            os.kill(worker, signal.SIGKILL)
        elif os.getpgrp() == worker:
            os.killpg(worker, signal.SIGKILL)
    finally:
        os._exit(1)


def _end() -> None:
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def _main() -> None:
    reading, writing = os.dup(0), os.dup(1)
    _end_with_parent(reading, writing)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    stream = Stream(io.FileIO(reading, "rb", closefd=False), io.FileIO(writing, "wb", closefd=False))
    with contextlib.suppress(EOFError):
        serve(stream)
    _end()  # what foreign code has left running, too


if __name__ == "__main__":
    _main()
