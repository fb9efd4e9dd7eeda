"""What a process has only once, and foreign code changes: read and put back.

torch's defaults and random state, numpy's, warnings, logging, the working folder, the search path of modules, the
environment, handlers of signals. A default that an encoder set for itself, such as a dtype, must not reach the next
encoder or a probe; it is set again for that encoder's own later calls, which may need it.
"""

from __future__ import annotations

import gc
import locale
import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hear_audiomosaic.hear.beside import modules_beside, put_back

__all__ = ["EACH_CALL", "SETTINGS", "Own", "enter", "kept", "leave"]

Own = dict[str, Any]
"""What foreign code set for itself: name of a setting -> its value, where that is not everybody else's."""

_log = logging.getLogger(__name__)
_LIBRARY = __name__.partition(".")[0]


@dataclass(frozen=True)
class _Setting:
    """One thing that a process has once.

    Attributes:
        read: its value, to be compared by ``==``.
        write: sets it.
        own: whether what foreign code set holds in its later calls, or ends with the call.
    """

    read: Callable[[], Any]
    write: Callable[[Any], Any]
    own: bool = True


def _read_device() -> torch.device:
    try:
        return torch.empty(0).device
    except (AssertionError, NotImplementedError, RuntimeError):  # one was set that this machine lacks
        return torch.get_default_device()


def _write_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


def _read_determinism() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _read_kernels() -> tuple[bool, bool]:
    return torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic


def _write_kernels(values: tuple[bool, bool]) -> None:
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = values


_OPERATIONS = (
    *(("generic", "all"), ("cuda", "all"), ("cuda", "matmul"), ("cuda", "conv"), ("cuda", "rnn")),
    *(("mkldnn", "all"), ("mkldnn", "matmul"), ("mkldnn", "conv"), ("mkldnn", "rnn")),
)


def _read_precision() -> tuple[Any, ...]:
    """Of float32 products: by torch's newer names, then by its older ones, which raise when they contradict these."""
    newer = tuple(torch._C._get_fp32_precision_getter(*operation) for operation in _OPERATIONS)
    try:
        return newer, torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    except RuntimeError:
        return newer, None, None


def _write_precision(values: tuple[Any, ...]) -> None:
    newer, matmul, cudnn = values
    if matmul is not None:  # first, as these write to the newer ones, too
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = cudnn
    for operation, value in zip(_OPERATIONS, newer, strict=True):
        torch._C._set_fp32_precision_setter(*operation, value)


def _read_autocast() -> tuple[bool, bool]:
    return torch.is_autocast_enabled("cpu"), torch.is_autocast_enabled("cuda")


def _write_autocast(values: tuple[bool, bool]) -> None:
    torch.set_autocast_enabled("cpu", values[0])
    torch.set_autocast_enabled("cuda", values[1])


def _flushes_denormal() -> bool:
    return 5e-324 * _ONE == 0.0


_ONE = float("1")  # so that the product above is computed, not folded


def _write_filters(filters: list[Any]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]
    with warnings.catch_warnings():  # its end tells the interpreter that they changed
        pass


def _read_logging() -> tuple[Any, ...]:
    root, library = logging.root, logging.getLogger(_LIBRARY)
    handlers = tuple(root.handlers), tuple(library.handlers)
    return (root.level, library.level, library.propagate, library.disabled, logging.root.manager.disable, *handlers)


def _write_logging(values: tuple[Any, ...]) -> None:
    root, library = logging.root, logging.getLogger(_LIBRARY)
    root.setLevel(values[0])
    library.setLevel(values[1])
    library.propagate, library.disabled = values[2], values[3]
    logging.disable(values[4])
    root.handlers[:], library.handlers[:] = values[5], values[6]


def _read_disabled() -> tuple[str, ...]:
    """Loggers that are silent; ``logging.config`` silences all that it does not know, those of other encoders, too."""
    loggers = tuple(logging.root.manager.loggerDict.values())
    return tuple(sorted(one.name for one in loggers if isinstance(one, logging.Logger) and one.disabled))


def _write_disabled(names: tuple[str, ...]) -> None:
    for name, one in tuple(logging.root.manager.loggerDict.items()):
        if isinstance(one, logging.Logger):
            one.disabled = name in names


def _read_folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - at every call
    except FileNotFoundError:  # it was removed
        return None


def _write_folder(folder: str | None) -> None:
    if folder is not None:
        os.chdir(folder)


def _write_argv(values: list[str]) -> None:
    sys.argv = list(values)


def _write_search_path(values: list[str]) -> None:
    sys.path[:] = values


def _write_environment(values: Mapping[str, str]) -> None:
    for name in os.environ.keys() - values.keys():
        del os.environ[name]
    os.environ.update({name: value for name, value in values.items() if os.environ.get(name) != value})


def _read_numpy_random() -> tuple[Any, ...]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - of foreign code
    return (name, np.asarray(keys).tobytes(), *rest)


def _write_numpy_random(state: tuple[Any, ...]) -> None:
    name, keys, *rest = state
    np.random.set_state((name, np.frombuffer(keys, np.uint32), *rest))  # noqa: NPY002


def _write_torch_random(state: bytes) -> None:
    torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))


