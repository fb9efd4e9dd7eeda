"""What a probe has done so far, on disk, so that one that was killed goes on where it was, to the same bytes.

Probing is a row of units: the heads that train together, one regression, one test. Each has a file that holds its last
state, whether it is done or in the middle; what is random (dropout masks) stands in it, too. A file is a safetensors
file, written in one go, with the rest as JSON in its metadata. It counts if its checksum fits and its key is the run's
(:func:`hear_audiomosaic.probing.identity.identity_of`: the very rows, the protocol, the seeds, the versions); any other
is removed.

States are saved every few seconds, and less often where one takes long to write, so that writing them costs a fixed
share of the time at most. A run that is killed again and again ends nevertheless, if each time it lives until its
first save. A state that cannot be saved (a full disk) stops nothing.
States of results that nobody asks for any more are removed by a later run (:func:`remove_abandoned`).
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from hear_audiomosaic.errors import HearAudioMosaicError
from hear_audiomosaic.files import write_bytes

__all__ = ["State", "Unfinished", "Unit", "remove_abandoned", "unfinished_folder"]

_log = logging.getLogger(__name__)

INTERVAL_S = 1.0
"""Seconds between two saves, at least."""
LARGEST_SHARE = 0.01
"""Of the time that saving takes: of a run's seconds one in a hundred."""
FIRST_GUESS_S = 4e-9
"""Seconds that it takes to save a byte, before it was measured."""
BELIEVED = 100
"""By how much a measurement may exceed the one before; beyond it stands something else, such as a suspended process."""
ABANDONED_AFTER_S = 24 * 3600.0
"""Since its last save, where a result is not asked for any more; another run may be working on it."""
FORMAT = 1
_OF_A_RESULT = re.compile(r"\..+-seed\d+.*\.unfinished")


@dataclass(frozen=True)
class State:
    """Where a unit is."""

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]
    """JSON, NaN and infinities as they are."""


