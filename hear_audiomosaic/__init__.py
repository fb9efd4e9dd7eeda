"""AudioMosaic as a HEAR module, and a harness that compares audio representations.

    >>> import torch, hear_audiomosaic
    >>> model = hear_audiomosaic.load_model("random:micro")
    >>> audio = torch.zeros(2, 16000)  # (clips, samples) at model.sample_rate
    >>> hear_audiomosaic.get_scene_embeddings(audio, model).shape
    torch.Size([2, 192])

The three functions are those of the HEAR 2021 common API; nothing heavy is imported before one of them is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from hear_audiomosaic.audiomosaic.model import AudioMosaicModel

__version__ = "0.1.0"

__all__ = ["__version__", "get_scene_embeddings", "get_timestamp_embeddings", "load_model"]


def load_model(model_file_path: str = "", **model_options: Any) -> AudioMosaicModel:
    """Load AudioMosaic.

    Args:
        model_file_path: a checkpoint file, ``random:SIZE`` for an untrained encoder (base, small, tiny, micro), or
            empty for the default weights.
        model_options: ``hop_ms`` (160, 80, 40 or 20; 40), ``frequency`` ("mean" or "concat"), ``seed``,
            ``layer`` (1 to the depth; the last), ``pad`` ("patch" or "window").

    Returns:
        A model in eval mode with ``sample_rate``, ``scene_embedding_size`` and ``timestamp_embedding_size``.

    Raises:
        CheckpointError: no such file, one that does not fit, or no default weights here.
        EncoderError: no such size or option.
    """
    from hear_audiomosaic import audiomosaic

    return audiomosaic.load_model(model_file_path, **model_options)


def get_scene_embeddings(audio: Tensor, model: AudioMosaicModel) -> Tensor:
    """One embedding per clip: float32 (B, S) at 16 kHz in [-1, 1] -> float32 (B, D)."""
    from hear_audiomosaic import audiomosaic

    return audiomosaic.get_scene_embeddings(audio, model)


def get_timestamp_embeddings(audio: Tensor, model: AudioMosaicModel) -> tuple[Tensor, Tensor]:
    """Embeddings along the clip: float32 (B, S) -> float32 (B, T, D) and their centre times (B, T) in ms."""
    from hear_audiomosaic import audiomosaic

    return audiomosaic.get_timestamp_embeddings(audio, model)


def __getattr__(name: str) -> Any:
    """``encoder_card``: what AudioMosaic is and whom to cite, an :class:`EncoderCard`; read when it is asked for."""
    if name != "encoder_card":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hear_audiomosaic.audiomosaic import encoder_card

    return encoder_card
