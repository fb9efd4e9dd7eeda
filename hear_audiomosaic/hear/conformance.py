"""Does an encoder keep HEAR's contract? Checked on made-up audio, in seconds, without a network.

More than shapes: the same input gives the same embedding, a clip's embedding does not depend on its batch mates, short
clips, silence and full scale work, and timestamps are regular, dense and where the sound is. The first three
lengths and the 50 ms are those of HEAR's own validator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hear_audiomosaic.errors import HearAudioMosaicError
from hear_audiomosaic.hear.dependencies.imports import LIBRARY
from hear_audiomosaic.hear.encoder import Encoder
from hear_audiomosaic.hear.objects import EncoderLike, as_encoder
from hear_audiomosaic.hear.reference import EncoderRef

__all__ = ["Finding", "check_encoder"]

_LENGTHS_S = (1.07, 1.98, 4.0)
_SAME = 1e-3  # largest difference, relative to the embedding's largest value, that counts as the same embedding
_SAME_SOUND = 1e-6  # as _SAME, for sounds that should have different embeddings
_DENSE_MS = 50.0


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes:
        check: what was asked.
        verdict: "ok", "warn" (allowed, but known to cost scores) or "FAIL" (breaks the contract).
        found: what was found.
    """

    check: str
    verdict: Literal["ok", "warn", "FAIL"]
    found: str


class _Breach(Exception):  # noqa: N818 - not an error of this package, an answer of a check
    """What a check found to be wrong."""


class _Remark(Exception):  # noqa: N818
    """What a check found to be allowed but costly."""


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
        facts = f"{loaded.sample_rate} Hz, {loaded.n_parameters:,} parameters, scene {loaded.scene_embedding_size}, "
    except HearAudioMosaicError as error:
        return [Finding("loads", "FAIL", str(error))]
    findings = [Finding("loads", "ok", f"{facts}timestamp {loaded.timestamp_embedding_size}")]
    checks = dict(_CHECKS)
    if isinstance(encoder, str | EncoderRef):
        checks["loaded again, the same"] = _same_when_loaded_again
    return findings + [_answer(name, check, loaded) for name, check in checks.items()]


def _answer(name: str, check: Callable[[Encoder], str], encoder: Encoder) -> Finding:
    try:
        return Finding(name, "ok", check(encoder))
    except _Remark as remark:
        return Finding(name, "warn", str(remark))
    except _Breach as breach:
        return Finding(name, "FAIL", str(breach))
    except HearAudioMosaicError as error:
        return Finding(name, "FAIL", str(error))


def _noise(encoder: Encoder, seconds: float, n_clips: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n_clips, int(seconds * encoder.sample_rate), generator=generator) * 0.2 - 0.1


def _shapes(encoder: Encoder) -> str:
    for seconds in _LENGTHS_S:
        encoder.scene(_noise(encoder, seconds, 2))
        encoder.timestamps(_noise(encoder, seconds, 2))
    return f"clips of {', '.join(map(str, _LENGTHS_S))} s"


def _deterministic(encoder: Encoder) -> str:
    audio = _noise(encoder, 1.0, 2)
    return _same(
        [encoder.scene(audio), encoder.timestamps(audio)[0]], [encoder.scene(audio), encoder.timestamps(audio)[0]]
    )


def _alone_or_in_company(encoder: Encoder) -> str:
    audio = torch.cat([_noise(encoder, 1.5, 1), 3.0 * _noise(encoder, 1.5, 3, seed=1)])
    together = [encoder.scene(audio)[:1], encoder.timestamps(audio)[0][:1]]
    return _same([encoder.scene(audio[:1]), encoder.timestamps(audio[:1])[0]], together)


def _different(encoder: Encoder) -> str:
    """Noise and two tones are three sounds, and must not be one embedding."""
    seconds = torch.arange(encoder.sample_rate) / encoder.sample_rate
    tones = [0.3 * torch.sin(2 * torch.pi * hz * seconds) for hz in (300.0, 2500.0)]
    audio = torch.stack([_noise(encoder, 1.0, 1)[0], *tones])  # (3, S)
    embeddings = {"scene": encoder.scene(audio), "timestamp": encoder.timestamps(audio)[0]}
    for kind, values in embeddings.items():
        largest = max(float(np.abs(values).max()), 1e-12)
        least = min(float(np.abs(values[i] - values[j]).max()) / largest for i, j in ((0, 1), (0, 2), (1, 2)))
        if least <= _SAME_SOUND:
            raise _Breach(f"different sounds have the same {kind} embedding (noise and tones of 300 and 2500 Hz)")
    return "noise and two tones"


def _short(encoder: Encoder) -> str:
    for seconds in (0.025, 0.1, 0.5):
        encoder.scene(_noise(encoder, seconds, 1))
        encoder.timestamps(_noise(encoder, seconds, 1))
    return "25, 100 and 500 ms"


def _long(encoder: Encoder) -> str:
    encoder.scene(_noise(encoder, 30.0, 1))
    encoder.timestamps(_noise(encoder, 30.0, 1))
    return "30 s"


