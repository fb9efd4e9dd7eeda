"""The sets of EVAR's linear evaluation as they are published, in miniature: real layouts, synthetic sound."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from miniatures import noise, table

URBAN_FORMATS = (  # rate, subtype, channels, samples: what freesound.org's users had uploaded
    (44100, "PCM_16", 2, 4000),
    (48000, "PCM_24", 2, 2400),
    (96000, "PCM_24", 1, 960),
    (192000, "FLOAT", 2, 1920),
    (11025, "PCM_U8", 1, 600),
    (8000, "PCM_16", 1, 33000),
    (22050, "MS_ADPCM", 1, 4096),
    (44100, "IMA_ADPCM", 2, 4096),
    (16000, "PCM_16", 1, 50),
    (24000, "PCM_32", 1, 300),
)


def tarred(folder: Path, archive: Path, mode: str = "w:gz") -> Path:
    """A folder as an archive that has it at its top."""
    with tarfile.open(archive, mode) as file:  # type: ignore[call-overload]
        file.add(folder, folder.name)
    return archive


def urbansound8k(folder: Path) -> Path:
    """Two classes in each of ten folds, each fold of another format; 32 ms to 4.1 s."""
    root = folder / "UrbanSound8K"
    rows: list[Sequence[Any]] = [
        ("slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class"),
    ]
    for fold, (rate_hz, subtype, channels, n_samples) in enumerate(URBAN_FORMATS, start=1):
        (root / "audio" / f"fold{fold}").mkdir(parents=True)
        (root / "audio" / f"fold{fold}" / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
        for class_id, name in ((3, "dog_bark"), (8, "siren")):
            for piece in range(2):
                file = f"{1000 * fold + class_id}-{class_id}-0-{piece}.wav"
                noise(root / "audio" / f"fold{fold}" / file, n_samples, rate_hz, channels, subtype)
                rows.append((file, 1000 * fold + class_id, 0.0, 0.317551, 1, fold, class_id, name))
    table(root / "metadata" / "UrbanSound8K.csv", rows)
    (root / "FREESOUNDCREDITS.txt").write_text("by nobody\n")
    return root


def voxceleb1(folder: Path) -> tuple[Path, Path, Path]:
    """The folders of the two archives, dev and test, and the list that is published beside them; 16 kHz."""
    lines = []
    for part, speakers in (("dev", ("id10001", "id10002")), ("test", ("id10270",))):
        for speaker in speakers:
            for split, video in ((1, "1zcIwhmdeo4"), (1, "-zcIwhm_eo5"), (2, "7gWzIy6yIIk"), (3, "J9lHsKG98U8")):
                for name in ("00001", "00002"):
                    inner = f"{speaker}/{video}/{name}.wav"
                    noise(folder / f"vox1_{part}_wav" / "wav" / inner, 1600 + int(name), 16000)
                    lines.append(f"{split} {inner}")
    table = folder / "iden_split.txt"
    table.write_text("\n".join(lines) + "\n")
    return folder / "vox1_dev_wav", folder / "vox1_test_wav", table


def nsynth_families(folder: Path) -> Path:
    """Two instruments of each of three families in each split, synth_lead in train only; 16 kHz."""
    for first, split in zip((10, 20, 30), ("train", "valid", "test"), strict=True):
        examples = {}
        for family in ("bass", "organ", "synth_lead") if split == "train" else ("bass", "organ"):
            for instrument in range(2):
                for pitch in (9, 60):  # all pitches count, those below a piano's, too
                    name = f"{family}_synthetic_{first + instrument:03d}-{pitch:03d}-050"
                    noise(folder / f"nsynth-{split}" / "audio" / f"{name}.wav", 700, 16000)
                    examples[name] = {
                        "note_str": name,
                        "pitch": pitch,
                        "qualities_str": ["dark"],
                        "instrument_family": 0,
                        "instrument_family_str": family,
                    }
        (folder / f"nsynth-{split}" / "examples.json").write_text(json.dumps(examples, indent=2), encoding="utf-8")
    return folder


SURGE_PRESETS = tuple(f"surge-patches-factory-Pads-{name}-velocity64" for name in "ABCDEFGHIJ")


def surge(folder: Path, notes: Sequence[int] = (21, 60, 108)) -> tuple[Path, Path]:
    """Ten presets, 44.1 kHz Ogg Vorbis; and EVAR's table of splits, by which C and D are valid, E is test."""
    rng = np.random.default_rng(5)
    for preset in SURGE_PRESETS:
        for note in notes:
            path = folder / "surge" / preset / f"{note:03d}.ogg"
            path.parent.mkdir(parents=True, exist_ok=True)
            samples = rng.normal(0, 0.1, 4410 + note).astype(np.float32)
            soundfile.write(path, samples, 44100, format="OGG", subtype="VORBIS")
    split_of = dict.fromkeys(SURGE_PRESETS, "train") | dict.fromkeys(SURGE_PRESETS[2:4], "valid")
    split_of[SURGE_PRESETS[4]] = "test"
    (folder / "evar").mkdir()
    path = folder / "evar" / "dataset_surge_tone_splits.csv"
    table(path, [("tone", "split"), *split_of.items(), ("surge-patches-not-here-velocity64", "train")])
    return folder / "surge", path


