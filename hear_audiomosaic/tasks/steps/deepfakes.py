"""EnvSDD as it is published: recordings and what generators made of them, in a development and a test part.

Source: Yin, Xiao, Das, Bai, Liu, Wang, Plumbley, "EnvSDD: benchmarking environmental sound deepfake detection",
Interspeech 2025; zenodo.org/records/15220951 (development) and 15241138 (test); the tables and the four conditions are
those of github.com/apple-yinhan/EnvSDD (``generate_json_dev.py``, ``generate_json_test.py``, ``metadata``).

What is established: the columns of the tables and the folders, from that repository and a public copy of its tables.
What is not: the names of the archives, and that every version of the test part has the folder ``audio``; it is
therefore looked for by the first recording of the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.annotations import table_rows
from hear_audiomosaic.tasks.steps.recipe import RULES_OF_PAPERS, Found, Recipe, Settings, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources

__all__ = ["CONDITIONS", "deepfake_recipe", "deepfakes"]

CONDITIONS = {
    "test01": (True, True),
    "test02": (True, False),
    "test03": (False, True),
    "test04": (False, False),
}
"""Test set -> whether its sources, and whether its generators, are those of the development part."""

_GENERATORS: Mapping[str, Mapping[bool, tuple[str, ...]]] = {
    "tta": {True: ("audioldm1", "audioldm2", "audiogen"), False: ("audiolcm", "tangoflux")},
    "ata": {True: ("audioldm1",), False: ("audioldm2",)},
}
"""Text or audio to audio -> seen in development or not -> generators."""
_SEEN_SOURCES, _UNSEEN_SOURCES = ("TUT", "Urban"), ("DCASE", "Clotho")
_SPLITS = {"train": "train", "validation": "valid"}
_DEVELOPMENT = ("datasplit_dev.csv", "dev_track1.csv")
_TEST = ("test_metadata.csv", "test_track1.csv")


def deepfake_recipe(kind: str) -> Recipe:
    """The task of one kind of generators, with a mode for each test set.

    Args:
        kind: as of :func:`deepfakes`.
    """

    def read(sources: Sources, settings: Settings) -> Iterator[Found]:
        return deepfakes(sources, kind, settings.mode)

    return Recipe(
        values={
            "task_name": f"envsdd_{kind}",
            "version": "v1.0",
            "embedding_type": "scene",
            "prediction_type": "multiclass",
            "split_mode": "trainvaltest",
            "sample_duration": 4.0,
            "evaluation": ["eer", "top1_acc"],
            "default_mode": "test01",
        },
        modes={condition: {"max_task_duration_by_split": whole_splits()} for condition in CONDITIONS},
        read=read,
        needs=(
            "Give the unpacked development part (real_audio and fake_audio; zenodo.org/records/15220951), the test "
            "part (zenodo.org/records/15241138), and the tables datasplit_dev.csv (or dev_track1.csv) and "
            "test_metadata.csv (github.com/apple-yinhan/EnvSDD, metadata)."
        ),
        rules=RULES_OF_PAPERS,
        keeps_groups=True,
    )


def deepfakes(sources: Sources, kind: str, condition: str) -> Iterator[Found]:
    """Real recordings and those that generators of one kind made: "real" and "fake". The source recording is the group.

    Args:
        sources: where both parts and their two tables are.
        kind: "tta" (text to audio) or "ata" (audio to audio).
        condition: a test set, of :data:`CONDITIONS`.

    Raises:
        TaskError: a table or a part is not there, or a table says something else.
    """
    yield from _development(sources, kind)
    yield from _tested(sources, kind, condition)


def _development(sources: Sources, kind: str) -> Iterator[Found]:
    table = _table(sources, _DEVELOPMENT)
    real, fake = sources.get("real_audio"), sources.get(f"fake_audio/{kind.upper()}")
    for row in table_rows(table, "wavename", "dataset", "usage"):
        split = _SPLITS.get(row["usage"])
        if split is None:
            raise TaskError(f"{table}: '{row['wavename']}' is for '{row['usage']}'; expected train or validation")
        inner = f"{row['dataset']}/{row['wavename']}"
        stem = f"{row['dataset']}_{row['wavename'].removesuffix('.wav')}"
        yield Found(str(real / inner), f"{stem}_real", ("real",), split, key=inner)
        for generator in _GENERATORS[kind][True]:
            yield Found(str(fake / generator / inner), f"{stem}_{generator}", ("fake",), split, key=inner)


def _tested(sources: Sources, kind: str, condition: str) -> Iterator[Found]:
    table = _table(sources, _TEST)
    seen_source, seen_generator = CONDITIONS[condition]
    folder: Path | None = None
    for row in table_rows(table, "wavename", "source wavename", "source dataset", "faketype", "generator"):
        if folder is None:
            folder = sources.get(row["wavename"]).parent
        if _is_seen(row, table) != seen_source:
            continue
        if row["faketype"] == "real" or (
            row["faketype"] == kind and row["generator"] in _GENERATORS[kind][seen_generator]
        ):
            label = "real" if row["faketype"] == "real" else "fake"
            stem = f"test_{row['wavename'].removesuffix('.wav')}"
            group = f"{row['source dataset']}/{row['source wavename']}"
            yield Found(str(folder / row["wavename"]), stem, (label,), "test", key=group)


def _is_seen(row: Mapping[str, str], table: Path) -> bool:
    """Whether a recording is of a source that development has."""
    source = row["source dataset"]
    if not any(part in source for part in (*_SEEN_SOURCES, *_UNSEEN_SOURCES)):
        raise TaskError(f"{table}: '{row['wavename']}' is of '{source}', which is none of EnvSDD's six sources")
    return any(part in source for part in _SEEN_SOURCES)


def _table(sources: Sources, names: tuple[str, ...]) -> Path:
    for name in names:
        if (found := sources.find(name)) is not None:
            return found
    return sources.get(names[0])
