"""Damage to a store of any kind and at any place: what is read is what was written, or the clip is named."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hear_audiomosaic.embedding import DamagedRowsError, SplitStore
from hear_audiomosaic.errors import EmbeddingError, FileError

N_SHORT = 80
N_LONG = 3000
N_CLIPS = 12
ROW = 4 * 6  # bytes
Clips = dict[str, tuple[np.ndarray, np.ndarray]]


def clips_of(seed: int, timed: bool) -> Clips:
    rng = np.random.default_rng(seed)
    rows = {f"{i}.wav": 1 + (5 * i) % 7 if timed else 1 for i in range(N_CLIPS)}
    return {
        file: (rng.standard_normal((n, 6)).astype(np.float32), np.arange(n) * 10.0 + len(file))
        for file, n in rows.items()
    }


def write(folder: Path, clips: Clips, timed: bool) -> None:
    with SplitStore(folder, 6, timed) as store:
        for file, (values, times) in clips.items():
            store.append(file, f"digest of {file}", values, times if timed else None)


def flip_a_bit(content: bytearray, draw: random.Random) -> None:
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def zero_a_page(content: bytearray, draw: random.Random) -> None:
    begin = draw.randrange(len(content))
    content[begin : begin + 64] = bytes(len(content[begin : begin + 64]))


def insert_a_row(content: bytearray, draw: random.Random) -> None:
    begin = draw.randrange(len(content) // ROW) * ROW
    content[begin:begin] = content[:ROW]


def remove_a_row(content: bytearray, draw: random.Random) -> None:
    begin = draw.randrange(len(content) // ROW) * ROW
    del content[begin : begin + ROW]


def swap_rows(content: bytearray, draw: random.Random) -> None:
    one, other = (place * ROW for place in draw.sample(range(len(content) // ROW), 2))
    content[one : one + ROW], content[other : other + ROW] = content[other : other + ROW], content[one : one + ROW]


def cut(content: bytearray, draw: random.Random) -> None:
    del content[draw.randrange(len(content)) :]


def foreign_bytes(content: bytearray, draw: random.Random) -> None:
    begin, n = draw.randrange(len(content)), draw.randrange(1, 200)
    content[begin : begin + n] = draw.randbytes(n)


def edit_a_number(content: bytearray, draw: random.Random) -> None:
    """A digit becomes another one: in the index also of first_row, n_rows, a digest."""
    places = [i for i, byte in enumerate(content) if chr(byte).isdigit()]
    place = draw.choice(places)
    content[place] = ord(draw.choice([digit for digit in "0123456789" if ord(digit) != content[place]]))


def swap_lines(content: bytearray, draw: random.Random) -> None:
    lines = content.split(b"\n")
    one, other = draw.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    content[:] = b"\n".join(lines)


def repeat_a_line(content: bytearray, draw: random.Random) -> None:
    lines = content.split(b"\n")
    lines.insert(draw.randrange(len(lines)), draw.choice(lines))
    content[:] = b"\n".join(lines)


def rename_a_clip(content: bytearray, draw: random.Random) -> None:
    one, other = draw.sample(range(N_CLIPS), 2)
    content[:] = content.replace(f'"{one}.wav"'.encode(), f'"{other}.wav"'.encode())


def nest_deeply(content: bytearray, draw: random.Random) -> None:
    content[draw.randrange(len(content)) :] = b"[" * 100_000 + b"\n"


OF_ROWS = (flip_a_bit, zero_a_page, insert_a_row, remove_a_row, swap_rows, cut, foreign_bytes)
OF_INDEX = (flip_a_bit, zero_a_page, cut, foreign_bytes, edit_a_number, swap_lines, repeat_a_line, rename_a_clip)
KINDS: list[tuple[str, Callable[[bytearray, random.Random], None]]] = [
    *(("values.f32", change) for change in OF_ROWS),
    *(("times.f64", change) for change in OF_ROWS),
    *(("index.jsonl", change) for change in (*OF_INDEX, nest_deeply)),
]


def check_many(folder: Path, n: int) -> None:
    noticed = 0
    for timed in (True, False):
        clips = clips_of(int(timed), timed)
        write(folder / f"whole-{timed}", clips, timed)
        kinds = [(name, change) for name, change in KINDS if timed or name != "times.f64"]
        for i in range(n // 2):
            name, change = kinds[i % len(kinds)]
            damaged = shutil.copytree(folder / f"whole-{timed}", folder / "damaged")
            content = bytearray((damaged / name).read_bytes())
            change(content, random.Random(i))  # noqa: S311
            (damaged / name).write_bytes(content)
            noticed += check_one(damaged, clips, timed) < N_CLIPS
            shutil.rmtree(damaged)
    assert noticed > 0.7 * n  # repeated and swapped lines and torn ends harm nothing


def check_one(folder: Path, clips: Clips, timed: bool) -> int:
    """Read and mend a damaged store; how many clips it served."""
    store = SplitStore(folder, 6, timed)
    there = [file for file in clips if store.has(file, f"digest of {file}")]
    damaged = store.verify(there)
    whole = [file for file in there if file not in damaged]
    for file in damaged:
        with pytest.raises(DamagedRowsError) as caught:
            store.read([*whole, file])
        assert caught.value.files == (file,)
    assert_right(store, whole, clips)
    with SplitStore(folder, 6, timed) as store:
        store.forget(damaged)
        for file in clips:
            if not store.has(file, f"digest of {file}"):
                values, times = clips[file]
                store.append(file, f"digest of {file}", values, times if timed else None)
    for again in range(2):  # also without what is unused
        store = SplitStore(folder, 6, timed)
        assert store.verify() == []
        assert_right(store, list(clips), clips)
        if not again:
            with store:
                store.compact()
            assert store.usage().n_unused_bytes == 0
    return len(whole)


def assert_right(store: SplitStore, files: list[str], clips: Clips) -> None:
    rows = store.read(files)
    assert np.array_equal(rows.values, np.concatenate([np.empty((0, 6)), *(clips[file][0] for file in files)]))
    if rows.timestamps_ms is not None:
        assert np.array_equal(rows.timestamps_ms, np.concatenate([[], *(clips[file][1] for file in files)]))


def test_damage_is_never_served(tmp_path: Path) -> None:
    check_many(tmp_path, N_SHORT)


@pytest.mark.faults
def test_damage_is_never_served_in_3000_places(tmp_path: Path) -> None:
    check_many(tmp_path, N_LONG)


def test_a_damaged_line_costs_its_own_clip_alone(tmp_path: Path) -> None:
    clips = clips_of(0, True)
    write(tmp_path, clips, True)
    lines = (tmp_path / "index.jsonl").read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"n_rows": ', b'"n_rows":1')
    (tmp_path / "index.jsonl").write_bytes(b"".join(lines))
    store = SplitStore(tmp_path, 6, True)
    assert set(clips) - set(store.files) == {"2.wav"}


def test_a_store_of_the_first_format_is_told_and_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = {"file": "0.wav", "audio": "digest of 0.wav", "first_row": 0, "n_rows": 1, "size": 6}
    (tmp_path / "index.jsonl").write_text(json.dumps(old) + "\n")
    (tmp_path / "values.f32").write_bytes(np.ones(6, "<f4").tobytes())
    with pytest.raises(EmbeddingError, match="format 1, which had no checksums; remove"):
        SplitStore.found(tmp_path)
    store = SplitStore(tmp_path, 6, False)
    assert not store.is_begun
    assert not store.has("0.wav", "digest of 0.wav")
    write(tmp_path, clips_of(0, False), False)
    assert "is of format 1, without checksums; its clips are embedded anew" in caplog.text
    assert_right(SplitStore(tmp_path, 6, False), ["0.wav"], clips_of(0, False))
    assert not (tmp_path / "values.f32").exists()  # the old file; the rows have another


def test_a_newer_format_is_told(tmp_path: Path) -> None:
    from hear_audiomosaic.embedding.index import FORMAT, Header, line_of

    (tmp_path / "index.jsonl").write_bytes(line_of(Header(FORMAT + 1, 6, True, "float32", 0)))
    with pytest.raises(EmbeddingError, match=f"is of format {FORMAT + 1}, .*this one reads format {FORMAT}"):
        SplitStore(tmp_path, 6, True)


def test_readers_go_on_while_the_log_is_written_anew(tmp_path: Path) -> None:
    clips = clips_of(0, True)
    write(tmp_path, clips, True)
    reader, other = SplitStore(tmp_path, 6, True), SplitStore(tmp_path, 6, True)
    with SplitStore(tmp_path, 6, True) as store:
        values, times = clips["0.wav"]
        store.append("0.wav", "of changed audio", values + 1, times)
        before = store.usage()
        assert before.n_unused_bytes > 0
        assert store.compact() >= before.n_unused_bytes  # numbers of rows become shorter, too
        store.append("new.wav", "digest", values, times)  # goes on where it is
    assert {path.name for path in tmp_path.iterdir()} == {"index.jsonl", "times.1.f64", "values.1.f32", "writer.lock"}
    assert_right(reader, list(clips)[1:], clips)
    with pytest.raises(EmbeddingError, match=r"lacks 1 clips, 0\.wav"):  # what it has seen is gone
        other.read(["0.wav"])
    assert np.array_equal(SplitStore(tmp_path, 6, True).read(["0.wav"]).values, values + 1)
    assert SplitStore.found(tmp_path).usage().n_unused_bytes == 0


def test_a_kill_while_the_log_is_written_anew_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = clips_of(0, True)
    write(tmp_path, clips, True)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with SplitStore(tmp_path, 6, True) as store, monkeypatch.context() as at_the_index:
        at_the_index.setattr("hear_audiomosaic.embedding.store.write_bytes", killed)
        with pytest.raises(KeyboardInterrupt):
            store.compact()
    (tmp_path / ".index.jsonl.123.part").write_bytes(b"half")
    assert (tmp_path / "values.1.f32").exists()
    assert_right(SplitStore(tmp_path, 6, True), list(clips), clips)
    with SplitStore(tmp_path, 6, True):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"index.jsonl", "times.f64", "values.f32", "writer.lock"}


def test_float16_halves_the_room(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)
    with SplitStore(tmp_path, 6, True, "float16") as store:
        store.append("a", "digest", values, np.arange(5.0))
        with pytest.raises(EmbeddingError, match=r"embeddings of b reach 70000 and float16 ends at 65504"):
            store.append("b", "digest", values * 0 + 70000, np.arange(5.0))
        store.append("c", "digest", values * 2, np.arange(5.0))
    assert (tmp_path / "values.f16").stat().st_size == 2 * 6 * 10
    rows = SplitStore.found(tmp_path).read(["c", "a"])
    assert rows.values.dtype == np.float32
    assert np.allclose(rows.values, np.concatenate([values * 2, values]), rtol=2**-11, atol=0)
    with pytest.raises(EmbeddingError, match="holds timestamp float16 embeddings, not timestamp float32"):
        SplitStore(tmp_path, 6, True)


def test_a_full_disk_is_one_line_and_what_is_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = clips_of(0, True)
    real, calls = SplitStore.append.__globals__["write_at"], []

    def full(file: object, begin: int, content: bytes) -> None:
        calls.append(1)
        if len(calls) == 8:  # the times of the third clip, halfway
            real(file, begin, content[:5])
            raise OSError(28, "No space left on device")
        real(file, begin, content)

    monkeypatch.setattr("hear_audiomosaic.embedding.store.write_at", full)
    with pytest.raises(FileError, match="cannot be written: no space left on device"):
        write(tmp_path, clips, True)
    monkeypatch.undo()
    store = SplitStore(tmp_path, 6, True)
    assert store.files == ("0.wav", "1.wav")
    write(tmp_path, clips, True)
    assert_right(SplitStore(tmp_path, 6, True), list(clips), clips)
