"""Batches depend on seed and step alone; corrupt clips are replaced, listed and limited."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from audio_files import encoded, folder_of, jitter, noise, shard, tar_of, write

from hear_audiomosaic.errors import PretrainingError
from hear_audiomosaic.pretraining.data import ClipBatch, ClipSource, OddLog, SkipLog, batches, open_clips

SIZES: dict[str, Any] = {"rate_hz": 8000, "crop_samples": 1000, "batch_size": 4, "seed": 3}


def take(source: ClipSource, first_step: int = 0, n_steps: int = 9, **options: Any) -> list[ClipBatch]:
    return list(batches(source, first_step=first_step, n_steps=n_steps, **{**SIZES, **options}))


def same(a: list[ClipBatch], b: list[ClipBatch]) -> bool:
    return [x.keys for x in a] == [x.keys for x in b] and all(
        torch.equal(x.audio, y.audio) for x, y in zip(a, b, strict=True)
    )


@pytest.fixture(params=["folder", "shards"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> ClipSource:
    if request.param == "folder":
        return open_clips([str(folder_of(tmp_path, 15))])
    for k in range(3):
        (tmp_path / f"x-{k}.tar").write_bytes(shard(5 * k))
    return open_clips([f"file://{tmp_path}/x-{{0..2}}.tar"])


def test_batches_do_not_depend_on_workers_or_resumes(source: ClipSource) -> None:
    options: dict[str, Any] = {"augment": jitter, "n_views": 2}
    straight = take(source, **options)
    assert straight[0].audio.shape == (4, 2, 1000)
    assert straight[0].audio.dtype == torch.float32
    for n_workers in (1, 3):
        assert same(take(source, n_workers=n_workers, **options), straight)
    resumed = take(source, 0, 4, **options) + take(source, 4, 5, n_workers=1, **options)
    assert same(resumed, straight)
    assert not same(take(source, **options, seed=4), straight)  # type: ignore[arg-type]


def test_ranks_share_the_global_batch(source: ClipSource) -> None:
    whole = take(source, batch_size=8, n_views=2, augment=jitter)
    halves = [take(source, batch_size=4, n_views=2, augment=jitter, rank=rank, world_size=2) for rank in (0, 1)]
    for both, low, high in zip(whole, *halves, strict=True):
        assert torch.equal(both.audio, torch.cat([low.audio, high.audio]))
        assert both.keys == low.keys + high.keys


def test_every_clip_comes_once_in_an_epoch(source: ClipSource) -> None:
    drawn = [key for batch in take(source, 0, 15) for key in batch.keys]  # 60 positions, 4 epochs of 15
    assert all(len(set(drawn[k : k + 15])) == 15 for k in range(0, 60, 15))
    assert set(Counter(drawn).values()) == {4}


def test_crops_are_uniform_and_views_equal_without_augmentation(tmp_path: Path) -> None:
    write(tmp_path / "ramp.wav", np.linspace(0, 1, 4000, dtype=np.float32))
    drawn = take(open_clips([str(tmp_path)]), n_steps=100, n_views=2)
    starts = np.concatenate([batch.audio[:, 0, 0].numpy() for batch in drawn]) * 3999
    assert starts.min() < 60
    assert starts.max() > 2940
    assert abs(starts.mean() - 1500) < 150
    assert all(torch.equal(batch.audio[:, 0], batch.audio[:, 1]) for batch in drawn)


def test_views_differ_with_augmentation_and_the_crop_is_protected(source: ClipSource) -> None:
    def in_place(waveform: np.ndarray, rate_hz: int, generator: np.random.Generator) -> np.ndarray:
        assert rate_hz == 8000
        waveform *= generator.uniform(0.1, 0.9)
        return waveform

    plain, augmented = take(source, n_steps=1), take(source, n_steps=1, n_views=3, augment=in_place)
    ratios = augmented[0].audio.std(dim=2) / plain[0].audio.std(dim=2)  # (B, V)
    assert len(np.unique(ratios.numpy().round(4))) == 12
    assert ratios.max() < 0.91


def test_short_clips_are_padded(tmp_path: Path) -> None:
    write(tmp_path / "short.wav", noise(0, 0.1))
    audio = take(open_clips([str(tmp_path)]), n_steps=1)[0].audio
    assert np.array_equal(audio[0, 0, :800], noise(0, 0.1))
    assert not audio[0, 0, 800:].any()


def spoil(path: Path) -> None:
    samples = noise(0)
    samples[:] = np.nan
    write(path, samples)


def test_corrupt_clips_are_replaced_and_listed(tmp_path: Path) -> None:
    clean = take(open_clips([str(folder_of(tmp_path, 210))]), n_steps=60)
    spoil(tmp_path / "0" / "006.wav")  # found when it is decoded
    (tmp_path / "1" / "999.wav").write_bytes(b"")  # found when the folder is opened
    source = open_clips([str(tmp_path)])
    assert source.corrupt == ("1/999.wav",)
    log = source.skip_log()
    drawn = take(source, n_steps=60, skip_log=log)
    assert log.names == ["1/999.wav", "0/006.wav"]
    assert log.count == 2
    flat, flat_clean = ([key for batch in some for key in batch.keys] for some in (drawn, clean))
    changed = [k for k, (a, b) in enumerate(zip(flat, flat_clean, strict=True)) if a != b]
    assert changed == [k for k, key in enumerate(flat_clean) if key == "0/006.wav"]
    assert flat[changed[0]] == flat_clean[changed[0] + 1]
    told = [batch.skipped for batch in drawn if batch.skipped]
    assert told == [("0/006.wav",)]
    for n_workers in (1, 3):
        again = take(source, n_steps=60, n_workers=n_workers)
        assert same(again, drawn)
        assert [batch.skipped for batch in again] == [batch.skipped for batch in drawn]


def test_a_clip_that_is_broken_in_one_place_is_used_elsewhere_by_everyone(tmp_path: Path) -> None:
    source = open_clips([str(folder_of(tmp_path, 210, 1.0))])
    samples = noise(0, 1.0)
    samples[3000:3100] = np.nan
    write(tmp_path / "0" / "006.wav", samples)
    straight = take(source, n_steps=300)  # 5 epochs and more
    used = sum(key == "0/006.wav" for batch in straight for key in batch.keys)
    assert 0 < used < 5
    assert [batch.skipped for batch in straight if batch.skipped] == [("0/006.wav",)]
    for first in (50, 150, 250):
        assert same(take(source, first, 300 - first, n_workers=2), straight[first:])


def test_odd_crops_are_told_and_used(tmp_path: Path) -> None:
    """Of 15 clips one is silent, one goes beyond full scale; the others, padded with zeros, are not odd."""
    folder_of(tmp_path, 15, 0.1)
    write(tmp_path / "0" / "003.wav", np.full(800, 0.1, np.float32) * 0)
    write(tmp_path / "1" / "004.wav", noise(4, 0.1) * 4)
    drawn = take(open_clips([str(tmp_path)]), n_steps=15)  # 4 epochs
    assert Counter(odd for batch in drawn for odd in batch.odd) == {
        ("silent", "0/003.wav"): 4,
        ("beyond [-1, 1]", "1/004.wav"): 4,
    }
    log = OddLog()
    log.add(odd for batch in drawn for odd in batch.odd)
    log.add([("silent", f"{k}.wav") for k in range(9)])
    words = "13 of 60 crops were silent; they were trained on, the first from 0/003.wav, 0.wav, 1.wav, 2.wav, 3.wav."
    assert words in log.in_words(60)


@pytest.mark.parametrize("n_workers", [0, 2])
def test_too_many_corrupt_clips(tmp_path: Path, n_workers: int) -> None:
    source = open_clips([str(folder_of(tmp_path, 100))])
    for name in ("0/000.wav", "1/001.wav"):
        spoil(tmp_path / name)
    with pytest.raises(PretrainingError, match=r"^2 of 100 clips .*(0/000|1/001)\.wav, .*\. Fetch"):
        take(source, n_steps=30, n_workers=n_workers)


@pytest.mark.parametrize("n_workers", [0, 1])
def test_when_all_is_corrupt(tmp_path: Path, n_workers: int) -> None:
    (tmp_path / "x.tar").write_bytes(tar_of({f"{k}.wav": encoded(k, "wav")[:40] for k in range(300)}))
    with pytest.raises(PretrainingError, match=r"^4 of 300 clips"):
        take(open_clips([str(tmp_path / "x.tar")]), n_workers=n_workers)


def test_skip_log() -> None:
    log = SkipLog(300, ["a"])
    assert log.add(["a", "b", "b"]) == ("b",)
    assert log.add(["c"]) == ("c",)
    assert log.add(["c"]) == ()
    with pytest.raises(PretrainingError, match="4 of 300"):
        log.add(["d"])


def test_an_augmentation_must_keep_the_shape(source: ClipSource) -> None:
    with pytest.raises(PretrainingError, match=r"shape \(999,\); expected \(1000,\)"):
        take(source, augment=lambda waveform, rate_hz, generator: waveform[1:])


def test_torchs_generator_is_left_alone(source: ClipSource) -> None:
    state = torch.get_rng_state()
    take(source, n_workers=1)
    assert torch.equal(state, torch.get_rng_state())


def test_the_stream_can_be_left_early(source: ClipSource) -> None:
    stream = batches(source, first_step=0, n_steps=1000, n_workers=2, **SIZES)
    assert len(next(stream).keys) == 4
    stream.close()  # type: ignore[attr-defined]
