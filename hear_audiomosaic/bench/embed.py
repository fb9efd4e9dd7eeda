"""Embeddings without probes: into the store, or as directories that heareval's own prediction step takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from hear_audiomosaic.bench.assemble import probe_task
from hear_audiomosaic.embedding import embed_task
from hear_audiomosaic.embedding.index import Dtype
from hear_audiomosaic.errors import AudioError, EncoderError, HearAudioMosaicError
from hear_audiomosaic.files import read_json
from hear_audiomosaic.hear.objects import EncoderLike, as_encoder
from hear_audiomosaic.heareval.write import write_heareval_directory
from hear_audiomosaic.tasks.prepared import PreparedTask

__all__ = ["LAYOUTS", "embed_tasks"]

Layout = Literal["store", "heareval"]
LAYOUTS: tuple[Layout, ...] = ("store", "heareval")


def embed_tasks(
    encoder: EncoderLike,
    tasks: Sequence[PreparedTask],
    *,
    out: Path,
    layout: Layout,
    store_dir: Path,
    device: str = "cpu",
    store_dtype: Dtype = "float32",
) -> Iterator[Path]:
    """Embed tasks with one encoder; yields the folder of each task as it is finished.

    Args:
        encoder: a reference or an object.
        tasks: prepared tasks.
        out: where to.
        layout: "store" makes ``out`` a store that ``run --store`` takes; "heareval" writes ``out/<encoder>/<task>``
            in the layout of heareval's embeddings step.
        store_dir: the store that a "heareval" export goes through, so that it resumes and is not embedded twice.
        device: "cpu" or "cuda".
        store_dtype: how embeddings are stored; heareval's files hold float32 of the same values. (Default: "float32")

    Raises:
        EncoderError: no such encoder, or one that breaks the contract.
        AudioError: a clip cannot be read. This and what an encoder fails on is raised after the last task.
    """
    loaded, failed = as_encoder(encoder, device=device), list[HearAudioMosaicError]()
    for task in tasks:
        try:
            embeddings = embed_task(loaded, task, out if layout == "store" else store_dir, dtype=store_dtype)
        except (AudioError, EncoderError) as error:  # the other tasks are embedded all the same
            failed.append(error)
            continue
        if layout == "store":
            yield next(iter(embeddings.stores.values())).folder.parent
            continue
        folder = out / loaded.ref.slug / task.directory.name
        metadata = read_json(task.directory / "task_metadata.json")
        write_heareval_directory(folder, probe_task(task, embeddings), metadata)
        yield folder
    if failed:
        raise type(failed[0])("\n".join(map(str, failed))) from failed[0]