class Unfinished:
    """The states of one probe in one folder.

    Args:
        folder: made when something is saved; None saves nothing.
        interval_s: seconds between two saves, at least.
        largest_share: of the time that saving may take.
    """

    def __init__(
        self, folder: Path | None, *, interval_s: float = INTERVAL_S, largest_share: float = LARGEST_SHARE
    ) -> None:
        self._folder, self._interval_s, self._largest_share = folder, interval_s, largest_share
        self._pending: dict[str, Callable[[], State]] = {}
        self._per_byte_s = FIRST_GUESS_S
        self._identity: Callable[[], str] = str
        self._key: str | None = None
        self._earlier_s = 0.0
        self._began = self._saved_at = time.monotonic()
        self._due = self._saved_at + interval_s

    @property
    def earlier_s(self) -> float:
        """Seconds that earlier processes spent on the states that were taken up."""
        return self._earlier_s

    def begin(self, identity: Callable[[], str]) -> None:
        """Start the clock, and clear away files that a kill left half-written.

        Args:
            identity: key of the run, asked once and only if there is something to read or to save.
        """
        self._identity, self._key = identity, None
        self._began = self._saved_at = time.monotonic()
        self._due = self._saved_at + self._interval_s
        if self._folder is not None and self._folder.is_dir():
            for part in self._folder.glob(".*.part"):
                part.unlink(missing_ok=True)

    def saved(self, name: str) -> State | None:
        """The state of a unit; None, and no file, if there is none of this run that is whole."""
        path = self._path(name)
        if path is None or not path.is_file():
            return None
        try:
            state, about = _read(path)
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("%s is damaged (%s); that part of the probing is done again.", path, error)
        else:
            if about["key"] == self._run_key():
                self._earlier_s = max(self._earlier_s, about["seconds"])
                return state
            _log.info("%s is of another run; the probing begins anew.", path)
        path.unlink(missing_ok=True)
        return None

    def offer(self, name: str, snapshot: Callable[[], State]) -> None:
        """Tell a unit's state, which is saved when it is time.

        Args:
            name: of the unit.
            snapshot: gives the state. It is called in this call or in a later one (of another unit, so once a unit has
                made its last offer, its state must stay).
        """
        if self._folder is None:
            return
        self._pending[name] = snapshot
        if time.monotonic() >= self._due:
            self._save()

    def remove(self) -> None:
        """Remove all states: the result is there."""
        if self._folder is None or not self._folder.is_dir():
            return
        try:
            shutil.rmtree(self._folder)
        except OSError as error:  # another run of the same may be writing there; the next run removes it
            _log.warning("%s could not be removed (%s); it is not needed any more.", self._folder, error)

    def _save(self) -> None:
        """Save what is pending, unless that would take too large a share of the time."""
        states = {name: snapshot() for name, snapshot in self._pending.items()}
        n_bytes = sum(tensor.nbytes for state in states.values() for tensor in state.tensors.values())
        started = time.monotonic()
        worthwhile = self._saved_at + n_bytes * self._per_byte_s / self._largest_share
        if started < worthwhile:
            self._due = worthwhile
            return
        try:
            for name, state in states.items():
                path = self._path(name)
                if path is not None:
                    seconds = self._earlier_s + started - self._began
                    _write(path, state, {"format": FORMAT, "key": self._run_key(), "seconds": seconds})
        except (OSError, MemoryError, HearAudioMosaicError) as error:
            _log.warning("What is done of this probe cannot be saved (%s); if it is killed, it begins anew.", error)
            self._folder = None
            return
        self._pending.clear()
        self._saved_at = time.monotonic()
        if n_bytes:
            most = BELIEVED * max(self._per_byte_s, FIRST_GUESS_S)
            self._per_byte_s = min((self._saved_at - started) / n_bytes, most)
        self._due = self._saved_at + self._interval_s

    def _path(self, name: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{name}.safetensors"

    def _run_key(self) -> str:
        if self._key is None:
            self._key = self._identity()
        return self._key


@dataclass(frozen=True)
class Unit:
    """A part of a probe that has a state of its own."""

    unfinished: Unfinished
    name: str

    @classmethod
    def unsaved(cls) -> Unit:
        """A unit whose state nobody keeps."""
        return cls(Unfinished(None), "")

    def part(self, number: int) -> Unit:
        """A part of this one."""
        return Unit(self.unfinished, f"{self.name}.{number}")

    def saved(self) -> State | None:
        """:meth:`Unfinished.saved`."""
        return self.unfinished.saved(self.name)

    def offer(self, snapshot: Callable[[], State]) -> None:
        """:meth:`Unfinished.offer`."""
        self.unfinished.offer(self.name, snapshot)


def unfinished_folder(result: Path) -> Path:
    """Where the states of a result to be stand: beside its file, hidden."""
    return result.with_name(f".{result.stem}.unfinished")


def remove_abandoned(results: Path, asked: Collection[Path]) -> list[Path]:
    """Remove the states of results that nobody asks for any more: not in this run, and not worked on for a day.

    Args:
        results: folder of result files, searched with all below it.
        asked: result files to be, of this run; their states stay.

    Returns:
        The folders that were removed, sorted.
    """
    kept = {unfinished_folder(path) for path in asked}
    removed = []
    for parent, names, _ in os.walk(results):
        for folder in (Path(parent, name) for name in sorted(names) if _OF_A_RESULT.fullmatch(name)):
            names.remove(folder.name)
            try:
                touched = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
                if folder not in kept and time.time() - touched > ABANDONED_AFTER_S:
                    shutil.rmtree(folder)
                    removed.append(folder)
            except OSError as error:  # another run works there, or it is not ours to remove
                _log.info("%s could not be removed (%s).", folder, error)
    return sorted(removed)


def _write(path: Path, state: State, about: Mapping[str, Any]) -> None:
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
    text = json.dumps({**about, "facts": state.facts})
    write_bytes(path, save(tensors, {"state": text, "crc32": _checksum(text, tensors)}))


def _read(path: Path) -> tuple[State, dict[str, Any]]:
    """A state, in memory of its own (aligned, so that arithmetic on it rounds as before), and what was said about it.

    Raises:
        SafetensorError, OSError, ValueError, KeyError, TypeError: it is not whole, or of another format.
    """
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a mapping
    if metadata["crc32"] != _checksum(metadata["state"], tensors):
        raise ValueError("its checksum does not fit")
    about = json.loads(metadata["state"])
    if about["format"] != FORMAT:
        raise ValueError(f"its format is {about['format']}, this version's is {FORMAT}")
    return State(tensors, about.pop("facts")), about


def _checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    """CRC-32: against damage, and eight times as fast as a digest."""
    value = zlib.crc32(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        value = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), value)
        value = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, value)
    return f"{value:08x}"
