"""``load_model`` is called by its own signature, and what it does not take is told with what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.binding import batch_of, loaded_model
from hear_audiomosaic.hear.coercions import Coercions
from hear_audiomosaic.hear.foreign import OutOfMemory, foreign
from hear_audiomosaic.hear.reference import EncoderRef

EMPTY = "load_model requires a path, none was given: it got an empty one"


@pytest.mark.parametrize(("load_model", "ref", "given", "counted"), [
    (lambda path="here": path, "x", "here", False),
    (lambda path="here": path, "x:there", "there", False),
    (lambda path=None, device=None: (path, device), "x", (None, None), False),
    (lambda path=None, device=None: (path, device), "x?device=cpu", (None, "cpu"), False),
    (lambda path: path, "x", "", True),
    (lambda path: path, "x:w.pt", "w.pt", False),
    (lambda path: path, "x?path=w.pt", "w.pt", False),
    (lambda: "nothing", "x", "nothing", False),
    (lambda *paths, **options: (paths, options), "x", ((), {}), False),
    (lambda *paths, **options: (paths, options), "x:w.pt?hop=2", (("w.pt",), {"hop": 2}), False),
    (lambda **options: options, "x:w.pt?a=1", {"model_file_path": "w.pt", "a": 1}, False),
    (lambda *, model_file_path="": model_file_path, "x:w.pt", "w.pt", False),
    (lambda path, n_mels, width=2: (path, n_mels, width), "x?n_mels=64", ("", 64, 2), True),
    (lambda path="", **options: options, "x?batch=1&a=b", {"a": "b"}, False),
    (dict, "x?a=1", {"a": 1}, False),  # compiled: without a signature
])  # fmt: skip
def test_what_it_takes(load_model: Callable[..., Any], ref: str, given: object, counted: bool) -> None:
    counts = Coercions()
    assert loaded_model(load_model, EncoderRef.parse(ref), counts) == given
    assert counts == ({EMPTY: 1} if counted else {})


@pytest.mark.parametrize(("load_model", "ref", "complaint"), [
    (lambda path="", hop_ms=40: 0, "x?hopms=20",
     "no option 'hopms'. Did you mean 'hop_ms'[?] It has the parameters path='', hop_ms=40"),
    (lambda: 0, "x?a=1", "no option 'a'. It has no parameters"),
    (lambda: 0, "x:w.pt", "takes no path to weights; leave ':w.pt' out"),
    (lambda path, n_mels: 0, "x", r"requires n_mels; give it as x\?n_mels=VALUE"),
    (lambda path, *, a, b: 0, "x:w.pt", r"requires a, b; give it as x\?a=VALUE&b=VALUE"),
    (lambda path="": 0, "x:w.pt?path=v.pt", r"the path twice, after the colon and as \?path="),
])  # fmt: skip
def test_what_it_does_not_take(load_model: Callable[..., Any], ref: str, complaint: str) -> None:
    with pytest.raises(EncoderError, match=complaint):
        loaded_model(load_model, EncoderRef.parse(ref), Coercions())


def test_a_path_that_it_cannot_do_without() -> None:
    def load_model(weights: str) -> None:
        raise FileNotFoundError(f"no file '{weights}'")

    with pytest.raises(EncoderError, match=r"no file ''.* requires a path to its weights \(weights\).* x:WEIGHTS"):
        loaded_model(load_model, EncoderRef.parse("x"), Coercions())
    with pytest.raises(FileNotFoundError):
        loaded_model(load_model, EncoderRef.parse("x:w.pt"), Coercions())

    def hungry(weights: str) -> None:
        raise MemoryError

    with pytest.raises(OutOfMemory), foreign("load_model of x failed"):
        loaded_model(hungry, EncoderRef.parse("x"), Coercions())


def test_batch() -> None:
    assert [batch_of(EncoderRef.parse(ref)) for ref in ("x", "x?batch=1", "x?a=2&batch=8")] == [None, 1, 8]
    for value in ("0", "-1", "true", "1.5", "one"):
        with pytest.raises(EncoderError, match="expected how many clips"):
            batch_of(EncoderRef.parse(f"x?batch={value}"))
