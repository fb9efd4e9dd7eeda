"""``hear-audiomosaic tasks``: which there are, what they are, and how to have one: fetched, or made of recordings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hear_audiomosaic.cli._common import (
    AsJson,
    StoreDir,
    TasksDir,
    examples,
    print_facts,
    print_json,
    print_table,
    print_text,
    say,
)
from hear_audiomosaic.cli._pictures import bars
from hear_audiomosaic.printable import shortened

if TYPE_CHECKING:
    from hear_audiomosaic.tasks import PreparedTask
    from hear_audiomosaic.tasks.verify import Verification

Downloads = Annotated[Path | None, typer.Option("--downloads", help="Folder of archives.", show_default=False)]
_MOST_NAMED = 10

app = typer.Typer(help="List, show, fetch, prepare and verify tasks.", no_args_is_help=True)


@app.command("list", epilog=examples("tasks list", "tasks list --suite hear2021 --json"))
def list_tasks(
    suite: Annotated[str | None, typer.Option("--suite", help="Only this suite.")] = None,
    downloads: Downloads = None,
    tasks_dir: TasksDir = None,
    as_json: AsJson = False,
) -> None:
    """List the tasks and how far each is here: card, fetched, prepared (at which rates), verified."""
    from hear_audiomosaic import api

    rows = api.list_tasks(suite, tasks_dir=tasks_dir, downloads=downloads)
    print_table(rows if as_json else (row | {"rates_hz": _joined(row["rates_hz"])} for row in rows), as_json)


@app.command("show", epilog=examples("tasks show esc50", "tasks show synth_pitch --json"))
def show(
    name: Annotated[str, typer.Argument(help="Task name.")], tasks_dir: TasksDir = None, as_json: AsJson = False
) -> None:
    """Show a task: its card, what of it is here, how its labels are spread, and what published systems reach on it."""
    from hear_audiomosaic.api import show_task
    from hear_audiomosaic.tasks.findings import summaries

    facts = show_task(name, tasks_dir=tasks_dir)
    if as_json:
        print_json(facts)
        return
    odd = [*summaries(facts.pop("findings")), *facts.pop("limits")]
    labels, published, counts = (facts.pop(key) for key in ("labels", "published", "counts"))
    print_facts(facts | {"counts": [_count(one) for one in counts]}, as_json)
    if labels:
        what = "events" if facts["embedding_type"] == "event" else "clips"
        print_text(f"\nlabels, in {what} of all splits")
        for line in bars({label: sum(of.values()) for label, of in labels.items()}):
            print_text(line)
    if published:
        print_text("\npublished figures, not measured here")
        print_table((_published(row) for row in published), as_json)
    for words in odd:
        print_text(f"- {words}")


def _count(one: dict[str, Any]) -> str:
    mode = f" ({one['mode']})" if one["mode"] else ""
    return f"{one['n_clips']}{mode}: {one['source']}"


def _published(row: dict[str, Any]) -> dict[str, Any]:
    """A row of what is published, short enough for a terminal; ``--json`` has all of it."""
    names = ("protocol", "metric", "n", "best", "best_method")
    return {name: shortened(row[name], 50) for name in names} | {
        "median": f"{row['median']:.4g}",
        "source": f"{row['table']}: {shortened(row['sources'][0], 60)}"
        + (f" and {len(row['sources']) - 1} more" if len(row["sources"]) > 1 else ""),
    }


def _joined(values: Sequence[object]) -> str | None:
    return ", ".join(map(str, values)) or None


@app.command(
    "fetch",
    epilog=examples(
        "tasks fetch beijing_opera mridangam_tonic",
        "tasks fetch hear2021 --dry-run",
        "tasks fetch esc50 --mirror https://mirror.example.org/hear/",
        "tasks fetch esc50 --offline",
    ),
)
def fetch(
    names: Annotated[list[str], typer.Argument(help="Tasks or suites.")],
    mirror: Annotated[
        list[str] | None, typer.Option("--mirror", help="URL of a folder of the archives, tried before the publisher.")
    ] = None,
    downloads: Downloads = None,
    offline: Annotated[bool, typer.Option("--offline", help="Load nothing; use archives that lie there.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the archives.")] = False,
    token: Annotated[
        str | None,
        typer.Option("--token", envvar="HEAR_AUDIOMOSAIC_TOKEN", help="Of the publisher.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be loaded, and how large it is.")] = False,
    tasks_dir: TasksDir = None,
    as_json: AsJson = False,
) -> None:
    """Fetch HEAR's tasks as they are published, prepared, at 48 kHz; resumes where it was."""
    from hear_audiomosaic import api

    options = {"mirrors": mirror or (), "offline": offline, "keep": keep, "token": token}
    rows = api.fetch_tasks(names, tasks_dir=tasks_dir, downloads=downloads, dry_run=dry_run, **options)
    print_table((dataclasses.asdict(row) for row in rows), as_json)
    if not as_json and dry_run:
        loaded = sum(max(0, (row.n_bytes or 0) - row.n_bytes_here) for row in rows if row.state != "prepared")
        say(f"{loaded / 1e9:.2f} GB would be loaded")
    if any(row.state == "failed" for row in rows):
        raise typer.Exit(1)


