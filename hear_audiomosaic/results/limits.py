"""What bounds a result whatever its probe learns."""

from __future__ import annotations

from pydantic import Field

from hear_audiomosaic.metrics.limits import event_limits_in_words, label_limits_in_words
from hear_audiomosaic.results.record import Record

__all__ = ["TaskLimits"]

_MANY = 0.5
"""Share of clips with the embedding of another one that is told; silence and very short clips have it by right."""


class TaskLimits(Record):
    """Facts of a task's labels and of an encoder's frames, found when the result was made."""

    untrained_labels: tuple[str, ...] = ()
    """Labels that no training clip (or event) has, in some fold."""
    untested_labels: tuple[str, ...] = ()
    """Labels that no test clip (or event) has, in some fold; each counts 0 in mAP."""
    trained_test_clips: int = 0
    """Test clips that are equal, sample by sample, to a clip of train or valid of their fold."""
    n_events: dict[str, int] = Field(default_factory=dict)
    """Split -> true events; empty for scenes."""
    events_without_frame: dict[str, int] = Field(default_factory=dict)
    """Split -> true events that cover no frame of the encoder; splits without such are left out."""
    perfect_frames: float | None = None
    """Primary score of frames that are all predicted right
    (:func:`hear_audiomosaic.probing.event_targets.perfect_frames_score`); null for scenes."""

    same_embedding: float = 0.0
    """Share of the clips (one of each sound) that have the very embedding of another one, 0 to 1."""

    def in_words(self, score_name: str, *, of_events: bool) -> list[str]:
        """Sentences without a full stop, none where nothing bounds the score.

        Args:
            score_name: the primary score.
            of_events: whether labels are of events, not of clips.
        """
        words = label_limits_in_words(
            score_name, self.untrained_labels, self.untested_labels, "event" if of_events else "clip"
        )
        if self.trained_test_clips:
            words.append(f"{self.trained_test_clips} test clips stand in train or valid, too, equal sample by sample")
        if self.same_embedding > _MANY:
            words.append(
                f"{self.same_embedding:.0%} of the clips have the very embedding of a clip that sounds different: the "
                "encoder may be given another rate than it takes, or ignore what it is given"
            )
        return words + event_limits_in_words(score_name, self.events_without_frame, self.n_events, self.perfect_frames)
