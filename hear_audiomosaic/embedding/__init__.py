"""Embeddings on disk: a store that is addressed by content and resumes at any clip, and the extractor that fills it."""

from hear_audiomosaic.embedding.audio_digests import TaskAudio, task_audio
from hear_audiomosaic.embedding.extractor import TaskEmbeddings, embed_task, task_stores
from hear_audiomosaic.embedding.rows import DamagedRowsError, SplitEmbeddings
from hear_audiomosaic.embedding.store import SplitStore, StoreUsage

__all__ = [
    "DamagedRowsError",
    "SplitEmbeddings",
    "SplitStore",
    "StoreUsage",
    "TaskAudio",
    "TaskEmbeddings",
    "embed_task",
    "task_audio",
    "task_stores",
]
