"""Strangers' encoders, each in an environment of its own, beside the methods and the floors on real recordings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hear_audiomosaic.bench.plan import Plan
from hear_audiomosaic.bench.runner import run as run_plan
from hear_audiomosaic.errors import RecipeError
from hear_audiomosaic.files import read_json
from hear_audiomosaic.hear.isolated.environments import create_environment, environments
from hear_audiomosaic.hear.reference import EncoderRef
from hear_audiomosaic.paths import content_dir
from hear_audiomosaic.probing.protocol import get_protocol
from hear_audiomosaic.reporting import write_report
from hear_audiomosaic.reporting.result_set import Results
from hear_audiomosaic.reproduce.controlled.content import SharedSound, same_sound_as_test
from hear_audiomosaic.reproduce.controlled.sets import FixedSplit, prepare_fixed
from hear_audiomosaic.reproduce.recipes import OnMessage, Outcome
from hear_audiomosaic.reproduce.strangers.figure import draw

__all__ = ["MODULES", "REQUIREMENTS", "run", "stranger_ref"]

MODULES = Path(__file__).with_name("modules")
REQUIREMENTS = Path(__file__).with_name("requirements")


def stranger_ref(name: str) -> str:
    """The reference of a stranger: its module, in the environment of its name."""
    return f"hear_{name}@{name}"


def run(recipe: Mapping[str, Any], data_dir: Path, out: Path, *, device: str, on_message: OnMessage) -> Outcome:
    """Make the environments that are missing, prepare the tasks, embed and probe everything, and write the report.

    Every stage resumes where it was when the same call is made again.

    Args:
        recipe: as ``reports/strangers/recipe.yaml``: ``strangers`` (name -> Python version of its environment),
            ``methods`` and ``floors`` (references), ``tasks`` (:meth:`FixedSplit.read`), ``protocols``, ``seeds``.
        data_dir: the recipe's sets, one folder each.
        out: gets ``sets/``, ``tasks/``, ``embeddings/``, ``results/`` and ``report/``.
        device: "cpu" or "cuda"; the strangers' modules all stay on the CPU.
        on_message: called with what begins or is done, in a few words.

    Returns:
        The report's page, and what was done.

    Raises:
        EncoderError: an environment cannot be made.
        RecipeError: one of that name was made of other requirements.
        TaskError: a set is missing.
    """
    for name, version in recipe["strangers"].items():
        _make_environment(name, str(version), on_message)
    on_message("preparing the tasks")
    pairs = read_json(content_dir("reports") / "controlled" / "same_content.json")["pairs"]
    shared = [SharedSound(tuple(pair["clip"]), tuple(pair["test"]), pair["correlation"]) for pair in pairs]
    splits = [FixedSplit.read(data_dir, one) for one in recipe["tasks"]]
    tasks = [prepare_fixed(one, out / "sets", out / "tasks", same_sound_as_test(one, shared)) for one in splits]
    groups = {
        "strangers": [stranger_ref(name) for name in recipe["strangers"]],
        "methods": [EncoderRef.parse(ref).text for ref in recipe["methods"]],
        "floors": [EncoderRef.parse(ref).text for ref in recipe["floors"]],
    }
    plan = Plan(
        encoders=[ref for group in ("methods", "floors", "strangers") for ref in groups[group]],
        tasks=tasks,
        protocols=[get_protocol(name) for name in recipe["protocols"]],
        seeds=recipe["seeds"],
        out=out / "results",
        store_dir=out / "embeddings",
        device=device,
    )
    with _modules_on_the_path():
        summary = run_plan(
            plan, on_result=lambda result: on_message(f"{result.encoder.label} on {result.task.name}: {result.score}")
        )
    report = out / "report"
    write_report(plan.out, report)
    draw(report / "report.csv", groups, [one["name"] for one in recipe["tasks"]], report / "scores.png")
    results = Results.of_run(plan.out, summary.finished, summary.kept, summary.failures)
    return Outcome(report / "index.html", tuple(results.rows()), results.failures)


def _make_environment(name: str, version: str, on_message: OnMessage) -> None:
    """What ``encoders env create NAME --python VERSION --requirements FILE`` does, unless it is there."""
    requirements = REQUIREMENTS / f"{name}.txt"
    for one in environments():
        if one.name == name:
            if one.facts["requirements"] != requirements.read_text(encoding="utf-8").splitlines():
                raise RecipeError(
                    f"The environment '{name}' was made of other requirements than {requirements}. Remove it: "
                    f"hear-audiomosaic encoders env remove {name}."
                )
            return
    on_message(f"making the environment {name} (Python {version})")
    create_environment(name, version, requirements)


@contextmanager
def _modules_on_the_path() -> Iterator[None]:
    """Workers find a module as Python does, by PYTHONPATH; inside, the strangers' modules come first."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(MODULES), *([before] if before else [])])
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
