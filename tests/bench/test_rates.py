"""An encoder at another rate than a task's is told: before it embeds, in the result and in the report."""

from __future__ import annotations

import logging
from pathlib import Path
from types import ModuleType

import fake_results
import heareval_tasks
import pytest
import toy_encoder

import hear_audiomosaic as ha
from hear_audiomosaic.reporting.report import write_report
from hear_audiomosaic.results.load import LoadedResult, ResultFolder
from hear_audiomosaic.results.rates import change_in_words


def at_rate(rate_hz: int) -> ModuleType:
    class Model(toy_encoder.Model):
        sample_rate = rate_hz

    made = ModuleType(f"toy_at_{rate_hz}")
    made.load_model = lambda path="": Model()  # type: ignore[attr-defined]
    made.get_scene_embeddings = toy_encoder.get_scene_embeddings  # type: ignore[attr-defined]
    made.get_timestamp_embeddings = toy_encoder.get_timestamp_embeddings  # type: ignore[attr-defined]
    return made


def test_a_run_tells_the_rate(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tasks_dir = heareval_tasks.write_tasks(tmp_path / "tasks")
    folder = tasks_dir / heareval_tasks.TASKS[0]
    (folder / "16000").rename(folder / "22050")
    caplog.set_level(logging.INFO)
    encoders = {str(rate): at_rate(rate) for rate in (16000, 22050, 32000)}
    for _ in range(2):  # the second time all is there, and nothing is told
        results = ha.evaluate(
            encoders, ["tones"], ["logistic"], out=tmp_path / "results", tasks_dir=tasks_dir, store_dir=tmp_path / "s"
        )
    assert not results.failures
    told = [(one.levelname, one.getMessage()) for one in caplog.records if " reads " in one.getMessage()]
    assert told == [
        ("INFO", "16000 reads tones as audio of 22050 Hz, downsampled to 16000 Hz"),
        (
            "WARNING",
            "32000 reads tones as audio of 22050 Hz, UPSAMPLED to 32000 Hz: it holds nothing above 11025 Hz; "
            "prepare the task with --rate 32000, if its recordings have more",
        ),
    ]
    by_label = {result.encoder.label: result for result in results}
    assert {label: one.is_upsampled for label, one in by_label.items()} == {
        "16000": False,
        "22050": False,
        "32000": True,
    }
    assert by_label["22050"].change_of_rate == ""
    report = results.report(tmp_path / "report")
    for path in (report.markdown, report.html, report.latex):
        text = path.read_text()
        assert "On all tasks, 32000 read audio of 22050 Hz, UPSAMPLED to 32000 Hz" in text
        assert "On all tasks, 16000 read audio of 22050 Hz, downsampled to 16000 Hz." in text
        assert text.count("upsampled") == 1


def test_the_tasks_are_named_where_it_is_not_all(tmp_path: Path) -> None:
    low = fake_results.task("low", None, audio_rate_hz=8000, audio_digest="a")
    own = fake_results.task("own", None, audio_rate_hz=16000, audio_digest="b")
    unknown = fake_results.task("unknown", None)
    made = [fake_results.success(fake_results.encoder("one"), task, [0.5]) for task in (low, own, unknown)]
    loaded = tuple(LoadedResult(f"{i}.json", result) for i, result in enumerate(made))
    text = write_report(ResultFolder(tmp_path, loaded, ()), tmp_path / "report").markdown.read_text()
    assert "On low, one read audio of 8000 Hz, UPSAMPLED to 16000 Hz: it holds nothing above 4000 Hz." in text
    assert "own, one read" not in text


@pytest.mark.parametrize(("read", "own"), [(None, 16000), (16000, None), (None, None), (16000, 16000)])
def test_nothing_is_said_of_what_is_not_known_or_the_same(read: int | None, own: int | None) -> None:
    assert change_in_words(read, own) == ""
