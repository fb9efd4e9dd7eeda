"""``hear-audiomosaic compare``: two encoders compared task by task."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hear_audiomosaic.cli._common import AsJson, examples, print_json, print_table, print_text, say

if TYPE_CHECKING:
    from hear_audiomosaic.reporting.analysis.encoder_comparison import TaskVerdict

EXAMPLES = examples(
    "compare results/ logmel random", "compare results/ logmel random --protocol hear-2021-faster --json"
)


def compare(
    results: Annotated[Path, typer.Argument(help="Folder of result files.")],
    a: Annotated[str, typer.Argument(help="An encoder: its label in the tables, or its reference.")],
    b: Annotated[str, typer.Argument(help="Another one.")],
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="Only this protocol; by default every one.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Test on which tasks one encoder is better than another: paired t test, Holm over tasks."""
    from hear_audiomosaic.api import load_results

    loaded = load_results(results)
    for line in loaded.loaded.skipped:  # before an encoder turns out to be missing for it
        say(f"skipped: {line}")
    comparisons = loaded.compare(a, b, protocol=protocol)
    if as_json:
        print_json([one.facts() for one in comparisons])
        return
    for one in comparisons:
        print_text(f"protocol {one.protocol}: A = {one.a}, B = {one.b}")
        print_table((_line(task, one.level) for task in one.tasks), as_json=False)
        print_text(one.sentence)


def _line(task: TaskVerdict, level: float) -> dict[str, str]:
    pair = task.pair
    interval = "" if pair.interval is None else f"[{pair.interval.low:+.3f}, {pair.interval.high:+.3f}]"
    return {
        "task": task.task,
        "score": task.score_name + ("" if task.higher_is_better else " (lower is better)"),
        "A": f"{task.score_a:.3f}",
        "B": f"{task.score_b:.3f}",
        "A - B": f"{pair.difference:+.3f}",
        f"{100 * level:g} % interval": interval,
        "p": _number(pair.p),
        "p (Holm)": _number(pair.p_holm),
        "p (BH)": _number(pair.p_bh),
        "verdict": task.verdict,
    }


def _number(p: float) -> str:
    return "" if math.isnan(p) else f"{p:.4f}"
