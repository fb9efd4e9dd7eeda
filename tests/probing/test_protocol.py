from __future__ import annotations

import dataclasses
import random

import pytest
from sklearn.model_selection import ParameterGrid
from small_tasks import changed

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.probing import get_protocol, protocol_names
from hear_audiomosaic.probing.batches import batch_slices
from hear_audiomosaic.probing.grid import parameter_grid

PUBLISHED = [
    (1, 1e-4, "normal"),
    (2, 1e-3, "uniform"),
    (1, 1e-3, "normal"),
    (1, 3.2e-4, "normal"),
    (2, 3.2e-4, "normal"),
    (2, 3.2e-4, "uniform"),
    (2, 3.2e-3, "normal"),
    (2, 3.2e-3, "uniform"),
]


def test_the_eight_published_points_in_order() -> None:
    points = get_protocol("hear-2021").probe.grid_points("any")
    assert [(p.hidden_layers, p.lr, p.initialization) for p in points] == [
        (layers, lr, f"xavier_{kind}_") for layers, lr, kind in PUBLISHED
    ]
    assert {(p.hidden_dim, p.dropout, p.patience, p.max_epochs, p.check_val_every_n_epoch) for p in points} == {
        (1024, 0.1, 20, 500, 3)
    }
    assert {p.batch_size for p in points} == {1024}


def test_the_draw_is_the_global_shuffle_of_scikit_learns_grid() -> None:
    for name in protocol_names():
        protocol = get_protocol(name)
        if name == "logistic":  # without a grid of heads
            continue
        grid = protocol.probe.grid
        combinations = list(ParameterGrid({key: list(values) for key, values in grid.items()}))
        assert parameter_grid(grid) == combinations
        random.seed(42)
        random.shuffle(combinations)
        assert [point.hparams() for point in protocol.probe.grid_points("any")] == combinations[
            : protocol.n_grid_points
        ]


def test_tasks_override_entries_but_not_the_draw() -> None:
    protocol = get_protocol("hear-2021")
    assert {p.check_val_every_n_epoch for p in protocol.probe.grid_points("dcase2016_task2")} == {10}
    assert {p.check_val_every_n_epoch for p in protocol.probe.grid_points("dcase2016_task2-hear2021-full")} == {10}
    assert {p.check_val_every_n_epoch for p in protocol.probe.grid_points("dcase2016_task21")} == {3}
    points = protocol.probe.grid_points("maestro", {"max_epochs": [50], "check_val_every_n_epoch": [1]})
    assert {(p.max_epochs, p.check_val_every_n_epoch) for p in points} == {(50, 1)}
    assert [p.lr for p in points] == [lr for _, lr, _ in PUBLISHED]
    with pytest.raises(ProtocolError, match="colour"):
        protocol.probe.grid_points("maestro", {"colour": ["red"]})


def test_a_changed_protocol_needs_another_name() -> None:
    official = get_protocol("hear-2021")
    fewer = dataclasses.replace(official.probe, n_grid_points=4)
    with pytest.raises(ProtocolError, match="belongs to the published protocol"):
        dataclasses.replace(official, probe=fewer)
    with pytest.raises(ProtocolError, match="belongs to the published protocol"):
        changed("hear-2021", hidden_dim=(512,))
    assert dataclasses.replace(official, probe=fewer, name="mine").fingerprint != official.fingerprint


def test_fingerprints_tell_everything_apart() -> None:
    official = get_protocol("hear-2021")
    different = [official, dataclasses.replace(official, strict=True), changed(), changed(hidden_dim=(8,))]
    different += [get_protocol(name) for name in protocol_names()[1:]]
    prints = [protocol.fingerprint for protocol in different]
    assert len(set(prints)) == len(prints)
    assert all(len(one) == 64 for one in prints)
    assert dataclasses.replace(official).fingerprint == official.fingerprint


def test_impossible_protocols_are_refused() -> None:
    with pytest.raises(ProtocolError, match="hear-2020"):
        get_protocol("hear-2020")
    for bad in ({"lr": (0,)}, {"hidden_norm": ("LayerNorm",)}, {"initialization": ("zeros",)}, {"lr": ()}):
        with pytest.raises(ProtocolError):
            changed(**bad)
    with pytest.raises(ProtocolError, match="never happens"):
        changed(max_epochs=(2,))


def test_a_lone_last_row_joins_the_batch_before_it() -> None:
    def sizes(n: int, *, normalised: bool = True, strict: bool = False) -> list[int]:
        return [s.stop - s.start for s in batch_slices(n, 4, normalised=normalised, strict=strict)]

    assert sizes(10) == [4, 4, 2]
    assert sizes(9) == [4, 5]
    assert sizes(9, normalised=False) == [4, 4, 1]
    assert sizes(8, strict=True) == [4, 4]
    with pytest.raises(ProtocolError, match="heareval crashes"):
        sizes(9, strict=True)
    with pytest.raises(ProtocolError, match="two training rows"):
        sizes(1)
