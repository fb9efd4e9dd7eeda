"""Encoders in an interpreter of their own: the same embeddings, and whatever a worker does is told and outlived."""

from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import misbehaving
import numpy as np
import pytest
import torch

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import EncoderRef, load_encoder
from hear_audiomosaic.hear.foreign import OutOfMemory
from hear_audiomosaic.hear.isolated import process, worker
from hear_audiomosaic.hear.isolated.encoder import IsolatedEncoder, load_isolated
from hear_audiomosaic.hear.isolated.process import TIMEOUT_VARIABLE, Worker

HELPERS = Path(misbehaving.__file__).parent
AUDIO = torch.rand(3, 16000, generator=torch.Generator().manual_seed(0)) - 0.5
LAST_WORDS = "the last words"


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HELPERS))


def load(name: str = "misbehaving", **options: str | float) -> IsolatedEncoder:
    ref = EncoderRef(name, options=tuple(sorted(options.items())), python=sys.executable)
    return load_isolated(ref, torch.device("cpu"))


def pid_of(encoder: IsolatedEncoder) -> int:
    assert encoder._remote._worker is not None
    return encoder._remote._worker._process.pid


def is_running(pid: int) -> bool:
    """Whether there is such a process, and not only what is left of one that nobody has asked after."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ends(pid: int, within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


@pytest.fixture(scope="module")
def plain() -> Iterator[IsolatedEncoder]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HELPERS))
        yield load()


def test_the_same_embeddings_as_in_process(plain: IsolatedEncoder, capfd: pytest.CaptureFixture[str]) -> None:
    model = misbehaving.Model()
    np.testing.assert_array_equal(plain.scene(AUDIO), misbehaving.get_scene_embeddings(AUDIO.numpy(), model))
    values, times = plain.timestamps(AUDIO)
    expected, expected_times = misbehaving.get_timestamp_embeddings(AUDIO.numpy(), model)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(times, expected_times)
    assert plain.coercions["load_model requires a path, none was given: it got an empty one"] == 1
    assert plain.coercions["an output came as numpy.ndarray"] == 2
    assert capfd.readouterr().out == ""
    assert isinstance(load_encoder(plain.ref), IsolatedEncoder)


def test_a_flood_of_words_is_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    encoder = load(load="prints", scene="prints")
    assert encoder.scene(AUDIO).shape == (3, 4)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(("does", "told"), [
    ("raises", "get_scene_embeddings of .* failed: ZeroDivisionError: division by zero [(]misbehaving.py, line"),
    ("exits", "failed: SystemExit: it ended the program with exit code 4"),
])  # fmt: skip
def test_what_a_module_raises_ends_no_worker(does: str, told: str) -> None:
    encoder = load(scene=does)
    pid = pid_of(encoder)
    with pytest.raises(EncoderError, match=told):
        encoder.scene(AUDIO)
    assert encoder.timestamps(AUDIO)[0].shape == (3, 40, 4)
    assert pid_of(encoder) == pid


def test_want_of_memory_is_told_as_such() -> None:
    with pytest.raises(OutOfMemory, match="MemoryError"):
        load(scene="has no memory").scene(AUDIO)


@pytest.mark.parametrize(("does", "told"), [
    ("dies", rf"failed: the worker \(.*\) ended with exit code 3. The end of its stderr:\n(.*\n)*{LAST_WORDS}"),
    ("is killed", "was ended by the signal SIGKILL"),
    ("hangs", rf"did not answer within 0.4 s \(set {TIMEOUT_VARIABLE}\). The end of its stderr:\n(.*\n)*{LAST_WORDS}"),
    ("hangs in a loop", "did not answer within 0.4 s"),
    ("closes", "ended with|closed|ended by"),
])  # fmt: skip
def test_a_worker_that_fails_is_told_and_started_again(does: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load(scene=does)
    pid = pid_of(encoder)
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.4")
    with pytest.raises(EncoderError, match=told):
        encoder.scene(AUDIO)
    assert ends(pid, 0.0)
    monkeypatch.delenv(TIMEOUT_VARIABLE)
    assert encoder.timestamps(AUDIO)[0].shape == (3, 40, 4)
    assert pid_of(encoder) != pid


def test_what_a_worker_has_started_ends_with_it() -> None:
    encoder = load(scene="starts another")
    with pytest.raises(EncoderError, match="exit code 3") as told:
        encoder.scene(AUDIO)
    assert ends(int(str(told.value).splitlines()[-1]))


@pytest.mark.parametrize("does", ["raises", "dies"])
def test_what_fails_in_load_model_is_told(does: str) -> None:
    with pytest.raises(EncoderError, match=r"load_model of misbehaving\?load=.* failed") as told:
        load(load=does)
    assert ("ZeroDivisionError" if does == "raises" else LAST_WORDS) in str(told.value)


def test_a_worker_is_not_started_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load(scene="dies")
    starts = 0

    def counted(python: Path) -> Worker:
        nonlocal starts
        starts += 1
        return Worker(python)

    monkeypatch.setattr("hear_audiomosaic.hear.isolated.encoder.Worker", counted)
    monkeypatch.setattr("hear_audiomosaic.hear.isolated.encoder._MOST_FAILURES_OF_LENGTH", 2)
    monkeypatch.setattr("hear_audiomosaic.hear.isolated.encoder._MOST_FAILURES", 3)
    for clip, told in [(AUDIO, "exit code 3"), (AUDIO, "exit code 3"), (AUDIO, "not started again"),
                       (AUDIO[:, :800], "exit code 3"), (AUDIO[:, :1600], "not started again")]:  # fmt: skip
        with pytest.raises(EncoderError, match=told):
            encoder.scene(clip)
    assert starts == 2


def test_a_worker_ends_with_its_encoder() -> None:
    encoder = load()
    pid = pid_of(encoder)
    assert is_running(pid)
    del encoder
    assert ends(pid)


@pytest.mark.parametrize("does", ["nothing", "hangs in a loop"])
def test_a_worker_ends_with_a_parent_that_is_killed(does: str) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nimport numpy as np\n"
        "from hear_audiomosaic.hear.isolated.process import Worker\n"
        "worker = Worker(Path(sys.executable))\n"
        f"load = dict(do='load', module='misbehaving', path='', options={{'scene': {does!r}}}, device='cpu')\n"
        f"worker.ask(dict(load, folders=[{str(HELPERS)!r}], functions=[], threads=0), time_limit=60)\n"
        "sys.stdout.write(f'{worker._process.pid}\\n'); sys.stdout.flush()\n"
        "call = dict(do='call', function='get_scene_embeddings')\n"
        "worker.ask(call, [np.zeros((1, 800), np.float32) + 1], time_limit=60); sys.stdin.read()\n"
    )
    root = Path(worker.__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as one:
        assert one.stdout is not None
        pid = int(one.stdout.readline())
        assert is_running(pid)
        time.sleep(1.0)  # until the worker is in what it was asked for
        one.kill()
    assert ends(pid)


@pytest.mark.parametrize(("code", "told"), [
    ("print('hello, this is no frame')", "instead of a frame"),
    ("out.write(b'HAW1' + b'\\xff' * 4)", "instead of a frame"),
    ("out.write(b'HAW1' + bytes([2, 0, 0, 0]) + b'{}')", "broken header"),
    ("out.write(b'HAW1' + bytes([14, 0, 0, 0]) + b'{\"arrays\": 1}\\n' + b'x' * 100)", "broken array"),
    ("out.write(frame('|O', (1,)))", "broken array|an array of object"),
    ("out.write(frame('<f4', (1 << 60,)))", r"an array of float32 and shape \(1152921504606846976,\)"),
    ("out.write(frame('<c16', (1,)))", "an array of complex128"),
    ("out.write(frame('<f4', (10,))[:-1])", "ended with exit code 0"),
    ("out.write(b'HAW1' + bytes([29, 0, 0, 0]) + b'{\"arrays\": 0, \"protocol\": 99}')", "speaks protocol 99"),
    ("sys.exit('no such thing')", "ended with exit code 1. The end of its stderr:\nno such thing"),
    ("import no_such_module", "No module named 'no_such_module'"),
])  # fmt: skip
def test_what_is_no_worker_is_told(code: str, told: str, tmp_path: Path) -> None:
    fake = tmp_path / "python"
    frame = (
        "def frame(dtype, shape):\n"
        "    head = repr({'descr': dtype, 'fortran_order': False, 'shape': shape}).ljust(117) + '\\n'\n"
        "    return (b'HAW1' + bytes([13, 0, 0, 0]) + b'{\"arrays\": 1}' + b'\\x93NUMPY\\x01\\x00' + bytes([118, 0])\n"
        "            + head.encode() + b'\\0' * 40)\n"
    )
    asked = "sys.stdin.buffer.raw.read(65536)  # so that it is not gone before it was asked\n"
    fake.write_text(f"#!{sys.executable} -IS\nimport sys\nout = sys.stdout.buffer\n{asked}{frame}{code}\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(EncoderError, match=told):
        load_isolated(EncoderRef("misbehaving", python=str(fake)), torch.device("cpu"))


def test_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x")
    for python, told in [(f"{tmp_path}/none", "There is no interpreter"), (f"{tmp_path}/text", "cannot be run"),
                         ("py38", "There is no environment 'py38' .none has been made")]:  # fmt: skip
        with pytest.raises(EncoderError, match=told):
            load_isolated(EncoderRef("misbehaving", python=python), torch.device("cpu"))


def test_a_module_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no_encoder_at_all.py").write_text("x = 1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EncoderError, match="no_encoder_at_all is not a HEAR module: it has no function load_model"):
        load("no_encoder_at_all")
    with pytest.raises(EncoderError, match="ModuleNotFoundError: No module named 'not_there'"):
        load("not_there")


def test_the_worker_is_written_for_python_3_7() -> None:
    text = Path(worker.__file__).read_text()
    tree = ast.parse(text, feature_version=(3, 7))
    imported = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {(node.module or "").partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported - set(sys.stdlib_module_names) == {"numpy"}


def test_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert process.time_limit_s(100.0) == 100.0
    monkeypatch.setenv(TIMEOUT_VARIABLE, "7.5")
    assert process.time_limit_s(100.0) == 7.5
    monkeypatch.setenv(TIMEOUT_VARIABLE, "soon")
    with pytest.raises(EncoderError, match="expected how many seconds"):
        process.time_limit_s(100.0)


def test_a_fork_starts_a_worker_of_its_own() -> None:
    encoder = load()
    pid = pid_of(encoder)
    child = os.fork()
    if child == 0:
        is_right = np.array_equal(
            encoder.scene(AUDIO), misbehaving.get_scene_embeddings(AUDIO.numpy(), misbehaving.Model())
        )
        os._exit(0 if is_right and pid_of(encoder) != pid else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert encoder.scene(AUDIO).shape == (3, 4)
    assert pid_of(encoder) == pid