def _extremes(encoder: Encoder) -> str:
    silence = torch.zeros(1, encoder.sample_rate)
    for audio in (silence, silence + 0.5, _noise(encoder, 1.0, 1).sign()):
        encoder.scene(audio)
        encoder.timestamps(audio)
    return "silence, a constant, full scale"


def _regular(encoder: Encoder) -> str:
    duration_ms = 4000.0
    times = encoder.timestamps(_noise(encoder, 4.0, 1))[1][0]
    if len(times) < 2:
        raise _Remark(f"one embedding for {duration_ms:.0f} ms")
    hops = np.diff(times)
    if np.abs(hops - hops.mean()).max() > 1.0:
        raise _Breach(f"hops from {hops.min():.2f} to {hops.max():.2f} ms; expected equal hops, to 1 ms")
    hop = float(hops.mean())
    if hop > _DENSE_MS:
        raise _Remark(f"one every {hop:.1f} ms; HEAR advises {_DENSE_MS:.0f} or less (event scores allow 50 or 200 ms)")
    if times[0] > hop or times[-1] < duration_ms - max(hop, _DENSE_MS):
        raise _Remark(
            f"from {times[0]:.1f} to {times[-1]:.1f} of {duration_ms:.0f} ms; an end of the clip is not covered"
        )
    return f"one every {hop:.1f} ms, from {times[0]:.1f} to {times[-1]:.1f} of {duration_ms:.0f}"


def _located(encoder: Encoder) -> str:
    """A burst in quiet noise must change the embedding most where its timestamp says it is."""
    quiet = 0.01 * _noise(encoder, 4.0, 1)
    worst = 0.0
    for at_ms in (1000.0, 2500.0):
        start, length = (int(t * encoder.sample_rate / 1000) for t in (at_ms - 10.0, 20.0))
        loud = quiet.clone()
        loud[:, start : start + length] += 5.0 * _noise(encoder, 0.020, 1, seed=2)[:, :length]
        (before, times), (after, _) = encoder.timestamps(quiet), encoder.timestamps(loud)
        change = np.linalg.norm(after[0] - before[0], axis=1)
        if not change.any():
            raise _Breach(f"a burst at {at_ms:.0f} ms changes no embedding")
        hop = float(np.diff(times[0]).mean()) if times.shape[1] > 1 else 4000.0
        centre = float((times[0] * change**2).sum() / (change**2).sum())
        worst = max(worst, abs(centre - at_ms))
        if abs(centre - at_ms) > max(2.0 * hop, 100.0):
            raise _Remark(f"a burst at {at_ms:.0f} ms shows around {centre:.0f} ms")
    return f"bursts show within {worst:.0f} ms of where they are"


def _accounted_for(encoder: Encoder) -> str:
    """Stored embeddings are reused while the fingerprint stays: are there weights that it may not see?"""
    names = encoder.inventory.names
    files = [*names.get("weights", ()), *names.get("data_files", ()), *names.get("files_read", ())]
    seen = f"{len(names.get('state', ()))} values of model and module, {len(files)} files"
    is_ours = all(name.startswith(f"{LIBRARY}/") for name in names["code"] if name != "module")
    if encoder.n_parameters == 0 and not is_ours:
        raise _Remark(
            f"0 parameters: weights that are not in parameters or buffers are digested only as {seen}"
            f"{': ' if files else ''}{', '.join(files[:5])}{', ...' if len(files) > 5 else ''}; "
            "a file that is opened by compiled code or while embedding is not seen: pass it as WEIGHTS or as an option"
        )
    return seen


def _same_when_loaded_again(encoder: Encoder) -> str:
    with torch.random.fork_rng(devices=[]):  # as in another process, whose random numbers are others
        torch.seed()
        again = as_encoder(encoder.ref, device=encoder.device.type)
    differences = encoder.inventory.differences(again.inventory)
    if differences:
        shown = ", ".join(differences[:5]) + (", ..." if len(differences) > 5 else "")
        raise _Remark(f"embeddings can never be reused, since each loading has others: {shown}; set a seed")
    return "same fingerprint"


def _same(first: list[npt.NDArray[np.float32]], second: list[npt.NDArray[np.float32]]) -> str:
    worst = 0.0
    for a, b in zip(first, second, strict=True):
        worst = max(worst, float(np.abs(a - b).max() / max(float(np.abs(a).max()), 1e-12)))
    if worst > _SAME:
        raise _Breach(f"embeddings differ by {worst:.1e} of their largest value")
    return f"largest relative difference {worst:.1e}"


_CHECKS: dict[str, Callable[[Encoder], str]] = {
    "shapes, dtype, finite values": _shapes,
    "same input, same embedding": _deterministic,
    "alone as in a batch": _alone_or_in_company,
    "different sounds, different embeddings": _different,
    "short clips": _short,
    "a long clip": _long,
    "silence and full scale": _extremes,
    "regular, dense timestamps": _regular,
    "timestamps where the sound is": _located,
    "what stored embeddings depend on": _accounted_for,
}
