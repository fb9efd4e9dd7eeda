"""Recordings that are damaged or odd: refused by rule, or read with what is odd about them told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from damaged_audio import CONTAINERS, RATE_HZ, encoded, odd_but_whole, saved, sound

from hear_audiomosaic.audio import decode, read_audio
from hear_audiomosaic.audio.wholeness import lack_of
from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.tasks.findings import NO_LENGTH, oddities, summaries

FIRST_FRAME = 288
"""Bytes of an MP3 file's first frame, at 16 kHz and 64 kbit/s, as libsndfile writes it."""
CUTS = (0.3, 0.5, 0.9)
N_CUTS = 40
"""Of each container, in the long form."""
N_MUTATIONS = 150
"""Likewise; of the header, a byte to eight of it."""


@pytest.mark.parametrize("ending", CONTAINERS)
def test_half_a_file_is_refused_and_a_whole_one_is_not(tmp_path: Path, ending: str) -> None:
    container, subtype = CONTAINERS[ending]
    content = encoded(sound(), container, subtype)
    whole = decode(saved(tmp_path / f"whole.{ending}", content))
    assert abs(len(whole.samples) - 2 * RATE_HZ) < 0.05 * RATE_HZ
    assert whole.lack == ""
    for cut in CUTS:
        path = saved(tmp_path / f"cut.{ending}", content[: int(cut * len(content))])
        with pytest.raises(AudioError, match=rf"cut\.{ending}"):
            read_audio(path)


@pytest.mark.parametrize("name", odd_but_whole())
def test_odd_headers_of_whole_files(tmp_path: Path, name: str) -> None:
    decoded = decode(saved(tmp_path / name, odd_but_whole()[name]))
    assert abs(len(decoded.samples) - 2 * RATE_HZ) <= 80
    assert np.sqrt(np.mean(decoded.samples[:RATE_HZ] ** 2)) == pytest.approx(0.212, abs=0.005)
    assert bool(decoded.lack) == (name == "counts-its-header.wav")


def test_a_little_missing_is_told(tmp_path: Path) -> None:
    content = encoded(sound())
    assert "64000 bytes of samples and has 63000" in decode(saved(tmp_path / "a.wav", content[:-1000])).lack
    with pytest.raises(AudioError, match=r"cut short: it announces 64000 bytes of samples and has 60600\. Fetch it"):
        decode(saved(tmp_path / "a.wav", content[:-3400]))


def test_an_ogg_stream_without_its_last_page(tmp_path: Path) -> None:
    content = encoded(sound(), "OGG", "VORBIS")
    last = content.rindex(b"OggS")
    pages = saved(tmp_path / "pages.ogg", content[:last])
    lack = lack_of(pages)
    assert lack is not None
    assert (lack.share, lack.why) == (0.0, "its Ogg stream has no last page")
    assert lack_of(saved(tmp_path / "within.ogg", content[: last + 20])).share == 1.0  # type: ignore[union-attr]
    assert lack_of(saved(tmp_path / "tagged.ogg", content + b"TAG")) is None


