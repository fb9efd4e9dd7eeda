"""The one door to foreign code: a stranger's module may raise, print, exit and reconfigure as it likes.

Every call into an encoder's module or model is made inside ``with foreign(...)``. Whatever it raises becomes an
:class:`EncoderError` that says of which encoder and at what; its words go to stderr; what it changed of the process
(:mod:`~hear_audiomosaic.hear.surroundings`) is put back, and set again for its own later calls.
"""

from __future__ import annotations

import re
import sysconfig
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from hear_audiomosaic.errors import EncoderError, HearAudioMosaicError
from hear_audiomosaic.hear.surroundings import EACH_CALL, SETTINGS, Own, enter, leave
from hear_audiomosaic.hear.words import diverted
from hear_audiomosaic.printable import printable

__all__ = ["OutOfMemory", "cause", "foreign", "is_out_of_memory"]

_ONE_AT_A_TIME = threading.RLock()  # what is put back is the process's
_MOST_LETTERS = 1500
_NO_MEMORY = re.compile(
    r"can't allocate memory|cannot allocate memory|not enough memory|out of memory|bad_alloc|bad allocation"
    r"|DefaultCPUAllocator|ALLOC_FAILED",
    re.IGNORECASE,
)
_PASSED_ON = (HearAudioMosaicError, KeyboardInterrupt, GeneratorExit)
_LIBRARY = str(Path(__file__).parents[1])
_STANDARD, _INSTALLED = (sysconfig.get_paths()[name] for name in ("stdlib", "purelib"))


class OutOfMemory(EncoderError):  # noqa: N818 - as torch's OutOfMemoryError, one word shorter
    """Foreign code wanted more memory than there is."""


class foreign:  # noqa: N801 - it reads as a statement: with foreign("load_model of x failed")
    """Run foreign code inside ``with``.

    One thread at a time: a second one waits.

    Args:
        failed: what to say if it raises, a clause that names the encoder: ``load_model of my_encoder failed``.
        own: what this encoder's code set for itself; filled, and used in its next call.
        each_call: whether this is a call that is made for each batch, around which only is looked at what is quick to
            look at; anything else costs half a millisecond.

    Raises:
        OutOfMemory: memory was short.
        EncoderError: it raised anything else, ``SystemExit`` among it; chained. Errors of this library pass as they
            are, and so does Ctrl-C.
    """

    def __init__(self, failed: str, own: Own | None = None, *, each_call: bool = False) -> None:
        self._failed, self._own = failed, {} if own is None else own
        self._settings = EACH_CALL if each_call else SETTINGS

    def __enter__(self) -> None:
        _ONE_AT_A_TIME.acquire()
        try:
            self._outside: dict[str, Any] = enter(self._own, self._settings)
            try:
                self._end = diverted()
            except BaseException:
                leave(self._own, self._outside)
                raise
        except BaseException:
            _ONE_AT_A_TIME.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            try:
                self._end()
            finally:
                leave(self._own, self._outside)
        finally:
            _ONE_AT_A_TIME.release()
        if error is None or isinstance(error, _PASSED_ON):
            return
        raised = OutOfMemory if is_out_of_memory(error) else EncoderError
        raise raised(f"{self._failed}: {cause(error)}") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is short, on the CPU or on a GPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(_NO_MEMORY.search(_message(error)))


def cause(error: BaseException) -> str:
    """Type, message and place of an error, of bounded length, without what a terminal would obey.

    The place is the innermost line that is neither torch's nor the standard library's nor this library's.
    """
    message = _message(error)
    if isinstance(error, SystemExit):
        code = error.code
        ended = f" with exit code {code or 0}" if isinstance(code, int | None) else f": {message}"
        message = f"it ended the program{ended}"
    text = printable(f"{type(error).__name__}: {message}" if message else type(error).__name__)
    if len(text) > _MOST_LETTERS:
        text = f"{text[:_MOST_LETTERS]} ... ({len(text):,} letters)"
    return text + _place(error)


def _message(error: BaseException) -> str:
    try:
        return str(error).strip()
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - the message is foreign code, too
        return "(its message cannot be read)"


def _place(error: BaseException) -> str:
    places = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [(file, line) for file, line in places if _is_own(file)]
    return f" ({printable(Path(own[-1][0]).name)}, line {own[-1][1]})" if own else ""


def _is_own(file: str) -> bool:
    if file.startswith(_STANDARD) and not file.startswith(_INSTALLED):
        return False
    return not file.startswith(("<frozen", _LIBRARY, *torch.__path__))
