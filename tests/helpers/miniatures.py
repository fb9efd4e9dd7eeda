"""Data sets as they were published, in miniature: real folders, formats and annotation files, synthetic sound."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")


def noise(path: Path, n_samples: int, rate_hz: int, channels: int = 1, subtype: str = "PCM_16") -> np.ndarray:
    """Write noise that depends on the file's name; int16 (S, channels)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = int.from_bytes(path.name.encode()[-16:], "little") % 2**32
    samples = np.random.default_rng(seed).integers(-9000, 9000, (n_samples, channels)).astype(np.int16)
    soundfile.write(path, samples if subtype == "PCM_16" else samples / 32768, rate_hz, subtype=subtype)
    return samples


def table(path: Path, rows: Sequence[Iterable[Any]], delimiter: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)


def zipped(folder: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    return archive


def esc50(folder: Path, seconds: float = 0.5) -> Path:
    """Two categories in each of the five folds."""
    root = folder / "ESC-50-master"
    rows: list[Sequence[Any]] = [("filename", "fold", "target", "category", "esc10", "src_file", "take")]
    for fold in range(1, 6):
        for target, category in enumerate(("dog", "rain")):
            name = f"{fold}-1000{fold}-A-{target}.wav"
            noise(root / "audio" / name, int(seconds * 44100), 44100)
            rows.append((name, fold, target, category, False, 1000 + fold, "A"))
    table(root / "meta" / "esc50.csv", rows)
    return root


def dcase2016_task2(folder: Path, n_files: int = 10, seconds: float = 1.0) -> Path:
    """Half of the mixtures in the development set, half in the public test set; 44.1 kHz stereo."""
    parts = ("dcase2016_task2_train_dev/dcase2016_task2_dev", "dcase2016_task2_test_public")
    for i in range(n_files):
        root = folder / parts[i % 2]
        name = f"{('dev', 'test')[i % 2]}_1_ebr_{i}_nec_2_poly_{i % 3}"
        noise(root / "sound" / f"{name}.wav", int(seconds * 44100), 44100, channels=2)
        events = [(f"{0.1 * i + j / 7:.6f}", f"{0.1 * i + j / 7 + 0.25:.6f}", label) for j, label in enumerate("cba")]
        table(root / "annotation" / f"{name}.txt", events, delimiter="\t")
    return folder


def nsynth(folder: Path, instruments: int = 3, pitches: Sequence[int] = (20, 21, 60, 108, 109)) -> Path:
    """All pitches on some instruments of each split; 16 kHz."""
    for split in ("train", "valid", "test"):
        examples = {}
        for i in range(instruments):
            for pitch in pitches:
                name = f"bass_electronic_{split}{i:03d}-{pitch:03d}-050"
                noise(folder / f"nsynth-{split}" / "audio" / f"{name}.wav", 800, 16000)
                examples[name] = {"note_str": name, "pitch": pitch, "qualities": [0, 1], "instrument_str": f"b{i}"}
        (folder / f"nsynth-{split}" / "examples.json").write_text(json.dumps(examples, indent=2), encoding="utf-8")
    return folder


def speech_commands(folder: Path, each: int = 2) -> tuple[Path, Path]:
    """The two archives' folders: train with lists and background noise, and the separate test set; 16 kHz."""
    train, test = folder / "speech_commands_v0.02", folder / "speech_commands_test_set_v0.02"
    valid, testing = [], []
    for word in (*WORDS, "marvin"):
        for i in range(3 * each):
            noise(train / word / f"{i:08x}_nohash_0.wav", 15000 + i, 16000)
            [[].append, valid.append, testing.append][i % 3](f"{word}/{i:08x}_nohash_0.wav")
    for word in (*WORDS, "_silence_", "_unknown_"):
        for i in range(each):
            noise(test / word / f"{3 * i + 2:08x}_nohash_0.wav", 16000, 16000)  # those of testing_list.txt
    noise(train / "_background_noise_" / "running_tap.wav", 40000, 16000)
    noise(train / "_background_noise_" / "doing_the_dishes.wav", 33000, 16000)
    (train / "validation_list.txt").write_text("\n".join(valid) + "\n")
    (train / "testing_list.txt").write_text("\n".join(testing) + "\n")
    return train, test


def maestro(folder: Path, n_pieces: int = 5, seconds: float = 2.0) -> Path:
    """Pieces with a MIDI file each; 44.1 kHz stereo."""
    import mido

    root = folder / "maestro-v3.0.0"
    rows: list[Sequence[Any]] = [
        ("canonical_composer", "canonical_title", "split", "year", "midi_filename", "audio_filename", "duration")
    ]
    for i in range(n_pieces):
        name = f"2004/MIDI-Unprocessed_{i:02d}"
        noise(root / f"{name}.wav", int(seconds * 44100), 44100, channels=2)
        track = mido.MidiTrack()
        track.append(mido.MetaMessage("set_tempo", tempo=500_000, time=0))
        track.append(mido.Message("control_change", control=64, value=100, time=0))
        for j, pitch in enumerate((20, 60 + i, 64)):
            track.append(mido.Message("note_on", note=pitch, velocity=80, time=48 * (j > 0)))
            track.append(mido.Message("note_off", note=pitch, velocity=0, time=48))
        track.append(mido.Message("control_change", control=64, value=0, time=96))
        track.append(mido.Message("note_on", note=70, velocity=80, time=0))
        track.append(mido.Message("note_off", note=70, velocity=0, time=960))  # from 1.75 s to 6.75 s
        mido.MidiFile(ticks_per_beat=96, tracks=[track]).save(root / f"{name}.midi")
        rows.append(
            ("Nobody", "Piece", ("train", "validation", "test")[i % 3], 2004, f"{name}.midi", f"{name}.wav", 6.75)
        )
    table(root / "maestro-v3.0.0.csv", rows)
    return root


def gunshots(folder: Path) -> dict[str, np.ndarray]:
    """The four recordings, short before the first shot only in what they hold: silence with 22 shots; int16 by name."""
    recordings = {}
    for number, (name, offset) in enumerate(
        (("mic1raw", 15764451), ("mic2raw16b", 13764742), ("mic3raw", 9334032), ("mic4raw", 6794611)), start=1
    ):
        samples = np.zeros(offset + 23 * 60000, dtype=np.int16)
        for shot in range(22):
            at = offset - 48000 + 30000 + 60000 * shot
            samples[at : at + 200] = 27000 + number
            samples[at + 20000] = -32768  # an echo, too near to be a shot
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{name}.wav", samples, 48000, subtype="PCM_16")
        recordings[name] = samples
    return recordings


def tfds(
    folder: Path, name: str, rate_hz: int, names: Sequence[str], clips: dict[str, list[tuple[int, np.ndarray]]]
) -> Path:
    """What TensorFlow Datasets writes: split -> (label, int16 samples) of its clips, two files a split."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "label.labels.txt").write_text("".join(f"{label}\n" for label in names))
    audio = {
        "pythonClassName": "tensorflow_datasets.core.features.audio_feature.Audio",
        "audio": {"sampleRate": str(rate_hz)},
    }
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": {"audio": audio}}}))
    for split, of_split in clips.items():
        half = -(-len(of_split) // 2)
        for i, part in enumerate((of_split[:half], of_split[half:])):
            path = folder / f"{name}-{split}.tfrecord-{i:05d}-of-00002"
            path.write_bytes(b"".join(_record(label, samples) for label, samples in part))
    return folder


def _record(label: int, samples: np.ndarray) -> bytes:
    features = b"".join(
        _field(1, _field(1, key.encode()) + _field(2, _field(3, _field(1, b"".join(map(_varint, values))))))
        for key, values in (("audio", samples.tolist()), ("label", [label]))
    )
    content = _field(1, features)
    return len(content).to_bytes(8, "little") + bytes(4) + content + bytes(4)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    value %= 2**64  # negative numbers as two's complement
    octets = bytearray()
    while value >= 128:
        octets.append(value & 127 | 128)
        value >>= 7
    return bytes([*octets, value])