@app.command(
    "prepare",
    epilog=examples(
        "tasks prepare synth_pitch",
        "tasks prepare esc50 --from ESC-50-master/ --mode full --rate 16000 48000",
        "tasks prepare voxceleb1 --from vox1_dev_wav/ vox1_test_wav/ iden_split.txt",
        "tasks prepare recordings/ --name my_task --label label --fold fold",
        "tasks prepare recordings/ --name my_tags --label labels --separator '|' --split split",
        "tasks prepare recordings/ --name my_events --events events.csv --where level=class --split split",
        "tasks prepare recordings/ --name my_groups --label label --group speaker --folds 5",
    ),
)
def prepare(
    source: Annotated[
        str,
        typer.Argument(
            help="Folder of audio with a metadata.csv, or the name of a task: of HEAR 2021, the papers, or synthetic."
        ),
    ],
    name: Annotated[str | None, typer.Option("--name", help="Name of the new task.")] = None,
    source_data: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="Data set of the task that is named: its archives as published, lists beside them, or folders.",
        ),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", help="With --from: full, 5h, 50h, small or evar, if the archives do not say."),
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Threads; one per core, at most 8.", min=1)] = None,
    label: Annotated[str, typer.Option("--label", help="Column of labels.")] = "label",
    split: Annotated[str | None, typer.Option("--split", help="Column that says train, valid or test.")] = None,
    fold: Annotated[str | None, typer.Option("--fold", help="Column of folds.")] = None,
    group: Annotated[str | None, typer.Option("--group", help="Column of groups that must stay together.")] = None,
    folds: Annotated[int | None, typer.Option("--folds", help="Number of folds to make of the groups.")] = None,
    separator: Annotated[str | None, typer.Option("--separator", help="Between several labels of a clip.")] = None,
    events: Annotated[str | None, typer.Option("--events", help="CSV: filename, onset_s, offset_s, label.")] = None,
    where: Annotated[list[str] | None, typer.Option("--where", help="Keep rows with COLUMN=VALUE.")] = None,
    rate: Annotated[list[int] | None, typer.Option("--rate", help="Sample rates to write, in Hz; 16000.")] = None,
    evaluation: Annotated[
        list[str] | None, typer.Option("--evaluation", help="Scores, the deciding one first.")
    ] = None,
    median_filter_ms: Annotated[
        list[float] | None, typer.Option("--median-filter-ms", help="Median filters tried on events.")
    ] = None,
    min_duration_ms: Annotated[
        list[float] | None, typer.Option("--min-duration-ms", help="Shortest events kept, values tried.")
    ] = None,
    hold_out_valid: Annotated[bool, typer.Option("--hold-out-valid", help="Take a ninth of train as valid.")] = False,
    allow_untrained_labels: Annotated[
        bool, typer.Option("--allow-untrained-labels", help="Accept labels that train does not have.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a task of that name.")] = False,
    tasks_dir: TasksDir = None,
) -> None:
    """Make a task: of a folder of audio and a CSV, one of a suite from its data set (--from), or a synthetic one."""
    from hear_audiomosaic.api import prepare_task

    if source_data:
        for_folders = {"--name": name, "--split": split, "--fold": fold, "--group": group, "--events": events}
        if given := [option for option, value in for_folders.items() if value is not None]:
            raise typer.BadParameter(
                f"a task made from its data set (--from) has its own labels and splits; leave out {given[0]}"
            )
        task = prepare_task(
            source,
            sources=source_data,
            mode=mode,
            tasks_dir=tasks_dir,
            rates_hz=tuple(rate or (16000,)),
            overwrite=overwrite,
            workers=workers,
        )
        _say_what_was_made(task)
        return
    if mode is not None:
        raise typer.BadParameter("--mode is for tasks of HEAR 2021; give their data set by --from")
    task = prepare_task(
        source,
        name,
        tasks_dir=tasks_dir,
        label_column=label,
        split_column=split,
        fold_column=fold,
        group_column=group,
        folds=folds,
        separator=separator,
        events_file=events,
        where=where or (),
        rates_hz=tuple(rate or (16000,)),
        evaluation=tuple(evaluation) if evaluation else None,
        median_filter_ms=tuple(median_filter_ms) if median_filter_ms else None,
        min_duration_ms=tuple(min_duration_ms) if min_duration_ms else None,
        hold_out_valid=hold_out_valid,
        allow_untrained_labels=allow_untrained_labels,
        overwrite=overwrite,
        workers=workers,
    )
    _say_what_was_made(task)


