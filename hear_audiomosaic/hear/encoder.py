"""Any HEAR module, loaded, checked and ready to embed."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.binding import batch_of, loaded_model
from hear_audiomosaic.hear.card import EncoderCard, find_card
from hear_audiomosaic.hear.coercions import Coercions, formed_scene, formed_timestamps
from hear_audiomosaic.hear.contract import check_model, check_module, check_scene, check_timestamps
from hear_audiomosaic.hear.dependencies.opened import files_read, remembered
from hear_audiomosaic.hear.finding import import_encoder
from hear_audiomosaic.hear.fingerprint import Inventory, encoder_inventory
from hear_audiomosaic.hear.foreign import foreign
from hear_audiomosaic.hear.parameters import n_parameters, stated_rates
from hear_audiomosaic.hear.reference import EncoderRef
from hear_audiomosaic.hear.surroundings import Own

__all__ = ["Encoder", "load_encoder"]


class Encoder:
    """A loaded HEAR module: the same calls for every encoder, every answer checked.

    Attributes:
        ref: the reference it was loaded by.
        sample_rate: Hz.
        batch: how many clips it is given at once at most (``?batch=1``: clip by clip); None: as many as fit.
        coercions: what it returned in another form than HEAR's, by kind: a sentence -> in how many calls.
        untrained: whether the model says that its weights are random (attribute ``untrained``).
        weights_path: the file that its weights were read from, where the model says so (attribute ``weights_path``).
    """

    def __init__(
        self,
        ref: EncoderRef,
        module: ModuleType,
        model: Any,
        device: torch.device,
        label: str | None = None,
        own: Own | None = None,
        files_read: Collection[str] = (),
        coercions: Coercions | None = None,
    ) -> None:
        self.ref = ref
        self._name = ref.text
        self._files_read = files_read
        self._label = label
        self.device = device
        self.batch = batch_of(ref)
        self.coercions: Mapping[str, int] = Coercions() if coercions is None else coercions
        self._module = module
        self._own = {} if own is None else own
        self._is_judged = True
        facts = check_model(model, self._name, self._own, self._counted)
        self.sample_rate = facts.sample_rate
        self._sizes = {"scene": facts.scene_embedding_size, "timestamp": facts.timestamp_embedding_size}
        with foreign(f"{self._name} cannot be put on device '{device}'", self._own):
            self._model = _moved(model, device)
        with foreign(f"Reading the attributes of the model of {self._name} failed", self._own):
            self._tensor_of = _tensor_of(model)
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

    def unjudged(self) -> Encoder:
        """The same, whose answers are brought into form but not judged: they may have NaN, or times in seconds."""
        other = copy.copy(self)
        other._is_judged = False
        return other

    def stated_rates(self) -> dict[str, int]:
        """Sample rates, in Hz, that parts of the model state: part -> rate.

        Empty where a part resamples, or the model is no ``torch.nn.Module``.
        """
        with foreign(f"Reading the attributes of the model of {self._name} failed", self._own):
            return stated_rates(self._model)

    @property
    def scene_embedding_size(self) -> int:
        """D of a scene embedding; where the model does not state it, found by a call.

        Raises:
            EncoderError: that call failed.
        """
        return self._size("scene", self.scene)

    @property
    def timestamp_embedding_size(self) -> int:
        """D of a timestamp embedding; where the model does not state it, found by a call.

        Raises:
            EncoderError: that call failed.
        """
        return self._size("timestamp", self.timestamps)

    @property
    def is_torch_module(self) -> bool:
        """Whether the model is a ``torch.nn.Module``, whose weights a ``state_dict`` names."""
        return isinstance(self._model, torch.nn.Module)

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
        what = f"get_scene_embeddings of {self._name}"
        with foreign(f"{what} failed", self._own, each_call=True), torch.no_grad():
            return [self._scene(audio, what) for audio in batches]

    def _scene(self, audio: Tensor, what: str) -> npt.NDArray[np.float32]:
        parts = []
        for part in self._batches(audio):
            returned = self._module.get_scene_embeddings(self._given(part), self._model)
            made = formed_scene(returned, part.shape[0], self._sizes["scene"], self._answers_on, what, self._counted)
            self._learn("scene", made)
            if self._is_judged:
                check_scene(made, what)
            parts.append(made)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

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
        what = f"get_timestamp_embeddings of {self._name}"
        with foreign(f"{what} failed", self._own, each_call=True), torch.no_grad():
            return [self._timestamps(audio, what) for audio in batches]

    def _timestamps(self, audio: Tensor, what: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
        duration_ms = 1000.0 * audio.shape[1] / self.sample_rate
        parts = []
        for part in self._batches(audio):
            returned = self._module.get_timestamp_embeddings(self._given(part), self._model)
            size = self._sizes["timestamp"]
            made = formed_timestamps(returned, part.shape[0], size, self._answers_on, what, self._counted)
            self._learn("timestamp", made[0])
            if self._is_judged:
                check_timestamps(*made, duration_ms, what)
            parts.append(made)
        if len(parts) == 1:
            return parts[0]
        if len(lengths := {times.shape[1] for _, times in parts}) > 1:
            raise EncoderError(
                f"{what} returned {sorted(lengths)} timestamps for clips of one length; expected as many."
            )
        return np.concatenate([values for values, _ in parts]), np.concatenate([times for _, times in parts])

    @property
    def _counted(self) -> Coercions:
        return cast("Coercions", self.coercions)

    def _batches(self, audio: Tensor) -> Sequence[Tensor]:
        """Audio (B, S) in batches of at most as many clips as the reference allows."""
        if self.batch is None or audio.shape[0] <= self.batch:
            return (audio,)
        return torch.split(audio, self.batch)

    @property
    def _answers_on(self) -> torch.device:
        """Where embeddings are expected."""
        return self.device

    def _given(self, audio: Tensor) -> Any:
        """Audio as the model takes it."""
        if self._tensor_of is None:
            return audio.to(self.device)
        self._counted["audio was given as a TensorFlow tensor"] += 1
        return self._tensor_of(audio.cpu().numpy())

    def _size(self, kind: str, embed: Callable[[Tensor], Any]) -> int:
        if self._sizes[kind] is None:
            embed(torch.rand(2, 2 * self.sample_rate, generator=torch.Generator().manual_seed(0)) * 0.2 - 0.1)
        return cast("int", self._sizes[kind])

    def _learn(self, kind: str, embeddings: npt.NDArray[np.float32]) -> None:
        """The size of embeddings, from the first ones, where it is not stated."""
        if self._sizes[kind] is None:
            self._sizes[kind] = embeddings.shape[-1]
            self._counted[f"{kind}_embedding_size is not stated: the first call showed it"] += 1


def load_encoder(ref: str | EncoderRef, device: str = "cpu", *, module: ModuleType | None = None) -> Encoder:
    """Load the encoder that a reference names.

    Args:
        ref: ``NAME[:WEIGHTS][?option=value&...][@PYTHON]``.
        device: a torch device, "cpu" or "cuda".
        module: the module itself, where it is not to be found by its name. (Default: None)

    Returns:
        The encoder, in eval mode on ``device``.

    Raises:
        EncoderError: no such encoder, a module without the three functions, a model that breaks the contract, or a
            broken card.
    """
    ref = EncoderRef.parse(ref) if isinstance(ref, str) else ref
    if ref.python is not None and module is None:
        from hear_audiomosaic.hear.isolated.encoder import load_isolated

        return load_isolated(ref, torch.device(device))
    own: Own = {}
    coercions = Coercions()
    with files_read() as read_by_import:
        if module is None:
            module = import_encoder(ref, own)
    check_module(module, own)
    remembered(module, "", read_by_import)
    with foreign(f"load_model of {ref.text} failed", own), files_read() as read:
        model = loaded_model(module.load_model, ref, coercions)
    with foreign(f"{ref.text} cannot be put on device '{device}'", own):
        place = torch.device(device)
    encoder = Encoder(
        ref, module, model, place, own=own, files_read=remembered(module, ref.text, read), coercions=coercions
    )
    _ = encoder.card  # a broken one is found now, not after hours of embedding
    _ = encoder.inventory  # before embedding, which may fill caches of the model
    return encoder


def _moved(model: Any, device: torch.device) -> Any:
    """The model on a device, in eval mode, also where its own ``to`` or ``eval`` returns nothing, or is not there."""
    if callable(getattr(model, "to", None)):
        moved = model.to(device)
        model = model if moved is None else moved
    if callable(getattr(model, "eval", None)):
        model.eval()
    return model


def _tensor_of(model: Any) -> Callable[[npt.NDArray[np.float32]], Any] | None:
    """What makes the tensor that a model takes out of an array; None: it takes torch's. As HEAR has it, ``tf.Module``
    takes TensorFlow's.
    """
    tensorflow = sys.modules.get("tensorflow")
    kind = getattr(tensorflow, "Module", None)
    if not isinstance(kind, type) or not isinstance(model, kind):
        return None
    return cast("Callable[[npt.NDArray[np.float32]], Any]", tensorflow.convert_to_tensor)  # type: ignore[union-attr]
