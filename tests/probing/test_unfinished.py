"""Probes that are killed end nevertheless, with the bytes of those that are not."""

from __future__ import annotations

import dataclasses
import errno
import logging
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from killed import Killed, Saving, content, killed_at_step, outlive
from small_tasks import changed

from hear_audiomosaic.probing import ProbeResult, ProbeTask, Protocol, get_protocol, run_protocol, run_seeds, unfinished
from hear_audiomosaic.probing.fused import masks
from hear_audiomosaic.probing.fused import trainer as fused
from hear_audiomosaic.probing.unfinished import State, Unfinished

KINDS: dict[str, tuple[str, Protocol, dict[str, object]]] = {
    "scene": ("scene_task", changed(batch_size=(25,)), {}),
    "scene, bf16": ("scene_task", changed(), {"precision": "bf16"}),
    "scene, strict": ("scene_task", changed(), {"strict": True}),
    "tags, few shots": ("tagging_task", dataclasses.replace(changed(), shots=5), {}),
    "tags, no hidden layer": ("tagging_task", changed(hidden_layers=(0, 1)), {}),
    "events, folds": ("event_task", changed(lr=(1e-2,)), {}),
    "scene, reference": ("scene_task", changed(max_epochs=(6,), lr=(1e-2,)), {"trainer": "reference"}),
    "events, reference": ("event_task", changed(max_epochs=(6,), lr=(1e-2,)), {"trainer": "reference"}),
    "scene, logistic": ("scene_task", get_protocol("logistic"), {}),
    "tags, logistic": ("tagging_task", get_protocol("logistic"), {}),
    "events, logistic": ("event_task", get_protocol("logistic"), {}),
}
SHORT_KINDS = ("scene", "scene, reference", "events, logistic")
FUSED_KINDS = tuple(name for name in KINDS if "reference" not in name and "logistic" not in name)
STEPS = 5
"""Steps at which the default run kills a probe; the long form kills all :data:`FUSED_KINDS` at each of the first 60."""
DAMAGES = 40

Probe = Callable[..., ProbeResult]


@pytest.fixture(autouse=True)
def small_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Masks that are drawn quickly, and chunks of two heads, so that there are several."""
    monkeypatch.setattr(masks, "POOL", 1 << 12)
    monkeypatch.setattr(fused, "CACHED_ELEMENTS", 60 * 16 * 2)


def probe_of(request: pytest.FixtureRequest, kind: str) -> Probe:
    fixture, protocol, how = KINDS[kind]
    task = request.getfixturevalue(fixture)
    return lambda unfinished=None: run_protocol(task, protocol, seed=3, unfinished=unfinished, **how)


def after_every_save(probe: Probe, folder: Path) -> int:
    result, kills = outlive(probe, folder)
    assert content(result) == content(probe())
    return kills


@pytest.mark.parametrize("kind", SHORT_KINDS)
def test_killed_after_every_save(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    assert after_every_save(probe_of(request, kind), tmp_path / "states") > 8


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_killed_after_every_save(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    assert after_every_save(probe_of(request, kind), tmp_path / "states") > 8


def killed_at(probe: Probe, folder: Path, numbers: list[int] | range) -> int:
    """Kill a probe at each of these steps, each time from nothing; how often it lived that long."""
    undisturbed, kills = content(probe()), 0
    for number in numbers:
        states = Saving(folder / str(number))
        try:
            with killed_at_step(number):
                probe(states)
        except Killed:
            kills += 1
        else:  # it has no such step
            break
        assert content(probe(Saving(folder / str(number)))) == undisturbed, number
    return kills


def test_killed_at_a_step(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Between two saves what came after the first is done again."""
    assert killed_at(probe_of(request, "events, folds"), tmp_path, range(0, 12 * STEPS, 12)) == STEPS