def _say_what_was_made(task: PreparedTask) -> None:
    n_clips = sum(len(task.labels(split)) for split in task.splits)
    say(f"{n_clips} clips, {len(task.vocabulary)} labels, {len(task.splits)} splits ({', '.join(task.splits)})")
    print_text(task.directory)


@app.command(
    "verify", epilog=examples("tasks verify synth_pitch", "tasks verify synthetic", "tasks verify esc50 --json")
)
def verify(
    names: Annotated[list[str], typer.Argument(help="Prepared tasks, or suites.")],
    store: StoreDir = None,
    tasks_dir: TasksDir = None,
    as_json: AsJson = False,
) -> None:
    """Compare prepared tasks, every clip, with their cards and with what they were when they were made or fetched."""
    from hear_audiomosaic import api

    found = []
    for one in api.verify_tasks(names, tasks_dir=tasks_dir, store_dir=store):
        found.append(one)
        if not as_json and one.state != "not prepared":
            _say_what_differs(one)
    if as_json:
        print_json([one.to_json() for one in found])
    else:
        print_table((_verified(one) for one in found), as_json)
    if any(one.state == "wrong" for one in found):
        raise typer.Exit(1)


def _say_what_differs(one: Verification) -> None:
    kinds: dict[tuple[str, bool], list[str]] = {}
    for difference in one.differences:
        kinds.setdefault((difference.kind, bool(difference.known)), []).append(difference.words)
    for words in kinds.values():
        for line in words[:_MOST_NAMED]:
            print_text(f"{one.task}: {line}")
        if len(words) > _MOST_NAMED:
            print_text(f"{one.task}: and {len(words) - _MOST_NAMED} more of this kind; --json has all")
    for note in one.notes:
        say(f"{one.task}: {note}")


def _verified(one: Verification) -> dict[str, Any]:
    return {
        "task": one.task,
        "state": one.state,
        "clips": _joined([f"{split} {number}" for split, number in one.clips.items()]),
        "hours": one.hours,
        "seconds": None if one.durations_s is None else " to ".join(f"{s:g}" for s in dict.fromkeys(one.durations_s)),
        "rates_hz": _joined(one.rates_hz),
        "labels": len(one.labels) or None,
        "digests": _joined([f"{number} as {when}" for when, number in one.pinned.items()]),
        "known": sum(bool(each.known) for each in one.differences),
        "wrong": sum(not each.known for each in one.differences),
    }
