"""Archives of predictions that claim too much: named, and the report goes on."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import fake_predictions as stored
import fake_results as fake
import numpy as np
import pytest

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.reporting import write_report
from hear_audiomosaic.results.predictions import Predictions
from hear_audiomosaic.results.schema import write_result


def header(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue()


def huge_header(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("test/prediction.npy", header((10**15,)))


def bomb(path: Path) -> None:
    """320 megabytes of zeros that are truly in the file, as its header says."""
    n = 40_000_000
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("test/prediction.npy", header((n,)) + bytes(8 * n))


def no_zip(path: Path) -> None:
    path.write_bytes(header((10**11,)))


@pytest.mark.parametrize("make", [huge_header, bomb, no_zip])
def test_sizes_are_read_before_anything_is_allocated(
    tmp_path: Path, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "results"
    one = stored.clips(folder, fake.LOGMEL, fake.task("tones", 0.5), [stored.right([True, False] * 20)])
    stored.clips(folder, fake.MSM_MAE, fake.task("tones", 0.5), [stored.right([True, True, False, True] * 10)])
    make(one)
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(ResultError, match="cannot be read as predictions"):
        Predictions.load(one)
    monkeypatch.undo()
    text = write_report(folder, tmp_path / "out").markdown.read_text(encoding="utf-8")
    assert f"{one.name} cannot be read as predictions" in text
    assert "MSM-MAE" in text


def test_a_name_of_3000_letters_is_named_and_the_report_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    stored.clips(folder, fake.MSM_MAE, fake.task("tones", 0.5), [stored.right([True, False] * 20)])
    result = fake.success(fake.LOGMEL, fake.task("tones", 0.5), [0.5], predictions="n" * 3000)
    write_result(fake.path_of(folder, result), result)
    text = write_report(folder, tmp_path / "out").markdown.read_text(encoding="utf-8")
    assert "has 3000 bytes" in text
    assert "n" * 100 not in text