@pytest.mark.faults
@pytest.mark.parametrize("kind", FUSED_KINDS)
def test_killed_at_every_step(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    assert killed_at(probe_of(request, kind), tmp_path, range(60)) > 10


def test_seeds_together(scene_task: ProbeTask, tmp_path: Path) -> None:
    def probe(states: Unfinished | None = None) -> list[list[str]]:
        return [content(one) for one in run_seeds(scene_task, changed(lr=(1e-2,)), [3, 4], unfinished=states)]

    assert outlive(probe, tmp_path / "states", lives=3)[0] == probe()


def test_time_of_all_lives_is_counted(scene_task: ProbeTask, tmp_path: Path) -> None:
    def probe(states: Unfinished | None) -> tuple[float, float]:
        return run_protocol(scene_task, changed(), unfinished=states).seconds, states.earlier_s if states else 0.0

    (seconds, earlier), kills = outlive(probe, tmp_path / "states", lives=2)
    assert kills > 3
    assert seconds > earlier > 0.0


def test_masks_go_on_where_they_were() -> None:
    def drawn(source: masks.Masks, sizes: tuple[int, ...]) -> list[torch.Tensor]:
        found = [torch.ones(size) for size in sizes]
        for x in found:
            source.apply_(x)
        return found

    for dropout in (0.0, 0.1):
        source = masks.Masks(dropout, 7, torch.float32, "cpu")
        for before in ((), (64,), (64, 2000), (4000, 64)):  # the pool grows on the way
            drawn(source, before)
            other = masks.Masks(dropout, 8, torch.float32, "cpu")
            other.restore(source.state())
            sizes = (96, 6000, 32)
            state = source.state()
            for one, same in zip(drawn(source, sizes), drawn(other, sizes), strict=True):
                assert torch.equal(one, same)
            source.restore(state)


# ------------------------------------------------------------------------------------------- what a state is taken from


def killed_once(probe: Probe, folder: Path, saves: int) -> list[Path]:
    with pytest.raises(Killed):
        probe(Saving(folder, saves))
    return sorted(folder.iterdir())


def test_a_damaged_state_is_not_taken_up(
    request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    probe, folder, dice = probe_of(request, "scene"), tmp_path / "states", random.Random(1)  # noqa: S311 - no secret
    undisturbed = content(probe())
    *_, path = killed_once(probe, folder, 12)
    whole = path.read_bytes()
    for number in range(DAMAGES):
        place = dice.randrange(len(whole))
        flipped = whole[:place] + bytes([whole[place] ^ 1 << dice.randrange(8)]) + whole[place + 1 :]
        path.write_bytes((flipped, whole[:place], dice.randbytes(place % 3000), flipped)[number % 4])
        before = path.read_bytes()
        caplog.clear()
        assert Unfinished(folder).saved(path.stem) is None
        assert "is damaged" in caplog.text
        assert not path.exists()
        if number < 4:
            path.write_bytes(before)
            assert content(probe(Saving(folder))) == undisturbed


def test_a_state_of_something_else_is_not_taken_up(scene_task: ProbeTask, tmp_path: Path) -> None:
    """Other seeds, protocols, rows, labels, precisions or versions have another key; the same ones have the same."""
    splits = scene_task.splits
    values = splits["train"].values.copy()
    values[5, 2] += 1e-6
    turned = dataclasses.replace(splits["valid"], targets=splits["valid"].targets[::-1].copy())
    edited, relabelled = (
        dataclasses.replace(scene_task, splits={**splits, **other})
        for other in ({"train": dataclasses.replace(splits["train"], values=values)}, {"valid": turned})
    )
    others: list[Callable[[Unfinished], ProbeResult]] = [
        lambda states: run_protocol(scene_task, changed(), seed=4, unfinished=states),
        lambda states: run_protocol(scene_task, changed(dropout=(0.2,)), seed=3, unfinished=states),
        lambda states: run_protocol(scene_task, changed("other name"), seed=3, unfinished=states),
        lambda states: run_protocol(scene_task, changed(), seed=3, precision="bf16", unfinished=states),
        lambda states: run_protocol(scene_task, changed(), seed=3, trainer="reference", unfinished=states),
        lambda states: run_protocol(scene_task, changed(), seed=3, strict=True, unfinished=states),
        lambda states: run_protocol(edited, changed(), seed=3, unfinished=states),
        lambda states: run_protocol(relabelled, changed(), seed=3, unfinished=states),
    ]
    keys = []
    for number, other in enumerate([*others, lambda s: run_protocol(scene_task, changed(), seed=3, unfinished=s)]):
        states = Saving(tmp_path / str(number), 1)
        with pytest.raises(Killed):
            other(states)
        keys.append(states._run_key())
    assert len(set(keys)) == len(keys)
    states = Saving(tmp_path / "8", 1)  # the last one again: what was saved is of the same key, and taken up
    with pytest.raises(Killed):
        run_protocol(scene_task, changed(), seed=3, unfinished=states)
    assert states._run_key() == keys[-1]
    assert states.earlier_s > 0.0
    fresh = Saving(tmp_path / "8")
    result = run_protocol(scene_task, changed(), seed=4, unfinished=fresh)
    assert fresh.earlier_s == 0.0
    assert content(result) == content(run_protocol(scene_task, changed(), seed=4))


def test_half_a_file_is_cleared_away(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe, folder = probe_of(request, "scene"), tmp_path / "states"
    path = killed_once(probe, folder, 3)[0]
    (folder / f".{path.name}.12345.part").write_bytes(b"half")
    assert outlive(probe, folder, 5)[0].score == probe().score
    assert not list(folder.glob(".*"))


def test_a_disk_that_is_full_stops_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unfinished, "write_bytes", full)
    probe = probe_of(request, "scene")
    assert content(probe(Saving(tmp_path / "states"))) == content(probe())
    assert caplog.text.count("No space left on device") == 1


def test_states_are_removed_and_what_cannot_be_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    states = Saving(tmp_path / "states")
    states.remove()  # nothing was saved
    states.offer("unit", lambda: State({"x": torch.arange(3)}, {"nan": float("nan")}))
    again = Unfinished(tmp_path / "states").saved("unit")
    assert again is not None
    assert again.tensors["x"].tolist() == [0, 1, 2]
    assert str(again.facts) == "{'nan': nan}"
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(unfinished.shutil, "rmtree", lambda path: (_ for _ in ()).throw(OSError("busy")))
        states.remove()
    assert "busy" in caplog.text
    states.remove()
    assert not (tmp_path / "states").exists()


@pytest.mark.parametrize("save_s", [0.05, 3.0])
def test_saving_takes_a_small_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_s: float) -> None:
    """On a clock of the test's: an epoch takes .1 s, a save as long as is said."""
    now, n_saves = [0.0], [0]
    monkeypatch.setattr(unfinished.time, "monotonic", lambda: now[0])

    def write(path: Path, data: bytes) -> None:
        now[0] += save_s
        n_saves[0] += 1

    monkeypatch.setattr(unfinished, "write_bytes", write)
    states, tensor = Unfinished(tmp_path / "states"), torch.zeros(250_000)
    states.begin(lambda: "key")
    for _ in range(5_000):
        now[0] += 0.1
        states.offer("unit", lambda: State({"x": tensor}, {}))
    assert n_saves[0] * save_s < 0.02 * now[0]
    assert n_saves[0] > 2