def test_an_mp3_stream_that_does_not_say_how_long_it_is(tmp_path: Path) -> None:
    """The first frame is not of sound: it says how many follow."""
    content = encoded(np.concatenate([np.zeros(RATE_HZ, np.float32), sound(1.0)]), "MP3", "MPEG_LAYER_III")
    tags = b"ID3\x04\x00\x00\x00\x00\x20\x00" + bytes(0x20 << 7)  # 4096 bytes, more than a frame has
    stream = content[FIRST_FRAME:]
    assert b"Xing" in content[:FIRST_FRAME]
    for name, of, tells in (("said", content, True), ("tagged", tags + content, True), ("bare", stream, False)):
        decoded = decode(saved(tmp_path / f"{name}.mp3", of))
        assert (decoded.tells_length, decoded.lack) == (tells, "")
        assert abs(len(decoded.samples) - 2 * RATE_HZ) < 0.1 * RATE_HZ
    cut = decode(saved(tmp_path / "cut.mp3", tags + stream[: len(stream) // 2]))
    assert (cut.tells_length, cut.lack) == (False, "it ends within a frame of its MP3 stream")
    assert oddities(decoded) == {NO_LENGTH: ""}
    assert decode(saved(tmp_path / "a.wav", encoded(sound()))).tells_length
    [told] = summaries({NO_LENGTH: {"a.mp3": ""}})
    assert "1 MP3 recordings do not say how long they are" in told


def test_an_mp3_stream_of_variable_bit_rate_without_a_length(tmp_path: Path) -> None:
    """libsndfile guesses by the first frame: silence in front makes the guess too long, noise in front too short."""
    noise = 0.3 * np.random.default_rng(0).standard_normal(4 * RATE_HZ).astype(np.float32)
    silence = np.zeros(4 * RATE_HZ, np.float32)
    first = encoded(np.concatenate([silence, noise]), "MP3", "MPEG_LAYER_III")[FIRST_FRAME:]
    whole = decode(saved(tmp_path / "whole.mp3", first))
    assert abs(len(whole.samples) - 8 * RATE_HZ) < 0.2 * RATE_HZ
    assert (whole.tells_length, whole.lack) == (False, "")
    last = encoded(np.concatenate([noise, silence]), "MP3", "MPEG_LAYER_III")[FIRST_FRAME:]
    with pytest.raises(AudioError, match=r"of its 129600 samples only \d+ can be read; write it anew"):
        decode(saved(tmp_path / "part.mp3", last))


def test_chunk_sizes_that_lead_nowhere(tmp_path: Path) -> None:
    """Headers that no decoder takes are left to it; the look at them ends."""
    plain = encoded(sound(0.1))
    for content in (
        plain[:10],
        plain[:38],
        plain[:16] + b"\xff" * 4 + plain[20:],
        b"riff" + bytes(2000),
        b"riff" + bytes(52) + b"\xff" * 8 + bytes(200),
        b"NIST_1A\n",
        b".snd\xff",
        b"OggS",
        b"RIFF" + bytes(40),
    ):
        lack_of(saved(tmp_path / "a", content))


@pytest.mark.parametrize(
    ("gain", "peak", "share"), [(1.0, 0.3, 0.0), (3.33, 1.0, 0.0), (4.0, 1.2, 0.373), (53.0, 15.9, 0.96)]
)
def test_samples_beyond_full_scale_are_told(tmp_path: Path, gain: float, peak: float, share: float) -> None:
    tone = (0.3 * gain * np.sin(2 * np.pi * 441.7 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)
    decoded = decode(saved(tmp_path / "a.wav", encoded(tone, subtype="FLOAT")))
    assert decoded.peak == pytest.approx(peak, rel=0.01)
    assert decoded.clipped_share == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize("scale", [54.0, 128.0, 32768.0, 2.0**31])
def test_another_scale_is_refused(tmp_path: Path, scale: float) -> None:
    with pytest.raises(
        AudioError, match=r"expected \[-1, 1\]: it is of another scale, such as that of 16-bit integers"
    ):
        read_audio(saved(tmp_path / "a.wav", encoded(sound() * scale, subtype="FLOAT")))


@pytest.mark.parametrize(
    ("channels", "cancelled", "silent"),
    [
        ((1, -1), True, False),
        ((1, -0.9), True, False),
        ((1, -0.7), False, False),
        ((1, 1), False, False),
        ((1, 0), False, False),
        ((1, 0, 0, 0, 0, 0), False, False),
        ((0, 0), False, True),
        ((0,), False, True),
    ],
)
def test_channels_that_cancel_and_silence(
    tmp_path: Path, channels: tuple[float, ...], cancelled: bool, silent: bool
) -> None:
    samples = np.stack([gain * sound() for gain in channels], axis=1)
    decoded = decode(saved(tmp_path / "a.wav", encoded(samples)))
    assert (decoded.is_cancelled, decoded.is_silent) == (cancelled, silent)


def test_channels_of_their_own_do_not_cancel(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (RATE_HZ, 16)).astype(np.float32)
    assert not decode(saved(tmp_path / "a.wav", encoded(noise))).is_cancelled


@pytest.mark.parametrize(("level", "silent"), [(0.0, True), (0.4, True), (1e-5, True), (2.0**-15, False)])
def test_what_16_bits_cannot_hold_is_silence(tmp_path: Path, level: float, silent: bool) -> None:
    """A constant, too: nothing can be heard of it."""
    samples = np.full(RATE_HZ, level, dtype=np.float32)
    samples[::2] = 0.4 if level == 0.4 else 0.0
    assert decode(saved(tmp_path / "a.wav", encoded(samples, subtype="FLOAT"))).is_silent == silent


@pytest.mark.parametrize("name", ["a.raw", "a.RAW", "a.au", "a.snd", "a.vox", "a.gsm"])
def test_files_without_a_header_are_refused(tmp_path: Path, name: str) -> None:
    """libsndfile guesses the format of some by their names."""
    samples = (sound() * 32767).astype("<i2").tobytes()
    with pytest.raises(AudioError, match="has no header that tells its rate and format; convert it, for example"):
        read_audio(saved(tmp_path / name, samples))


def test_flac_of_unknown_length_is_refused(tmp_path: Path) -> None:
    content = bytearray(encoded(sound(), "FLAC"))
    content[21] &= 0xF0
    content[22:26] = bytes(4)  # total samples in STREAMINFO
    with pytest.raises(AudioError, match="does not say how long it is"):
        read_audio(saved(tmp_path / "a.flac", bytes(content)))


@pytest.mark.faults
@pytest.mark.parametrize("ending", CONTAINERS)
def test_wherever_a_file_is_cut_it_is_refused(tmp_path: Path, ending: str) -> None:
    rng = np.random.default_rng(0)
    content = encoded(sound(3.0), *CONTAINERS[ending])
    served = []
    for cut in rng.uniform(0.02, 0.9, N_CUTS):
        path = saved(tmp_path / f"cut.{ending}", content[: int(cut * len(content))])
        try:
            decode(path)
        except AudioError:
            continue
        served.append(cut)
    assert served == []


@pytest.mark.faults
@pytest.mark.parametrize("ending", CONTAINERS)
def test_headers_with_other_bytes_are_read_or_refused(tmp_path: Path, ending: str) -> None:
    """Nothing but an AudioError, and nothing that is not finite comes through."""
    rng = np.random.default_rng(1)
    content = encoded(sound(1.0), *CONTAINERS[ending])
    for _ in range(N_MUTATIONS):
        changed = bytearray(content)
        for at in rng.integers(0, 120, rng.integers(1, 9)):
            changed[at] = rng.choice([0, 0xFF, 0x7F, rng.integers(0, 256)])
        try:
            decoded = decode(saved(tmp_path / f"odd.{ending}", bytes(changed)))
        except AudioError:
            continue
        assert np.isfinite(decoded.samples).all()
        assert decoded.rate_hz > 0
