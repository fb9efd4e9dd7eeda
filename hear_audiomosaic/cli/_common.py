"""Options that mean the same in every command, and how facts are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hear_audiomosaic.printable import printable

if TYPE_CHECKING:
    from hear_audiomosaic.reporting.result_set import Results
    from hear_audiomosaic.results import Result

__all__ = [
    "AsJson",
    "Device",
    "Precision",
    "StoreDir",
    "Strict",
    "TasksDir",
    "examples",
    "on_one_line",
    "print_facts",
    "print_json",
    "print_results",
    "print_table",
    "print_text",
    "say",
    "say_score",
    "spread_values",
]

_TAKE_SEVERAL = (
    *("--encoders", "--tasks", "--protocols", "--seeds", "--data", "--option", "--set"),
    *("--rate", "--from", "--where", "--evaluation", "--median-filter-ms", "--min-duration-ms"),
)

TasksDir = Annotated[Path | None, typer.Option("--tasks-dir", help="Folder of prepared tasks.", show_default=False)]
StoreDir = Annotated[Path | None, typer.Option("--store", help="Folder of the embedding store.", show_default=False)]
Device = Annotated[str, typer.Option("--device", help="cpu or cuda.")]
Precision = Annotated[
    Literal["fp32", "bf16"], typer.Option("--precision", help="fp32 or bf16, of the probes' matrix products.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop where heareval stops or crashes.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def spread_values(arguments: Sequence[str]) -> list[str]:
    """Repeat an option that takes several values: ``--tasks a b`` becomes ``--tasks a --tasks b``."""
    spread: list[str] = []
    current = None
    for argument in arguments:
        if argument in _TAKE_SEVERAL:
            current = argument
            continue
        if argument.startswith("-"):
            current = None
        spread += [current, argument] if current else [argument]
    return spread


def examples(*lines: str) -> str:
    """The end of a command's help: commands that can be typed as they stand."""
    return "\b\nExamples:\n" + "\n".join(f"  hear-audiomosaic {line}" for line in lines)


def print_text(text: object) -> None:
    """A line of what was asked for: to stdout, with control characters written out; the one way there."""
    typer.echo(printable(text))


def print_json(content: Any) -> None:
    """Facts as JSON: to stdout."""
    print_text(json.dumps(content, indent=2, ensure_ascii=False, default=str))


def say(text: str) -> None:
    """Progress and notices: to stderr, with control characters written out."""
    sys.stderr.write(printable(text) + "\n")


def say_score(result: Result) -> None:
    """One line for a result that was just finished."""
    say(f"{result.encoder.label} on {result.task.name}: {result.score:.3f}")


def print_facts(facts: Any, as_json: bool) -> None:
    """Facts about one thing: to stdout, as ``name: value`` lines or as JSON."""
    if as_json:
        print_json(facts)
        return
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        if value not in (None, "", [], ()):
            print_text(f"{name:{width}}  {', '.join(map(str, value)) if isinstance(value, list | tuple) else value}")


def print_table(rows: Iterable[Mapping[str, Any]], as_json: bool) -> None:
    """A table of facts: to stdout, aligned or as JSON."""
    rows = list(rows)
    if as_json:
        print_json(rows)
        return
    if not rows:
        return
    lines = [list(rows[0]), *(["-" if value is None else value for value in row.values()] for row in rows)]
    cells = [[on_one_line(value) for value in line] for line in lines]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    for line in cells:
        print_text("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def on_one_line(value: object) -> str:
    """A text with its control characters, line feeds and tabs written out."""
    return printable(value).replace("\n", "\\n").replace("\t", "\\t")


def print_results(results: Results, as_json: bool) -> None:
    """The results that a run was asked for: to stdout; what failed: to stderr."""
    print_table(results.rows(), as_json)
    for failure in results.failures:
        say(f"failed: {failure}")
