"""Tolerant in form: whatever the form, the same numbers come out, and what was done is counted by kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.coercions import Coercions, formed_scene, formed_timestamps, whole_number

CPU = torch.device("cpu")
B, T, D = 3, 5, 4
HERE = __name__.partition(".")[0]


class Eager:
    """As TensorFlow's tensors: no array, but with a method that gives one."""

    def __init__(self, values: Tensor) -> None:
        self._values = values.numpy()

    def numpy(self) -> np.ndarray:
        return self._values


class Device(Eager):
    """As JAX's arrays."""

    numpy = None  # type: ignore[assignment]

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self._values


FORMS: dict[str, Callable[[Tensor], Any]] = {
    "{} of float16 became float32": Tensor.half,
    "{} of bfloat16 became float32": Tensor.bfloat16,
    "{} of float64 became float32": Tensor.double,
    "{} of int64 became float32": Tensor.long,
    "{} of uint8 became float32": Tensor.byte,
    "{} came as numpy.ndarray": Tensor.numpy,
    f"{{}} came as {HERE}.Eager": Eager,
    f"{{}} came as {HERE}.Device": Device,
    "{} came as a list": list,
    "{} came as a tuple": lambda x: tuple(x.tolist()),
    "{} lost their gradient": lambda x: x.clone().requires_grad_(),
    "{} became contiguous": lambda x: x.transpose(0, -1).contiguous().transpose(0, -1),
}


def integers(*shape: int) -> Tensor:
    """Numbers that every dtype holds exactly."""
    return torch.randint(0, 100, shape, generator=torch.Generator().manual_seed(len(shape))).float()


@pytest.mark.parametrize("sentence", FORMS)
def test_embeddings_of_any_form_are_the_same_numbers(sentence: str) -> None:
    made = FORMS[sentence]
    counts = Coercions()
    scene = formed_scene(made(integers(B, D)), B, D, CPU, "x", counts)
    assert (scene.dtype, scene.flags.c_contiguous, scene.tolist()) == (np.float32, True, integers(B, D).tolist())
    assert list(counts) == [f"{sentence.format('scene embeddings')}"]
    times = torch.arange(float(T)).expand(B, -1)
    values, _ = formed_timestamps((made(integers(B, T, D)), times), B, D, CPU, "x", counts)
    assert (values.dtype, values.flags.c_contiguous, values.tolist()) == (np.float32, True, integers(B, T, D).tolist())
    assert counts == {sentence.format(f"{kind} embeddings"): 1 for kind in ("scene", "timestamp")}


TIMES: dict[str, Callable[[Tensor], Any]] = {
    "timestamps of int64 became float64": Tensor.long,
    "timestamps of float16 became float64": Tensor.half,
    "timestamps came as numpy.ndarray": Tensor.numpy,
    f"timestamps came as {HERE}.Eager": Eager,
    "timestamps came as a list": Tensor.tolist,
    "timestamps of shape (T,) were taken for every clip": lambda x: x[0],
    "timestamps of shape (1, T) were taken for every clip": lambda x: x[:1],
    "timestamps lost their gradient": lambda x: x.clone().requires_grad_(),
    "": Tensor.double,
}


@pytest.mark.parametrize("sentence", TIMES)
def test_times_of_any_form_are_the_same_numbers(sentence: str) -> None:
    counts, times = Coercions(), 20.0 * torch.arange(T).expand(B, -1)
    values, found = formed_timestamps((integers(B, T, D), TIMES[sentence](times)), B, D, CPU, "x", counts)
    assert (found.dtype, found.tolist(), values.tolist()) == (np.float64, times.tolist(), integers(B, T, D).tolist())
    assert counts == ({sentence: 1} if sentence else {})


def test_what_stands_around_the_numbers() -> None:
    counts, times = Coercions(), torch.arange(float(T))[None]
    assert formed_scene(integers(1, D)[0], 1, D, CPU, "x", counts).shape == (1, D)
    assert formed_scene((integers(B, D), "logits"), B, D, CPU, "x", counts).shape == (B, D)
    values, _ = formed_timestamps([integers(1, T, D)[0], times, 7], 1, D, CPU, "x", counts)
    assert values.shape == (1, T, D)
    assert set(counts) == {
        "scene embeddings of one clip got an axis of clips",
        "of 2 values for a scene the first was taken",
        "a list of embeddings and timestamps was taken as a tuple",
        "of 3 values for timestamps the first two were taken",
        "timestamp embeddings of one clip got an axis of clips",
    }


def test_what_has_hears_form_is_not_counted() -> None:
    counts = Coercions()
    formed_scene(integers(B, D), B, D, CPU, "x", counts)
    formed_scene(integers(B, D), B, None, CPU, "x", counts)
    formed_timestamps((integers(B, T, D), torch.arange(float(T)).expand(B, -1)), B, D, CPU, "x", counts)
    assert not counts


@pytest.mark.parametrize(("returned", "complaint"), [
    (integers(B, D + 1), r"float32 of shape \(3, 5\); expected float32 of shape \(3, 4\)"),
    (integers(B + 1, D), r"expected float32 of shape \(3, 4\)"),
    (integers(B, D).bool(), "bool"),
    (integers(B, D).to(torch.complex64), "complex64"),
    ("text", "a str for scene embeddings; expected a torch tensor"),
    ([integers(D), integers(D + 1), integers(D)], "a list for scene embeddings that is no array"),
    (["a", "b", "c"], "a str for scene embeddings"),
    ({}, "dict"),
    (None, "NoneType"),
])  # fmt: skip
def test_what_is_no_embedding_is_told(returned: object, complaint: str) -> None:
    with pytest.raises(EncoderError, match=complaint):
        formed_scene(returned, B, D, CPU, "get_scene_embeddings of x", Coercions())


@pytest.mark.parametrize(("times", "complaint"), [
    (torch.zeros(B, 0), "T >= 1"),
    (torch.zeros(0), "T >= 1"),
    (torch.zeros(B, T, 1), "T >= 1"),
    (torch.zeros(B - 1, T), "for 3 clips"),
    (torch.zeros(B, T - 1), r"expected float32 of shape \(3, 4, 4\)"),
    (torch.zeros(B, T).bool(), "timestamps of bool"),
    (None, "a NoneType for timestamps"),
])  # fmt: skip
def test_what_is_no_time_is_told(times: object, complaint: str) -> None:
    with pytest.raises(EncoderError, match=complaint):
        formed_timestamps((integers(B, T, D), times), B, D, CPU, "get_timestamp_embeddings of x", Coercions())


def test_whole_numbers() -> None:
    counts = Coercions()
    for value in (np.int64(16000), 16000.0, "16000", "16000.0", torch.tensor(16000), np.array([16000]), 16000):
        assert whole_number(value, "sample_rate", counts) == 16000
    assert counts["sample_rate of str became int"] == 2
    assert sum(counts.values()) == 6
    for value in (True, 0, -1, 0.5, "16 kHz", None, float("inf"), float("nan"), [16000], torch.ones(2)):
        assert whole_number(value, "sample_rate", counts) is None
