"""A table shows no number that the predictions beside it do not support, and damaged predictions end nothing."""

from __future__ import annotations

import io
import random
import shutil
import zipfile
from pathlib import Path
from typing import Any

import fake_predictions as stored
import fake_results as fake
import numpy as np
import pytest

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.files import sha256_of_file
from hear_audiomosaic.reporting import write_report
from hear_audiomosaic.reporting.comparison.status import status_of
from hear_audiomosaic.results.load import load_results
from hear_audiomosaic.results.predictions import Predictions
from hear_audiomosaic.results.schema import FoldScores, Result, read_result, write_result
from hear_audiomosaic.results.support import contradiction

N_SHORT = 150
N_LONG = 4000
TONES = fake.task("tones", 0.5, vocabulary=("low", "high"))
DRUMS = fake.task("drums", None, event=True, vocabulary=("kick", "snare"))


def scene(folder: Path) -> Path:
    return stored.clips(folder, fake.LOGMEL, TONES, [stored.right([True, True, False, True] * 10)])


def event(folder: Path) -> Path:
    folds = [stored.event_fold(6, seed, 0.7) for seed in (1, 2)]
    return stored.events(folder, fake.LOGMEL, DRUMS, folds, "event_onset_200ms_fms")


def changed(predictions: Path, **facts: Any) -> Path:
    """Write other facts into the result file; its path."""
    path = predictions.with_suffix(".json")
    write_result(path, read_result(path).model_copy(update=facts))
    return path


def of(path: Path) -> str | None:
    return contradiction(path, read_result(path))


def with_score(result: Result, name: str, value: float) -> tuple[FoldScores, ...]:
    *others, last = result.folds
    return (*others, last.model_copy(update={"scores": last.scores | {name: value}}))


@pytest.mark.parametrize("make", [scene, event])
@pytest.mark.parametrize("has_digest", [True, False])
def test_a_score_that_was_edited_is_named(tmp_path: Path, make: Any, has_digest: bool) -> None:
    predictions = make(tmp_path)
    path = changed(predictions, predictions_digest=sha256_of_file(predictions) if has_digest else None)
    assert of(path) is None
    result = read_result(path)
    right = result.folds[-1].scores[result.score_name]
    split = result.folds[-1].split
    changed(predictions, folds=with_score(result, result.score_name, right + 1e-4))
    assert of(path) == (
        f"{predictions.name} gives {result.score_name} = {right:.6g} on {split}, "
        f"the result file says {right + 1e-4:.6g}"
    )
    changed(predictions, folds=with_score(result, result.score_name, float("inf")))
    assert "the result file says inf" in (of(path) or "")
    changed(predictions, folds=with_score(result, result.score_name, float(np.float32(right))))
    assert of(path) is None
    changed(predictions, folds=with_score(result, "a_score_of_tomorrow", 0.5))
    assert of(path) is None


def test_every_score_is_computed_again(tmp_path: Path) -> None:
    predictions = event(tmp_path)
    path = predictions.with_suffix(".json")
    changed(predictions, folds=with_score(read_result(path), "event_onset_200ms_fms_recall", 0.123))
    assert "event_onset_200ms_fms_recall = " in (of(path) or "")


def test_scores_of_other_scoring_code_are_not_compared(tmp_path: Path) -> None:
    predictions = scene(tmp_path)
    result = read_result(predictions.with_suffix(".json"))
    older = result.manifest.model_copy(update={"scoring_version": 0})
    assert of(changed(predictions, manifest=older, folds=with_score(result, "top1_acc", 0.1))) is None


@pytest.mark.parametrize("how", ["cut", "foreign", "bytes", "another's"])
def test_predictions_of_another_digest_are_named(tmp_path: Path, how: str) -> None:
    predictions = scene(tmp_path)
    path = changed(predictions, predictions_digest=sha256_of_file(predictions))
    if how == "cut":
        predictions.write_bytes(predictions.read_bytes()[:-50])
    elif how == "foreign":
        np.savez(predictions, x=np.zeros(3))
    elif how == "bytes":
        predictions.write_bytes(b"no archive")
    else:
        shutil.copy(stored.clips(tmp_path / "b", fake.MSM_MAE, TONES, [stored.right([True] * 40)]), predictions)
    assert of(path) == f"{predictions.name} beside it is not the file of predictions that was written with it"
    predictions.unlink()
    assert of(path) is None  # nothing speaks against it


