"""The axis of ranks that the figures of ranks share."""

from __future__ import annotations

from hear_audiomosaic.reporting.figures.svg import NARROW, Drawing, axis_ticks

__all__ = ["LABEL_LETTERS", "LEFT", "RIGHT", "ROW", "RankAxis"]

LEFT, RIGHT = 10.0, NARROW - 14.0
"""Edges of the figures, in pixels."""
ROW = 36.0
"""Height of the row of an encoder, in pixels."""
LABEL_LETTERS = 42
"""Letters of a label that fit into a row."""


class RankAxis:
    """A horizontal axis of ranks.

    Args:
        n: number of encoders; the axis is from 1 to n.
        left: left edge in pixels.
        right: right edge in pixels.
    """

    def __init__(self, n: int, left: float, right: float) -> None:
        self.n, self.left, self.right = n, left + 6.0, right - 6.0

    def at(self, rank: float) -> float:
        """The x of a rank."""
        return self.left + (self.right - self.left) * (rank - 1.0) / max(self.n - 1.0, 1.0)

    def draw(self, drawing: Drawing, top: float, bottom: float, title: str) -> None:
        """Draw the axis below the rows, with grid lines through them."""
        drawing.line(self.left, bottom + 4.0, self.right, bottom + 4.0)
        for tick in _ticks(self.n):
            drawing.line(self.at(tick), top, self.at(tick), bottom + 8.0, "grid")
            drawing.text(self.at(tick), bottom + 20.0, str(int(tick)), "quiet", "middle")
        drawing.text(self.right, bottom + 35.0, title, "quiet", "end")


def _ticks(n: int) -> list[float]:
    """Ranks to mark on an axis from 1 to n."""
    return sorted({1.0, *(tick for tick in axis_ticks(1.0, float(n), 8) if float(tick).is_integer())})
