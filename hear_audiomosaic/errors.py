"""The errors this package raises: one root, one subclass per thing that can be wrong.

Every message says what was expected, what was found and how to fix it.
"""

__all__ = [
    "AudioError",
    "CheckpointError",
    "EmbeddingError",
    "EncoderError",
    "FileError",
    "HearAudioMosaicError",
    "MetricError",
    "PretrainingError",
    "ProtocolError",
    "RecipeError",
    "ResultError",
    "TaskError",
]


_MOST_LETTERS = 1900
_MOST_LETTERS_OF_END = 500


class HearAudioMosaicError(Exception):
    """Root of every error that this package raises on purpose.

    Its message says what was expected, what was found, and what to do. Of a very long one (names come from files) the
    middle is left out.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(_bounded(argument) if isinstance(argument, str) else argument for argument in args))


def _bounded(message: str) -> str:
    if len(message) <= _MOST_LETTERS:
        return message
    begin, end = message[: _MOST_LETTERS - _MOST_LETTERS_OF_END], message[-_MOST_LETTERS_OF_END:]
    return f"{begin} [... {len(message) - _MOST_LETTERS} letters left out ...] {end}"


class AudioError(HearAudioMosaicError):
    """A recording cannot be used: missing, corrupt, empty, or not finite."""


class CheckpointError(HearAudioMosaicError):
    """A weights file does not fit the model, or there are no weights to load."""


class EmbeddingError(HearAudioMosaicError):
    """Stored embeddings are missing, of another encoder or task, or not finite."""


class EncoderError(HearAudioMosaicError):
    """A module or its model breaks the HEAR API, or no such encoder exists."""


class FileError(HearAudioMosaicError, OSError):
    """The operating system refuses a file or a folder: a full disk, no permission, something else in its place.

    It is an :class:`OSError`, too, with its ``errno``; the message is one line
    (:func:`hear_audiomosaic.file_errors.file_errors`).
    """


class MetricError(HearAudioMosaicError):
    """Targets and predictions cannot be scored as given."""


class PretrainingError(HearAudioMosaicError):
    """Pre-training data, a run's settings or its state cannot be used."""


class ProtocolError(HearAudioMosaicError):
    """No such protocol, or a protocol that does not apply to the task."""


class RecipeError(HearAudioMosaicError):
    """No such recipe, or a setting that it does not have or cannot use."""


class ResultError(HearAudioMosaicError):
    """A result file is broken or was written by something else."""


class TaskError(HearAudioMosaicError):
    """A task card, its labels, its splits or its folder is wrong."""
