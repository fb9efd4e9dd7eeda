"""All tasks of HEAR 2021, as typed: from their publisher to verified, and how far each is at any moment."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hear_archives import archive_name, archive_of, catalogue_for
from publisher import Publisher, publisher

from hear_audiomosaic.cli import main
from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.tasks import catalog, suites
from hear_audiomosaic.tasks.fetch import publisher as publisher_module

CREMA_D = "tfds_crema_d-1.0.0-full"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """A publisher of all tasks in miniature, and a catalogue that fits them."""
    archives = {archive_name(card.directory_name): archive_of(card) for card in suites()["hear2021"]}
    with publisher(archives) as server:
        folder = catalogue_for(archives, server.url, content_dir("tasks"), tmp_path / "catalogue")
        monkeypatch.setattr(catalog, "content_dir", lambda name: folder)
        monkeypatch.setattr(publisher_module, "content_dir", lambda name: folder)
        yield server


def type_in(line: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, object]], str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(f"{line} --json".split())
    out = capsys.readouterr()
    return int(ended.value.code or 0), json.loads(out.out) if out.out else [], out.err


def test_every_task_from_its_publisher_to_verified(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEAR_AUDIOMOSAIC_HOME", str(tmp_path / "home"))
    tasks = tmp_path / "home" / "tasks"
    names = [card.directory_name for card in suites()["hear2021"]]
    columns = {card.leaderboard_column for card in suites()["hear2021"]}
    assert (len(names), len(columns)) == (20, 19)

    def states() -> list[tuple[object, object]]:
        code, rows, err = type_in("tasks list --suite hear2021", capsys)
        assert code == 0, err
        assert [row["task"] for row in rows] == names
        return list(dict.fromkeys((row["state"], tuple(row["rates_hz"])) for row in rows))  # type: ignore[arg-type]

    assert states() == [("card", ())]
    code, rows, err = type_in("tasks fetch hear2021 --keep", capsys)
    assert code == 0, err
    assert [row["task"] for row in rows if row["state"] == "prepared"] == names
    assert states() == [("prepared", (48000,))]
    for name in names:
        shutil.rmtree(tasks / name)
    assert states() == [("fetched", ())]
    n_asked = len(published.asked)
    code, rows, err = type_in("tasks fetch hear2021 --offline", capsys)
    assert code == 0, err
    assert len(published.asked) == n_asked
    assert states() == [("prepared", (48000,))]
    code, rows, err = type_in("tasks verify hear2021", capsys)
    assert code == 0, err
    assert [row["task"] for row in rows] == names
    for row in rows:
        n_clips = sum(row["clips"].values())  # type: ignore[attr-defined]
        n_tables = len(row["clips"]) + 2  # type: ignore[arg-type]
        assert (row["state"], row["differences"]) == ("verified", [])
        assert row["pinned"] == {"when it was fetched": n_clips + n_tables}
    assert states() == [("verified", (48000,))]


def test_a_clip_that_is_not_as_it_was_fetched(
    published: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"--tasks-dir {tmp_path}/t"
    assert type_in(f"tasks fetch esc50 {where} --downloads {tmp_path}/d", capsys)[0] == 0
    clip = tmp_path / "t" / "esc50-v2.0.0-full" / "48000" / "fold00" / "fold00 clip 0.wav"
    clip.write_bytes(clip.read_bytes()[:-2] + b"\1\1")
    code, [found], _ = type_in(f"tasks verify esc50 {where} --store {tmp_path}/s", capsys)
    assert (code, found["state"]) == (1, "wrong")
    [difference] = found["differences"]  # type: ignore[misc]
    assert difference["kind"] == "digest"  # type: ignore[index]
    assert difference["name"] == "48000/fold00/fold00 clip 0.wav"  # type: ignore[index]
    assert "(when it was fetched)" in difference["expected"]  # type: ignore[index]


@pytest.mark.parametrize(("known", "code", "state"), [(10, 0, "verified"), (11, 1, "wrong")])
def test_counts_that_are_known_to_differ(
    published: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str], known: int, code: int, state: str
) -> None:
    """As of CREMA-D: HEAR counts 7438 clips, others have 7442. Here the card says 9, and 10 are there."""
    path = tmp_path / "catalogue" / "hear2021" / f"{CREMA_D}.yaml"
    counts = [{"n_clips": known, "source": "a count of others"}, {"n_clips": 10, "mode": "small", "source": "small"}]
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"n_clips": 9, "counts": counts}))
    where = f"--tasks-dir {tmp_path}/t"
    assert type_in(f"tasks fetch {CREMA_D} {where} --downloads {tmp_path}/d", capsys)[0] == 0
    found_code, [found], _ = type_in(f"tasks verify {CREMA_D} {where} --store {tmp_path}/s", capsys)
    assert (found_code, found["state"]) == (code, state)
    [difference] = found["differences"]  # type: ignore[misc]
    words = "card n_clips: expected 9, found 10"
    assert difference["words"] == words + (" (known: a count of others)" if code == 0 else "")  # type: ignore[index]
