"""The door to foreign code: what it raises is told, what it changes is put back, what it prints is set aside."""

from __future__ import annotations

import gc
import locale
import logging
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from hear_audiomosaic.errors import AudioError, EncoderError
from hear_audiomosaic.hear.beside import set_apart
from hear_audiomosaic.hear.foreign import OutOfMemory, cause, foreign, is_out_of_memory
from hear_audiomosaic.hear.surroundings import EACH_CALL, SETTINGS, Own


def _silence() -> None:
    logging.getLogger("hear_audiomosaic.embedding.extractor").disabled = True


def _other_locale() -> None:
    locale.setlocale(locale.LC_ALL, "C" if locale.setlocale(locale.LC_ALL) != "C" else "C.UTF-8")


CHANGES: dict[str, Callable[[], object]] = {
    "depth of calls": lambda: sys.setrecursionlimit(4321),
    "default dtype of torch": lambda: torch.set_default_dtype(torch.float64),
    "default device of torch": lambda: torch.set_default_device("meta"),
    "gradients": lambda: torch.set_grad_enabled(False),
    "deterministic algorithms": lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    "threads of torch": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "precision of products": lambda: torch.set_float32_matmul_precision("medium"),
    "kernels of cuDNN": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
    "denormal numbers": lambda: torch.set_flush_denormal(True),
    "floating-point errors of numpy": lambda: np.seterr(all="raise"),
    "warnings": lambda: warnings.simplefilter("ignore"),
    "logging": lambda: logging.basicConfig(level=3, force=True),
    "working folder": lambda: os.chdir("/"),
    "arguments": lambda: sys.argv.append("--more"),
    "search path": lambda: sys.path.insert(0, "/nowhere"),
    "modules beside it": lambda: (
        set_apart((), "helper_beside"),
        sys.modules.update(helper_beside=ModuleType("m")),
    ),
    "interrupts": lambda: signal.signal(signal.SIGINT, lambda *_: None),  # a shell may have it ignored already
    "alarm": lambda: signal.setitimer(signal.ITIMER_REAL, 60.0),
    "garbage collection": gc.disable,
    "random numbers of Python": lambda: random.seed(1),
    "random numbers of numpy": lambda: np.random.seed(1),  # noqa: NPY002
    "random numbers of torch": lambda: torch.manual_seed(1),
    "printing of numpy": lambda: np.set_printoptions(precision=1),
    "environment": lambda: os.environ.update(HEAR_TEST_ONLY="1"),
    "locale": _other_locale,
    "loggers": _silence,
    "signals": lambda: signal.signal(signal.SIGTERM, lambda *_: None),
}
ENDS_WITH_THE_CALL = {"interrupts", "alarm", "signals"}


@pytest.mark.timeout(300, method="thread")  # the other method has an alarm of its own
@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_changed_is_put_back_and_holds_in_later_calls(name: str) -> None:
    assert CHANGES.keys() == SETTINGS.keys()
    setting, own = SETTINGS[name], Own()
    before = setting.read()
    with foreign("changing failed", own):
        CHANGES[name]()
        changed = setting.read()
    assert changed != before
    assert setting.read() == before
    with foreign("the next call failed", own, each_call=True):
        assert setting.read() == (before if name in ENDS_WITH_THE_CALL else changed)
    assert setting.read() == before
    with foreign("a call of another encoder failed", {}):
        assert setting.read() == before
    if name in EACH_CALL:  # also when it is changed in a quick call
        with foreign("changing late failed", {}, each_call=True):
            CHANGES[name]()
        assert setting.read() == before


def test_both_names_of_the_precision_of_products() -> None:
    """After older names, the newer ones; torch raises where the two contradict each other."""
    for change in (
        lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
        lambda: setattr(torch.backends, "fp32_precision", "tf32"),
        lambda: setattr(torch.backends.cudnn, "allow_tf32", False),
    ):
        with foreign("changing failed", {}):
            change()
        assert torch.get_float32_matmul_precision() == "highest"
        assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == (False, True)


def test_own_folders_do_not_hide_those_that_are_added_later() -> None:
    own = Own()
    with foreign("adding failed", own):
        sys.path.insert(0, "/of/the/encoder")
    sys.path.append("/of/the/user")
    try:
        with foreign("importing failed", own):
            assert (sys.path[0], sys.path[-1]) == ("/of/the/encoder", "/of/the/user")
    finally:
        sys.path.remove("/of/the/user")


