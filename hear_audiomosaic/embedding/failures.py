"""Clips that could not be embedded: remembered while the others are, and told at the end."""

from __future__ import annotations

from pathlib import Path

from hear_audiomosaic.errors import AudioError, EncoderError, HearAudioMosaicError

__all__ = ["Failures"]

_IN_A_ROW = 16
_NAMED = 3


class Failures:
    """What failed of the clips of a task.

    Args:
        encoder: its reference.
    """

    def __init__(self, encoder: str) -> None:
        self._encoder = encoder
        self._failed: list[tuple[Path, HearAudioMosaicError]] = []
        self._n_embedded = 0
        self._in_a_row = 0

    def add(self, path: Path, error: HearAudioMosaicError) -> None:
        """A clip could not be read, or the encoder failed on it alone.

        Raises:
            EncoderError: the encoder failed on 16 clips one after another; the rest is not worth trying.
        """
        self._failed.append((path, error))
        if not isinstance(error, AudioError):
            self._in_a_row += 1
        if self._in_a_row == _IN_A_ROW:
            self.raise_any()

    def embedded(self) -> None:
        """A clip is in the store."""
        self._n_embedded += 1
        self._in_a_row = 0

    def raise_any(self) -> None:
        """Tell what failed, if anything did.

        Raises:
            AudioError: clips cannot be read; the encoder did not fail on any.
            EncoderError: the encoder failed; clips and cause are named.
        """
        if not self._failed:
            return
        if all(isinstance(error, AudioError) for _, error in self._failed):
            _, first = self._failed[0]
            raise AudioError(f"{str(first).rstrip('.')}. {self._counts()}") from first
        failed = [(path, error) for path, error in self._failed if not isinstance(error, AudioError)]
        _, first = failed[0]
        paths = ", ".join(str(path) for path, _ in failed[:_NAMED])
        more = f" and {len(failed) - _NAMED} more clips" if len(failed) > _NAMED else ""
        error = f"{self._encoder} failed on {paths}{more}: {str(first).rstrip('.')}. {self._counts()}"
        raise EncoderError(error) from first

    def _counts(self) -> str:
        kept = f"{self._n_embedded} could be embedded and are kept"
        if self._in_a_row == _IN_A_ROW:
            return f"These are {_IN_A_ROW} clips one after another; the rest was not tried. {kept}."
        n = len(self._failed)
        return f"{n} clip{'' if n == 1 else 's'} failed; {kept}."
