"""What an encoder's embeddings depend on, as one digest and as an inventory that says what changed.

Stored embeddings and results are reused only while the fingerprint is the same. It covers

* **code**: the encoder's own sources, those they import, and what they use of this library, by their bytes
  (:mod:`~hear_audiomosaic.hear.dependencies.sources`);
* **packages**: what is installed and imported, by name and version; also torch's version;
* **options**, and **weights**: the bytes of WEIGHTS and of every option that is a path, file or folder;
* **data files**: what lies in the encoder's package, or what its source names;
* **files read**: what Python code opens while the encoder is imported and loaded;
* **environment**: the values of the variables that the encoder's source names;
* **state**: tensors, arrays and values of the model and of the encoder's modules, registered or not.

No digest sees everything: not a file that compiled code opens by a computed name (ONNX Runtime, TensorFlow) or that is
opened only while embedding, nor what comes over a network, nor an edit inside an installed package. For that there are
canaries: clips that every run embeds anew and compares with the store.

The fingerprint is the same in every process, from every working directory (unless relative paths were given), and
whatever else a process has loaded; times of files do not count, nor does the place of the encoder on the disk.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from hear_audiomosaic.files import sha256_of_json
from hear_audiomosaic.hear.dependencies.compiled import compiled_code
from hear_audiomosaic.hear.dependencies.data_files import Digester, named_files, package_files, path_of, weight_files
from hear_audiomosaic.hear.dependencies.environment import environment_digests
from hear_audiomosaic.hear.dependencies.installed import installed_versions
from hear_audiomosaic.hear.dependencies.opened import of_the_encoder
from hear_audiomosaic.hear.dependencies.sources import PACKAGE, Sources, read_sources
from hear_audiomosaic.hear.dependencies.values import ValueDigests
from hear_audiomosaic.hear.reference import EncoderRef
from hear_audiomosaic.paths import data_home

__all__ = ["IN_WORDS", "Inventory", "encoder_inventory"]

IN_WORDS = {
    "packages": "package versions",
    "weights": "weights or a file that an option names",
    "data_files": "data files",
    "files_read": "files that it reads",
    "environment": "environment variables",
    "state": "values in its model or modules",
}
"""What a part is called where a change of it is told; the others by their own names."""


@dataclass(frozen=True)
class Inventory:
    """What embeddings depend on: in every part, names and digests (or versions).

    Attributes:
        code: source files, compiled extensions; of a module without a file its functions.
        packages: installed distributions and their versions.
        options: as given to ``load_model``.
        weights: files that WEIGHTS or an option names, or that the model says its weights come from.
        data_files: of the encoder's package, or named in its source.
        files_read: others that were opened while it was loaded.
        environment: variables that its source names.
        state: tensors and values of the model and its modules.
    """

    code: Mapping[str, str]
    packages: Mapping[str, str]
    options: Mapping[str, str]
    weights: Mapping[str, str]
    data_files: Mapping[str, str]
    files_read: Mapping[str, str]
    environment: Mapping[str, str]
    state: Mapping[str, str]

    @cached_property
    def parts(self) -> dict[str, str]:
        """SHA-256 of every part, by the part's name."""
        return {name: sha256_of_json(dict(part)) for name, part in self._contents()}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all parts: 64 hexadecimal digits."""
        return sha256_of_json(self.parts)

    @property
    def names(self) -> dict[str, list[str]]:
        """What is in every part that is not empty."""
        return {name: sorted(part) for name, part in self._contents() if part}

    def changed_since(self, parts: Mapping[str, str]) -> list[str]:
        """In words, the parts that are not as :attr:`parts` gave them: "code", "package versions", "weights", ..."""
        return [IN_WORDS.get(name, name) for name, digest in self.parts.items() if parts.get(name) != digest]

    def differences(self, other: Inventory) -> list[str]:
        """What differs from another inventory, by part and name: "code: helper.py", "environment: GAIN", ..."""
        return [
            f"{name.replace('_', ' ')}: {one}"
            for (name, mine), (_, others) in zip(self._contents(), other._contents(), strict=True)
            for one in sorted(mine.keys() | others.keys())
            if mine.get(one) != others.get(one)
        ]

    def _contents(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        return ((field.name, getattr(self, field.name)) for field in fields(self))


def encoder_inventory(module: ModuleType, model: Any, ref: EncoderRef, files_read: Collection[str] = ()) -> Inventory:
    """Take stock of what the embeddings depend on.

    Args:
        module: the HEAR module.
        model: what its ``load_model`` returned, before it has embedded anything: embedding may fill caches.
        ref: the reference it was loaded by: WEIGHTS and options.
        files_read: absolute paths of what was opened while module and model were loaded
            (:func:`~hear_audiomosaic.hear.dependencies.opened.files_read`).

    Raises:
        EncoderError: the model holds a tensor without values, or its ``state_dict`` raises.
    """
    file = getattr(module, "__file__", None)
    path = Path(file) if file else None
    parts = model.modules() if isinstance(model, torch.nn.Module) else (model,)
    classes = {type(one).__module__ for one in parts} - {module.__name__, "__main__"}
    with Digester(data_home() / "digests" / "encoders.txt") as digester:
        is_script = path is None or module.__name__ == "__main__"  # its namespace holds anything: what is used counts
        own = {module.__name__}
        compiled, used = (
            compiled_code(module, type(model), ValueDigests(own, None, digester.file).of) if is_script else ({}, set())
        )
        sources = read_sources(module.__name__, path, loaded=classes | used, is_package=hasattr(module, "__path__"))
        values = ValueDigests(sources.own.keys() | own, path and path.parent, digester.file)
        code = {name: digester.file(one) for name, one in sources.files.items()} | {"module": module.__name__}
        weights = dict(_weights(model, ref))
        data = dict(_data_files(sources))
        counted = {one.absolute() for one in (*sources.files.values(), *data.values(), *weights.values())}
        read = {one for one in map(Path, files_read) if counted.isdisjoint((one, *one.parents))}
        return Inventory(
            code=code | compiled,
            packages=installed_versions(sources.installed, sources.installed_by_own) | {"torch": torch.__version__},
            options={name: repr(value) for name, value in ref.options},
            weights={key: one for name, path in weights.items() for key, one in digester.path(path, name).items()},
            data_files=digester.bounded(data),
            files_read=digester.bounded(_named((one for one in read if of_the_encoder(one, PACKAGE)), path)),
            environment=environment_digests(sources.own.values()),
            state=values.of_model(model) | _globals(sources, values, module),
        )


def _weights(model: Any, ref: EncoderRef) -> Iterator[tuple[str, Path]]:
    """Files and folders that the reference names, and the file that the model says its weights were read from."""
    yield from weight_files(ref.weights or "")
    stated = getattr(model, "weights_path", None)
    if isinstance(stated, str | Path) and (path := path_of(str(stated))) is not None:
        yield "weights_path", path
    for name, value in ref.options:
        if isinstance(value, str) and (path := path_of(value)) is not None:
            yield f"option {name}", path


def _data_files(sources: Sources) -> Iterator[tuple[str, Path]]:
    found: dict[Path, str] = {}
    if sources.package is not None:
        found = {path: name for name, path in package_files(sources.package)}
    for source in sources.own.values():
        for name, path in named_files(source):
            if source.parent in path.parents or of_the_encoder(path, PACKAGE):
                found.setdefault(path, name)
    yield from _unique((name, path) for path, name in found.items())


def _named(paths: Iterable[Path], module: Path | None) -> dict[str, Path]:
    """Paths by names that do not depend on where the encoder lies."""
    home = module.parent if module else Path()
    names = ((one.relative_to(home).as_posix() if home in one.parents else one.name, one) for one in sorted(paths))
    return dict(_unique(names))


def _unique(named: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, Path]]:
    """Names made different by a number where files in several folders share one."""
    counts: dict[str, int] = {}
    for name, path in named:
        counts[name] = counts.get(name, 0) + 1
        yield (name if counts[name] == 1 else f"{name} ({counts[name]})"), path


def _globals(sources: Sources, values: ValueDigests, module: ModuleType) -> dict[str, str]:
    """Values in the namespaces of the encoder's modules that were imported with it."""
    found: dict[str, str] = {}
    for name in sorted(sources.eager - {"__main__"}):
        loaded = module if name == module.__name__ else sys.modules.get(name)
        file = sources.own.get(name)
        if loaded is not None and file is not None and getattr(loaded, "__file__", None) == str(file):
            found |= values.of_globals(loaded)
    return found
