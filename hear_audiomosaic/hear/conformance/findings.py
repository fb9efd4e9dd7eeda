"""What a check is: a question to an encoder, and one of four answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch

from hear_audiomosaic.hear.conformance.bursts import SeenBursts, seen_bursts
from hear_audiomosaic.hear.encoder import Encoder
from hear_audiomosaic.hear.objects import EncoderLike, as_encoder
from hear_audiomosaic.hear.reference import EncoderRef

__all__ = ["Breach", "Check", "Finding", "NotAsked", "Remark", "Subject"]


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes:
        check: what was asked.
        verdict: "ok", "warn" (allowed, but known to cost scores), "FAIL" (breaks the contract) or "skip" (could not be
            asked, because of what another line says).
        found: what was found.
    """

    check: str
    verdict: Literal["ok", "warn", "FAIL", "skip"]
    found: str


class Breach(Exception):  # noqa: N818 - not an error of this package, an answer of a check
    """What a check found to be wrong."""


class Remark(Exception):  # noqa: N818
    """What a check found to be allowed but costly."""


class NotAsked(Exception):  # noqa: N818
    """Why a check cannot be asked."""


class Subject:
    """The encoder that is checked, and what several checks share.

    Args:
        encoder: as it embeds in a run: every answer is judged.
        source: what it was loaded from.
    """

    bursts_at_ms = (1000.0, 2500.0)
    clip_ms = 4000.0

    def __init__(self, encoder: Encoder, source: EncoderLike) -> None:
        self.encoder = encoder
        self.unjudged = encoder.unjudged()
        self._source = source
        self.seconds_of_30: float | None = None
        """That timestamps of 30 s of audio took; None before they were asked for."""

    @cached_property
    def again(self) -> Encoder | None:
        """The same reference, loaded again; None for an encoder that was handed over."""
        if not isinstance(self._source, str | EncoderRef):
            return None
        with torch.random.fork_rng(devices=[]):  # as in another process, whose random numbers are others
            torch.seed()
            return as_encoder(self._source, device=self.encoder.device.type)

    @cached_property
    def bursts(self) -> SeenBursts:
        """Where two bursts in clips of :attr:`clip_ms` show, each in a clip of its own."""
        return seen_bursts(self.unjudged, self.clip_ms, [(at_ms,) for at_ms in self.bursts_at_ms])


@dataclass(frozen=True)
class Check:
    """One question.

    Attributes:
        name: as it stands in the table.
        ask: what is found, in words; raises :class:`Breach`, :class:`Remark` or :class:`NotAsked`.
        needs: names of the checks without which this one means nothing: it is skipped where one of them failed.
    """

    name: str
    ask: Callable[[Subject], str]
    needs: tuple[str, ...] = ()
