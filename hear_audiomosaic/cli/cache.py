"""``hear-audiomosaic cache``: what the embedding store holds, whether it is sound, and what can go."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hear_audiomosaic.cli._common import AsJson, StoreDir, examples, print_table, print_text, say

if TYPE_CHECKING:
    from hear_audiomosaic.embedding.cache import Chosen

app = typer.Typer(help="List, verify, clean and export the embedding store.", no_args_is_help=True)

Encoders = Annotated[
    list[str] | None, typer.Option("--encoders", help="Only of these encoders: names, or patterns with *.")
]
Tasks = Annotated[list[str] | None, typer.Option("--tasks", help="Only of these tasks: names, or patterns with *.")]


@app.command("list", epilog=examples("cache list", "cache list --encoders logmel --json"))
def list_cache(encoders: Encoders = None, tasks: Tasks = None, store: StoreDir = None, as_json: AsJson = False) -> None:
    """List what is stored: encoder, task, split, clips, bytes, and the bytes that nothing names any more."""
    from hear_audiomosaic.embedding.cache import logs

    rows = [
        {
            "encoder": log.encoder,
            "task": log.task,
            "split": log.split,
            "clips": log.n_clips,
            "bytes": log.n_bytes,
            "unused": log.n_unused_bytes,
            "dtype": log.dtype,
            "written": datetime.fromtimestamp(log.written, timezone.utc).isoformat(timespec="seconds"),
            "state": log.error or "ok",
        }
        for log in logs(_store(store), _chosen(encoders, tasks))
    ]
    print_table(rows, as_json)


@app.command("verify", epilog=examples("cache verify", "cache verify --tasks synth_pitch"))
def verify(encoders: Encoders = None, tasks: Tasks = None, store: StoreDir = None, as_json: AsJson = False) -> None:
    """Read everything that is stored and compare it with its checksums; exit code 1 where something is damaged."""
    from hear_audiomosaic.embedding import cache

    n_clips, faults = 0, []
    for log in cache.logs(_store(store), _chosen(encoders, tasks)):
        n_clips += log.n_clips
        faults += cache.verify(log)
    print_table(
        (
            {"encoder": fault.log.encoder, "task": fault.log.task, "split": fault.log.split}
            | {"clip": fault.clip, "fault": fault.why}
            for fault in faults
        ),
        as_json,
    )
    if not as_json:
        print_text(f"{n_clips} clips read, {len(faults)} faults")
    if faults:
        say("The next run embeds damaged clips anew; `cache gc` removes what cannot be used.")
        raise typer.Exit(1)


@app.command("gc", epilog=examples("cache gc --dry-run", "cache gc --encoders logmel --not-written-for 30"))
def collect(
    encoders: Encoders = None,
    tasks: Tasks = None,
    not_written_for: Annotated[
        float, typer.Option("--not-written-for", help="Remove what was not written to for so many days.")
    ] = 0.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    store: StoreDir = None,
) -> None:
    """Free what nobody needs: rows that nothing names, damaged and old logs, files that a kill left.

    With --encoders, --tasks or --not-written-for: remove the embeddings that these say.
    """
    from hear_audiomosaic.embedding.cache import clean

    n_bytes = 0
    for cleaned in clean(_store(store), _chosen(encoders, tasks, not_written_for), dry_run=dry_run):
        print_text(f"{cleaned.path}: {cleaned.what}, {cleaned.n_bytes} bytes")
        n_bytes += cleaned.n_bytes
    print_text(f"{n_bytes} bytes {'would be' if dry_run else 'were'} freed")


@app.command("export", epilog=examples("cache export --encoders logmel --out exported/"))
def export(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")],
    encoders: Encoders = None,
    tasks: Tasks = None,
    store: StoreDir = None,
) -> None:
    """Write embeddings as .npz files that NumPy reads: OUT/ENCODER/TASK/SPLIT.npz."""
    from hear_audiomosaic.embedding import cache

    for log in cache.logs(_store(store), _chosen(encoders, tasks)):
        print_text(cache.export(log, out))


def _store(store: Path | None) -> Path:
    from hear_audiomosaic.paths import default_store_dir

    return default_store_dir() if store is None else store


def _chosen(encoders: list[str] | None, tasks: list[str] | None, not_written_for: float = 0.0) -> Chosen:
    from hear_audiomosaic.embedding.cache import Chosen

    return Chosen(encoders=encoders or (), tasks=tasks or (), not_written_for_days=not_written_for)
