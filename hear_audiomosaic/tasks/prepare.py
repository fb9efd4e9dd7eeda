"""A folder of recordings -> a task in HEAR's layout, in one command that can be interrupted and repeated."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from hear_audiomosaic.audio.rates import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, is_sample_rate
from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import read_json, sha256_of_json, write_json
from hear_audiomosaic.paths import default_tasks_dir
from hear_audiomosaic.printable import listed
from hear_audiomosaic.tasks import publishing
from hear_audiomosaic.tasks.card import (
    EVENT_EVALUATION,
    MULTICLASS_EVALUATION,
    MULTILABEL_EVALUATION,
    SECTION,
    Number,
    TaskCard,
)
from hear_audiomosaic.tasks.clip_ends import events_within
from hear_audiomosaic.tasks.convert import (
    Recording,
    clip_key,
    convert,
    forget_conversion,
    found_in,
    lacking_rates,
    recordings_from_json,
    recordings_to_json,
    same_recording,
)
from hear_audiomosaic.tasks.findings import findings_of, merged, tell
from hear_audiomosaic.tasks.folder import Clip, FolderPlan, FolderRecipe, parse_where, read_folder
from hear_audiomosaic.tasks.layout import GROUPS, METADATA, PREPARATION, VOCABULARY, heareval_spelling, write_vocabulary
from hear_audiomosaic.tasks.limits import tell_limits
from hear_audiomosaic.tasks.prepared import PreparedTask
from hear_audiomosaic.tasks.twins import twins_in

__all__ = ["prepare_folder"]

_SHORT_EVENT_MS = 250.0
_HEAR_MEDIAN_FILTER_MS: tuple[Number, ...] = (250,)
_HEAR_MIN_DURATION_MS: tuple[Number, ...] = (125, 250)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Scoring:
    """How the task is to be scored, where the user says so."""

    evaluation: tuple[str, ...] | None
    use_scoring_for_early_stopping: bool
    median_filter_ms: tuple[Number, ...] | None
    min_duration_ms: tuple[Number, ...] | None
    task_specific_param_grid: Mapping[str, Sequence[Any]] | None


def prepare_folder(
    source_dir: Path,
    name: str,
    *,
    label_column: str | None = None,
    split_column: str | None = None,
    fold_column: str | None = None,
    group_column: str | None = None,
    folds: int | None = None,
    separator: str | None = None,
    events_file: str | Path | None = None,
    where: Sequence[str] | Mapping[str, str] = (),
    rates_hz: Sequence[int] = (16000,),
    tasks_dir: Path | None = None,
    version: str = "v1",
    mode: str = "full",
    hold_out_valid: bool = False,
    allow_untrained_labels: bool = False,
    evaluation: Sequence[str] | None = None,
    use_scoring_for_early_stopping: bool = True,
    median_filter_ms: Sequence[Number] | None = None,
    min_duration_ms: Sequence[Number] | None = None,
    task_specific_param_grid: Mapping[str, Sequence[Any]] | None = None,
    facts: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    workers: int | None = None,
) -> PreparedTask:
    """Make ``<tasks_dir>/<name>-<version>-<mode>/`` from ``source_dir/metadata.csv`` and its recordings.

    A second call with the same input changes nothing and is quick; with further rates it adds them. An interrupted
    call leaves a hidden folder beside the target, from which the next call resumes.

    Args:
        source_dir: folder with ``metadata.csv`` and the recordings that its column ``filename`` names.
        name: name of the task: letters, digits, underscores.
        label_column: column of the label; for events it is in the events table, by default ``label``.
        split_column: column with train, valid, test.
        fold_column: column with three values or more; sorted naturally they become fold00, fold01, ...
        group_column: column of what must stay together (speaker, recording, ...). With ``folds`` the groups are
            cut into new folds (:func:`~hear_audiomosaic.tasks.splits.grouped_folds`), otherwise given splits are
            checked. Without it a column called ``group`` is kept in ``groups.json`` and checked with a warning only.
        folds: number of new folds, at least 3.
        separator: what separates several labels in a cell; makes the task multilabel, an empty cell has no label.
        events_file: table of events, relative to ``source_dir``; makes an event task.
        where: ``COLUMN=VALUE`` conditions on the events table if it has the column, else on ``metadata.csv``; one
            column may be given several values. Files that lose all their events stay.
        rates_hz: sample rates to write, in Hz.
        tasks_dir: folder of all tasks; the user's data folder by default.
        version: part of the folder's name.
        mode: part of the folder's name.
        allow_untrained_labels: only log labels that occur in no training clip, instead of refusing them; event tasks
            always do so, as HEAR does.
        hold_out_valid: if no row is marked valid, take a ninth of train (whole groups) by HEAR's draw.
        evaluation: scores, the first selects; by default HEAR's usual ones for the type of task.
        use_scoring_for_early_stopping: False: probes stop by the validation loss.
        median_filter_ms: event post-processing; by default HEAR's 250 ms, but no filter (0) if the median event is
            shorter than 250 ms, since the filter would delete it.
        min_duration_ms: event post-processing; by default HEAR's 125 and 250 ms, but 0 for such short events (an
            event ends with its last active frame, so that one frame lasts 0 ms).
        task_specific_param_grid: entries of the probe's grid that this task replaces.
        facts: further fields of the card: title, domain, source, licence, citation, notes.
        overwrite: replace a task of the same name that was made from other input.
        workers: threads for the audio; None: one per core, at most 8.

    Returns:
        The prepared task, opened.

    Raises:
        TaskError: tables, labels, splits or events are wrong, or the folder exists and was made from other input.
        AudioError: recordings are missing, corrupt, empty or not finite.
    """
    recipe = FolderRecipe(
        label_column=label_column,
        split_column=split_column,
        fold_column=fold_column,
        group_column=group_column,
        folds=folds,
        separator=separator,
        events_file=None if events_file is None else str(events_file),
        where=parse_where(where),
        hold_out_valid=hold_out_valid,
        allow_untrained_labels=allow_untrained_labels,
    )
    scoring = _Scoring(
        None if evaluation is None else tuple(evaluation),
        use_scoring_for_early_stopping,
        None if median_filter_ms is None else tuple(median_filter_ms),
        None if min_duration_ms is None else tuple(min_duration_ms),
        task_specific_param_grid,
    )
    source_dir = Path(source_dir)
    rates = _checked_rates(rates_hz)
    plan = read_folder(source_dir, recipe)
    card = _card(plan, scoring, {"name": name, "version": version, "mode": mode, **(facts or {})})
    _warn_of_heareval_spelling(plan)
    target = (default_tasks_dir() if tasks_dir is None else Path(tasks_dir)) / card.directory_name
    partial = publishing.unfinished(target)
    plan_sha256 = _plan_sha256(plan, card)

    def is_there() -> bool:
        return target.exists() and _made_from(target, plan_sha256, plan.clips, source_dir, overwrite=overwrite)

    publishing.put_in_place(target)
    # A finished task is opened where nothing can be written, too.
    if not publishing.awaits_publishing(target) and is_there() and not lacking_rates(target, plan.clips, rates):
        publishing.tidy(target)
        _log.info("%s is prepared already, from the same input: nothing to do", target)
        return _told(PreparedTask.open(target))
    with publishing.preparing(target):
        publishing.finish_publishing(target)
        if is_there():
            _add_rates(target, partial, plan, source_dir, rates, workers)
            return _told(PreparedTask.open(target))
        recordings = convert(plan.clips, source_dir, partial, rates, title=card.name, workers=workers)
        plan = events_within(plan, recordings)
        findings = merged([plan.findings, found_in(recordings), twins_in(plan.clips, recordings)])
        _write_tables(partial, plan, _measured(card, plan, recordings), recordings)
        write_json(
            partial / PREPARATION,
            {"plan_sha256": plan_sha256, "findings": findings, "recordings": recordings_to_json(recordings)},
            indent=None,
        )
        forget_conversion(partial)
        publishing.publish(partial, target)
    return _told(PreparedTask.open(target))


def _told(task: PreparedTask) -> PreparedTask:
    """The task, after what is odd about it is told."""
    tell(findings_of(task.directory), task.card.name)
    tell_limits(task)
    return task


def _checked_rates(rates_hz: Sequence[int]) -> tuple[int, ...]:
    rates = tuple(sorted(set(rates_hz)))
    if not rates or not all(is_sample_rate(rate) for rate in rates):
        raise TaskError(
            f"--rate expects sample rates from {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz, such as 16000; "
            f"found {listed(rates_hz) or 'none'}"
        )
    return rates


def _card(plan: FolderPlan, scoring: _Scoring, fields: Mapping[str, Any]) -> TaskCard:
    """The card as far as the tables say; raises TaskError before any audio is touched."""
    is_event = plan.embedding_type == "event"
    usual: tuple[str, ...] = EVENT_EVALUATION
    if not is_event:
        usual = MULTICLASS_EVALUATION if plan.prediction_type == "multiclass" else MULTILABEL_EVALUATION
    if not is_event and (scoring.median_filter_ms is not None or scoring.min_duration_ms is not None):
        raise TaskError("--median-filter-ms and --min-duration-ms are for tasks with --events")
    card = TaskCard.from_fields(
        {
            "embedding_type": plan.embedding_type,
            "prediction_type": plan.prediction_type,
            "split_mode": plan.assignment.split_mode,
            "splits": plan.assignment.splits,
            "evaluation": scoring.evaluation or usual,
            "use_scoring_for_early_stopping": scoring.use_scoring_for_early_stopping,
            "event_postprocessing_grid": _postprocessing(plan, scoring) if is_event else None,
            "task_specific_param_grid": scoring.task_specific_param_grid,
            "n_classes": len(plan.vocabulary),
            "n_clips": len(plan.clips),
            "chance": _chance(plan),
            **fields,
        },
        f"Task {fields['name']}",
    )
    if "chroma_acc" in card.evaluation:
        pitches = [int(label) for label in plan.vocabulary if label.lstrip("-").isdecimal()]
        if pitches != list(range(pitches[0], pitches[0] + len(plan.vocabulary)) if pitches else [0]):
            raise TaskError(
                "chroma_acc takes positions in the vocabulary modulo 12, so the labels must be consecutive whole "
                f"numbers (MIDI pitches); found {', '.join(plan.vocabulary[:10])}, ..."
            )
    return card


def _postprocessing(plan: FolderPlan, scoring: _Scoring) -> dict[str, tuple[Number, ...]] | None:
    """Post-processing grid for the metadata; None leaves HEAR's default, which deletes events shorter than that."""
    lengths = [event["end"] - event["start"] for clip in plan.clips for event in clip.labels]
    short = median(lengths) < _SHORT_EVENT_MS
    if scoring.median_filter_ms is None and scoring.min_duration_ms is None and not short:
        return None
    if short:
        _log.info(
            "The median event lasts %.0f ms: by default neither median filter nor minimum duration", median(lengths)
        )
    usual_filter, usual_minimum = ((0,), (0,)) if short else (_HEAR_MEDIAN_FILTER_MS, _HEAR_MIN_DURATION_MS)
    return {
        "median_filter_ms": usual_filter if scoring.median_filter_ms is None else scoring.median_filter_ms,
        "min_duration": usual_minimum if scoring.min_duration_ms is None else scoring.min_duration_ms,
    }


