"""Any HEAR module, loaded, checked and ready to embed."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hear_audiomosaic.hear.card import EncoderCard, find_card
from hear_audiomosaic.hear.contract import check_model, check_module, check_scene, check_timestamps
from hear_audiomosaic.hear.dependencies.opened import files_read, remembered
from hear_audiomosaic.hear.finding import import_module
from hear_audiomosaic.hear.fingerprint import Inventory, encoder_inventory
from hear_audiomosaic.hear.foreign import foreign
from hear_audiomosaic.hear.parameters import n_parameters
from hear_audiomosaic.hear.reference import EncoderRef
from hear_audiomosaic.hear.surroundings import Own

__all__ = ["Encoder", "load_encoder"]


class Encoder:
    """A loaded HEAR module: the same calls for every encoder, every answer checked.

    Attributes:
        ref: the reference it was loaded by.
        sample_rate: Hz.
        scene_embedding_size: D of a scene embedding.
        timestamp_embedding_size: D of a timestamp embedding.
        untrained: whether the model says that its weights are random (attribute ``untrained``).
        weights_path: the file that its weights were read from, where the model says so (attribute ``weights_path``).
    """

    def __init__(
        self,
        ref: EncoderRef,
        module: ModuleType,
        model: torch.nn.Module,
        device: torch.device,
        label: str | None = None,
        own: Own | None = None,
        files_read: Collection[str] = (),
    ) -> None:
        self.ref = ref
        self._name = ref.text
        self._files_read = files_read
        self._label = label
        self.device = device
        self._module = module
        self._own = {} if own is None else own
        with foreign(f"{self._name} cannot be put on device '{device}'", self._own):
            self._model = _moved(model, device)
        with foreign(f"Reading the attributes of the model of {self._name} failed", self._own):
            self.sample_rate = int(_stated(model, "sample_rate"))
            self.scene_embedding_size = int(_stated(model, "scene_embedding_size"))
            self.timestamp_embedding_size = int(_stated(model, "timestamp_embedding_size"))
            self.untrained = bool(getattr(model, "untrained", False))
            path = getattr(model, "weights_path", None)
            self.weights_path = Path(path) if isinstance(path, str | Path) else None

    @property
    def label(self) -> str:
        """The name that tables show: the one that was given, or the reference; untrained encoders are marked."""
        return self._label or self.ref.text + (" (UNTRAINED)" if self.untrained else "")

    def with_label(self, label: str) -> Encoder:
        """The same module and model under another name."""
        other = copy.copy(self)  # with its inventory, which embedding may have changed since
        other._label = label
        return other

    def with_ref(self, ref: EncoderRef) -> Encoder:
        """The same module and model by another reference."""
        other = copy.copy(self)
        other.ref, other._name = ref, ref.text
        return other

    @property
    def n_parameters(self) -> int:
        """Number of parameters of the model."""
        with foreign(f"Counting the parameters of {self._name} failed", self._own):
            return n_parameters(self._model)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what the embeddings depend on."""
        return self.inventory.fingerprint

    @cached_property
    def inventory(self) -> Inventory:
        """What the embeddings depend on, part by part; see :mod:`hear_audiomosaic.hear.fingerprint`."""
        with foreign(f"Reading the code and the weights of {self._name} failed", self._own):
            return encoder_inventory(self._module, self._model, self.ref, self._files_read)

    @cached_property
    def card(self) -> EncoderCard | None:
        """What it is and whom to cite; None where nothing is stated. Errors and sources: :func:`find_card`."""
        with foreign(f"Reading the card of {self._name} failed", self._own):
            return find_card(self.ref, self._module, self.weights_path, self.untrained)

    def scene(self, audio: Tensor) -> npt.NDArray[np.float32]:
        """Scene embeddings.

        Args:
            audio: float32, shape (B, S), mono at ``sample_rate``, range [-1, 1].

        Returns:
            float32, shape (B, D).

        Raises:
            EncoderError: the module broke the contract, or raised.
            OutOfMemory: it wanted more memory than there is.
        """
        return self.scenes([audio])[0]

    def scenes(self, batches: Sequence[Tensor]) -> list[npt.NDArray[np.float32]]:
        """As :meth:`scene`, of several batches of different lengths at less cost for each; raises for all together."""
        with foreign(f"get_scene_embeddings of {self._name} failed", self._own, each_call=True), torch.no_grad():
            return [self._scene(audio) for audio in batches]

    def _scene(self, audio: Tensor) -> npt.NDArray[np.float32]:
        returned = self._module.get_scene_embeddings(audio.to(self.device), self._model)
        return check_scene(returned, audio.shape[0], self.scene_embedding_size, self._name)

    def timestamps(self, audio: Tensor) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
        """Timestamp embeddings.

        Args:
            audio: as for :meth:`scene`.

        Returns:
            ``(embeddings, timestamps_ms)``: float32 (B, T, D), float64 (B, T).

        Raises:
            EncoderError: the module broke the contract, or raised.
            OutOfMemory: it wanted more memory than there is.
        """
        return self.timestamps_of([audio])[0]

    def timestamps_of(self, batches: Sequence[Tensor]) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]]:
        """As :meth:`timestamps`, of several batches, as :meth:`scenes` has it."""
        with foreign(f"get_timestamp_embeddings of {self._name} failed", self._own, each_call=True), torch.no_grad():
            return [self._timestamps(audio) for audio in batches]

    def _timestamps(self, audio: Tensor) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
        n_clips, duration_ms = audio.shape[0], 1000.0 * audio.shape[1] / self.sample_rate
        returned = self._module.get_timestamp_embeddings(audio.to(self.device), self._model)
        return check_timestamps(returned, n_clips, self.timestamp_embedding_size, duration_ms, self._name)


def load_encoder(ref: str | EncoderRef, device: str = "cpu", *, module: ModuleType | None = None) -> Encoder:
    """Load the encoder that a reference names.

    Args:
        ref: ``NAME[:WEIGHTS][?option=value&...]``.
        device: a torch device, "cpu" or "cuda".
        module: the module itself, where it is not to be found by its name. (Default: None)

    Returns:
        The encoder, in eval mode on ``device``.

    Raises:
        EncoderError: no such encoder, a module without the three functions, a model that breaks the contract, or a
            broken card.
    """
    ref = EncoderRef.parse(ref) if isinstance(ref, str) else ref
    own: Own = {}
    with files_read() as read_by_import:
        if module is None:
            module = import_module(ref, own)
    check_module(module, own)
    remembered(module, "", read_by_import)
    with foreign(f"load_model of {ref.text} failed", own), files_read() as read:
        arguments = () if ref.weights is None else (ref.weights,)
        model = module.load_model(*arguments, **dict(ref.options))
    check_model(model, ref.text, own)
    with foreign(f"{ref.text} cannot be put on device '{device}'", own):
        place = torch.device(device)
    encoder = Encoder(ref, module, model, place, own=own, files_read=remembered(module, ref.text, read))
    _ = encoder.card  # a broken one is found now, not after hours of embedding
    _ = encoder.inventory  # before embedding, which may fill caches of the model
    return encoder


def _moved(model: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    """The model on a device, in eval mode, also where its own ``to`` or ``eval`` returns nothing."""
    moved = model.to(device)
    model = moved if isinstance(moved, torch.nn.Module) else model
    model.eval()
    return model


def _stated(model: torch.nn.Module, name: str) -> Any:
    """An attribute that :func:`check_model` has found to be there."""
    return getattr(model, name)
