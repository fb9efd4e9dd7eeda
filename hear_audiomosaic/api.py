"""What the command line does, from Python; ``import hear_audiomosaic as ha`` offers all of it.

    >>> import hear_audiomosaic as ha
    >>> results = ha.evaluate(["logmel", "random:micro"], tasks=["synth_pitch"], protocols=["logistic"], out="results/")
    >>> results.to_dataframe()[["encoder", "task", "protocol", "score_name"]]
                        encoder         task  protocol score_name
    0                    logmel  synth_pitch  logistic   top1_acc
    1  random:micro (UNTRAINED)  synth_pitch  logistic   top1_acc
    >>> comparison = results.compare("logmel", "random:micro")  # intervals, adjusted p values, a verdict for each task
    >>> list(comparison.to_dataframe()["task"])
    ['synth_pitch']
    >>> results.report("report/").html.name
    'index.html'

An encoder is given as on the command line, ``NAME[:WEIGHTS][?option=value&...]``, or as an object: a module with HEAR's
functions, a pair of a HEAR model and its module, or a loaded :class:`~hear_audiomosaic.hear.Encoder`. A mapping gives
the labels that tables show: ``{"mine": (model, my_module), "log-mel": "logmel"}``.
Results are files; a call that was interrupted resumes where it was when it is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hear_audiomosaic.api_tasks import (
    StrPath,
    fetch_tasks,
    folder_of_store,
    folder_of_tasks,
    get_task,
    list_tasks,
    prepare_task,
    several,
    show_task,
    verify_tasks,
)

if TYPE_CHECKING:
    from hear_audiomosaic.bench.import_directory import ImportedResult
    from hear_audiomosaic.errors import HearAudioMosaicError
    from hear_audiomosaic.hear.conformance import Finding
    from hear_audiomosaic.hear.encoder import Encoder
    from hear_audiomosaic.hear.objects import EncoderLike
    from hear_audiomosaic.pretraining import Pretrained
    from hear_audiomosaic.probing import ProbeResult, Protocol
    from hear_audiomosaic.reporting.published import PublishedReport
    from hear_audiomosaic.reporting.report import Report
    from hear_audiomosaic.reporting.result_set import Results
    from hear_audiomosaic.results import Result
    from hear_audiomosaic.tasks import PreparedTask

__all__ = [
    "check_encoder",
    "demo",
    "embed",
    "evaluate",
    "fetch_tasks",
    "get_task",
    "import_results",
    "list_encoders",
    "list_protocols",
    "list_tasks",
    "load_encoder",
    "load_results",
    "prepare_task",
    "pretrain",
    "probe",
    "published_report",
    "show_encoder",
    "show_task",
    "verify_tasks",
]

_DEMO_ENCODERS = ("audiomosaic", "msm-mae", "aasp", "adversarial-negatives", "logmel", "random:micro")
_DEMO_PROTOCOL = "logistic"


def evaluate(
    encoders: Sequence[EncoderLike] | Mapping[str, EncoderLike],
    tasks: Sequence[str | PreparedTask],
    protocols: Sequence[str | Protocol] = ("hear-2021",),
    seeds: Sequence[int] = (42,),
    *,
    out: StrPath = "results",
    tasks_dir: StrPath | None = None,
    store_dir: StrPath | None = None,
    device: str = "cpu",
    precision: Literal["fp32", "bf16"] = "fp32",
    strict: bool = False,
    store_dtype: Literal["float32", "float16"] = "float32",
    on_result: Callable[[Result], None] = lambda result: None,
) -> Results:
    """Embed, probe and score every encoder on every task; what is finished is not done again.

    Args:
        encoders: references or objects (see the top of this module), or a mapping of labels to them.
        tasks: names of prepared tasks or of suites ("synthetic" is made on the spot), or prepared tasks.
        protocols: names (:func:`list_protocols`) or protocols.
        seeds: seeds of the probes, one result each; of the first one only where a protocol draws nothing (logistic).
        out: folder of the result files; it may hold earlier ones.
        tasks_dir: folder of prepared tasks. (Default: the user's own)
        store_dir: folder of the embedding store. (Default: the user's own)
        device: "cpu" or "cuda".
        precision: "fp32" or "bf16", of the probes' matrix products.
        strict: stop where heareval stops or crashes; the protocol is then named "NAME (strict)".
        store_dtype: how embeddings are stored. "float16" takes half the room; the scores are those of the rounded
            embeddings, and stand in files and tables of their own.
        on_result: called with each result as it is finished.

    Returns:
        All results in ``out``, also earlier ones. What failed is in ``failures``, and the rest was done.

    Raises:
        TaskError: no such task, or one that is not prepared.
        ProtocolError: no such protocol.
    """
    from hear_audiomosaic.bench.plan import Plan, prepared_tasks
    from hear_audiomosaic.bench.runner import run
    from hear_audiomosaic.hear.objects import Labelled
    from hear_audiomosaic.probing.protocol import get_protocol
    from hear_audiomosaic.reporting.result_set import Results

    labelled = [Labelled(*pair) for pair in encoders.items()] if isinstance(encoders, Mapping) else several(encoders)
    plan = Plan(
        encoders=labelled,
        tasks=prepared_tasks(several(tasks), folder_of_tasks(tasks_dir)),
        protocols=[get_protocol(one) if isinstance(one, str) else one for one in several(protocols)],
        seeds=seeds,
        out=Path(out),
        store_dir=folder_of_store(store_dir),
        device=device,
        precision=precision,
        strict=strict,
        store_dtype=store_dtype,
    )
    summary = run(plan, on_result=on_result)
    return Results.of_run(plan.out, summary.finished, summary.kept, summary.failures)


def import_results(
    directories: StrPath | Sequence[StrPath],
    encoder: str,
    out: StrPath = "results",
    *,
    seed: int = 42,
    tasks_dir: StrPath | None = None,
    on_failure: Callable[[HearAudioMosaicError], None] | None = None,
) -> tuple[ImportedResult, ...]:
    """Make result files of probed embeddings that another program wrote, so that tables can show them.

    Args:
        directories: of heareval's layout, ``<embeddings>/<module>/<task>`` or all of ``<embeddings>/<module>``, with
            the scores of heareval's prediction step or of :func:`probe`.
        encoder: what tables call the encoder; they add that it was imported.
        out: folder of the result files; it may hold others.
        seed: of heareval's probes, whose files do not name it.
        tasks_dir: folder of prepared tasks; results of the same clips and labels share a column.
            (Default: the user's own)
        on_failure: called with the error of a directory that cannot be imported; None: it is raised.

    Returns:
        One for each directory of a task: its result file, and what is missing there.

    Raises:
        ResultError: a directory has no scores, or predictions that do not give them.
        EmbeddingError: a directory is not one of heareval's, or contradicts itself.
    """
    from hear_audiomosaic.bench.import_directory import import_directories

    given = [directories] if isinstance(directories, str | Path) else directories
    paths = [Path(one) for one in given]
    return tuple(
        import_directories(
            paths, encoder, Path(out), tasks_dir=folder_of_tasks(tasks_dir), seed=seed, on_failure=on_failure
        )
    )


def load_results(folder: StrPath) -> Results:
    """Read every result file under a folder; broken and foreign files are in ``loaded.skipped``.

    Raises:
        ResultError: the folder is missing, or holds no valid result file.
    """
    from hear_audiomosaic import results
    from hear_audiomosaic.reporting.result_set import Results

    return Results(results.load_results(folder))


def demo(out: StrPath = "demo", on_result: Callable[[Result], None] = lambda result: None) -> tuple[Results, Report]:
    """Compare the four pre-trained methods at a small size with the floors on five synthetic tasks.

    By the protocol ``logistic``: its head is at its optimum on 200 clips, too, where HEAR's grids of few epochs take
    some ten steps and show the noise of their initial weights.

    Returns:
        The results, and the report that was written.
    """
    out = Path(out)
    results = evaluate(
        _DEMO_ENCODERS,
        ["synthetic"],
        [_DEMO_PROTOCOL],
        out=out / "results",
        tasks_dir=out / "tasks",
        store_dir=out / "embeddings",
        on_result=on_result,
    )
    return results, results.report(out / "report")


def embed(
    encoder: EncoderLike,
    tasks: Sequence[str | PreparedTask],
    out: StrPath,
    *,
    layout: Literal["store", "heareval"] = "store",
    tasks_dir: StrPath | None = None,
    store_dir: StrPath | None = None,
    device: str = "cpu",
    store_dtype: Literal["float32", "float16"] = "float32",
    on_task: Callable[[Path], None] = lambda folder: None,
) -> tuple[Path, ...]:
    """Embed tasks with one encoder, without probes.

    Args:
        encoder: a reference or an object.
        tasks: names of prepared tasks or of suites, or prepared tasks.
        out: folder of the embeddings.
        layout: "store" for :func:`evaluate`, or "heareval" for the prediction step of heareval.
        tasks_dir: folder of prepared tasks. (Default: the user's own)
        store_dir: the store that an export for heareval goes through. (Default: the user's own)
        device: "cpu" or "cuda".
        store_dtype: how they are stored; "float16" takes half the room and keeps 11 significant bits.
        on_task: called with each task's folder as it is finished.

    Returns:
        The folder of each task.
    """
    from hear_audiomosaic.bench.embed import embed_tasks
    from hear_audiomosaic.bench.plan import prepared_tasks

    opened, folders = prepared_tasks(several(tasks), folder_of_tasks(tasks_dir)), []
    for finished in embed_tasks(
        encoder,
        opened,
        out=Path(out),
        layout=layout,
        store_dir=folder_of_store(store_dir),
        device=device,
        store_dtype=store_dtype,
    ):
        folders.append(finished)
        on_task(finished)
    return tuple(folders)


def probe(
    directory: StrPath,
    protocol: str | Protocol = "hear-2021",
    *,
    seed: int = 42,
    device: str = "cpu",
    precision: Literal["fp32", "bf16"] = "fp32",
    strict: bool = False,
    trainer: Literal["fused", "reference"] = "fused",
) -> ProbeResult:
    """Probe an embeddings directory of heareval's layout; writes ``test.predicted-scores.json`` into it; resumes.

    Args:
        directory: ``<embeddings>/<module>/<task>``.
        protocol: its name, or a protocol.
        seed: of the probes.
        device: "cpu" or "cuda".
        precision: "fp32" or "bf16".
        strict: stop where heareval stops or crashes.
        trainer: "fused", or the plain one that it must equal (slow).

    Raises:
        EmbeddingError: the directory is not one of heareval's, or contradicts itself.
        ProtocolError: the protocol does not apply to the task.
    """
    from hear_audiomosaic.bench.probe_directory import probe_directory
    from hear_audiomosaic.probing import get_protocol

    chosen = get_protocol(protocol) if isinstance(protocol, str) else protocol
    return probe_directory(
        Path(directory), chosen, seed=seed, device=device, precision=precision, strict=strict, trainer=trainer
    )


def pretrain(method: str, data: Sequence[str], out: StrPath, **settings: Any) -> Pretrained:
    """Pre-train an encoder on audio without labels; resumes where an interrupted run of the same settings was.

    Args:
        method: a method that can be pre-trained, such as "audiomosaic".
        data: folders, lists of files, or tar shards (paths or URLs).
        out: the run's folder.
        settings: other fields of :class:`~hear_audiomosaic.pretraining.PretrainSettings`.

    Raises:
        PretrainingError: no such method, or settings or data that cannot be used.
    """
    from hear_audiomosaic import pretraining

    return pretraining.pretrain(
        pretraining.PretrainSettings(method=method, data=tuple(data), out=Path(out), **settings)
    )


def published_report(name: str, out: StrPath) -> PublishedReport:
    """Write tables of published figures: hear2021, audiomosaic, msm-mae, aasp, adversarial or recent.

    Raises:
        ResultError: there are no published figures of that name.
    """
    from hear_audiomosaic.reporting.published import write_published

    return write_published(name, Path(out))


def list_encoders() -> list[dict[str, str]]:
    """One row a registered encoder: its ``name`` and its ``module``, sorted by name."""
    from hear_audiomosaic.hear import registered_encoders

    return [{"name": name, "module": module} for name, module in registered_encoders().items()]


def load_encoder(encoder: EncoderLike, *, device: str = "cpu", label: str | None = None) -> Encoder:
    """Load an encoder and check that it keeps to HEAR's API.

    Args:
        encoder: a reference or an object.
        device: "cpu" or "cuda".
        label: what tables call it. (Default: its reference)

    Raises:
        EncoderError: no such encoder, a module without the three functions, or a model that breaks the contract.
    """
    from hear_audiomosaic.hear.objects import as_encoder

    return as_encoder(encoder, device=device, label=label)


def check_encoder(encoder: EncoderLike, *, device: str = "cpu") -> list[Finding]:
    """Check an encoder on synthetic audio: shapes, units, order of calls, batch mates, silence, drift, sample rate.

    Returns:
        One finding for each check; its ``verdict`` is "ok", "warn", "FAIL" or "skip".
    """
    from hear_audiomosaic.hear import conformance

    return conformance.check_encoder(encoder, device)


def show_encoder(encoder: EncoderLike) -> dict[str, Any]:
    """What is known of an encoder without embedding anything: its card, sizes, number of parameters, fingerprint.

    Raises:
        EncoderError: no such encoder, one that breaks the contract, or a broken card.
    """
    from hear_audiomosaic.hear.describe import describe_encoder

    return describe_encoder(encoder)


def list_protocols() -> tuple[str, ...]:
    """Names of the protocols; of the family ``few-shot-K``, the usual ones."""
    from hear_audiomosaic.probing.protocol import protocol_names

    return protocol_names()