def _signals(*names: str) -> _Setting:
    """Handlers of signals; foreign code keeps none, so that Ctrl-C is always the user's."""
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]

    def write(handlers: tuple[Any, ...]) -> None:
        if threading.current_thread() is threading.main_thread():
            for number, handler in zip(numbers, handlers, strict=True):
                if handler is not None:  # None: not set from Python
                    signal.signal(number, handler)

    return _Setting(lambda: tuple(signal.getsignal(number) for number in numbers), write, own=False)


def _has_alarm() -> bool:
    return hasattr(signal, "getitimer") and signal.getitimer(signal.ITIMER_REAL)[0] > 0.0


def _write_alarm(was_set: bool) -> None:
    if not was_set:  # one that foreign code left would go off in our code
        signal.setitimer(signal.ITIMER_REAL, 0.0)


_SEARCH_PATH = "search path"

EACH_CALL: Mapping[str, _Setting] = {
    "depth of calls": _Setting(sys.getrecursionlimit, sys.setrecursionlimit),
    "default dtype of torch": _Setting(torch.get_default_dtype, torch.set_default_dtype),
    "default device of torch": _Setting(_read_device, _write_device),
    "gradients": _Setting(torch.is_grad_enabled, torch.set_grad_enabled),
    "deterministic algorithms": _Setting(
        _read_determinism, lambda flags: torch.use_deterministic_algorithms(flags[0], warn_only=flags[1])
    ),
    "threads of torch": _Setting(torch.get_num_threads, torch.set_num_threads),
    "precision of products": _Setting(_read_precision, _write_precision),
    "kernels of cuDNN": _Setting(_read_kernels, _write_kernels),
    "autocast": _Setting(_read_autocast, _write_autocast),
    "denormal numbers": _Setting(_flushes_denormal, torch.set_flush_denormal),
    "floating-point errors of numpy": _Setting(np.geterr, lambda state: np.seterr(**state)),
    "warnings": _Setting(lambda: list(warnings.filters), _write_filters),
    "logging": _Setting(_read_logging, _write_logging),
    "working folder": _Setting(_read_folder, _write_folder),
    "arguments": _Setting(lambda: list(sys.argv), _write_argv),
    _SEARCH_PATH: _Setting(lambda: list(sys.path), _write_search_path),
    "modules beside it": _Setting(modules_beside, put_back),
    "interrupts": _signals("SIGINT"),
    "alarm": _Setting(_has_alarm, _write_alarm, own=False),
    "garbage collection": _Setting(gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
}
"""What is looked at around every call: 20 to 40 microseconds in all."""

SETTINGS: Mapping[str, _Setting] = {
    **EACH_CALL,
    "random numbers of Python": _Setting(random.getstate, random.setstate),
    "random numbers of numpy": _Setting(_read_numpy_random, _write_numpy_random),
    "random numbers of torch": _Setting(lambda: torch.get_rng_state().numpy().tobytes(), _write_torch_random),
    "printing of numpy": _Setting(np.get_printoptions, lambda options: np.set_printoptions(**options)),
    "environment": _Setting(lambda: dict(os.environ), _write_environment),
    "locale": _Setting(lambda: locale.setlocale(locale.LC_ALL), lambda name: locale.setlocale(locale.LC_ALL, name)),
    "loggers": _Setting(_read_disabled, _write_disabled),
    "signals": _signals("SIGTERM", "SIGHUP", "SIGALRM", "SIGPIPE"),
}
"""Also what costs more to look at: around loading, and around all that is done with an encoder."""


def enter(own: Own, settings: Mapping[str, _Setting] = SETTINGS) -> dict[str, Any]:
    """Set what is the foreign code's own.

    Args:
        own: from earlier calls.
        settings: what is looked at; what is in ``own`` is, too.

    Returns:
        The values of everybody else, for :func:`leave`.
    """
    outside = {name: setting.read() for name, setting in settings.items()}
    for name, value in own.items():
        if name not in outside:
            outside[name] = SETTINGS[name].read()
        if name == _SEARCH_PATH:  # what others added since stays behind its own folders, for imports inside functions
            value = [*value, *(folder for folder in outside[name] if folder not in value)]
        _write(name, value)
    return outside


def leave(own: Own, outside: Mapping[str, Any]) -> None:
    """Put back what :func:`enter` found, and keep in ``own`` what foreign code has set for itself."""
    for name, before in outside.items():
        setting = SETTINGS[name]
        value = _read(setting)
        if value == before:
            own.pop(name, None)
            continue
        if setting.own and value is not None:
            own[name] = value
        _write(name, before)


@contextmanager
def kept() -> Iterator[None]:
    """All settings are, afterwards, what they were before."""
    outside = enter({})
    try:
        yield
    finally:
        leave({}, outside)


def _read(setting: _Setting) -> Any:
    """The value; None, which no setting has, where foreign code broke what would be read."""
    try:
        return setting.read()
    except Exception as error:  # noqa: BLE001 - of any kind; what follows puts it back
        _log.debug("a setting cannot be read", exc_info=error)
        return None


def _write(name: str, value: Any) -> None:
    """A setting that cannot be set is told, not the end of a run: the folder may be gone that one was in."""
    try:
        SETTINGS[name].write(value)
    except (OSError, ValueError, RuntimeError, TypeError, locale.Error) as error:
        _log.warning("The %s could not be put back: %s: %s", name, type(error).__name__, error)
