"""What an isolated encoder's embeddings depend on, in the parts that every encoder's inventory has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hear_audiomosaic.hear.dependencies.data_files import Digester
from hear_audiomosaic.hear.dependencies.environment import environment_digests
from hear_audiomosaic.hear.dependencies.installed import installed_versions
from hear_audiomosaic.hear.dependencies.opened import of_the_encoder
from hear_audiomosaic.hear.dependencies.sources import PACKAGE, Sources, read_sources
from hear_audiomosaic.hear.fingerprint import Inventory, _data_files, _named, _weights
from hear_audiomosaic.hear.isolated import worker
from hear_audiomosaic.hear.reference import EncoderRef
from hear_audiomosaic.paths import data_home

__all__ = ["isolated_inventory"]


def isolated_inventory(depends_on: Mapping[str, Any], model: Any, ref: EncoderRef) -> Inventory:
    """The inventory of an encoder that a worker has loaded.

    The worker says which of its modules are neither of Python nor installed, which packages it has and in which
    versions, what it opened, and the digests of the values of model and modules; files are read here. Beside what any
    encoder's inventory has there is the worker's Python and platform (among the packages), and the worker itself.

    Args:
        depends_on: the worker's answer.
        model: what stands for the model here; it has ``weights_path`` where the model states one.
        ref: the reference it was loaded by.
    """
    own = {name: Path(file) for name, file in depends_on["own"].items()}
    package = depends_on["package"]
    sources = Sources(own=own, eager=set(depends_on["eager"]), package=Path(package) if package else None)
    file = Path(depends_on["file"]) if depends_on["file"] else None
    with Digester(data_home() / "digests" / "encoders.txt") as digester:
        reading = read_sources(depends_on["module"], None)
        code = reading.files | {"worker.py": Path(worker.__file__)}
        code |= {label if label not in code else f"{label} (worker)": path for label, path in _labelled(own)}
        weights, data = dict(_weights(model, ref)), dict(_data_files(sources))
        counted = {one.absolute() for one in (*own.values(), *data.values(), *weights.values())}
        read = {one for one in map(Path, depends_on["opened"]) if counted.isdisjoint((one, *one.parents))}
        return Inventory(
            code={label: digester.file(path) for label, path in code.items()} | {"module": depends_on["module"]},
            packages=depends_on["installed"]
            | {"platform": depends_on["platform"]}
            | {f"{name} (reading)": one for name, one in installed_versions(reading.installed, ()).items()},
            options={name: repr(value) for name, value in ref.options},
            weights={key: one for name, path in weights.items() for key, one in digester.path(path, name).items()},
            data_files=digester.bounded(data),
            files_read=digester.bounded(_named((one for one in read if of_the_encoder(one, PACKAGE)), file)),
            environment=environment_digests(own.values()),
            state=depends_on["state"],
        )


def _labelled(own: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Files by names that do not depend on where the encoder lies: package/module.py."""
    for name, path in own.items():
        folders = name.split(".") if path.name.startswith("__init__.") else name.split(".")[:-1]
        yield "/".join((*folders, path.name)), path
