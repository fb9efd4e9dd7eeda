"""Fetching published tasks, from a publisher on this machine that fails in every way."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from publisher import Publisher, publisher

from hear_audiomosaic.cli import main
from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks import PreparedTask, suites
from hear_audiomosaic.tasks.fetch import FetchOptions, FetchRow, fetch_plan, fetch_tasks
from hear_audiomosaic.tasks.fetch import fetch as fetch_module
from hear_audiomosaic.tasks.fetch import publisher as publisher_module
from hear_audiomosaic.tasks.fetch.download import Download

TASK = "esc50-v2.0.0-full"
OTHERS = ("libricount-v1.0.0-hear2021-full", "mridangam_tonic-v1.5-full", "tfds_gtzan-1.0.0-full")
RATE_HZ = 48000


def archive_name(task: str) -> str:
    return f"hear2021-{task}-48000.tar.gz"


def archive_of(task: str) -> bytes:
    """A small task of that name as HEAR packs it: ``hear-2021.0.6/tasks/TASK/...`` in a tar.gz."""
    files = {}
    card = next(card for card in suites()["hear2021"] if card.directory_name == task)
    rng = np.random.default_rng(0)
    for split in card.splits:
        labels = {f"{split} clip {i}.wav": [label] for i, label in enumerate(("cat", "dog"))}
        files[f"{split}.json"] = json.dumps(labels, indent=1).encode()
        for name in labels:
            wav = io.BytesIO()
            soundfile.write(wav, rng.uniform(-0.5, 0.5, RATE_HZ // 10), RATE_HZ, subtype="PCM_16", format="WAV")
            files[f"{RATE_HZ}/{split}/{name}"] = wav.getvalue()
    files["labelvocabulary.csv"] = b"idx,label\n0,cat\n1,dog\n"
    metadata = {
        "task_name": card.name,
        "version": card.version,
        "mode": card.mode,
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": card.split_mode,
        "splits": list(card.splits),
        "sample_duration": 0.1,
        "evaluation": ["top1_acc"],
    }
    files["task_metadata.json"] = json.dumps(metadata).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"hear-2021.0.6/tasks/{task}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture(scope="module")
def archives() -> dict[str, bytes]:
    return {archive_name(task): archive_of(task) for task in (TASK, *OTHERS)}


@pytest.fixture
def published(archives: dict[str, bytes]) -> Iterator[Publisher]:
    with publisher(archives) as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    """Seconds that were waited, without waiting."""
    return []


@pytest.fixture
def options(tmp_path: Path, published: Publisher, waits: list[float]) -> FetchOptions:
    return FetchOptions(
        tasks_dir=tmp_path / "tasks",
        downloads=tmp_path / "downloads",
        record=published.url,
        user_agent="hear_audiomosaic/1.2",
        download={"pause": waits.append, "stall_s": 0.3},
    )


def fetch_one(options: FetchOptions, task: str = TASK) -> FetchRow:
    (row,) = fetch_tasks([task], options)
    return row


def assert_whole(options: FetchOptions, archives: dict[str, bytes], task: str = TASK) -> None:
    """The task is byte for byte what was packed, and nothing else is left."""
    folder = options.tasks_dir / task
    with tarfile.open(fileobj=io.BytesIO(archives[archive_name(task)])) as tar:
        packed = {
            member.name.split("/", 3)[3]: tar.extractfile(member).read()  # type: ignore[union-attr]
            for member in tar.getmembers()
        }
    assert {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == packed
    PreparedTask.open(folder)
    left = [path.name for path in options.downloads.iterdir() if path.name != ".locks"]
    assert left == []
    assert sorted(path.name for path in options.tasks_dir.iterdir()) == [".fetched", ".locks", task]


def test_complete(options: FetchOptions, published: Publisher, archives: dict[str, bytes]) -> None:
    row = fetch_one(options)
    assert (row.state, row.error) == ("prepared", None)
    assert_whole(options, archives)
    assert {one.user_agent for one in published.asked} == {"hear_audiomosaic/1.2"}
    asked = len(published.asked)
    assert fetch_one(options).state == "prepared"
    assert len(published.asked) == asked  # what is there is not asked for again


@pytest.mark.parametrize(
    ("behaviour", "n_requests"),
    [
        (("truncate 3000", "ok"), 2),
        (("truncate 3000", "truncate 2000", "truncate 1000", "truncate 10", "truncate 10", "truncate 10", "ok"), 7),
        (("stall 3000", "ok"), 2),
        (("drop", "ok"), 2),
        (("slow",), 1),
        (("status 503", "status 500", "ok"), 3),
        (("truncate 3000", "no range"), 2),
        (("truncate 3000", "status 502", "ok"), 3),
    ],
)
def test_a_bad_line_costs_time_only(
    options: FetchOptions,
    published: Publisher,
    archives: dict[str, bytes],
    behaviour: tuple[str, ...],
    n_requests: int,
) -> None:
    published.behaviour = {archive_name(TASK): behaviour}
    assert fetch_one(options).error is None
    assert_whole(options, archives)
    assert len([one for one in published.asked if "/files/" in one.path]) == n_requests


def test_what_came_is_not_asked_for_again(options: FetchOptions, published: Publisher) -> None:
    published.behaviour = {archive_name(TASK): ("truncate 3000", "truncate 2000", "ok")}
    assert fetch_one(options).error is None
    assert [one.range for one in published.asked if "/files/" in one.path] == [None, "bytes=3000-", "bytes=5000-"]


def test_a_kill_resumes(options: FetchOptions, published: Publisher, archives: dict[str, bytes]) -> None:
    """The state that a kill leaves: a part and what it is part of."""
    content = archives[archive_name(TASK)]
    published.behaviour = {archive_name(TASK): ("truncate 4000", "status 404", "ok")}
    row = fetch_one(options)
    assert row.state == "failed"
    assert row.n_bytes_here == 4000
    assert "404" in str(row.error)
    assert "resumes" in str(row.error)
    (planned,) = fetch_plan([TASK], options)
    assert (planned.state, planned.n_bytes_here, planned.n_bytes) == ("partial", 4000, len(content))
    assert fetch_one(options).error is None
    assert published.asked[-1].range == "bytes=4000-"
    assert_whole(options, archives)


def test_a_part_of_another_file_is_dropped(
    options: FetchOptions, published: Publisher, archives: dict[str, bytes]
) -> None:
    options.downloads.mkdir(parents=True)
    (options.downloads / f"{archive_name(TASK)}.part").write_bytes(b"x" * 3000)
    (options.downloads / f"{archive_name(TASK)}.part.json").write_text('{"n_bytes": 7, "md5": "0"}')
    assert fetch_one(options).error is None
    assert published.asked[-1].range is None
    assert_whole(options, archives)


def test_a_part_that_rotted_is_found_and_loaded_anew(
    options: FetchOptions, published: Publisher, archives: dict[str, bytes]
) -> None:
    published.behaviour = {archive_name(TASK): ("truncate 4000", "status 404", "ok")}
    assert fetch_one(options).state == "failed"
    part = options.downloads / f"{archive_name(TASK)}.part"
    part.write_bytes(b"y" + part.read_bytes()[1:])
    assert fetch_one(options).error is None
    assert_whole(options, archives)


def test_too_many_requests_waits_as_long_as_asked(
    options: FetchOptions, published: Publisher, waits: list[float]
) -> None:
    published.behaviour = {archive_name(TASK): ("status 429 after 7", "status 503 after 11", "ok")}
    assert fetch_one(options).error is None
    assert waits == [7.0, 11.0]


def test_a_wait_of_hours_is_told(options: FetchOptions, published: Publisher, waits: list[float]) -> None:
    published.behaviour = {archive_name(TASK): ("status 429 after 7200",)}
    assert "7200 s" in str(fetch_one(options).error)
    assert waits == []


def test_the_record_may_be_busy(options: FetchOptions, published: Publisher, waits: list[float]) -> None:
    published.record_behaviour = ("status 429 after 3", "drop", "ok")
    assert fetch_one(options).error is None
    assert waits[0] == 3.0


def test_wrong_bytes_are_never_unpacked(options: FetchOptions, published: Publisher) -> None:
    published.behaviour = {archive_name(TASK): ("wrong",)}
    row = fetch_one(options)
    assert "MD5" in str(row.error)
    assert not (options.tasks_dir / TASK).exists()
    assert row.n_bytes_here == 0  # nothing of it is kept


def test_the_next_mirror_has_it(options: FetchOptions, published: Publisher, archives: dict[str, bytes]) -> None:
    """Mirrors in order, then the publisher; a part of one goes on with the next."""
    first = published.mirror
    published.behaviour = {f"mirror/{archive_name(TASK)}": ("truncate 2500", "status 404")}
    mirrored = FetchOptions(**{**vars(options), "mirrors": [first]})
    assert fetch_one(mirrored).error is None
    files = [(one.path.split("/")[1], one.range) for one in published.asked if archive_name(TASK) in one.path]
    assert files == [("mirror", None), ("mirror", "bytes=2500-"), ("record", "bytes=2500-")]
    assert_whole(options, archives)


def test_a_mirror_with_another_file_is_left(
    options: FetchOptions, published: Publisher, archives: dict[str, bytes]
) -> None:
    published.behaviour = {f"mirror/{archive_name(TASK)}": ("wrong",)}
    assert fetch_one(FetchOptions(**{**vars(options), "mirrors": [published.mirror]})).error is None
    assert_whole(options, archives)


def test_at_most_two_at_a_time(options: FetchOptions, published: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = [], []
    run = Download.run

    def counted(download: Download, *arguments: Any) -> str:
        at_once.append(download)
        most.append(len(at_once))
        try:
            return run(download, *arguments)
        finally:
            at_once.remove(download)

    monkeypatch.setattr(Download, "run", counted)
    published.behaviour = {archive_name(task): ("slow",) for task in (TASK, *OTHERS)}
    rows = list(fetch_tasks([TASK, *OTHERS], options))
    assert [row.state for row in rows] == ["prepared"] * 4
    assert max(most) == 2
    assert [one.path for one in published.asked].count("/record") <= 2


def test_one_failure_does_not_stop_the_others(options: FetchOptions, published: Publisher) -> None:
    published.behaviour = {archive_name(TASK): ("status 404",)}
    rows = list(fetch_tasks([TASK, *OTHERS], options))
    assert [row.state for row in rows] == ["failed", "prepared", "prepared", "prepared"]


def test_the_token_goes_to_the_publisher_alone(options: FetchOptions, published: Publisher) -> None:
    elsewhere = published.mirror.replace("127.0.0.1", "localhost")
    published.behaviour = {f"mirror/{archive_name(TASK)}": ("status 404",)}
    secret = FetchOptions(**{**vars(options), "token": "s3cret", "mirrors": [elsewhere]})
    assert fetch_one(secret).error is None
    sent = {one.path.split("/")[1]: one.authorization for one in published.asked}
    assert sent == {"record": "Bearer s3cret", "mirror": None}


def test_offline_uses_what_lies_there(options: FetchOptions, published: Publisher, archives: dict[str, bytes]) -> None:
    offline = FetchOptions(**{**vars(options), "offline": True})
    row = fetch_one(offline)
    assert archive_name(TASK) in str(row.error)
    assert "offline" in str(row.error)
    options.downloads.mkdir(parents=True, exist_ok=True)
    (options.downloads / archive_name(TASK)).write_bytes(archives[archive_name(TASK)])
    assert fetch_one(offline).error is None
    assert_whole(options, archives)
    assert published.asked == []


def test_a_damaged_archive_by_hand_is_refused(options: FetchOptions, archives: dict[str, bytes]) -> None:
    options.downloads.mkdir(parents=True)
    (options.downloads / archive_name(TASK)).write_bytes(archives[archive_name(TASK)][:-1])
    assert "remove it" in str(fetch_one(options).error)
    assert not (options.tasks_dir / TASK).exists()


def test_the_first_checksum_stays_pinned(
    options: FetchOptions, published: Publisher, archives: dict[str, bytes]
) -> None:
    """What the publisher puts in its place later is not taken for it."""
    assert fetch_one(options).error is None
    shutil.rmtree(options.tasks_dir / TASK)
    published.files[archive_name(TASK)] = archive_of(OTHERS[0])
    row = fetch_one(options)
    assert row.state == "failed"
    pin = json.loads((options.tasks_dir / ".fetched" / f"{TASK}.json").read_text())
    assert pin["md5"] == hashlib.md5(archives[archive_name(TASK)], usedforsecurity=False).hexdigest()


def test_a_shipped_checksum_outranks_the_record(options: FetchOptions, published: Publisher) -> None:
    task = "beehive_states_fold0-v2-full"
    published.files[archive_name(task)] = b"something else"
    assert "f9e045f9b2ddf5643edc1143304c80aa" in str(fetch_one(options, task).error)


def test_an_archive_of_another_task_is_refused(options: FetchOptions, published: Publisher) -> None:
    published.files[archive_name(TASK)] = archive_of(OTHERS[0])
    assert "expected one" in str(fetch_one(options).error)
    assert not (options.tasks_dir / TASK).exists()


def test_a_full_disk_is_seen_before(
    options: FetchOptions, published: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6, 100))  # type: ignore[attr-defined]
    assert "free" in str(fetch_one(options).error)
    assert not any("/files/" in one.path for one in published.asked)


def test_the_plan_loads_nothing(options: FetchOptions, published: Publisher, archives: dict[str, bytes]) -> None:
    (row,) = fetch_plan([TASK], options)
    assert (row.state, row.n_bytes) == ("to fetch", len(archives[archive_name(TASK)]))
    assert [one.path for one in published.asked] == ["/record"]


def test_every_card_has_its_archive(options: FetchOptions, published: Publisher) -> None:
    """All 20 folders of the 19 tasks come from the local publisher."""
    cards = [card.directory_name for card in suites()["hear2021"]]
    published.files = {archive_name(task): archive_of(task) for task in cards}
    published.md5 = {
        archive_name("beehive_states_fold0-v2-full"): "f9e045f9b2ddf5643edc1143304c80aa",
        archive_name("beehive_states_fold1-v2-full"): "8bced7ce8336bf23fd61c61f04aee109",
    }
    rows = {row.task: row for row in fetch_tasks(cards, options)}
    states = {task: row.state for task, row in rows.items()}
    assert len(states) == 20
    # The two whose published checksum ships with the card refuse the stand-in, as they must.
    assert {task for task, state in states.items() if state == "failed"} == {
        task for task in cards if task.startswith("beehive")
    }


def test_a_task_that_nobody_publishes(options: FetchOptions) -> None:
    with pytest.raises(TaskError, match="not published"):
        fetch_one(options, "synth_pitch-v1-full")


def test_the_command(
    options: FetchOptions, published: Publisher, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = publisher_module.find_archive
    here = {"record": published.url, "url": f"{published.url}/files/{archive_name(TASK)}"}
    monkeypatch.setattr(fetch_module, "find_archive", lambda *of: dataclasses.replace(find(*of), **here))
    where = ["--tasks-dir", str(options.tasks_dir), "--downloads", str(options.downloads), "--json"]
    states = []
    for extra in (["--dry-run"], [], ["--dry-run"]):
        with pytest.raises(SystemExit) as ended:
            main(["tasks", "fetch", "esc50", *where, *extra])
        assert ended.value.code == 0
        (row,) = json.loads(capsys.readouterr().out)
        states.append(row["state"])
    assert states == ["to fetch", "prepared", "prepared"]
    published.files = {}
    with pytest.raises(SystemExit) as ended:
        main(["tasks", "fetch", "libricount", *where])
    assert ended.value.code == 1
    assert "has no file" in json.loads(capsys.readouterr().out)[0]["error"]