def test_a_report_names_what_is_not_supported_and_shows_the_rest(tmp_path: Path) -> None:
    predictions = scene(tmp_path / "results")
    stored.clips(tmp_path / "results", fake.MSM_MAE, TONES, [stored.right([True, True, True, False] * 10)])
    result = read_result(predictions.with_suffix(".json"))
    path = changed(predictions, folds=with_score(result, "top1_acc", 0.975))
    file = path.relative_to(tmp_path / "results").as_posix()
    report = write_report(tmp_path / "results", tmp_path / "out")
    [skipped] = report.skipped
    assert str(skipped) == (
        f"{file}: {predictions.name} gives top1_acc = 0.75 on test, the result file says 0.975; run it again"
    )
    assert str(skipped.reason) in report.markdown.read_text(encoding="utf-8")
    assert ".975" not in report.tables[0][1]
    assert "MSM-MAE" in report.tables[0][1]
    assert status_of(tmp_path / "results").skipped == (skipped,)


def header_of(draw: random.Random) -> bytes:
    """A header of an array that is not what numpy would write."""
    shape = draw.choice(["(10**15,)", "(-1,)", "(-5, -8)", "()", "(3,", "((1,),)", "(1e3,)", "(True,)", "x" * 5000])
    kind = draw.choice(
        ["'<f8'", "'|O'", "'<U0'", "'<U999999999'", "'V8'", "[('a', '<f8')]", "3", "'<M8[s]'", "(" * 300]
    )
    text = f"{{'descr': {kind}, 'fortran_order': {draw.choice(['False', 'True', '1'])}, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + draw.randbytes(draw.randrange(40))


def mutated(content: bytes, draw: random.Random) -> bytes:
    """An archive that is damaged outside, or in one of its arrays."""
    changed, kind = bytearray(content), draw.randrange(6)
    place = draw.randrange(len(changed))
    if kind == 0:
        changed[place] ^= 1 << draw.randrange(8)
    elif kind == 1:
        del changed[place:]
    elif kind == 2:
        changed[place : place + 50] = draw.randbytes(50)
    else:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            arrays = {name: bytearray(archive.read(name)) for name in archive.namelist()}
        name = draw.choice(list(arrays))
        if kind == 3:
            arrays[name][draw.randrange(len(arrays[name]))] ^= 1 << draw.randrange(8)
        elif kind == 4:
            arrays[name] = bytearray(header_of(draw))
        else:
            arrays[draw.choice(["test/files.npy", "x", "a/b/c.npy", "test/.npy", name])] = arrays.pop(name)
        file = io.BytesIO()
        how = draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
        with zipfile.ZipFile(file, "w", how) as archive:
            for name, array in arrays.items():
                archive.writestr(name, bytes(array))
        return file.getvalue()
    return bytes(changed)


def check_many(folder: Path, n: int) -> None:
    refused = 0
    for make in (scene, event):
        predictions = make(folder / make.__name__)
        content = predictions.read_bytes()
        path = changed(predictions, predictions_digest=sha256_of_file(predictions))
        result = read_result(path)
        for i in range(n // 2):
            predictions.write_bytes(mutated(content, random.Random(i)))  # noqa: S311
            if predictions.read_bytes() != content:
                assert contradiction(path, result) is not None
            contradiction(path, result.model_copy(update={"predictions_digest": None}))
            try:
                Predictions.load(predictions, [fold.split for fold in result.folds])
            except ResultError:
                refused += 1
    assert refused > 0.5 * n


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_predictions_are_named(tmp_path: Path) -> None:
    check_many(tmp_path, N_SHORT)


@pytest.mark.faults
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_predictions_are_named_4000_times(tmp_path: Path) -> None:
    check_many(tmp_path, N_LONG)


def test_many_results_of_which_one_is_damaged(tmp_path: Path) -> None:
    predictions = scene(tmp_path)
    changed(predictions, predictions_digest=sha256_of_file(predictions))
    stored.clips(tmp_path, fake.MSM_MAE, TONES, [stored.right([True] * 40)])
    predictions.write_bytes(b"PK\x03\x04 nothing")
    loaded = load_results(tmp_path)
    assert [one.result.encoder.label for one in loaded] == ["MSM-MAE"]
    assert "is not the file of predictions that was written with it; run it again" in loaded.skipped[0].reason
