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


class HearAudioMosaicError(Exception):
    """Root of every error that this package raises on purpose."""


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
