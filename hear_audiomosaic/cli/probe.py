"""``hear-audiomosaic probe``: probe embeddings that are on disk, heareval's or ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hear_audiomosaic.cli._common import AsJson, Device, Precision, Strict, examples, print_table, say

EXAMPLES = examples(
    "probe embeddings/logmel/small-v1-full",
    "probe embeddings/logmel/small-v1-full --seed 43 --json",
    "probe embeddings/logmel/small-v1-full --trainer reference",
)


def probe(
    directories: Annotated[list[Path], typer.Argument(help="Embedding directories in heareval's layout.")],
    protocol: Annotated[str, typer.Option("--protocol", help="Protocol.")] = "hear-2021",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the probes.")] = 42,
    strict: Strict = False,
    device: Device = "cpu",
    precision: Precision = "fp32",
    trainer: Annotated[
        Literal["fused", "reference"],
        typer.Option("--trainer", help="fused, or the plain one that it must equal (slow)."),
    ] = "fused",
    as_json: AsJson = False,
) -> None:
    """Probe embedding directories; writes test.predicted-scores.json into each, with heareval's field names."""
    from hear_audiomosaic import api
    from hear_audiomosaic.errors import HearAudioMosaicError

    rows, failed = [], False
    for directory in directories:
        try:
            result = api.probe(
                directory,
                protocol,
                seed=seed,
                device=device,
                precision=precision,
                strict=strict,
                trainer=trainer,
            )
        except HearAudioMosaicError as error:
            say(f"failed: {error}")
            failed = True
            continue
        std = result.aggregated.get("test_score_std")
        rows.append(
            {
                "task": result.task,
                "protocol": result.protocol,
                "seed": seed,
                "score": result.score_name,
                "value": f"{result.score:.4f}",
                "std over folds": None if std is None else f"{std:.4f}",
                "seconds": f"{result.seconds:.1f}",
            }
        )
    print_table(rows, as_json)
    if failed:
        raise typer.Exit(1)
