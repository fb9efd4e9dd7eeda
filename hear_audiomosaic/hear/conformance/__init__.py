"""Does an encoder keep HEAR's contract? Checked on made-up audio, in seconds to two minutes, without a
network.

More than shapes: the same input gives the same embedding, whatever was asked before and whatever stands beside it in a
batch; different sounds have different embeddings; short clips, silence and full scale work; timestamps are
milliseconds, regular, dense, where the sound is, and do not drift; the sample rate is what it says. The first three
lengths and the 50 ms are those of HEAR's own validator. A fault stands on one line: what it makes meaningless is
skipped.
"""

from __future__ import annotations

from hear_audiomosaic.errors import HearAudioMosaicError
from hear_audiomosaic.hear.conformance import form, sameness, stored, times
from hear_audiomosaic.hear.conformance.findings import Breach, Check, Finding, NotAsked, Remark, Subject
from hear_audiomosaic.hear.encoder import Encoder
from hear_audiomosaic.hear.objects import EncoderLike, as_encoder
from hear_audiomosaic.hear.reference import EncoderRef

__all__ = ["Finding", "check_encoder"]

_ORDER = "calls in any order"
_SHAPES = "shapes, dtype, finite values"
_AGAIN = "same input, same embedding"
_RATE = "behaves like its sample rate"
_UNIT = "timestamps in milliseconds"
_DIFFERENT = "different sounds, different embeddings"
_TWINS = "few sounds share an embedding"
_LONG = "a long clip"

_CHECKS = (
    Check(_ORDER, sameness.any_order),
    Check(_SHAPES, form.shapes, needs=(_ORDER,)),
    Check(_AGAIN, sameness.deterministic, needs=(_SHAPES,)),
    Check("alone as in a batch", sameness.alone_or_in_company, needs=(_SHAPES, _AGAIN)),
    Check(_DIFFERENT, sameness.different, needs=(_SHAPES,)),
    Check(_TWINS, sameness.few_twins, needs=(_SHAPES, _DIFFERENT)),
    Check(_RATE, times.own_rate, needs=(_SHAPES, _AGAIN)),
    Check(_UNIT, form.in_milliseconds, needs=(_SHAPES, _RATE)),
    Check("short clips", form.short_clips, needs=(_SHAPES, _UNIT)),
    Check(_LONG, form.long_clip, needs=(_SHAPES, _UNIT)),
    Check("silence and full scale", form.extremes, needs=(_SHAPES, _UNIT)),
    Check("regular, dense timestamps", times.regular, needs=(_SHAPES, _UNIT)),
    Check("timestamps where the sound is", times.located, needs=(_SHAPES, _UNIT, _DIFFERENT, _TWINS)),
    Check("timestamps over twenty minutes", times.keeps_time, needs=(_LONG, _UNIT, _AGAIN, _DIFFERENT, _TWINS)),
    Check("what stored embeddings depend on", stored.accounted_for),
)
_OF_REFERENCES = Check("loaded again, the same", stored.same_when_loaded_again)
_LAST = Check("brought into form", form.brought_into_form)


def check_encoder(encoder: EncoderLike, device: str = "cpu") -> list[Finding]:
    """Run all checks.

    Args:
        encoder: a reference or an object.
        device: "cpu" or "cuda".

    Returns:
        One finding per check, in order; only the first when the encoder cannot be loaded.
    """
    try:
        loaded = as_encoder(encoder, device=device)
        _ = loaded.fingerprint  # of weights that can be read
        facts = f"{loaded.sample_rate} Hz, {loaded.n_parameters:,} parameters"
    except HearAudioMosaicError as error:
        return [Finding("loads", "FAIL", str(error))]
    subject = Subject(loaded, encoder)
    is_reference = isinstance(encoder, str | EncoderRef)
    findings: list[Finding] = []
    void: set[str] = set()  # checks that failed, and those that mean nothing without them
    for check in (*_CHECKS, *((_OF_REFERENCES,) if is_reference else ()), _LAST):
        lacking = next((name for name in check.needs if name in void), None)
        found = _ask(check, subject) if lacking is None else Finding(check.name, "skip", f"not asked, see '{lacking}'")
        findings.append(found)
        if found.verdict == "FAIL" or lacking is not None:
            void.add(check.name)
    return [Finding("loads", "ok", f"{facts}, {_sizes(loaded)}"), *findings]


def _ask(check: Check, subject: Subject) -> Finding:
    try:
        return Finding(check.name, "ok", check.ask(subject))
    except Breach as breach:
        return Finding(check.name, "FAIL", str(breach))
    except Remark as remark:
        return Finding(check.name, "warn", str(remark))
    except NotAsked as reason:
        return Finding(check.name, "skip", f"not asked: {reason}")
    except HearAudioMosaicError as error:
        return Finding(check.name, "FAIL", str(error))


def _sizes(encoder: Encoder) -> str:
    """Asked for when all checks are done: a size that is not stated is found by a call, and calls have an order."""
    try:
        return f"scene {encoder.scene_embedding_size}, timestamp {encoder.timestamp_embedding_size}"
    except HearAudioMosaicError:  # told by a check
        return "sizes that are not known"
