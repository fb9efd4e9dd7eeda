"""What a model and the modules around it compute with, beyond code: tensors, arrays, numbers and texts, as digests.

A model's ``state_dict`` holds only what its author registered. Embeddings depend as much on buffers that are not
persistent, on arrays that are plain attributes or globals, and on what a list, a closure or an object in them holds.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePath
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.dependencies.tensors import tensor_content
from hear_audiomosaic.hear.dependencies.writer import IGNORED, Writer

__all__ = ["ValueDigests"]

_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
_MOST_SETS = 3
"""One inside another."""
_PLAIN_TENSORS = (Tensor, nn.Parameter)


class ValueDigests:
    """Digests of values.

    Args:
        own: names of the modules whose classes count with all their values; of other classes (of installed packages)
            only what can be weights does: tensors, arrays, paths of files.
        home: folder of the encoder, whose place on the disk does not count.
        file: digest of a file that a value names.
    """

    def __init__(self, own: Collection[str], home: Path | None, file: Callable[[Path], str]) -> None:
        self._own = frozenset(own)
        self._places = frozenset((home, *home.parents) if home else ())
        self._file = file
        self._tensors: dict[tuple[Any, ...], tuple[Tensor, bytes]] = {}
        self._members: dict[tuple[int, int], tuple[object, str]] = {}
        self._active: set[int] = set()

    def of_model(self, model: Any) -> dict[str, str]:
        """Of a model's parameters, buffers, attributes, classes and ``state_dict``: name -> digest.

        Of what is no ``torch.nn.Module``: of its attributes and, of a ``tf.Module``, its ``variables``.

        Raises:
            EncoderError: a tensor without values, or a ``state_dict`` that raises.
        """
        if not isinstance(model, nn.Module):
            return self._of_object(model)
        found = self._of_modules(model)
        try:
            state = dict(model.state_dict())
        except Exception as error:
            raise EncoderError(
                f"state_dict() of {type(model).__name__} raises {type(error).__name__}: {error}; what a model computes "
                "with must be readable, so that stored embeddings are known to be its own."
            ) from error
        for name, value in state.items():
            if name not in found or not isinstance(value, Tensor):  # else it was one of the parameters and buffers
                found[f"state_dict {name}"] = self.of(value, name)
        return found

    def of_globals(self, module: ModuleType) -> dict[str, str]:
        """Of the values in a module's namespace: name -> digest."""
        others = (type, FunctionType, BuiltinFunctionType, *IGNORED)
        return {
            f"{module.__name__}.{name}": self.of(value, name)
            for name, value in sorted(vars(module).items())
            if not name.startswith("__") and not isinstance(value, others)
        }

    def of(self, value: object, name: str) -> str:
        """SHA-256 of one value, with all that it holds.

        Raises:
            EncoderError: a tensor without values.
        """
        digest = hashlib.sha256()
        Writer(self, digest.update, name).write(value)
        return digest.hexdigest()

    def of_member(self, value: object, name: str, n_sets: int) -> str:
        """SHA-256 of one member of a set, on its own, as sets have no order.

        Members may hold one another in sets, as the nodes of a graph do: of one that lies in many sets only its kind
        counts.

        Args:
            value: the member.
            name: for messages.
            n_sets: how many sets it lies in.
        """
        key = id(value), n_sets
        if key not in self._members:
            digest = hashlib.sha256()
            counts = n_sets <= _MOST_SETS or isinstance(value, (str, bytes, int, float, type(None)))
            Writer(self, digest.update, name, n_sets).write(value if counts else type(value).__name__)
            self._members[key] = value, digest.hexdigest()  # kept, so that nothing else takes its place in memory
        return self._members[key][1]

    def of_inner_model(self, model: nn.Module) -> dict[str, str]:
        """Of a model that is held by a list, a dictionary or an object; one that holds itself is not followed."""
        return {} if id(model) in self._active else self._of_modules(model)

    def is_own(self, kind: object) -> bool:
        """Whether a class or a function is the encoder's."""
        return getattr(kind, "__module__", None) in self._own

    def tensor(self, tensor: Tensor, name: str) -> bytes:
        """Digest of a tensor; one that occurs several times is read once."""
        key: tuple[Any, ...] = (id(tensor),)
        if type(tensor) in _PLAIN_TENSORS and tensor.layout is torch.strided and not tensor.is_meta:
            place = tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tensor.device
            key = (*place, tensor.dtype, tensor.shape, tensor.stride(), tensor.is_conj(), tensor.is_neg())
        if key not in self._tensors:
            digest = hashlib.sha256()
            for part in tensor_content(tensor, name):
                digest.update(part)
            self._tensors[key] = tensor, digest.digest()  # kept, so that nothing else takes its place in memory
        return self._tensors[key][1]

    def path(self, text: str | PurePath) -> str | None:
        """What a text counts as that is a path: a file's digest, nothing for the encoder's own place; None if none."""
        if isinstance(text, str) and ("\n" in text or not any(one in text for one in "/\\.")):
            return None
        try:
            path = Path(text)
            if path.is_file():
                return self._file(path)
        except (OSError, ValueError):
            return None
        return "" if path in self._places else None

    def _of_object(self, model: Any) -> dict[str, str]:
        parts: dict[str, object] = {"class": type(model), **getattr(model, "__dict__", {})}
        variables = getattr(model, "variables", None)
        for i, one in enumerate(variables if isinstance(variables, list | tuple) else ()):
            parts[f"variable {i} {getattr(one, 'name', '')}"] = one.numpy() if hasattr(one, "numpy") else one
        return {name: self.of(value, name) for name, value in sorted(parts.items())}

    def _of_modules(self, model: nn.Module) -> dict[str, str]:
        self._active.add(id(model))
        found: dict[str, str] = {}
        compiled: list[str] = []  # a compiled module counts whole
        for prefix, module in model.named_modules():
            if any(prefix.startswith(one) for one in compiled):
                continue
            if isinstance(module, torch.jit.ScriptModule):
                compiled.append(f"{prefix}." if prefix else "")
            for name, value in self._parts(module):
                full = f"{prefix}.{name}" if prefix else name
                found[full] = self.of(value, full)
        self._active.discard(id(model))
        return found

    def _parts(self, module: nn.Module) -> Iterator[tuple[str, object]]:
        """Names and values of what one module holds itself, without its submodules."""
        yield "class", type(module)
        yield from ((name, value) for name, value in module._parameters.items() if value is not None)
        yield from ((name, value) for name, value in module._buffers.items() if value is not None)
        if isinstance(module, torch.jit.ScriptModule):
            yield "program", _program(module)
            return
        yield from sorted((name, value) for name, value in vars(module).items() if name not in _OF_EVERY_MODULE)
        hooks = [*module._forward_pre_hooks.values(), *module._forward_hooks.values()]
        if hooks:
            yield "hooks", hooks
        for kind in filter(self.is_own, type(module).__mro__):
            yield from ((f"{kind.__qualname__}.{name}", value) for name, value in _class_values(kind))


def _class_values(kind: type) -> Iterator[tuple[str, object]]:
    for name, value in sorted(vars(kind).items()):
        if not name.startswith("_abc_") and not (name.startswith("__") or callable(value) or hasattr(value, "__get__")):
            yield name, value


def _program(module: torch.jit.ScriptModule) -> bytes:
    """What a compiled module does and holds, without where its source came from."""
    with zipfile.ZipFile(io.BytesIO(module.save_to_buffer())) as archive:
        names = sorted(name for name in archive.namelist() if not name.endswith(".debug_pkl"))
        return b"".join(hashlib.sha256(name.encode() + archive.read(name)).digest() for name in names)