def _chance(plan: FolderPlan) -> float | None:
    """Share of the commonest label in all clips, or the mean share of the labels: a fact of the data.

    It is part of a task's identity and stays what it was. A result has the chance of its own folds beside it
    (:func:`hear_audiomosaic.metrics.chance.chance_level`).
    """
    if plan.embedding_type == "event":
        return None
    targets = np.array([[label in clip.labels for label in plan.vocabulary] for clip in plan.clips], dtype=np.float64)
    shares = targets.mean(axis=0)
    return round(float(shares.max() if plan.prediction_type == "multiclass" else shares.mean()), 4)


def _warn_of_heareval_spelling(plan: FolderPlan) -> None:
    changed = heareval_spelling(plan.vocabulary)
    if changed:
        ours, theirs = next(iter(changed.items()))
        _log.warning(
            "heareval would read %d labels of the vocabulary differently ('%s' as '%s'); rename them if it is to use "
            "this task. Here they stay as they are.",
            len(changed),
            ours,
            theirs,
        )


def _plan_sha256(plan: FolderPlan, card: TaskCard) -> str:
    """Identity of everything but the audio: clips, labels, splits, groups, scoring, names."""
    assignment = asdict(plan.assignment) | {"split_of": None}
    return sha256_of_json(
        [[asdict(clip) for clip in plan.clips], assignment, list(plan.vocabulary), card.to_metadata()]
    )


