"""The controlled comparison: every method pre-trained on the same clips with the same budget, then probed alike."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hear_audiomosaic.audio.fbank import n_frames
from hear_audiomosaic.audiomosaic.encoder import PATCH
from hear_audiomosaic.audiomosaic.objective import AudioMosaicObjective
from hear_audiomosaic.bench.plan import Plan
from hear_audiomosaic.bench.runner import run as run_plan
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import read_json, write_bytes, write_json
from hear_audiomosaic.hear.reference import EncoderRef
from hear_audiomosaic.pretraining import PretrainSettings, pretrain
from hear_audiomosaic.probing.protocol import get_protocol
from hear_audiomosaic.reporting import write_report
from hear_audiomosaic.reporting.result_set import Results
from hear_audiomosaic.reproduce.controlled.content import clips_and_tests, find_shared_sound, same_sound_as_test
from hear_audiomosaic.reproduce.controlled.pool import PoolSet, build_pool
from hear_audiomosaic.reproduce.controlled.sets import FixedSplit, prepare_fixed
from hear_audiomosaic.reproduce.controlled.twins import headline, write_twins
from hear_audiomosaic.reproduce.recipes import OnMessage, Outcome

__all__ = ["draw_losses", "publish_weights", "run"]

_FACTS = (
    *("method", "size", "options", "n_steps", "batch_size", "clips_seen", "crop_s", "precision", "seed"),
    *("peak_lr", "warm_up", "clip_norm", "clips", "data_digest", "last_loss", "torch"),
)


def run(recipe: Mapping[str, Any], data_dir: Path, out: Path, *, device: str, on_message: OnMessage) -> Outcome:
    """Build the pool, pre-train all methods, probe them, their untrained twins and the floors, and write the report.

    Every stage resumes where it was when the same call is made again.

    Args:
        recipe: as ``reports/controlled/recipe.yaml``.
        data_dir: the recipe's sets, one folder each.
        out: gets ``pool/``, ``same_content.json``, ``runs/``, ``weights/``, ``tasks/``, ``results/`` and ``report/``.
        device: "cpu" or "cuda".
        on_message: called with what begins or is done, in a few words.

    Returns:
        The report's page, and what the probing did.

    Raises:
        PretrainingError: a set is missing, or a method cannot be trained.
    """
    splits = [FixedSplit.read(data_dir, one) for one in recipe["tasks"]]
    sets = [PoolSet.from_mapping(one) for one in recipe["pool"]]
    on_message("comparing all clips with the test clips")
    clips, tests = clips_and_tests(data_dir, [one.name for one in sets], splits)
    shared = find_shared_sound(data_dir, clips, tests, out / "same_content.json")
    on_message("linking the pool's clips")
    pool = build_pool(data_dir, sets, splits, {pair.clip for pair in shared}, out / "pool")
    budget = recipe["pretraining"]
    n_patches = -(-n_frames(AudioMosaicObjective.n_samples(budget["crop_s"])) // PATCH)
    untrained = {m: ref.format(size=budget["size"], window=n_patches * PATCH) for m, ref in recipe["untrained"].items()}
    refs = {}
    for method, options in recipe["methods"].items():
        on_message(f"pre-training {method}")
        settings = PretrainSettings(method, (str(out / "pool"),), out / "runs" / method, device=device)
        trained = pretrain(replace(settings, options=options, **budget))
        weights = out / "weights" / f"{method}.safetensors"
        publish_weights(trained.encoder, weights, pool)
        model_options = recipe.get("model_options", {}).get(method)
        refs[method] = f"{method}:{os.path.relpath(weights)}" + (f"?{model_options}" if model_options else "")
    draw_losses(out / "runs", list(recipe["methods"]), out / "losses.png")
    on_message("preparing the tasks")
    tasks = []
    for split in splits:
        left_out = same_sound_as_test(split, shared)
        if left_out:
            on_message(f"{split.spec['name']}: {len(left_out)} clips hold the sound of a test clip and are left out")
        tasks.append(prepare_fixed(split, out / "sets", out / "tasks", left_out))
    plan = Plan(
        encoders=[*refs.values(), *untrained.values(), *recipe["floors"]],
        tasks=tasks,
        protocols=[get_protocol(name) for name in recipe["protocols"]],
        seeds=recipe["seeds"],
        out=out / "results",
        store_dir=out / "embeddings",
        device=device,
    )
    summary = run_plan(
        plan, on_result=lambda result: on_message(f"{result.encoder.label} on {result.task.name}: {result.score}")
    )
    report = out / "report"
    write_report(plan.out, report)
    twins = {m: (EncoderRef.parse(refs[m]).text, EncoderRef.parse(ref).text) for m, ref in untrained.items()}
    for method, verdicts in write_twins(report / "pairs.csv", twins, report / "twins.csv").items():
        on_message(f"{method}: {headline(verdicts)}")
    results = Results.of_run(plan.out, summary.finished, summary.kept, summary.failures)
    return Outcome(report / "index.html", tuple(results.rows()), results.failures)


def publish_weights(encoder: Path, path: Path, pool: Mapping[str, Any]) -> None:
    """Write an encoder with its card beside it: what it was trained on, how long, and what it is not.

    Tensors of two or more axes become float16; the few others, statistics among them, stay as they are.

    Args:
        encoder: weights of a finished run, with its facts beside them.
        path: ``.safetensors`` to be; the card is the ``.json`` of that name.
        pool: from :func:`build_pool`.
    """
    from safetensors import safe_open
    from safetensors.torch import load_file, save

    with safe_open(encoder, framework="pt") as file:
        metadata = file.metadata()
    tensors = {n: t.half() if t.is_floating_point() and t.ndim > 1 else t for n, t in load_file(encoder).items()}
    write_bytes(path, save(tensors, metadata))
    facts = read_json(encoder.with_suffix(".json"))
    card = {
        "note": "For the controlled comparison, tests and demonstrations; not the paper's model.",
        **{name: facts[name] for name in _FACTS if name in facts},
        "data": pool,
        "licence": "Apache-2.0; trained on recordings under the licences listed",
    }
    write_json(path.with_suffix(".json"), card)


def draw_losses(runs: Path, methods: list[str], path: Path) -> None:
    """One panel per method: its own loss against clips seen (the losses of two methods cannot be compared)."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(methods), figsize=(3.2 * len(methods), 2.8), layout="constrained")
    for axes, method in zip(panels, methods, strict=True):
        with (runs / method / "log.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        batch = read_json(runs / method / "run.json")["batch_size"]
        axes.plot([int(row["step"]) * batch / 1000 for row in rows], [float(row["loss"]) for row in rows])
        axes.set(title=method, xlabel="thousand crops seen", ylabel="its own loss")
        axes.grid(alpha=0.3)
    with file_errors("written", path):
        figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)
