"""AudioMosaic as a HEAR module, and a harness that compares audio representations.

    >>> import torch, hear_audiomosaic
    >>> model = hear_audiomosaic.load_model("random:micro")
    >>> audio = torch.zeros(2, 16000)  # (clips, samples) at model.sample_rate
    >>> hear_audiomosaic.get_scene_embeddings(audio, model).shape
    torch.Size([2, 192])

The three functions are those of the HEAR 2021 common API. Beside them stands what the command line does
(:mod:`hear_audiomosaic.api`): ``evaluate``, ``load_results``, ``list_encoders``, ``prepare_task``, ... Nothing heavy is
imported before one of them is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from hear_audiomosaic.api import (
        check_encoder as check_encoder,
    )
    from hear_audiomosaic.api import (
        demo as demo,
    )
    from hear_audiomosaic.api import (
        embed as embed,
    )
    from hear_audiomosaic.api import (
        evaluate as evaluate,
    )
    from hear_audiomosaic.api import (
        fetch_tasks as fetch_tasks,
    )
    from hear_audiomosaic.api import (
        get_task as get_task,
    )
    from hear_audiomosaic.api import (
        import_results as import_results,
    )
    from hear_audiomosaic.api import (
        list_encoders as list_encoders,
    )
    from hear_audiomosaic.api import (
        list_protocols as list_protocols,
    )
    from hear_audiomosaic.api import (
        list_tasks as list_tasks,
    )
    from hear_audiomosaic.api import (
        load_encoder as load_encoder,
    )
    from hear_audiomosaic.api import (
        load_results as load_results,
    )
    from hear_audiomosaic.api import (
        prepare_task as prepare_task,
    )
    from hear_audiomosaic.api import (
        pretrain as pretrain,
    )
    from hear_audiomosaic.api import (
        probe as probe,
    )
    from hear_audiomosaic.api import (
        published_report as published_report,
    )
    from hear_audiomosaic.api import (
        show_encoder as show_encoder,
    )
    from hear_audiomosaic.api import (
        show_task as show_task,
    )
    from hear_audiomosaic.api import (
        verify_tasks as verify_tasks,
    )
    from hear_audiomosaic.audiomosaic.model import AudioMosaicModel

__version__ = "0.1.0"

_API = (
    "check_encoder",
    "demo",
    "embed",
    "evaluate",
    "fetch_tasks",
    "get_task",
    "import_results",
    "list_encoders",
    "list_protocols",
    "list_tasks",
    "load_encoder",
    "load_results",
    "prepare_task",
    "pretrain",
    "probe",
    "published_report",
    "show_encoder",
    "show_task",
    "verify_tasks",
)
"""What :mod:`hear_audiomosaic.api` has, which is imported when one of these is asked for."""

__all__ = ["__version__", "get_scene_embeddings", "get_timestamp_embeddings", "load_model", *_API]


def __getattr__(name: str) -> Any:
    if name in _API:
        return getattr(importlib.import_module("hear_audiomosaic.api"), name)
    if name == "encoder_card":  # what AudioMosaic is and whom to cite, for whoever loads it as a HEAR module
        return importlib.import_module("hear_audiomosaic.audiomosaic").encoder_card
    raise AttributeError(f"module 'hear_audiomosaic' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


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