def _made_from(target: Path, plan_sha256: str, clips: Sequence[Clip], source_dir: Path, *, overwrite: bool) -> bool:
    """Whether an existing task was made from this input.

    Raises:
        TaskError: it was not, and may not be overwritten.
    """
    try:
        with file_errors("read", target / PREPARATION):  # a task that cannot be read is not taken for another one
            before = read_json(target / PREPARATION) if (target / PREPARATION).exists() else {}
        recordings = recordings_from_json(before["recordings"])
        same_tables = before["plan_sha256"] == plan_sha256 and all(clip_key(clip) in recordings for clip in clips)
    except (ValueError, KeyError, TypeError):
        recordings, same_tables, reason = {}, False, "was not made by this command"
    else:
        reason = "was made with other labels, splits or options"
    if same_tables:
        changed = [clip for clip in clips if not same_recording(source_dir / clip.source, recordings[clip_key(clip)])]
        if not changed:
            return True
        reason = f"was made from other recordings ({len(changed)} differ: '{changed[0].source}', ...)"
    if not overwrite:
        raise TaskError(
            f"{target} exists and {reason}; remove that folder, give another --name, or allow to overwrite it"
        )
    return False


def _add_rates(
    target: Path, partial: Path, plan: FolderPlan, source_dir: Path, rates: Sequence[int], workers: int | None
) -> None:
    """Convert the rates that a finished task lacks, or of which files are missing."""
    if lacking := lacking_rates(target, plan.clips, rates):
        convert(plan.clips, source_dir, partial, lacking, title=target.name, workers=workers)
        forget_conversion(partial)
        publishing.fill_folder(partial, target)
    shutil.rmtree(partial, ignore_errors=True)


