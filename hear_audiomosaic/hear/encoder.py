"""Any HEAR module, loaded, checked and ready to embed."""

from __future__ import annotations

import difflib
import hashlib
import importlib
from functools import cached_property
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hear_audiomosaic.errors import EncoderError, HearAudioMosaicError
from hear_audiomosaic.hear.contract import check_model, check_module, check_scene, check_timestamps
from hear_audiomosaic.hear.reference import EncoderRef

__all__ = ["ENTRY_POINT_GROUP", "Encoder", "load_encoder", "registered_encoders"]

ENTRY_POINT_GROUP = "hear_audiomosaic.encoders"


class Encoder:
    """A loaded HEAR module: the same calls for every encoder, every answer checked.

    Attributes:
        ref: the reference it was loaded by.
        sample_rate: Hz.
        scene_embedding_size: D of a scene embedding.
        timestamp_embedding_size: D of a timestamp embedding.
        untrained: whether the model says that its weights are random (attribute ``untrained``).
    """

    def __init__(self, ref: EncoderRef, module: ModuleType, model: torch.nn.Module, device: torch.device) -> None:
        self.ref = ref
        self.device = device
        self._module = module
        self._model = model.to(device).eval()
        self.sample_rate = int(model.sample_rate)
        self.scene_embedding_size = int(model.scene_embedding_size)
        self.timestamp_embedding_size = int(model.timestamp_embedding_size)
        self.untrained = bool(getattr(model, "untrained", False))

    @property
    def label(self) -> str:
        """The name that tables show; untrained encoders are marked."""
        return self.ref.text + (" (UNTRAINED)" if self.untrained else "")

    @property
    def n_parameters(self) -> int:
        """Number of parameters of the model."""
        return sum(parameter.numel() for parameter in self._model.parameters())

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over what the embeddings depend on: weights, code, options, torch's version.

        Two weight files never share a fingerprint, nor does a module keep its own after its code has changed.
        """
        digest = hashlib.sha256(repr((self._module.__name__, self.ref.options, torch.__version__)).encode())
        for path in _source_files(self._module):
            digest.update(path.name.encode() + path.read_bytes())
        for name, tensor in sorted(self._model.state_dict().items()):
            digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def scene(self, audio: Tensor) -> npt.NDArray[np.float32]:
        """Scene embeddings.

        Args:
            audio: float32, shape (B, S), mono at ``sample_rate``, range [-1, 1].

        Returns:
            float32, shape (B, D).

        Raises:
            EncoderError: the module broke the contract.
        """
        with torch.no_grad():
            returned = self._module.get_scene_embeddings(audio.to(self.device), self._model)
        return check_scene(returned, audio.shape[0], self.scene_embedding_size, self.ref.text)

    def timestamps(self, audio: Tensor) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
        """Timestamp embeddings.

        Args:
            audio: as for :meth:`scene`.

        Returns:
            ``(embeddings, timestamps_ms)``: float32 (B, T, D), float64 (B, T).

        Raises:
            EncoderError: the module broke the contract.
        """
        with torch.no_grad():
            returned = self._module.get_timestamp_embeddings(audio.to(self.device), self._model)
        duration_ms = 1000.0 * audio.shape[1] / self.sample_rate
        return check_timestamps(returned, audio.shape[0], self.timestamp_embedding_size, duration_ms, self.ref.text)


def registered_encoders() -> dict[str, str]:
    """Registered short names and the modules they stand for, from the entry-point group, sorted by name."""
    return {point.name: point.value for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda p: p.name)}


def load_encoder(ref: str | EncoderRef, device: str = "cpu") -> Encoder:
    """Load the encoder that a reference names.

    Args:
        ref: ``NAME[:WEIGHTS][?option=value&...]``.
        device: a torch device, "cpu" or "cuda".

    Returns:
        The encoder, in eval mode on ``device``.

    Raises:
        EncoderError: no such encoder, a module without the three functions, or a model that breaks the contract.
    """
    ref = EncoderRef.parse(ref) if isinstance(ref, str) else ref
    module = _import_module(registered_encoders().get(ref.name, ref.name), ref)
    check_module(module)
    try:
        arguments = () if ref.weights is None else (ref.weights,)
        model = module.load_model(*arguments, **dict(ref.options))
    except HearAudioMosaicError:
        raise
    except Exception as error:
        raise EncoderError(f"load_model of {ref.text} failed: {type(error).__name__}: {error}") from error
    check_model(model, ref.text)
    try:
        return Encoder(ref, module, model, torch.device(device))
    except (RuntimeError, AssertionError) as error:
        raise EncoderError(f"{ref.text} cannot be put on device '{device}': {error}") from error


def _import_module(module_name: str, ref: EncoderRef) -> ModuleType:
    try:
        found = find_spec(module_name) is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        known = list(registered_encoders())
        close = difflib.get_close_matches(ref.name, known, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise EncoderError(
            f"There is no encoder '{ref.name}': neither a registered name ({', '.join(known)}) "
            f"nor an importable module.{hint}"
        )
    try:
        return importlib.import_module(module_name)
    except Exception as error:
        raise EncoderError(f"Importing {module_name} failed: {type(error).__name__}: {error}") from error


def _source_files(module: ModuleType) -> list[Path]:
    """Files that embeddings depend on: the module (its whole package, if it is one) and this package's lower floors."""
    library = Path(__file__).parents[1]
    folders = [library / floor for floor in ("audio", "nn", "audiomosaic", "floors", "hear")]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    own = Path(module.__file__) if module.__file__ else None
    if own is not None and library not in own.parents:
        files += own.parent.rglob("*.py") if own.name == "__init__.py" else [own]
    return sorted(files)
