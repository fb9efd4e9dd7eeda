"""The sets of the compared papers that EVAR has not, as they are published, in miniature: synthetic sound."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from miniatures import noise, table

_WORDS = "bed bird cat dog down eight five four go happy house left marvin nine no off on "
_MORE = "one right seven sheila six stop three tree two up wow yes zero"
WORDS_V1 = (*_WORDS.split(), *_MORE.split())
WORDS_V2 = (*WORDS_V1, "backward", "follow", "forward", "learn", "visual")
SPEAKERS = ("026290a7", "0a7c2a8d", "00176480")  # train, valid, test by these lists

CLASSES = (("/m/09x0r", "Speech"), ("/m/05zppz", "Male speech, man speaking"), ("/m/068hy", "Domestic animals, pets"))
CREATED = "# Segments csv created Sun Mar  5 10:54:25 2017\n"

SCENES = ("beach", "cafe/restaurant", "city_center")
GENERATORS = {
    ("tta", True): ("audioldm1", "audioldm2", "audiogen"),
    ("tta", False): ("audiolcm", "tangoflux"),
    ("ata", True): ("audioldm1",),
    ("ata", False): ("audioldm2",),
}
SEEN, UNSEEN = ("UrbanSound8K", "TUTSED2017Dev"), ("DCASE2023Task7", "Clotho")


def spoken(folder: Path, version: int) -> Path:
    """Three recordings of every word, one a split, of 0.1 s; the two lists; two background noises; 16 kHz."""
    root = folder / f"speech_commands_v0.0{version}"
    for i, word in enumerate(WORDS_V1 if version == 1 else WORDS_V2):
        for j, speaker in enumerate(SPEAKERS):
            noise(root / word / f"{speaker}_nohash_{i % 2}.wav", 1500 + 50 * j, 16000)
    for split, speaker in (("validation", SPEAKERS[1]), ("testing", SPEAKERS[2])):
        names = sorted(path.relative_to(root).as_posix() for path in root.glob(f"*/{speaker}_*.wav"))
        (root / f"{split}_list.txt").write_text("\n".join(names) + "\n")
    noise(root / "_background_noise_" / "running_tap.wav", 20000, 16000)
    (root / "_background_noise_" / "README.md").write_text("Noise.\n")
    (root / "README.md").write_text("Words.\n")
    (root / "LICENSE").write_text("CC BY\n")
    return root


def without_top(folder: Path, archive: Path) -> Path:
    """A folder as the archive of Speech Commands has it: "./" before every name, nothing above."""
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder, ".")
    return archive


def videos(part: str, n: int) -> Iterator[str]:
    """Identifiers of 11 characters, as odd as YouTube's: leading hyphens, underscores at the end, a leading Y."""
    for i in range(n):
        yield ("-{}aBcDe{:03d}_", "Y{}-b_De{:03d}x", "{}__cD-e{:03d}y")[i % 3].format(part, i)


def percent(name: str) -> float:
    """A plain copy of the rule of Speech Commands' README, for a name without "_nohash_"."""
    return int(hashlib.sha1(name.encode()).hexdigest(), 16) % 2**27 * 100 / (2**27 - 1)  # noqa: S324


def segments(path: Path, ids: Sequence[str]) -> None:
    """A table with three lines of comments, blanks after commas, and labels in quotes: the first has one class."""
    rows = [CREATED, f"# num_ytids={len(ids)}, num_segs={len(ids)}, num_unique_labels=3, num_positive_labels=9\n"]
    rows.append("# YTID, start_seconds, end_seconds, positive_labels\n")
    for i, video in enumerate(ids):
        mids = ",".join(mid for mid, _ in CLASSES[: i % 3 + 1][::-1])
        rows.append(f'{video}, {30 * i}.000, {30 * i + 10}.000, "{mids}"\n')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(rows))