VOXFORGE = {
    "de": (
        "anonymous-20080101-abc",
        "anonymous-20090202-abd",
        *(f"despeaker{i}-20100101-aaa" for i in range(8)),
    ),
    "en": tuple(f"enspeaker{i}-20110101-bbb" for i in range(8)),
    "ru": tuple(f"ruspeaker{i}-20120101-ccc" for i in range(8)),
}
"""Language -> submissions."""


def voxforge_archives(folder: Path) -> tuple[Path, Path]:
    """As ``wget -x`` leaves them: an archive a submission, below its language; and the list of all."""
    urls = []
    for language, archives in VOXFORGE.items():
        site = f"www.repository.voxforge1.org/downloads/{language}/Trunk/Audio/Main/16kHz_16bit"
        (folder / site).mkdir(parents=True)
        for name in archives:
            submission = _submission(folder / "made", language, name)
            tarred(submission, folder / site / f"{name}.tgz")
            urls.append(f"{site}/{name}.tgz")
    table = folder / "voxforge_urls.txt"
    table.write_text("\n".join(urls) + "\n")
    return folder / "www.repository.voxforge1.org", table


def voxforge_unpacked(folder: Path) -> tuple[Path, Path]:
    """As EVAR leaves them: all submissions unpacked in one folder; and its table, drawn by submission."""
    rows: list[Sequence[Any]] = [("file_name", "label", "split")]
    for language, archives in VOXFORGE.items():
        for i, name in enumerate(archives):
            submission = _submission(folder / "voxforge", language, name)
            for path in sorted(submission.glob("wav/*.wav")):
                split = ("train", "valid", "test", "train")[i % 4]
                rows.append((path.relative_to(folder / "voxforge").as_posix(), language, split))
    path = folder / "metadata" / "voxforge.csv"
    table(path, rows)
    return folder / "voxforge", path


def _submission(folder: Path, language: str, name: str) -> Path:
    """Two sentences, prompts and a README, and the same sound once more as FLAC, which does not count; 16 kHz."""
    root = folder / name
    for i in (1, 2):
        noise(root / "wav" / f"{language}{i:04d}.wav", 800 + 10 * len(name) + i, 16000)
    (root / "flac").mkdir(parents=True)
    soundfile.write(root / "flac" / f"{language}0003.flac", np.zeros(100), 16000)
    (root / "etc").mkdir()
    (root / "etc" / "PROMPTS").write_text(f"{name}/mfc/{language}0001 NOTHING IS SAID\n")
    (root / "etc" / "README").write_text(f"User Name:{name.split('-')[0]}\nLanguage: {language.upper()}\n")
    return root
