"""Folders, manifests and shards: what is a clip, what is decoded, what is refused."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import fsspec
import numpy as np
import pytest
import soundfile
from audio_files import encoded, folder_of, noise, shard, tar_of, write

from hear_audiomosaic.audio import decode, resample
from hear_audiomosaic.errors import AudioError, PretrainingError
from hear_audiomosaic.pretraining.data import ClipSource, open_clips, shards
from hear_audiomosaic.pretraining.data.crops import Recording, read_crop
from hear_audiomosaic.pretraining.data.folders import open_folder


def keys(source: ClipSource) -> list[str]:
    return [source.key(k) for k in range(len(source))]


def test_folders_are_walked_and_sorted(tmp_path: Path) -> None:
    for name in ("b.wav", "a/z.flac", "a/y/x.ogg", "._b.wav"):
        write(tmp_path / name, noise(0))
    (tmp_path / "notes.txt").write_text("no audio")
    assert keys(open_clips([str(tmp_path)])) == ["a/y/x.ogg", "a/z.flac", "b.wav"]


def test_long_recordings_are_several_clips(tmp_path: Path) -> None:
    long = noise(0, seconds=25.0)
    write(tmp_path / "long.wav", long)
    write(tmp_path / "short.wav", noise(1, seconds=11.0))
    source = open_clips([str(tmp_path)], clip_s=8.0)
    assert keys(source) == ["long.wav@0.00s", "long.wav@8.33s", "long.wav@16.67s", "short.wav"]
    third = 200000 * 2 // 3
    assert np.array_equal(source.read(2, 800, 8000), long[third : third + 800])
    assert np.array_equal(source.read(1, 800, 8000, where=1 - 1e-12), long[third - 800 : third])
    assert np.array_equal(source.read(0, 100000, 8000)[66666:], np.zeros(33334))  # nothing of the next clip


@pytest.mark.parametrize(
    "content", ["filename,label\na.wav,x\nsub/b.wav,y\n", "a.wav\nsub/b.wav\n", "\ufefffilename\na.wav\n\nsub/b.wav"]
)
@pytest.mark.parametrize("name", ["list.csv", "list.txt"])
def test_manifests(tmp_path: Path, content: str, name: str) -> None:
    for file in ("a.wav", "sub/b.wav", "not_listed.wav"):
        write(tmp_path / file, noise(0))
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert keys(open_clips([str(tmp_path / name)])) == ["a.wav", "sub/b.wav"]


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_only_the_crop_is_decoded(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, noise(0, 5.0, 16000), 16000)
    whole, _ = soundfile.read(path, dtype="float32")
    asked, read = [], soundfile.SoundFile.read
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *a, **k: asked.append(a[1]) or read(*a, **k))
    crop = read_crop(Recording("a", path), 16000, 16000, 0.5)
    assert asked == [16000]
    start = int(0.5 * (len(whole) - 16000 + 1))
    assert np.allclose(crop, whole[start : start + 16000], atol=1e-4)
    assert np.array_equal(crop, read_crop(Recording("a", path.read_bytes()), 16000, 16000, 0.5))


@pytest.mark.parametrize("own_hz", [8000, 44100, 48000])
def test_other_rates_and_channels(tmp_path: Path, own_hz: int) -> None:
    stereo = np.stack([noise(0, 3.0, own_hz), noise(1, 3.0, own_hz)], axis=1)
    write(tmp_path / "a.wav", stereo, own_hz)
    whole = resample(stereo.mean(axis=1), own_hz, 16000)
    for where in (0.0, 0.5, 0.999999):
        crop = read_crop(Recording("a", tmp_path / "a.wav"), 16000, 16000, where)
        start = int(where * 2 * own_hz) * 16000 / own_hz
        nearest = range(max(0, int(start) - 2), int(start) + 3)
        assert min(np.abs(whole[s : s + 16000] - crop).mean() for s in nearest if s + 16000 <= len(whole)) < (
            2e-3 if start == round(start) else 0.2  # between two samples noise decorrelates
        )
    short = read_crop(Recording("a", tmp_path / "a.wav"), 50000, 16000, 0.7)
    assert np.allclose(short[:48000], whole, atol=1e-4)
    assert not short[48000:].any()


def test_digest_tells_data_apart(tmp_path: Path) -> None:
    source = open_clips([str(folder_of(tmp_path / "a", 4))])
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert open_clips([str(tmp_path / "b")]).digest() == source.digest()  # the place does not count
    assert open_clips([str(tmp_path / "a")], clip_s=0.25).digest() != source.digest()
    write(tmp_path / "b" / "0" / "000.wav", noise(0, 0.6))
    assert open_clips([str(tmp_path / "b")]).digest() != source.digest()


def test_headers_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path, 4)
    read: list[Path] = []
    info = soundfile.info
    monkeypatch.setattr(soundfile, "info", lambda path: read.append(path) or info(path))
    first = open_clips([str(tmp_path)])
    write(tmp_path / "0" / "000.wav", noise(0, 0.7))
    second = open_clips([str(tmp_path)])
    assert len(read) == 5
    assert first.digest() != second.digest()


def test_shards_follow_webdataset(tmp_path: Path) -> None:
    for k in range(3):
        (tmp_path / f"x-{k:03d}.tar").write_bytes(shard(5 * k))
    source = open_clips([str(tmp_path / "x-{000..002}.tar")])
    assert keys(source) == [f"x-{k // 5:03d}.tar/{k:04d}.flac" for k in range(15)]
    assert np.allclose(source.read(7, 4000, 8000), noise(7), atol=1e-4)
    one_by_one = open_clips([str(tmp_path / f"x-{k:03d}.tar") for k in range(3)])
    assert one_by_one.digest() == source.digest()
    assert len(one_by_one.parts) == 1


def test_samples_of_a_shard(tmp_path: Path) -> None:
    sound = encoded(0, "wav")
    members = {
        "d.v1/a.16k.wav": sound,
        "d.v1/a.ogg": sound,
        "d.v1/a.json": b"",
        "d.v1/b.WAV": sound,
        "d.v1/._b.wav": b"",
    }
    (tmp_path / "x.tar").write_bytes(tar_of({**members, "no_extension": b"", "c.opus": sound}))
    source = open_clips([str(tmp_path / "x.tar")])
    assert keys(source) == ["x.tar/d.v1/a.16k.wav", "x.tar/d.v1/b.WAV", "x.tar/c.opus"]


def test_order_is_a_permutation_and_local_for_shards(tmp_path: Path) -> None:
    for k in range(20):
        (tmp_path / f"x-{k:02d}.tar").write_bytes(shard(5 * k))
    folder_of(tmp_path / "files", 40)
    tars = open_clips([str(tmp_path / "x-{00..19}.tar")])
    order = tars.order(seed=1, epoch=0)
    assert sorted(order) == list(range(100))
    assert [len({clip // 5 for clip in order[k : k + 40]}) for k in (0, 40)] == [8, 8]
    assert not np.array_equal(order, tars.order(1, 1))
    assert not np.array_equal(order, tars.order(2, 0))
    both = open_clips([str(tmp_path / "files"), str(tmp_path / "x-{00..19}.tar")]).order(1, 0)
    assert sorted(both) == list(range(140))
    assert 3 <= sum(both[:40] < 40) <= 20  # kinds are mixed


def test_remote_shards_are_read_by_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = fsspec.filesystem("memory")
    for k in range(2):
        memory.pipe(f"/remote/x-{k}.tar", shard(5 * k))
    source = open_clips(["memory://remote/x-{0..1}.tar"])
    asked: list[int] = []
    cat_ranges = memory.cat_ranges

    def counted(paths: list[str], starts: list[int], ends: list[int], **options: object) -> list[bytes]:
        asked.extend(end - start for start, end in zip(starts, ends, strict=True))
        return cat_ranges(paths, starts, ends, **options)

    monkeypatch.setattr(memory, "cat_ranges", counted)
    assert np.allclose(source.read(8, 4000, 8000), noise(8), atol=1e-4)
    assert asked == [len(encoded(8))]
    monkeypatch.setattr(memory, "open", None)  # the index is kept
    assert open_clips(["memory://remote/x-{0..1}.tar"]).digest() == source.digest()


def test_a_read_that_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/flaky/x.tar", shard(0))
    source = open_clips(["memory://flaky/x.tar"])
    monkeypatch.setattr(shards.time, "sleep", lambda seconds: None)
    answers = [[OSError("gone")], [OSError("gone")], [encoded(0)]]
    monkeypatch.setattr(memory, "cat_ranges", lambda *a, **k: answers.pop(0))
    assert np.allclose(source.read(0, 4000, 8000), noise(0), atol=1e-4)
    answers.extend([[OSError("gone")]] * 3)
    with pytest.raises(PretrainingError, match=r"x\.tar cannot be read \(gone\)"):
        source.read(0, 4000, 8000)
    answers.append([bytes(99999)])
    with pytest.raises(PretrainingError, match="ranges"):
        source.read(0, 4000, 8000)


def bad_sources(folder: Path) -> dict[str, str]:
    (folder / "empty").mkdir()
    (folder / "shards").mkdir()
    (folder / "shards" / "x.tar").write_bytes(tar_of({"a.json": b"{}"}))
    (folder / "not.tar").write_bytes(b"\x1f\x8b" + bytes(2000))
    (folder / "half.tar").write_bytes(shard(0)[:3000])
    (folder / "wrong.csv").write_text("path,label\na.wav,x\n")
    (folder / "nothing.txt").write_text("\n")
    (folder / "binary").write_bytes(b"\xff\xfe\xfa\x00")
    return {
        "no folder, manifest or": str(folder / "absent"),
        "no recording": str(folder / "empty"),
        "give its .tar shards by name": str(folder / "shards"),
        "holds no audio": str(folder / "shards" / "x.tar"),
        "no shard at": str(folder / "x-{0..1}.tar"),
        "names no shard": str(folder / "x-{1..0}.tar"),
        "uncompressed": str(folder / "not.tar"),
        "complete": str(folder / "half.tar"),
        "no column 'filename'": str(folder / "wrong.csv"),
        "lists no recording": str(folder / "nothing.txt"),
        "neither a folder": str(folder / "binary"),
        "fsspec cannot open": "nosuch://x.tar",
    }


@pytest.mark.parametrize(
    "complaint",
    [
        "no folder, manifest or",
        "no recording",
        "give its .tar shards by name",
        "holds no audio",
        "no shard at",
        "names no shard",
        "uncompressed",
        "complete",
        "no column 'filename'",
        "lists no recording",
        "neither a folder",
        "fsspec cannot open",
    ],
)
def test_what_is_refused(tmp_path: Path, complaint: str) -> None:
    with pytest.raises(PretrainingError, match=complaint):
        open_clips([bad_sources(tmp_path)[complaint]])


def test_no_source() -> None:
    with pytest.raises(PretrainingError, match="at least one"):
        open_clips([])


@pytest.mark.parametrize("content", [b"", b"RIFF this is no audio", encoded(0, "wav")[:44]])
def test_corrupt_recordings(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    for file in (tmp_path / "a.wav", content):
        with pytest.raises(AudioError, match=r"a\.wav"):
            read_crop(Recording("a.wav", file), 100, 8000, 0.0)
    with pytest.raises(PretrainingError, match=r"1 of 1 clips .* a\.wav\. Fetch"):
        open_clips([str(tmp_path)])


def damaged() -> dict[str, tuple[str, bytes, str]]:
    """What is damaged -> the file's ending, its content, and what is said of it."""
    seconds, rate_hz = 4.0, 8000
    samples = noise(0, seconds)
    of = {name: encoded(0, name, seconds) for name in ("wav", "ogg", "flac", "mp3")}
    integers, quiet = io.BytesIO(), io.BytesIO()
    soundfile.write(integers, samples * 32768, rate_hz, subtype="FLOAT", format="WAV")
    soundfile.write(quiet, np.concatenate([samples, np.zeros_like(samples)]), rate_hz, format="MP3")
    frame = quiet.getvalue().index(quiet.getvalue()[:2], 2)  # the first one says how many follow
    return {name: (name, content[: len(content) // 2], "cut short|decoded") for name, content in of.items()} | {
        "of another scale": ("wav", integers.getvalue(), "samples up to 16.*: it is of another scale"),
        "without a length": ("mp3", quiet.getvalue()[frame:], "samples only .* can be read; write it anew"),
    }


@pytest.mark.parametrize("what", damaged())
def test_damage_is_refused_as_in_tasks(tmp_path: Path, what: str) -> None:
    """By ``audio.decode`` and here; where a header does not tell, when a crop comes to what is missing."""
    ending, content, said = damaged()[what]
    path = tmp_path / f"a.{ending}"
    path.write_bytes(content)
    for read in (lambda: decode(path), lambda: read_crop(Recording(path.name, content), 1600, 8000, 0.999)):
        with pytest.raises(AudioError, match=rf"a\.{ending}.*({said})"):
            read()
    write(tmp_path / "good.wav", noise(1))
    clips = open_folder(tmp_path, 10.0)
    if path.name not in clips.corrupt:
        assert what in ("flac", "mp3", "of another scale")
        [found] = [one for one in clips.fetch(range(len(clips))) if one.name == path.name]
        with pytest.raises(AudioError, match=rf"a\.{ending}.*({said})"):
            read_crop(found, 1600, 8000, 0.999)
    (tmp_path / f"a.{ending}").write_bytes(encoded(0, ending, 4.0))
    assert open_folder(tmp_path, 10.0).corrupt == ()
    assert len(read_crop(Recording(path.name, path.read_bytes()), 800, 8000, 0.999)) == 800