def test_a_folder_that_is_gone_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gone, own = tmp_path / "gone", Own()
    gone.mkdir()
    with foreign("moving failed", own):
        os.chdir(gone)
    gone.rmdir()
    with foreign("the next call failed", own):
        pass
    assert "The working folder could not be put back: FileNotFoundError" in caplog.text


def test_errors_are_told_and_chained() -> None:
    with pytest.raises(EncoderError) as told, foreign("load_model of x failed"):
        raise ValueError("\x1b[31mno weights")
    assert str(told.value).startswith(
        r"load_model of x failed: ValueError: \u001b[31mno weights (test_foreign.py, line "
    )
    assert isinstance(told.value.__cause__, ValueError)
    for own_error in (AudioError("ours"), KeyboardInterrupt(), GeneratorExit()):
        with pytest.raises(type(own_error)) as passed, foreign("x failed"):  # noqa: PT012
            torch.set_default_dtype(torch.float64)  # put back all the same
            raise own_error
        assert passed.value is own_error


def test_an_exit_says_how() -> None:
    ended = "SystemExit: it ended the program"
    codes = {None: " with exit code 0", 0: " with exit code 0", 2: " with exit code 2", "no GPU": ": no GPU"}
    assert {code: cause(SystemExit(code)) for code in codes} == {code: ended + how for code, how in codes.items()}


@pytest.mark.parametrize("error", [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:116] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
    np._core._exceptions._ArrayMemoryError((10**9,), np.dtype("f8")) if hasattr(np, "_core") else MemoryError("x"),
], ids=repr)  # fmt: skip
def test_short_memory_is_known_as_such(error: BaseException) -> None:
    assert is_out_of_memory(error)
    with pytest.raises(OutOfMemory, match="x failed: "), foreign("x failed"):
        raise error


def test_other_errors_are_not_of_memory() -> None:
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))  # nobody's allocator raises this


def test_words_go_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    print("before")  # noqa: T201
    with foreign("printing failed"):
        print("from Python")  # noqa: T201
        os.write(1, b"from C\n")
        os.system("echo from a child")  # noqa: S605, S607
    print("after")  # noqa: T201
    out, err = capfd.readouterr()
    assert out == "before\nafter\n"
    assert sorted(err.splitlines()) == ["from C", "from Python", "from a child"]


def test_streams_that_are_closed_are_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    out, err = ((tmp_path / name).open("w") for name in ("out", "err"))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with foreign("closing what it sees failed"):
        sys.stdout.close()
        with sys.stderr:
            os.close(1)
        os.close(2)
    assert (sys.stdout, sys.stderr, out.closed, err.closed) == (out, err, False, False)
    with foreign("closing what is not shown to it failed"):
        out.close()
        err.close()
    print("facts")  # noqa: T201
    sys.stdout.flush()
    sys.stderr.write("words")
    sys.stderr.flush()
    assert capfd.readouterr() == ("facts\n", "words")


def test_one_thread_at_a_time() -> None:
    seen = []

    def work(dtype: torch.dtype) -> None:
        for _ in range(20):
            with foreign("working failed", {}, each_call=True):
                torch.set_default_dtype(dtype)
                time.sleep(0.0005)
                seen.append(torch.get_default_dtype() == dtype)

    threads = [threading.Thread(target=work, args=(dtype,)) for dtype in (torch.float64, torch.bfloat16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 40
    assert all(seen)


def test_calls_within_calls() -> None:
    outer, inner = Own(), Own()
    with foreign("the outer failed", outer):
        torch.set_default_dtype(torch.float64)
        with foreign("the inner failed", inner):
            torch.set_default_dtype(torch.bfloat16)
        assert torch.get_default_dtype() == torch.float64
    assert (outer, inner) == (
        {"default dtype of torch": torch.float64},
        {"default dtype of torch": torch.bfloat16},
    )


def test_a_call_for_each_batch_costs_little() -> None:
    """Processor time of one call, the best of several rounds; about 40 microseconds on an idle core."""
    own = Own()
    rounds = []
    for _ in range(10):
        started = time.process_time()
        for _ in range(50):
            with foreign("nothing failed", own, each_call=True):
                pass
        rounds.append((time.process_time() - started) / 50)
    assert min(rounds) < 200e-6
