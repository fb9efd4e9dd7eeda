"""Encoder references: parsed, canonical, and a folder name for each."""

from __future__ import annotations

import random

import pytest

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import EncoderRef


@pytest.mark.parametrize(("text", "name", "weights", "options"), [
    ("logmel", "logmel", None, {}),
    ("hear_audiomosaic:random:tiny", "hear_audiomosaic", "random:tiny", {}),
    ("my.module:a/b.pt?hop_ms=40&exact=true&gain=0.5&tag=x", "my.module", "a/b.pt",
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
    texts = ["a", "a:b", "a:c", "a:b/c", "a:b-c", "a?x=1", "a:b?x=1", "a:" + "long/" * 60, "m" * 300]
    slugs = [EncoderRef.parse(text).slug for text in texts]
    assert len(set(slugs)) == len(texts)
    assert all("/" not in slug and len(slug) < 80 for slug in slugs)
    assert slugs[0] == "a"


@pytest.mark.parametrize("text", ["", ":weights", "a b", "-x", "a?x", "a/b", "/", "../"])
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(EncoderError):
        EncoderRef.parse(text)


@pytest.mark.parametrize(("typed", "given"), [
    # what reads as a number but is not written as Python writes that number (git revisions, versions, identifiers)
    ("296e115", "296e115"), ("1.10", "1.10"), ("0005747", "0005747"), ("1_0", "1_0"), ("+1", "+1"), ("-0", "-0"),
    (".5", ".5"), ("1.", "1."), ("1e-3", "1e-3"), (" 1", " 1"), ("1 ", "1 "), ("\u0663", "\u0663"),
    ("1" * 5000, "1" * 5000),
    ("nan", "nan"), ("inf", "inf"), ("-inf", "-inf"), ("Infinity", "Infinity"), ("NaN", "NaN"), ("1e999", "1e999"),
    ("TRUE", "TRUE"), ("yes", "yes"), ("none", "none"), ("0x10", "0x10"), ("3324244a", "3324244a"),
    # what a query string of the web would change
    ("a+b", "a+b"), ("/data/a+b.pt", "/data/a+b.pt"), ("", ""), ("a=b", "a=b"), ("a;b", "a;b"), ("a b", "a b"),
    ("a%26b", "a&b"), ("100%25", "100%"), ("100%", "100%"), ("%zz", "%zz"), ("a?b", "a?b"), ("a:b", "a:b"),
    # numbers and truth values
    ("0", 0), ("40", 40), ("-1", -1), ("3324244", 3324244), ("0.5", 0.5), ("-0.0", -0.0), ("1e-05", 1e-5),
    ("1e+16", 1e16), ("true", True), ("False", False),
    # text in quotes
    ('"1"', "1"), ('"true"', "true"), ('""', ""), ('"', '"'), ('"a', '"a'), ('""1""', '"1"'), ("%221%22", "1"),
    ("'1'", "'1'"),
])  # fmt: skip
def test_a_value_is_what_was_typed(typed: str, given: object) -> None:
    ref = EncoderRef.parse(f"a?x={typed}")
    (option,) = ref.options
    assert repr(option) == repr(("x", given))  # of one type, too
    again = EncoderRef.parse(ref.text)
    assert (repr(again), again.text) == (repr(ref), ref.text)


def test_any_reference_is_read_from_its_own_text() -> None:
    """Random references of hostile pieces, given as they are and typed."""
    draw = random.Random(15)  # noqa: S311 - draws of a test
    pieces = [*'"%&=+?:/.-_ \\\t\n\0', "%2", "%25", "%26", "%3D", "0", "1", "12", "1.5", ".", "e", "e-05", "nan", "inf",
              "a", "true", "False", "\u00e9", "\u0663", "\U0001f426", "'"]  # fmt: skip

    def some(least: int = 0) -> str:
        return "".join(draw.choices(pieces, k=draw.randint(least, 5)))

    values = [lambda: some(), lambda: draw.randint(-(10**20), 10**20), lambda: draw.random() < 0.5]
    values += [lambda: draw.uniform(-1, 1) * 10.0 ** draw.randint(-300, 300), lambda: float(draw.randint(-9, 9))]
    n_typed = 0
    for _ in range(20_000):
        options = {some(1): draw.choice(values)() for _ in range(draw.randint(0, 3))}
        weights = draw.choice([None, some().replace("?", "")])
        ref = EncoderRef("a.b", weights, tuple(sorted(options.items())))
        assert repr(EncoderRef.parse(ref.text)) == repr(ref), ref.text
        try:
            typed = EncoderRef.parse(f"a:{some()}?{some(1)}={some()}&{some(1)}={some()}")
        except EncoderError:
            continue
        n_typed += 1
        assert repr(EncoderRef.parse(typed.text)) == repr(typed), typed.text
        assert EncoderRef.parse(typed.text).text == typed.text
    assert n_typed > 5_000


@pytest.mark.parametrize(("text", "message"), [
    ("a?x=1&x=2", "the option 'x' twice"), ("a?x=1&x=b", "the option 'x' twice"), ("a?=1", "option=value"),
    ("a?x=1&", "option=value"), ("a?&", "option=value"), ("a?x=%ff", "%25"), ("a:\udcff.pt", "UTF-8"),
])  # fmt: skip
def test_options_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        EncoderRef.parse(text)
