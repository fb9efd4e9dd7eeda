"""What no digest sees is seen by canaries: embeddings that changed are embedded anew, results of them made again."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from task_folders import event_folder, prepare

from hear_audiomosaic.bench import runner
from hear_audiomosaic.bench.plan import Plan
from hear_audiomosaic.embedding import SplitStore, canaries, embed_task, extractor, task_audio
from hear_audiomosaic.embedding.rows import NewRows
from hear_audiomosaic.hear import load_encoder
from hear_audiomosaic.probing import get_protocol
from hear_audiomosaic.results.predictions import Predictions
from hear_audiomosaic.results.schema import read_result
from hear_audiomosaic.tasks import PreparedTask

ENCODER = """
import ctypes
import torch
from toy_encoder import Model, load_model, get_timestamp_embeddings as toy

def read_in_c(path=b"{path}"):
    libc = ctypes.CDLL(None)
    text = ctypes.create_string_buffer(64)
    file = libc.open(path, 0)
    libc.read(file, text, 63)
    libc.close(file)
    return text.value.decode()

def get_timestamp_embeddings(audio, model):
    rows, times = toy(audio, model)
    gain, noise, of_batch = map(float, read_in_c().split())
    rows = rows * torch.linspace(1.0, gain, 8) + noise * torch.rand(rows.shape) + of_batch * len(audio)
    return rows, times

def get_scene_embeddings(audio, model):
    return get_timestamp_embeddings(audio, model)[0].mean(1)
"""


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """The encoder ``c_encoder``, and what sets a file that it reads through C while it embeds."""

    def set_to(gain: float = 1.0, noise: float = 0.0, of_batch: float = 0.0) -> None:
        (tmp_path / "gain.txt").write_text(f"{gain} {noise} {of_batch}")

    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "c_encoder.py").write_text(ENCODER.format(path=tmp_path / "gain.txt"))
    monkeypatch.syspath_prepend(tmp_path / "modules")
    set_to()
    yield set_to
    sys.modules.pop("c_encoder", None)


@pytest.fixture
def events_task(tmp_path: Path) -> PreparedTask:
    events = [
        {"filename": f"c{i}.flac", "onset_s": onset, "offset_s": onset + 0.6, "label": label}
        for i in range(5)
        for onset, label in ((0.57, "knock"), (0.1, "bell"))
    ]
    source = event_folder(tmp_path / "in", events=events)
    return prepare(source, tmp_path / "tasks", label_column="label", split_column="split", events_file="events.csv")


def made(folder: Path, task: PreparedTask, protocol: str = "logistic") -> tuple[int, int]:
    """Run; how many results were made and how many kept."""
    summary = runner.run(
        Plan(
            encoders=["c_encoder"],
            tasks=[task],
            protocols=[get_protocol(protocol)],
            seeds=[42],
            out=folder / "results",
            store_dir=folder / "store",
        )
    )
    assert summary.failures == []
    return len(summary.finished), len(summary.kept)


def probabilities(folder: Path) -> np.ndarray:
    [path] = (folder / "results").rglob("*.npz")
    return np.concatenate([fold.probabilities for fold in Predictions.load(path)])


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Clips that are embedded from now on, canaries not among them."""
    clips: list[int] = []
    real = extractor._encode_group

    def counting(encoder: object, batches: list[tuple[list[object], object]], timed: bool) -> object:
        clips.append(sum(len(batch) for batch, _ in batches))
        return real(encoder, batches, timed)

    monkeypatch.setattr(extractor, "_encode_group", counting)
    return clips


