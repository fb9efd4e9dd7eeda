"""The log of a run through kills at any moment: one header, whole rows, values that were not told left empty."""

from __future__ import annotations

import math
from pathlib import Path

from hear_audiomosaic.pretraining.log import RunLog


def log_with(folder: Path, *steps: int) -> None:
    log = RunLog(folder, 0)
    for step in steps:
        log.write({"step": step, "loss": 1.0 / step, "seconds": 2.0 * step})
    log.close()


def test_rows_after_the_checkpoint_are_taken_back(tmp_path: Path) -> None:
    log_with(tmp_path, 1, 2, 4)
    log = RunLog(tmp_path, 2)
    assert log.seconds == 4.0
    log.write({"step": 3, "loss": 0.5, "seconds": 5.0})
    assert (tmp_path / "log.csv").read_text() == "step,loss,seconds\n1,1,2\n2,0.5,4\n3,0.5,5\n"


def test_a_run_without_checkpoint_begins_its_log_anew_however_often_it_is_killed(tmp_path: Path) -> None:
    log_with(tmp_path, 1, 2)
    assert RunLog(tmp_path, 0).seconds == 0.0  # killed before its first row
    log_with(tmp_path, 1)
    assert (tmp_path / "log.csv").read_text() == "step,loss,seconds\n1,1,2\n"


def test_half_a_row_goes_also_when_all_others_stay(tmp_path: Path) -> None:
    log_with(tmp_path, 1, 2)
    for half in ("3", "3,0.3", "3,0.33,"):
        text = (tmp_path / "log.csv").read_text()
        (tmp_path / "log.csv").write_text(text + half)
        RunLog(tmp_path, 2)
        assert (tmp_path / "log.csv").read_text() == text


def test_what_is_not_told_is_left_out(tmp_path: Path) -> None:
    log = RunLog(tmp_path, 0)
    log.write({"step": 1, "loss": 2.0, "rare": math.nan, "seconds": 1.0})
    assert log.last() == {"step": 1.0, "loss": 2.0, "seconds": 1.0}
    log.write({"step": 2, "loss": 1.5, "rare": 0.25, "seconds": 2.0})
    assert (tmp_path / "log.csv").read_text() == "step,loss,rare,seconds\n1,2,,1\n2,1.5,0.25,2\n"
    assert log.last()["rare"] == 0.25
