"""A clip that fails loses itself, not the others; the work to find it is bounded."""

from __future__ import annotations

import json
import logging
import os
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import toy_encoder
from torch import Tensor

from hear_audiomosaic.audio import read_audio
from hear_audiomosaic.bench.embed import embed_tasks
from hear_audiomosaic.embedding import TaskEmbeddings, audio_digests, embed_task, reading
from hear_audiomosaic.errors import AudioError, EncoderError
from hear_audiomosaic.hear.objects import as_encoder
from hear_audiomosaic.tasks import PreparedTask, prepare_folder

N_CLIPS = 40
BAD = {"3.wav", "17.wav", "18.wav"}
Scene = Callable[[Tensor, torch.nn.Module], Tensor]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty clips; the first sample of each is its number in hundredths."""
    folder, rng = tmp_path_factory.mktemp("numbered"), np.random.default_rng(0)
    lines = ["filename,label,split"]
    for i in range(N_CLIPS):
        samples = 0.1 * rng.standard_normal(800)
        samples[0] = i / 100
        soundfile.write(folder / f"{i}.wav", samples, 16000, subtype="FLOAT")
        lines.append(f"{i}.wav,{'ab'[i % 2]},{('train', 'train', 'valid', 'test')[i // 2 % 4]}")
    (folder / "metadata.csv").write_text("\n".join(lines))
    tasks_dir = tmp_path_factory.mktemp("tasks")
    return prepare_folder(folder, "numbered", label_column="label", split_column="split", tasks_dir=tasks_dir).directory


@pytest.fixture
def task(prepared: Path, tmp_path: Path) -> PreparedTask:
    """A copy that a test may spoil."""
    return PreparedTask.open(Path(shutil.copytree(prepared, tmp_path / "tasks" / prepared.name)))


def numbers(audio: Tensor) -> list[int]:
    return [round(100 * float(clip[0])) for clip in audio]


def embed(task: PreparedTask, store: Path, scene: Scene = toy_encoder.get_scene_embeddings) -> TaskEmbeddings:
    return embed_task(as_encoder(toy_encoder.spoilt(scene)), task, store)


def stored(store: Path) -> dict[str, bytes]:
    """File -> its row, read by hand."""
    rows: dict[str, bytes] = {}
    for index in store.glob("*/scene/*/*/index.jsonl"):
        values = np.fromfile(index.with_name("values.f32"), dtype="<f4").reshape(-1, 8)
        for line in index.read_text().splitlines()[1:]:  # behind the header
            entry = json.loads(line.partition(" ")[2])
            rows[entry["file"]] = values[entry["first_row"]].tobytes()
    return rows


@pytest.fixture
def expected(task: PreparedTask, tmp_path: Path) -> dict[str, bytes]:
    embed(task, tmp_path / "good")
    return stored(tmp_path / "good")


def test_three_failing_clips_of_forty(task: PreparedTask, tmp_path: Path, expected: dict[str, bytes]) -> None:
    bad, sizes = {3, 17, 18}, []

    def scene(audio: Tensor, model: torch.nn.Module) -> Tensor:
        sizes.append(len(audio))
        found, rows = set(numbers(audio)) & bad, toy_encoder.get_scene_embeddings(audio, model)
        audio.zero_()  # what it was given is its own
        if found:
            raise RuntimeError(f"cannot embed {found}")
        return rows

    with pytest.raises(EncoderError) as told:
        embed(task, tmp_path / "store", scene)
    text = str(told.value)
    assert text.startswith("spoilt_encoder failed on ")
    assert all(f"/{name}" in text for name in BAD)
    assert "RuntimeError: cannot embed" in text
    assert text.endswith("3 clips failed; 37 could be embedded and are kept.")
    assert isinstance(told.value.__cause__, EncoderError)
    assert stored(tmp_path / "store") == {file: row for file, row in expected.items() if file not in BAD}
    assert len(sizes) <= 1 + 3 * 2 * 6  # halving: at most two calls a level, six levels, for each clip that fails
    # what is mended is embedded, and nothing else
    bad.clear()
    sizes.clear()
    embed(task, tmp_path / "store", scene)
    assert sum(sizes) == 3 + 3  # and a canary of each split
    assert stored(tmp_path / "store") == expected


def test_an_encoder_that_fails_on_everything_is_given_up(task: PreparedTask, tmp_path: Path) -> None:
    calls = []

    def scene(audio: Tensor, model: torch.nn.Module) -> Tensor:
        calls.append(len(audio))
        raise RuntimeError("device-side assert triggered")

    with pytest.raises(EncoderError, match=r"These are 16 clips one after another; the rest was not tried\. 0 "):
        embed(task, tmp_path / "store", scene)
    assert len(calls) <= 2 * 16 + 6


def test_a_batch_that_is_too_much_for_the_memory_is_halved(
    task: PreparedTask, tmp_path: Path, expected: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    def scene(audio: Tensor, model: torch.nn.Module) -> Tensor:
        if len(audio) > 3:
            torch.empty(10**15)  # the allocator's own error
        return toy_encoder.get_scene_embeddings(audio, model)

    caplog.set_level(logging.WARNING)
    embed(task, tmp_path / "store", scene)
    assert stored(tmp_path / "store") == expected
    assert "ran out of memory with 40 clips in a batch; trying 20" in caplog.text

    def never(audio: Tensor, model: torch.nn.Module) -> Tensor:
        raise MemoryError

    with pytest.raises(EncoderError, match=r"failed on .*\.wav.* and 13 more clips: .*MemoryError"):
        embed(task, tmp_path / "other", never)


def test_embed_goes_on_with_the_next_task(task: PreparedTask, tmp_path: Path) -> None:
    spoilt = PreparedTask.open(Path(shutil.copytree(task.directory, tmp_path / "tasks" / "spoilt-v1-full")))
    split = next(split for split in spoilt.splits if "3.wav" in spoilt.labels(split))
    spoilt.audio_path(split, "3.wav", 16000).write_bytes(b"RIFF")
    encoder = toy_encoder.spoilt(toy_encoder.get_scene_embeddings)
    made = embed_tasks(encoder, [spoilt, task], out=tmp_path, layout="store", store_dir=tmp_path)
    assert next(made).name == task.directory.name
    with pytest.raises(AudioError, match=r"3\.wav"):
        next(made)


def test_an_error_keeps_no_batch_alive(task: PreparedTask, tmp_path: Path) -> None:
    """Else what is short of memory stays so when the half is tried."""
    alive: list[weakref.ref[Tensor]] = []

    def scene(audio: Tensor, model: torch.nn.Module) -> Tensor:
        assert not [one for one in alive if one() is not None]
        activations = torch.ones(1000)
        alive.append(weakref.ref(activations))
        if len(audio) > 20:
            raise MemoryError
        return toy_encoder.get_scene_embeddings(audio, model)

    embed(task, tmp_path / "store", scene)
    assert len(alive) == 3


@pytest.mark.parametrize("spoil", ["no audio at all", "half a header", "not finite"])
def test_an_unreadable_clip_loses_only_itself(
    task: PreparedTask, tmp_path: Path, expected: dict[str, bytes], spoil: str
) -> None:
    split = next(split for split in task.splits if "3.wav" in task.labels(split))
    path = task.audio_path(split, "3.wav", 16000)
    if spoil == "not finite":
        soundfile.write(path, np.full(800, np.nan), 16000, subtype="FLOAT")
    else:
        path.write_bytes(b"RIFF" if spoil == "no audio at all" else path.read_bytes()[:30])
    with pytest.raises(AudioError, match=r"3\.wav.* 1 clip failed; 39 could be embedded and are kept\."):
        embed(task, tmp_path / "store")
    assert stored(tmp_path / "store") == {file: row for file, row in expected.items() if file != "3.wav"}


def test_clips_that_are_not_as_long_as_their_header_says(
    task: PreparedTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with formats whose length is a guess until they are decoded: such a clip is a batch of its own."""

    def read(path: Path, *more: object) -> tuple[np.ndarray, int]:
        samples, rate = read_audio(path, *more)
        return (samples[:799] if path.name in BAD else samples), rate

    lengths: list[tuple[int, ...]] = []

    def scene(audio: Tensor, model: torch.nn.Module) -> Tensor:
        lengths.append(tuple(audio.shape))
        return toy_encoder.get_scene_embeddings(audio, model)

    for reader in (audio_digests, reading):  # the second one after a failure
        monkeypatch.setattr(reader, "read_audio", read)
    embed(task, tmp_path / "store", scene)
    assert sorted(lengths) == [(3, 799), (37, 800)]


def test_relative_folders_and_an_encoder_that_moves(
    task: PreparedTask, tmp_path: Path, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clips are read in threads while the encoder is where it likes to be."""
    monkeypatch.chdir(tmp_path)
    relative = PreparedTask.open(task.directory.relative_to(tmp_path))

    def scene(audio: Tensor, model: torch.nn.Module) -> Tensor:
        os.chdir("/")
        return toy_encoder.get_scene_embeddings(audio, model)

    embed_task(as_encoder(toy_encoder.spoilt(scene)), relative, Path("store"), batch_seconds=0.05)
    assert stored(tmp_path / "store") == expected