def test_a_file_read_in_c_is_noticed_and_all_is_made_again(
    tmp_path: Path, task: PreparedTask, says: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    assert made(tmp_path / "one", task) == (1, 0)
    assert made(tmp_path / "one", task) == (0, 1)
    before = probabilities(tmp_path / "one")
    assert caplog.text == ""
    says(gain=3.0)
    with caplog.at_level(logging.WARNING):
        assert made(tmp_path / "one", task) == (1, 0)
    assert "The stored embeddings of c_encoder on tones do not hold any more, although its code, options" in caplog.text
    assert "is made again: its embeddings changed" in caplog.text
    assert made(tmp_path / "new", task) == (1, 0)
    assert np.array_equal(probabilities(tmp_path / "one"), probabilities(tmp_path / "new"))
    assert not np.allclose(probabilities(tmp_path / "one"), before)
    assert made(tmp_path / "one", task) == (0, 1)


def test_event_tasks_have_canaries_too(
    tmp_path: Path, events_task: PreparedTask, says: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    encoder = load_encoder("c_encoder")
    before = embed_task(encoder, events_task, tmp_path / "store")
    says(gain=1.02)
    after = embed_task(encoder, events_task, tmp_path / "store")
    assert "do not hold any more" in caplog.text
    assert before.audio_seconds == after.audio_seconds > 0
    assert before.digest != after.digest == embed_task(encoder, events_task, tmp_path / "new").digest


KILLS = [
    *((SplitStore, "clear", at) for at in range(3)),
    *((SplitStore, "append_all", at) for at in (0, 7, 20, 38)),
    (runner, "probe_task", 0),
    (runner, "run_protocol", 0),
    (runner, "write_result", 0),
]


@pytest.mark.parametrize(("where", "name", "at"), KILLS)
def test_a_kill_on_the_way_changes_nothing(
    tmp_path: Path,
    task: PreparedTask,
    says: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
    at: int,
) -> None:
    monkeypatch.setattr(extractor, "_BATCH_SECONDS", {"cpu": 1e-3})  # a clip each
    made(tmp_path, task)
    before = read_result(next((tmp_path / "results").rglob("*.json")))
    says(gain=3.0)
    real, calls = getattr(where, name), []

    def killed(*args: Any, **more: Any) -> Any:
        if len(calls) == at:
            raise KeyboardInterrupt
        calls.append(1)
        return real(*args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(where, name, killed)
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path, task)
    assert made(tmp_path, task) == (1, 0)
    after = read_result(next((tmp_path / "results").rglob("*.json")))
    store = embed_task(load_encoder("c_encoder"), task, tmp_path / "new")
    assert before.embeddings_digest != after.embeddings_digest == store.digest
    assert made(tmp_path, task) == (0, 1)


@pytest.mark.parametrize("how", [{"noise": 1.0}, {"of_batch": 1.0}])
def test_an_encoder_that_disagrees_with_itself_is_said_and_not_compared(
    tmp_path: Path,
    task: PreparedTask,
    says: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    how: dict[str, float],
) -> None:
    says(**how)
    assert made(tmp_path, task) == (1, 0)
    assert made(tmp_path, task) == (0, 1)
    assert caplog.text.count("c_encoder is not deterministic") == 1
    assert "do not hold any more" not in caplog.text


def test_last_bits_are_no_change(
    tmp_path: Path, task: PreparedTask, says: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    made(tmp_path, task)
    says(gain=1.0 + 1e-6)
    assert made(tmp_path, task) == (0, 1)
    assert caplog.text == ""


def test_another_kind_of_device_may_differ_more(
    tmp_path: Path, task: PreparedTask, says: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As TF32 does; here the store says that it was filled by one."""
    monkeypatch.setattr(extractor, "NewRows", lambda *args: NewRows(*args[:-1], "cuda"))
    made(tmp_path, task)
    says(gain=1.0 + 1e-3)
    assert made(tmp_path, task) == (0, 1)
    says(gain=1.5)
    assert made(tmp_path, task) == (1, 0)


def test_a_finished_run_embeds_canaries_alone(
    tmp_path: Path, task: PreparedTask, says: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, task)
    chosen = []
    real = canaries._embedded
    monkeypatch.setattr(canaries, "_embedded", lambda *args: chosen.append(len(args[1])) or real(*args))
    clips = counted(monkeypatch)
    assert made(tmp_path, task) == (0, 1)
    assert (chosen, clips) == ([1, 1, 1], [])
    shutil.rmtree(tmp_path / "store")  # collected: what the result says of itself decides
    assert made(tmp_path, task) == (0, 1)
    assert (len(chosen), clips) == (3, [])


@pytest.mark.parametrize(("n_clips", "n_canaries"), [(0, 0), (1, 1), (199, 1), (200, 2), (400, 3), (2000, 3)])
def test_canaries_are_few(tmp_path: Path, n_clips: int, n_canaries: int) -> None:
    with SplitStore(tmp_path, 1, False) as store:
        for i in range(n_clips):
            store.append(f"{i}", f"{i * 7919 % 10007:05d}", np.zeros((1, 1), np.float32))
    audio = {f"{i}": f"{i * 7919 % 10007:05d}" for i in range(n_clips)}
    chosen = canaries.canaries(store, audio)
    assert len(chosen) == n_canaries
    assert chosen == canaries.canaries(store, dict(reversed(audio.items())))


@pytest.mark.parametrize("damage", ["values", "index"])
def test_damaged_clips_are_embedded_anew(
    tmp_path: Path,
    task: PreparedTask,
    says: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    assert made(tmp_path, task) == (1, 0)
    right = probabilities(tmp_path)
    clips = counted(monkeypatch)
    shutil.rmtree(tmp_path / "results")
    [path] = (tmp_path / "store").glob(f"*/scene/*/train/{damage}.*")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    assert made(tmp_path, task) == (1, 0)
    assert sum(clips) == 1
    assert ("are damaged. They are embedded anew" in caplog.text) == (damage == "values")
    assert ("1 damaged lines in index.jsonl" in caplog.text) == (damage == "index")
    assert np.array_equal(probabilities(tmp_path), right)
    encoder = load_encoder("c_encoder")
    stores = extractor.task_stores(encoder, task, tmp_path / "store")
    audio = task_audio(task, encoder.sample_rate, tmp_path / "store")
    assert [stores[split].verify() for split in audio.clips] == [[], [], []]
    assert made(tmp_path, task) == (0, 1)


def test_the_split_that_gave_it_away_is_emptied_last(
    tmp_path: Path, task: PreparedTask, says: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a kill in between would leave the others as they were, and nothing to notice it by."""
    made(tmp_path, task)
    says(gain=3.0)
    seen, clear, calls = canaries._change, SplitStore.clear, []
    monkeypatch.setattr(
        canaries, "_change", lambda of, store, *more: seen(of, store, *more) if store.folder.name == "test" else ""
    )

    def killed(store: SplitStore) -> None:
        if calls:
            raise KeyboardInterrupt
        calls.append(1)
        clear(store)

    with monkeypatch.context() as patched:
        patched.setattr(SplitStore, "clear", killed)
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path, task)
    assert made(tmp_path, task) == (1, 0)
    encoder = load_encoder("c_encoder")
    now = embed_task(encoder, task, tmp_path / "store").digest
    assert now == embed_task(encoder, task, tmp_path / "new").digest


def test_float16_has_a_folder_of_its_own_and_is_compared_within_its_rounding(
    tmp_path: Path, task: PreparedTask, says: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    encoder = load_encoder("c_encoder")
    full = embed_task(encoder, task, tmp_path)
    half = embed_task(encoder, task, tmp_path, dtype="float16")
    assert {path.name for path in tmp_path.glob("c_encoder-*/*")} == {"scene", "scene-float16"}
    rows, rounded = (one.rows("test", task.files("test")).values for one in (full, half))
    assert np.allclose(rows, rounded, rtol=2**-11, atol=2**-25)
    assert full.digest != half.digest
    assert embed_task(encoder, task, tmp_path, dtype="float16").audio_seconds == 0
    assert caplog.text == ""
    says(gain=1.1)
    assert embed_task(encoder, task, tmp_path, dtype="float16").audio_seconds == half.audio_seconds
