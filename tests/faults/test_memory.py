"""Little memory: an error, or an end, but never a wait for a reader that has died."""

from __future__ import annotations

import signal
from pathlib import Path

import kills
import pytest
from task_folders import prepare, scene_folder
from toy_encoder import module

from hear_audiomosaic.embedding import audio_digests, embed_task, reading
from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.hear.objects import as_encoder

SPARE_MIB = range(0, 64, 4)


def test_a_reader_without_memory_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = prepare(scene_folder(tmp_path / "in"), tmp_path / "tasks", split_column="split")

    def refuse(*_: object) -> None:
        raise MemoryError

    for module_ in (audio_digests, reading):
        monkeypatch.setattr(module_, "read_audio", refuse)
    with pytest.raises(AudioError, match=r"not enough memory to read .* 24 clips failed"):
        embed_task(as_encoder(module()), task, tmp_path / "store")
    monkeypatch.undo()
    embedded = embed_task(as_encoder(module()), task, tmp_path / "store")
    assert len(embedded.rows("train", task.files("train")).values) == len(task.files("train"))


@pytest.mark.faults
def test_a_command_with_little_memory_ends_and_resumes(run: kills.Commands, world: Path, tmp_path: Path) -> None:
    for mib in SPARE_MIB:
        folder = kills.copy_of(world, tmp_path / f"spare-{mib}")
        ended = run.run(kills.COMMANDS["embed"], folder, spare_mib=mib)
        assert ended.code != -signal.SIGALRM, f"it hangs with {mib} MiB: {ended.output}"
        assert run.run(kills.COMMANDS["embed"], folder).code == 0
