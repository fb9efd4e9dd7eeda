"""Audio on its way to an encoder: every file is read once, and few calls do for many clips of odd lengths."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import toy_encoder
from torch import Tensor

from hear_audiomosaic.embedding import TaskAudio, embed_task, extractor, task_audio
from hear_audiomosaic.embedding.reading import Clip, groups_of
from hear_audiomosaic.files import read_bytes
from hear_audiomosaic.hear import Encoder
from hear_audiomosaic.hear.objects import as_encoder
from hear_audiomosaic.tasks import PreparedTask, prepare_folder

LENGTHS = [*range(800, 816), 1600, 1600, 4000]


@pytest.fixture
def task(tmp_path: Path) -> PreparedTask:
    """Clips of 19 lengths."""
    folder, rng = tmp_path / "in", np.random.default_rng(0)
    folder.mkdir()
    lines = ["filename,label,split"]
    for i, n_samples in enumerate(LENGTHS):
        soundfile.write(folder / f"{i}.wav", 0.1 * rng.standard_normal(n_samples), 16000)
        lines.append(f"{i}.wav,{'ab'[i % 2]},{('train', 'train', 'valid', 'test')[i // 2 % 4]}")
    (folder / "metadata.csv").write_text("\n".join(lines))
    return prepare_folder(folder, "odd", label_column="label", split_column="split", tasks_dir=tmp_path / "tasks")


def digests(task: PreparedTask) -> dict[str, dict[str, str]]:
    """Each file's, the plain way."""
    return {
        split: {
            file: hashlib.sha256(task.audio_path(split, file, 16000).read_bytes()).hexdigest()
            for file in task.labels(split)
        }
        for split in task.splits
    }


@pytest.mark.parametrize("known", [False, True])
def test_a_file_is_read_once_and_digested_on_the_way(
    task: PreparedTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    encoder = as_encoder(toy_encoder.module())
    audio = task_audio(task, 16000, tmp_path / "digests") if known else None
    read: list[Path] = []
    monkeypatch.setattr(
        "hear_audiomosaic.file_digests.read_bytes",
        lambda path: (read.append(path) if path.suffix == ".wav" else None, read_bytes(path))[1],
    )
    embeddings = embed_task(encoder, task, tmp_path / "store", audio=audio)
    assert len(read) == len(set(read)) == (0 if known else len(LENGTHS))
    assert embeddings.audio == TaskAudio(16000, digests(task)) == task_audio(task, 16000, tmp_path / "other")
    assert embeddings.audio_seconds == pytest.approx(sum(LENGTHS) / 16000)
    again = embed_task(encoder, task, tmp_path / "store")
    assert (again.audio, again.audio_seconds) == (embeddings.audio, 0.0)


def test_many_lengths_are_few_calls_through_the_door(
    task: PreparedTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No clip is padded or cut; the rows are those of single calls."""
    shapes: list[tuple[int, ...]] = []
    groups: list[int] = []
    scenes = Encoder.scenes

    def scene(audio: Tensor, model: torch.nn.Module) -> Tensor:
        shapes.append(tuple(audio.shape))
        return toy_encoder.get_scene_embeddings(audio, model)

    monkeypatch.setattr(Encoder, "scenes", lambda encoder, audio: groups.append(len(audio)) or scenes(encoder, audio))
    embeddings = embed_task(as_encoder(toy_encoder.spoilt(scene)), task, tmp_path / "store")
    assert groups == [18]
    assert sorted(shapes) == [*((1, n) for n in range(800, 816)), (1, 4000), (2, 1600)]
    encoder = as_encoder(toy_encoder.module())
    for split in task.splits:
        for file in task.files(split):
            samples, _ = soundfile.read(task.audio_path(split, file, 16000), dtype="float32")
            alone = encoder.scene(torch.from_numpy(samples)[None])
            np.testing.assert_allclose(embeddings.rows(split, [file]).values, alone, rtol=1e-6)


def test_a_group_that_fails_is_tried_batch_by_batch(task: PreparedTask, tmp_path: Path) -> None:
    """Also by an encoder that writes into its input before it fails."""
    n_calls = 0

    def scene(audio: Tensor, model: torch.nn.Module) -> Tensor:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 5:
            raise RuntimeError("once")
        made = toy_encoder.get_scene_embeddings(audio, model)
        audio.zero_()
        return made

    spoilt = embed_task(as_encoder(toy_encoder.spoilt(scene)), task, tmp_path / "store")
    plain = embed_task(as_encoder(toy_encoder.module()), task, tmp_path / "plain")
    assert n_calls == 5 + 18
    for split in task.splits:
        files = task.files(split)
        assert np.array_equal(spoilt.rows(split, files).values, plain.rows(split, files).values)


def test_groups_are_of_as_much_audio_the_longest_first() -> None:
    seconds = [0.5, 3.0, 0.5, 11.0, 2.0, 0.25, 3.0]
    clips = [Clip("test", f"{i}.wav", Path(f"{i}.wav"), "", int(1000 * s), s) for i, s in enumerate(seconds)]
    groups = [[clip.file[0] for clip in group] for group in groups_of(clips, 6.0)]
    assert groups == [["3"], ["1", "6"], ["4", "0", "2", "5"]]
    assert list(groups_of([], 6.0)) == []


def test_another_run_that_was_faster_is_believed(
    task: PreparedTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking and locking, it has embedded a part."""
    encoder = as_encoder(toy_encoder.module())
    fill = extractor._fill

    def late(*arguments: object) -> object:
        monkeypatch.undo()
        embed_task(encoder, task, tmp_path / "store")
        return fill(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(extractor, "_fill", late)
    embeddings = embed_task(encoder, task, tmp_path / "store")
    assert embeddings.audio_seconds == 0.0
    assert embeddings.audio.clips == digests(task)