def _measured(card: TaskCard, plan: FolderPlan, recordings: Mapping[str, Recording]) -> TaskCard:
    """The card with what only the audio can say."""
    frames = [recording.frames for recording in recordings.values()]
    rate_hz = next(iter(recordings.values())).rate_hz
    equal = max(frames) - min(frames) <= 1
    return card.model_copy(
        update={
            "n_classes": len(plan.vocabulary),
            "sample_duration_s": round(max(frames) / rate_hz, 4) if equal else None,
            "hours": round(sum(frames) / rate_hz / 3600.0, 4),
        }
    )


def _write_tables(partial: Path, plan: FolderPlan, card: TaskCard, recordings: Mapping[str, Recording]) -> None:
    """Write everything but the audio."""
    metadata = card.to_metadata()
    metadata[SECTION]["audio_sha256"] = sha256_of_json({key: value.sha256 for key, value in recordings.items()})
    if plan.assignment.fold_values:
        metadata[SECTION]["fold_values"] = dict(plan.assignment.fold_values)
    write_json(partial / METADATA, metadata)
    write_vocabulary(partial / VOCABULARY, plan.vocabulary)
    for split in plan.assignment.splits:
        write_json(
            partial / f"{split}.json", {clip.file: list(clip.labels) for clip in plan.clips if clip.split == split}
        )
    groups = {clip.file: clip.group for clip in plan.clips if clip.group is not None}
    if groups:
        write_json(partial / GROUPS, groups)
