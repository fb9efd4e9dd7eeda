"""``hear-audiomosaic embed``: embeddings on disk, for the store or for heareval."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hear_audiomosaic.cli._common import Device, Python, StoreDir, StoreDtype, TasksDir, examples, print_text

EXAMPLES = examples(
    "embed --encoder logmel --tasks synth_pitch --out embeddings/",
    "embed --encoder logmel --tasks synth_pitch --out embeddings/ --layout heareval",
)


def embed(
    encoder: Annotated[
        str, typer.Option("--encoder", help="Encoder reference, NAME[:WEIGHTS][?option=value][@PYTHON].")
    ],
    tasks: Annotated[list[str], typer.Option("--tasks", help="Prepared tasks or suites.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the embeddings.")],
    layout: Annotated[
        Literal["store", "heareval"], typer.Option("--layout", help="store, or what heareval's prediction step takes.")
    ] = "store",
    tasks_dir: TasksDir = None,
    store: StoreDir = None,
    python: Python = [],  # noqa: B006
    device: Device = "cpu",
    store_dtype: StoreDtype = "float32",
) -> None:
    """Embed tasks with one encoder; prints the folder of each."""
    from hear_audiomosaic import api
    from hear_audiomosaic.hear.reference import in_interpreters

    [ref] = in_interpreters([encoder], python)
    api.embed(
        ref,
        tasks,
        out,
        layout=layout,
        tasks_dir=tasks_dir,
        store_dir=store,
        device=device,
        store_dtype=store_dtype,
        on_task=print_text,
    )
