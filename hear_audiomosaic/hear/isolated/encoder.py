"""An encoder whose module and model live in a worker; for all others it is an :class:`Encoder` like any."""

from __future__ import annotations

import os
from collections import Counter
from functools import cached_property
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.binding import module_options
from hear_audiomosaic.hear.coercions import Coercions
from hear_audiomosaic.hear.contract import FUNCTIONS
from hear_audiomosaic.hear.encoder import Encoder
from hear_audiomosaic.hear.finding import Place, place_of
from hear_audiomosaic.hear.fingerprint import Inventory
from hear_audiomosaic.hear.foreign import OutOfMemory
from hear_audiomosaic.hear.isolated.environments import interpreter
from hear_audiomosaic.hear.isolated.inventory import isolated_inventory
from hear_audiomosaic.hear.isolated.process import Worker, WorkerFailure, time_limit_s
from hear_audiomosaic.hear.reference import EncoderRef
from hear_audiomosaic.printable import printable

__all__ = ["IsolatedEncoder", "load_isolated"]

_LOAD_LIMIT_S = 1800.0  # it may have to load weights from somewhere
_CALL_LIMIT_S, _LEAST_SAMPLES_PER_S = 600.0, 3200.0  # five seconds for one of audio at 16 kHz
_MOST_FAILURES_OF_LENGTH, _MOST_FAILURES = 12, 30
_HANGING_COUNTS = 4
"""Failures in a row, of calls with audio of one length and of all, after which a worker is not started again. From 400
clips down to the one that is the cause, a batch is halved nine times."""


class _Remote:
    """The module in its worker, which is started, and started again when it ended, as needed.

    Args:
        ref: the encoder's reference, with an interpreter.
        device: that the worker puts the model on.
        notes: what the worker brought into another form: a sentence -> in how many calls.
    """

    def __init__(self, ref: EncoderRef, device: str, notes: Counter[str]) -> None:
        self._ref, self._device, self._notes = ref, device, notes
        self._python = interpreter(ref.python or "")
        self._place = place_of(ref.name)
        self._worker: Worker | None = None
        self._failures: Counter[tuple[str, int]] = Counter()
        self._known: Inventory | None = None
        try:
            self.facts = self._load()
        except WorkerFailure as error:
            raise EncoderError(f"load_model of {ref.text} failed: {error}") from error
        self._notes.update(self.facts["notes"])

    def model(self) -> nn.Module:
        """What stands for the model: its statements, and no parameters."""
        model = nn.Module()
        for name, value in self.facts["stated"].items():
            setattr(model, name, value)
        return model.eval()

    def module(self) -> ModuleType:
        """What stands for the module: its functions, and its card."""
        module = ModuleType(self._place.module)
        for function in FUNCTIONS[1:]:
            setattr(module, function, self._function(function))
        if "card" in self.facts:
            module.encoder_card = self.facts["card"]  # type: ignore[attr-defined]
        return module

    def inventory(self) -> Inventory:
        """Of what the worker has loaded first."""
        if self._known is None:
            self._known = self._inventory(self.facts)
        return self._known

    def _inventory(self, facts: dict[str, Any]) -> Inventory:
        return isolated_inventory(facts["depends_on"], self.model(), self._ref)

    def _function(self, name: str) -> Any:
        def function(audio: Tensor, model: nn.Module) -> Any:
            return self._call(name, audio)

        return function

    def _load(self) -> dict[str, Any]:
        first = [str(folder) for folder in self._place.folders]
        python_path = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
        request = {
            "do": "load",
            "module": self._place.module,
            "file": _file_of(self._place),
            "is_file": self._place.file is not None,
            "path": self._ref.weights,
            "options": module_options(self._ref),
            "device": self._device,
            "folders": [*(first if self._place.is_first else ()), *python_path],
            "folders_behind": [] if self._place.is_first else first,
            "functions": FUNCTIONS,
            "threads": torch.get_num_threads(),
        }
        what = f"load_model of {self._ref.text} failed"
        self._worker = Worker(self._python)
        answer, _ = self._worker.ask(request, time_limit=time_limit_s(_LOAD_LIMIT_S))
        if "missing" in answer:
            raise EncoderError(
                f"{self._place.module} is not a HEAR module: it has no function {', '.join(answer['missing'])}; "
                f"expected {', '.join(FUNCTIONS)}."
            )
        if "error" in answer:
            tail = self._worker.tail()
            self._worker.end()
            said = f"\nThe end of the worker's stderr:\n{tail}" if tail else ""
            raise _raised(answer, f"{what} in {self._python}", said)
        return answer

    def _call(self, function: str, audio: Tensor) -> Any:
        """Ask the module; a worker that ended is started again, but not without end.

        A single clip is tried three times: a larger batch, which will be halved, has its other tries in that.
        """
        what, key = f"{function} of {self._ref.text} failed", (function, audio.shape[1])
        samples = audio.cpu().numpy()
        limit_s = time_limit_s(_CALL_LIMIT_S + samples.size / _LEAST_SAMPLES_PER_S)
        request = {"do": "call", "function": function}
        for is_last in (False, False, True) if len(samples) == 1 else (True,):
            self._refuse_what_always_fails(key, what)
            try:
                answer, arrays = self._ready().ask(request, [samples], time_limit=limit_s)
                break
            except WorkerFailure as error:
                self._failures[key] += _HANGING_COUNTS if error.hung else 1
                if is_last:
                    raise EncoderError(f"{what}: {error}") from error
        self._failures.clear()
        if "error" in answer:
            raise _raised(answer, what)
        return self._returned(answer, arrays)

    def _ready(self) -> Worker:
        if self._worker is None or not self._worker.is_there:
            facts = self._load()
            if self._known is not None and (changed := self._inventory(facts).differences(self._known)):
                raise EncoderError(
                    f"{self._ref.text} was started again and is not what it was ({', '.join(changed[:5])}); run the "
                    "same command again."
                )
        assert self._worker is not None  # noqa: S101 - it was loaded
        return self._worker

    def _refuse_what_always_fails(self, key: tuple[str, int], what: str) -> None:
        n = self._failures.total()
        if self._failures[key] >= _MOST_FAILURES_OF_LENGTH or n >= _MOST_FAILURES:
            raise EncoderError(f"{what}: its worker died or hung in every call before; it is not started again.")

    def _returned(self, answer: dict[str, Any], arrays: list[Any]) -> Any:
        values = [torch.from_numpy(array if array.dtype.kind != "u" else array.astype(np.int64)) for array in arrays]
        self._notes.update({f"an output came as {one}" for one in answer["forms"] if not one.startswith("torch.")})
        if answer["structure"] == "one":
            return values[0]
        return tuple(values) if answer["structure"] == "tuple" else values


