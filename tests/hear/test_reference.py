"""Encoder references: parsed, canonical, and a folder name for each."""

from __future__ import annotations

import pytest

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import EncoderRef


@pytest.mark.parametrize(("text", "name", "weights", "options"), [
    ("logmel", "logmel", None, {}),
    ("hear_audiomosaic:random:tiny", "hear_audiomosaic", "random:tiny", {}),
    ("my.module:a/b.pt?hop_ms=40&exact=true&gain=.5&tag=x", "my.module", "a/b.pt",
     {"hop_ms": 40, "exact": True, "gain": 0.5, "tag": "x"}),
    ("msm-mae:", "msm-mae", "", {}),
    ("aasp?hop_ms=20", "aasp", None, {"hop_ms": 20}),
])  # fmt: skip
def test_parts(text: str, name: str, weights: str | None, options: dict[str, object]) -> None:
    ref = EncoderRef.parse(text)
    assert (ref.name, ref.weights, dict(ref.options)) == (name, weights, options)
    assert EncoderRef.parse(ref.text) == ref


def test_one_form_whatever_the_order() -> None:
    assert EncoderRef.parse("a?x=1&b=2").text == EncoderRef.parse("a?b=2&x=1").text


def test_slugs_are_safe_and_differ() -> None:
    texts = ["a", "a:b", "a:c", "a:b/c", "a:b-c", "a?x=1", "a:b?x=1", "a:" + "long/" * 60]
    slugs = [EncoderRef.parse(text).slug for text in texts]
    assert len(set(slugs)) == len(texts)
    assert all("/" not in slug and len(slug) < 80 for slug in slugs)
    assert slugs[0] == "a"


@pytest.mark.parametrize("text", ["", ":weights", "a b", "-x", "a?x", "../a"])
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(EncoderError):
        EncoderRef.parse(text)
