"""What a preparation found odd in its input and went on with: told at its end, remembered in ``preparation.json``.

What makes a task impossible is refused where it is found. What a user may want, but would want to know of, is a
finding: a kind, the things that are of it by name, and a few words on each.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from hear_audiomosaic.files import read_json
from hear_audiomosaic.tasks.layout import PREPARATION

if TYPE_CHECKING:
    from hear_audiomosaic.audio import Decoded

__all__ = [
    "CANCELLED",
    "CUT_EVENTS",
    "CUT_SHORT",
    "LEFT_OUT_EVENTS",
    "LOST",
    "NO_LENGTH",
    "OTHER_LABELS",
    "OUT_OF_RANGE",
    "RESPELLED",
    "SEVERAL_SPLITS",
    "SILENT",
    "SIMILAR",
    "Findings",
    "findings_of",
    "merged",
    "oddities",
    "summaries",
    "tell",
]

Findings: TypeAlias = dict[str, dict[str, str]]
"""Kind -> name of a recording, clip or label -> more about it, or an empty text."""

OUT_OF_RANGE = "clipped"
CANCELLED = "cancelled channels"
SILENT = "silent"
LOST = "lost in resampling"
CUT_SHORT = "cut short"
NO_LENGTH = "no length"
LEFT_OUT_EVENTS = "left out events"
CUT_EVENTS = "cut events"
SEVERAL_SPLITS = "same recording in several splits"
OTHER_LABELS = "same recording with other labels"
RESPELLED = "respelled"
SIMILAR = "similar spellings"

_SENTENCES: Mapping[str, str] = {
    OUT_OF_RANGE: "{n} recordings go beyond the range [-1, 1] and are clipped there, since clips are 16-bit PCM; scale "
    "them down beforehand if that matters",
    CANCELLED: "{n} recordings have channels that cancel each other: less than a tenth of their level is left in the "
    "mono mix; give the channel that counts as a file of its own",
    SILENT: "{n} recordings are silent (every sample is the same); remove their rows if they are not meant to be",
    LOST: "{n} recordings have nearly all of their sound above half of a rate that is written: less than a tenth of "
    "their level is left; take a higher --rate",
    CUT_SHORT: "{n} recordings may lack a little at their end",
    NO_LENGTH: "{n} MP3 recordings do not say how long they are (they have no Xing frame), so that nothing tells "
    "whether they are whole",
    LEFT_OUT_EVENTS: "{n} recordings have events that begin after their end; these are left out, and with them labels "
    "that have no other event",
    CUT_EVENTS: "{n} recordings have events that reach beyond their end (by 1 s at most); these are cut there",
    SEVERAL_SPLITS: "{n} recordings stand in more than one split, equal sample by sample: what is tested may have been "
    "trained on",
    OTHER_LABELS: "{n} recordings stand in the table again with other labels, equal sample by sample",
    RESPELLED: "{n} values were also written with other characters that look the same (decomposed letters, invisible "
    "characters, blanks of other kinds) and are brought to one spelling, in NFC",
    SIMILAR: "{n} values look nearly the same as others (by case, blanks, hyphens, alphabet) and stay apart",
}
_FIRST = 5

_log = logging.getLogger(__name__)


def oddities(decoded: Decoded) -> dict[str, str]:
    """Kind -> words, of everything that is odd about a recording that can be used."""
    odd: dict[str, str] = {}
    share = decoded.clipped_share
    if share:
        odd[OUT_OF_RANGE] = f"peak {decoded.peak:.4g}, {100 * share:.2g} % of its samples"
    if decoded.is_silent:
        odd[SILENT] = ""
    if decoded.is_cancelled:
        odd[CANCELLED] = ""
    if decoded.lack:
        odd[CUT_SHORT] = decoded.lack
    if not decoded.tells_length:
        odd[NO_LENGTH] = ""
    return odd


def merged(several: Iterable[Findings]) -> Findings:
    """All findings as one, kind by kind."""
    together: Findings = {}
    for findings in several:
        for kind, things in findings.items():
            together.setdefault(kind, {}).update(things)
    return together


def summaries(findings: Findings) -> list[str]:
    """One sentence for each kind: how many, and the first of them by name."""
    lines = []
    for kind, things in findings.items():
        named = (f"'{name}'" + (f" ({more})" if more else "") for name, more in things.items())
        first = ", ".join(itertools.islice(named, _FIRST))
        sentence = _SENTENCES.get(kind, f"{kind}: {{n}}").format(n=len(things))
        lines.append(f"{sentence}: {first}{', ...' if len(things) > _FIRST else ''}")
    return lines


def tell(findings: Findings, title: str) -> None:
    """Log each summary as a warning."""
    for line in summaries(findings):
        _log.warning("%s: %s", title, line)


def findings_of(task_dir: Path) -> Findings:
    """What ``preparation.json`` remembers; empty where it does not, as in folders of HEAR or older ones."""
    try:
        found = read_json(task_dir / PREPARATION)["findings"]
        return {str(kind): {str(name): str(more) for name, more in of.items()} for kind, of in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
