"""Events against the ends of their clips, which are known once the audio is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.convert import Recording, clip_key
from hear_audiomosaic.tasks.findings import CUT_EVENTS, LEFT_OUT_EVENTS, Findings, merged
from hear_audiomosaic.tasks.folder import Clip, FolderPlan

__all__ = ["events_within"]

_MAY_REACH_BEYOND_MS = 1000.0


def events_within(plan: FolderPlan, recordings: Mapping[str, Recording]) -> FolderPlan:
    """A plan with its events cut at the ends of their clips; those that begin after them are left out, as in HEAR.

    Labels that no event is left of leave the vocabulary.

    Args:
        plan: of scenes, which stays as it is, or of events.
        recordings: clip key -> recording.

    Raises:
        TaskError: an event reaches more than 1 s beyond the end of its clip, or no event is left.
    """
    if plan.embedding_type == "scene":
        return plan
    found: Findings = {}
    clips = tuple(_within(clip, recordings[clip_key(clip)].duration_s, found) for clip in plan.clips)
    left = {event["label"] for clip in clips for event in clip.labels}
    if not left:
        raise TaskError("Every event begins after the end of its clip; mend the events table")
    vocabulary = tuple(label for label in plan.vocabulary if label in left)
    return replace(plan, clips=clips, vocabulary=vocabulary, findings=merged([plan.findings, found]))


def _within(clip: Clip, duration_s: float, found: Findings) -> Clip:
    length_ms = duration_s * 1000.0
    kept = []
    for event in clip.labels:
        if event["end"] > length_ms + _MAY_REACH_BEYOND_MS:
            raise TaskError(_too_long(clip, event, duration_s))
        end = min(event["end"], round(length_ms, 3))
        if event["start"] >= length_ms:
            _note(found, LEFT_OUT_EVENTS, clip, event)
        else:
            kept.append(event | {"end": end})
            if end != event["end"]:
                _note(found, CUT_EVENTS, clip, event)
    return replace(clip, labels=tuple(kept))


def _note(found: Findings, kind: str, clip: Clip, event: Mapping[str, Any]) -> None:
    of_kind = found.setdefault(kind, {})
    words = f"'{event['label']}' from {event['start'] / 1000:.3f} to {event['end'] / 1000:.3f} s"
    of_kind[clip.source] = "; ".join(filter(None, (of_kind.get(clip.source), words)))


def _too_long(clip: Clip, event: Mapping[str, Any], duration_s: float) -> str:
    unit = " (are its times in milliseconds? seconds are expected)" if event["end"] / 1e6 <= duration_s else ""
    return (
        f"'{clip.source}' lasts {duration_s:.3f} s, but its event '{event['label']}' from "
        f"{event['start'] / 1000:.3f} s ends at {event['end'] / 1000:.3f} s{unit}; mend the events table"
    )