def audioset(folder: Path, n: int = 40) -> tuple[Path, Path]:
    """The tables, and clips in four ways of calling and laying them out; every tenth was withdrawn."""
    tables, clips = folder / "tables", folder / "clips"
    table(
        tables / "class_labels_indices.csv",
        [("index", "mid", "display_name"), *((i, *one) for i, one in enumerate(CLASSES))],
    )
    for part, name, inner in (
        ("b", "balanced_train_segments", "balanced_train_segments/{}.wav"),
        ("u", "unbalanced_train_segments", "unbalanced_train_segments/unbalanced_train_segments_part00/Y{}.wav"),
        ("e", "eval_segments", "eval_segments/{}_30.000_40.000.flac"),
    ):
        ids = list(videos(part, n))
        if part == "u":  # so that one in a hundred is one at least
            ids += sorted(list(videos(part, 900))[n:], key=percent)[:2]
        segments(tables / f"{name}.csv", ids)
        for i, video in enumerate(ids):
            if i % 10 != 9:
                at = inner if i % 4 else f"{name}/Y{{}}_30000.wav"
                noise(clips / at.format(video), 400 + i, 8000)
    (clips / "eval_segments" / "notes.txt").write_text("mine\n")
    noise(clips / "silence.wav", 100, 8000)  # no clip of a video
    return tables, clips


def tut_scenes(folder: Path, per_fold: int = 2) -> Path:
    """Three scenes, each at four places, one a fold; 44.1 kHz, 24 bits, two channels."""
    root = folder / "TUT-acoustic-scenes-2017-development"
    meta: list[str] = []
    folds: list[list[str]] = [[], [], [], []]
    for i, scene in enumerate(SCENES):
        for fold in range(4):
            place = f"{'abc'[i]}{fold:03d}"
            for piece in range(per_fold):
                name = f"audio/{place}_{10 * piece}_{10 * piece + 10}.wav"
                noise(root / name, 800 + piece, 44100, channels=2, subtype="PCM_24")
                meta.append(f"{name}\t{scene}\t{place}\n")
                folds[fold].append(f"{name}\t{scene}\n")
    (root / "meta.txt").write_text("".join(meta))
    setup = root / "evaluation_setup"
    setup.mkdir()
    for fold, lines in enumerate(folds):
        rest = [line for other, of_other in enumerate(folds) if other != fold for line in of_other]
        (setup / f"fold{fold + 1}_train.txt").write_text("".join(rest))
        (setup / f"fold{fold + 1}_evaluate.txt").write_text("".join(lines))
        (setup / f"fold{fold + 1}_test.txt").write_text("".join(line.split("\t")[0] + "\n" for line in lines))
    return root


def tut_archives(folder: Path) -> Path:
    """One archive of lists, and the audio in two, all below the same folder."""
    root = tut_scenes(folder)
    parts: dict[str, list[Path]] = {"meta": [], "audio.1": [], "audio.2": []}
    for i, path in enumerate(sorted(path for path in root.rglob("*") if path.is_file())):
        parts[f"audio.{i % 2 + 1}" if path.parent.name == "audio" else "meta"].append(path)
    for part, paths in parts.items():
        with zipfile.ZipFile(folder / f"{root.name}.{part}.zip", "w") as file:
            for path in paths:
                file.write(path, path.relative_to(folder))
    shutil.rmtree(root)
    return folder


def envsdd(folder: Path) -> tuple[Path, Path, Path, Path]:
    """Development and test part, 16 kHz, and the two tables with the columns of the authors' repository."""
    development, test = folder / "development", folder / "test" / "audio"
    rows = [("wavename", "dataset", "scene", "event", "caption", "usage")]
    for i in range(6):
        name, source = f"1578{i}-8-0-2.wav", SEEN[i % 2]
        rows.append((name, source, "none", "siren", "Siren, far away.", "validation" if i > 3 else "train"))
        noise(development / "real_audio" / source / name, 800, 16000)
        for kind in ("tta", "ata"):
            for generator in GENERATORS[kind, True]:
                noise(development / "fake_audio" / kind.upper() / generator / source / name, 800, 16000)
    table(folder / "datasplit_dev.csv", rows)
    tested = [("wavename", "source wavename", "source dataset", "faketype", "generator")]
    for i, source in enumerate((*SEEN, *UNSEEN)):
        for j, (kind, generator) in enumerate(
            [("real", "none"), *((kind, one) for (kind, _), ones in GENERATORS.items() for one in ones)]
        ):
            name = f"Cj21{i}lvnV{j}XBk3Gtzcu.wav"
            tested.append((name, f"10284{i}-3-0-1.wav", source, kind, generator))
            noise(test / name, 900, 16000)
    table(folder / "test_metadata.csv", tested)
    return development, test.parent, folder / "datasplit_dev.csv", folder / "test_metadata.csv"