class IsolatedEncoder(Encoder):
    """A loaded HEAR module in an interpreter of its own.

    Args:
        ref: the reference, with an interpreter.
        device: that the worker puts the model on.

    Raises:
        EncoderError: no such interpreter, or the worker failed.
        OutOfMemory: loading wanted more memory than there is.
    """

    def __init__(self, ref: EncoderRef, device: torch.device) -> None:
        coercions = Coercions()
        self._remote = _Remote(ref, str(device), coercions)
        super().__init__(ref, self._remote.module(), self._remote.model(), torch.device("cpu"), coercions=coercions)
        self.device = device

    def _given(self, audio: Tensor) -> Any:
        return audio.cpu()

    @property
    def _answers_on(self) -> torch.device:
        return torch.device("cpu")

    @property
    def n_parameters(self) -> int:
        """Number of parameters of the model, in the worker."""
        return int(self._remote.facts["n_parameters"])

    @cached_property
    def inventory(self) -> Inventory:
        """What the embeddings depend on, in the worker and here."""
        return self._remote.inventory()


def _file_of(place: Place) -> str | None:
    """The file to load where the interpreter does not find the module by its name: one file that needs no package."""
    if place.file is not None:
        return str(place.file)
    try:
        spec = None if place.folders else find_spec(place.module)  # of a registered encoder, such as an adapter
    except (ImportError, ValueError):  # it may be there in that interpreter all the same
        return None
    is_one_file = spec is not None and spec.submodule_search_locations is None and spec.origin is not None
    return spec.origin if spec is not None and is_one_file else None


def load_isolated(ref: EncoderRef, device: torch.device) -> IsolatedEncoder:
    """Load the encoder of a reference with an interpreter; arguments and errors as of :class:`IsolatedEncoder`."""
    return IsolatedEncoder(ref, device)


def _raised(answer: dict[str, Any], what: str, said: str = "") -> EncoderError:
    """The error of what the worker's module raised."""
    kind, message, place = (printable(answer.get(one, "")) for one in ("error", "message", "place"))
    told = f"{kind}: {message}" if message else kind
    return (OutOfMemory if answer.get("memory") else EncoderError)(
        f"{what}: {told}{f' ({place})' if place else ''}{said}"
    )
