"""VoxForge: which of six languages is spoken, sentences that volunteers read at home.

Source: voxforge.org, the archives (one submission of one speaker each) that
storage.googleapis.com/tfds-data/downloads/voxforge/voxforge_urls.txt lists. Licence: GPL 3.0. Layout:
``.../de/Trunk/Audio/Main/16kHz_16bit/SPEAKER-DATE-xyz.tgz``, in it ``SPEAKER-DATE-xyz/wav/de5-01.wav`` and
``etc/PROMPTS``. The language is the nearest folder called de, en, es, fr, it or ru (VoxForge's own SpeechCorpus is en,
its Russian is ru), be the archives packed or unpacked. Only ``.wav`` files count, as in TensorFlow Datasets.

Modes, by who drew the splits, since the data set has none:

- full: TensorFlow Datasets 1.0.0 (``voxforge.py``), which COLA uses: no speaker is in two splits; 70 : 10 : 20 of the
  speakers of the list of archives, shuffled by ``numpy.random.RandomState(0)``. The speaker, the archive's name up to
  the first hyphen, is the group ("anonymous" is one).
- evar: EVAR's ``evar/metadata/voxforge.csv`` (github.com/nttcslab/eval-audio-repr), which BYOL-A, MSM-MAE and M2D use.
  It was drawn without a seed, so that file must be given, too. It keeps submissions together, not speakers: a speaker
  with several submissions may be in several splits. The submission is the group.

Deviation: without ``voxforge_urls.txt`` the speakers are those of the archives that are there; the split is TensorFlow
Datasets' only if these are all. EVAR cuts its 5.8 s at random from longer recordings that it trains on; here they are
the first ones.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.archives import unpack
from hear_audiomosaic.tasks.steps.annotations import table_rows
from hear_audiomosaic.tasks.steps.recipe import RULES_OF_PAPERS, Found, Recipe, Settings, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources

_LANGUAGES = {**{name: name for name in ("de", "en", "es", "fr", "it", "ru")}, "SpeechCorpus": "en", "Russian": "ru"}
_SHARES = (("train", 0.7), ("valid", 0.1), ("test", 0.2))
_LIST, _SPLITS_OF_EVAR = "voxforge_urls.txt", "voxforge.csv"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Submission:
    """What one archive holds.

    Attributes:
        archive: its name without ".tgz".
        language: None if no folder says it.
        folder: in or below which its recordings are.
        tops: what the archive has at its top, by name; mostly one folder, called as the archive.
    """

    archive: str
    language: str | None
    folder: Path
    tops: dict[str, Path]

    @property
    def speaker(self) -> str:
        return _speaker(self.archive)


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    submissions = list(_submissions(sources))
    if not submissions:
        raise TaskError(f"The sources (--from) have no SPEAKER-DATE-xyz.tgz or unpacked SPEAKER-DATE-xyz/wav. {_NEEDS}")
    if settings.mode == "evar":
        return _by_evar(sources.get(_SPLITS_OF_EVAR), submissions, sources.folders[0])
    return _by_speaker(submissions, sources.find(_LIST), sources.folders[0])


def _by_speaker(submissions: list[_Submission], table: Path | None, root: Path) -> Iterator[Found]:
    """The recordings of the archives of the list, else of all; archives that are not there are missing in ``root``."""
    if table is None:
        names = {one.archive for one in submissions}
        _log.warning(
            "%s is not there: the splits are drawn over the speakers of the %d archives that are", _LIST, len(names)
        )
    else:
        lines = table.read_text(encoding="utf-8").replace('"', "").replace("'", "").split()
        names = {PurePosixPath(line).name.removesuffix(".tgz") for line in lines}
    split_of = _tfds_splits(_speaker(name) for name in names)
    for name in sorted(names - {one.archive for one in submissions}):  # to be counted as missing; without a language
        yield Found(str(root / f"{name}.tgz"), name, ("",), split_of[_speaker(name)])
    for one in submissions:
        if one.archive in names:
            if one.language is None:
                raise TaskError(
                    f"{one.folder} does not say its language: put it into a folder called de, en, es, fr, it or ru"
                )
            for path in Sources((one.folder,)).recordings():
                stem = f"{one.language}_{one.archive}_{path.stem}"
                yield Found(str(path), stem, (one.language,), split_of[one.speaker], key=one.speaker)


def _by_evar(table: Path, submissions: list[_Submission], root: Path) -> Iterator[Found]:
    """The rows of the table; recordings of submissions that are not there are missing in ``root``."""
    folders = {name: folder for one in submissions for name, folder in one.tops.items()}
    for row in table_rows(table, "file_name", "label", "split"):
        name, _, rest = row["file_name"].partition("/")
        path = folders.get(name, root / name) / rest
        stem = f"{row['label']}_{name}_{path.stem}"
        yield Found(str(path), stem, (row["label"],), row["split"], key=name)


def _submissions(sources: Sources) -> Iterator[_Submission]:
    """Those that lie unpacked (a folder that has a folder wav), and those of archives that no such folder replaces."""
    for root in sources.folders:
        there = sorted(path.parent for path in root.rglob("wav") if path.is_dir())
        for folder in there:
            yield _Submission(folder.name, _language(folder, root), folder, {folder.name: folder})
        names = {folder.name for folder in there}
        for packed in sorted(path for path in root.rglob("*.tgz") if path.stem not in names):
            language = _language(packed, root)
            target = sources.work / (language or "unknown") / packed.stem
            if not target.is_dir():
                unpack(packed, target)
            tops = {path.name: path for path in sorted(target.iterdir()) if path.is_dir()}
            yield _Submission(packed.stem, language, target, tops)


def _language(path: Path, root: Path) -> str | None:
    names = (*reversed(path.relative_to(root).parts[:-1]), root.name)
    return next((_LANGUAGES[name] for name in names if name in _LANGUAGES), None)


def _speaker(archive: str) -> str:
    return f"{archive}.tgz".split("-")[0]


def _tfds_splits(speakers: Iterable[str]) -> dict[str, str]:
    """Speaker -> split, by TensorFlow Datasets' rule, down to its sums of floats."""
    drawn = sorted(set(speakers))
    np.random.RandomState(0).shuffle(drawn)  # the generator that the rule uses
    split_of: dict[str, str] = {}
    until = 0.0
    for split, share in _SHARES:
        first, until = int(until * len(drawn)), until + share
        last = len(drawn) if split == "test" else int(until * len(drawn))
        split_of.update(dict.fromkeys(drawn[first:last], split))
    return split_of


_NEEDS = (
    "Fetch the archives that storage.googleapis.com/tfds-data/downloads/voxforge/voxforge_urls.txt lists (wget -x -i "
    "voxforge_urls.txt) and give their folder and the list; for the mode evar, voxforge.csv, too, which is in "
    "github.com/nttcslab/eval-audio-repr, evar/metadata."
)

RECIPE = Recipe(
    values={
        "task_name": "voxforge",
        "version": "v1.0.0",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "trainvaltest",
        "sample_duration": 5.8,
        "evaluation": ["top1_acc", "mAP", "d_prime", "aucroc"],
        "default_mode": "full",
    },
    modes={
        "full": {"max_task_duration_by_split": whole_splits()},
        "evar": {"max_task_duration_by_split": whole_splits()},
    },
    read=_read,
    needs=_NEEDS,
    rules=RULES_OF_PAPERS,
    drops_missing=True,
    keeps_groups=True,
)
