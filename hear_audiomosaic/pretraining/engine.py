"""The engine: one loop for every objective. It owns all that is not the method."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from hear_audiomosaic.errors import FileError, PretrainingError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import refuse_what_is_no_file, write_json, write_text
from hear_audiomosaic.locks import locked_or_refused
from hear_audiomosaic.nn.distributed import rank, synchronise_batch_norms, world_size
from hear_audiomosaic.nn.objective import Logs, Objective, OptimiserSettings
from hear_audiomosaic.nn.vit import Block
from hear_audiomosaic.pretraining.data import ClipBatch, ClipSource, Odd, OddLog, batches, open_clips
from hear_audiomosaic.pretraining.log import RunLog
from hear_audiomosaic.pretraining.methods import build_objective
from hear_audiomosaic.pretraining.optimiser import adamw, learning_rate, scaled
from hear_audiomosaic.pretraining.settings import PretrainSettings
from hear_audiomosaic.pretraining.state import read_checkpoint, read_facts, write_checkpoint
from hear_audiomosaic.printable import listed, shortened
from hear_audiomosaic.progress import progress_bar

__all__ = ["Pretrained", "pretrain"]

T = TypeVar("T")
_log = logging.getLogger(__name__)
_STEP_PRIME = 1_000_003  # keeps the generators of neighbouring seeds and steps apart


@dataclass(frozen=True)
class Pretrained:
    """A finished run.

    Attributes:
        encoder: weights file, which the method's ``load_model`` reads.
        facts: the content of ``encoder.json``, beside it.
    """

    encoder: Path
    facts: Mapping[str, Any]


def pretrain(settings: PretrainSettings) -> Pretrained:
    """Train, or resume where the folder's run stopped; a finished run is not repeated.

    Every step's randomness comes from seed and step, and the state is written whole, so a run that was killed gives
    the same losses and weights as one that was not. Under ``torchrun`` the processes share each step's batch.

    Args:
        settings: of the run.

    Returns:
        The encoder's file and facts.

    Raises:
        PretrainingError: settings that do not fit each other, the data or the folder's run; another process that
            trains in the folder; or a loss that is not finite.
    """
    with _processes(settings.device) as device:
        clips = _open(settings)
        torch.manual_seed(settings.seed)
        objective = build_objective(settings.method, settings.size, settings.crop_s, settings.options)
        if settings.batch_size % (world_size() * settings.accumulate):
            raise PretrainingError(
                f"A batch of {settings.batch_size} clips cannot be shared by {world_size()} processes in "
                f"{settings.accumulate} parts each; choose a multiple of {world_size() * settings.accumulate}."
            )
        facts = settings.recorded() | {"clips": len(clips), "data_digest": clips.digest()}
        with _alone_in(settings.out):
            _start_or_match(settings.out, facts)
            return _Run(settings, objective, clips, device, facts).finish()


class _Run:
    def __init__(
        self,
        settings: PretrainSettings,
        objective: Objective,
        clips: ClipSource,
        device: torch.device,
        facts: Mapping[str, Any],
    ) -> None:
        self.settings, self.clips, self.device, self.facts = settings, clips, device, dict(facts)
        synchronise = world_size() > 1
        if synchronise:
            synchronise_batch_norms(objective)
        for module in objective.modules():
            if isinstance(module, Block):
                module.checkpointed = settings.checkpoint_blocks
        self.objective = objective.to(device).train()
        self.schedule = _optimiser_settings(objective.optimiser, settings)
        self.optimiser, self.names = adamw(objective, self.schedule)
        checkpoint = read_checkpoint(settings.out, objective, self.optimiser, self.names)
        self.step: int = checkpoint.step if checkpoint else 0
        if len(steps := set(_gather(self.step))) > 1:
            raise PretrainingError(
                f"The processes see checkpoints of different steps in {settings.out}: {sorted(steps)}. --out must be "
                "one folder that all machines share."
            )
        self.skips = clips.skip_log(checkpoint.skipped if checkpoint else ())
        self.odd = OddLog(checkpoint.odd_crops, checkpoint.odd_clips) if checkpoint else OddLog()
        self.odd_since: list[Odd] = []  # the last checkpoint, of this process
        self.n_samples = objective.n_samples(settings.crop_s)
        model: nn.Module = objective
        if settings.compile:
            model = cast("nn.Module", torch.compile(model))
        self.model = DistributedDataParallel(model) if synchronise else model

    def finish(self) -> Pretrained:
        """Take the steps that are left and write the encoder."""
        s = self.settings
        log = RunLog(s.out, self.step) if rank() == 0 else None
        begin = time.perf_counter() - (log.seconds if log else 0.0)
        with progress_bar(s.n_steps, f"pretrain {s.method}", "step") as bar:
            bar.update(self.step)
            for batch in self._batches():
                row = self._train(batch)
                self.step += 1
                if log and row:
                    log.write({"step": self.step, **row, "seconds": time.perf_counter() - begin})
                    bar.set_postfix(loss=f"{row['loss']:.4f}")
                if self.step % s.save_every == 0 or self.step == s.n_steps:
                    if log:
                        log.flush()
                    self._save()
                bar.update()
        if log:
            for words in self.odd.in_words(s.n_steps * s.batch_size):
                _log.warning("%s", words)
            self.facts |= {f"last_{name}": v for name, v in log.last().items() if name not in ("step", "seconds")}
            log.close()
        return self._write_encoder()

    def _batches(self) -> Iterator[ClipBatch]:
        s = self.settings
        if self.step == s.n_steps:
            return iter(())
        return batches(
            self.clips,
            rate_hz=self.objective.rate_hz,
            crop_samples=self.n_samples,
            batch_size=s.batch_size // world_size(),
            seed=s.seed,
            first_step=self.step,
            n_steps=s.n_steps - self.step,
            rank=rank(),
            world_size=world_size(),
            n_workers=s.n_workers,
            augment=self.objective.augment,
            n_views=self.objective.n_views,
            skip_log=self.skips,
        )

    def _train(self, batch: ClipBatch) -> dict[str, float]:
        """One optimiser step; the row to log, if it is time for one."""
        s = self.settings
        if batch.skipped:
            _log.warning("Skipped, cannot be used: %s", listed(batch.skipped))
        self.odd_since += batch.odd
        detailed = (self.step + 1) % s.log_every == 0 or self.step + 1 == s.n_steps
        lr = learning_rate(self.step, s.n_steps, self.schedule)
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        torch.manual_seed((s.seed * _STEP_PRIME + self.step) * world_size() + rank())  # of stochastic depth
        generator = torch.Generator().manual_seed(s.seed * _STEP_PRIME + self.step)
        drawn = self._own_rows(self.objective.draw(s.batch_size, self.n_samples, generator))
        self.objective.before_step(self.step / s.n_steps)
        self.optimiser.zero_grad(set_to_none=True)
        logs = self._gradients(batch.audio.to(self.device), drawn, detailed)
        trainable = [p for p in self.objective.parameters() if p.requires_grad]
        norm = nn.utils.clip_grad_norm_(trainable, self.schedule.clip_norm or math.inf)
        if not torch.isfinite(norm):
            raise PretrainingError(
                f"The gradient of {s.method} is not finite at step {self.step + 1} of {s.out}. Its last checkpoint is "
                f"kept. Try a lower --lr than {self.schedule.peak_lr:g}, a longer --warm-up, or --clip-norm 1."
            )
        self.optimiser.step()
        self.objective.after_step((self.step + 1) / s.n_steps)
        if not detailed:
            return {}
        return _mean_over_processes(logs) | {"gradient_norm": float(norm), "lr": lr}

    def _gradients(self, audio: Tensor, drawn: Mapping[str, Tensor], detailed: bool) -> Logs:
        """Backward passes of all parts of this process's batch; mean logs."""
        n = self.settings.accumulate
        of_parts: list[Logs] = []
        for i, part in enumerate(audio.chunk(n)):
            rows = {name: values.chunk(n)[i].to(self.device) for name, values in drawn.items()}
            local_only = isinstance(self.model, DistributedDataParallel) and i < n - 1
            with cast("DistributedDataParallel", self.model).no_sync() if local_only else contextlib.nullcontext():
                with torch.no_grad():
                    views = self.objective.views(part)
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bf16"):
                    loss, logs = self.model(views, rows, detailed)
                (loss / n).backward()
            of_parts.append(logs)
        return {name: torch.stack([logs[name].float() for logs in of_parts]).nanmean() for name in of_parts[0]}

    def _own_rows(self, drawn: Mapping[str, Tensor]) -> dict[str, Tensor]:
        own = self.settings.batch_size // world_size()
        return {name: values[rank() * own : (rank() + 1) * own] for name, values in drawn.items()}

    def _save(self) -> None:
        self.skips.add(name for names in _gather(self.skips.names) for name in names)
        for odd in _gather(self.odd_since):
            self.odd.add(odd)
        self.odd_since = []
        if rank() > 0:
            return
        s = self.settings
        write_checkpoint(s.out, self.step, self.objective, self.optimiser, self.names, self.skips.names, self.odd)
        if self.skips.count:
            write_text(self.settings.out / "skipped.txt", "".join(f"{name}\n" for name in self.skips.names))

    def _write_encoder(self) -> Pretrained:
        path = self.settings.out / "encoder.safetensors"
        self.facts |= {
            "clips_seen": self.step * self.settings.batch_size,
            "skipped": self.skips.count,
            **({"odd_crops": self.odd.crops} if self.odd.crops else {}),
            "peak_lr": self.schedule.peak_lr,
            "processes": world_size(),
            "torch": torch.__version__,
        }
        if rank() == 0:
            for other in self.settings.out.glob("checkpoint-*.safetensors"):  # a kill can have kept it
                if other.name != f"checkpoint-{self.step:08d}.safetensors":
                    with file_errors("removed", other):
                        other.unlink()
            self.objective.save_encoder(path)
            write_json(path.with_suffix(".json"), self.facts)
        return Pretrained(path, self.facts)


def _optimiser_settings(own: OptimiserSettings, settings: PretrainSettings) -> OptimiserSettings:
    chosen = scaled(own, settings.batch_size)
    return replace(
        chosen,
        peak_lr=chosen.peak_lr if settings.peak_lr is None else settings.peak_lr,
        warm_up=chosen.warm_up if settings.warm_up is None else settings.warm_up,
        clip_norm=chosen.clip_norm if settings.clip_norm is None else settings.clip_norm,
    )


def _open(settings: PretrainSettings) -> ClipSource:
    """The clips; with several processes the first one reads all headers, and the others then read its index."""
    if world_size() > 1 and rank() > 0:
        dist.barrier()
    clips = open_clips(settings.data)
    if clips.corrupt and rank() == 0:
        _log.warning("Skipped, cannot be used: %s", listed(clips.corrupt))
    if world_size() > 1 and rank() == 0:
        dist.barrier()
    return clips


@contextlib.contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """Keep other runs out of the folder; the first process of this run does so for all, and all learn the outcome."""
    refusal = f"Another process trains in {out}. Wait for it or end it, or use another --out."
    with contextlib.ExitStack() as stack:
        failure: PretrainingError | FileError | None = None
        if rank() == 0:
            try:
                _refuse_what_is_no_file(out)
                stack.enter_context(locked_or_refused(out / "run.lock", refusal, PretrainingError))
            except (PretrainingError, FileError) as error:
                failure = error
        if failures := [found for found in _gather(failure) if found is not None]:
            raise failures[0]
        yield


def _refuse_what_is_no_file(out: Path) -> None:
    """A pipe under the name of a run's file would be waited for, or lost when the file takes its place."""
    with file_errors("read", out):
        for path in sorted(out.iterdir()) if out.is_dir() else ():
            if path.exists():
                refuse_what_is_no_file(path, "written")


def _start_or_match(out: Path, facts: Mapping[str, Any]) -> None:
    """Begin a run in ``out``, or check that the run there is the same one."""
    path = out / "run.json"
    if path.is_file():
        before = read_facts(path)
        names = {*before, *facts} - {"data"}  # its digest is compared, not its path
        changed = sorted(name for name in names if before.get(name) != facts.get(name))
        if changed:
            changes = listed(
                (
                    f"{name} was {shortened(repr(before.get(name)))}, is {shortened(repr(facts.get(name)))}"
                    for name in changed
                ),
                between="; ",
            )
            raise PretrainingError(f"{out} holds another run: {changes}. Use another --out, or the settings of before.")
    elif rank() == 0:
        write_json(path, dict(facts))


def _mean_over_processes(logs: Logs) -> dict[str, float]:
    """Means over the processes that have a value; NaN is "no value"."""
    values = torch.stack([value.float() for value in logs.values()])
    if world_size() > 1:
        present = ~values.isnan()
        sum_and_count = torch.stack([values.nan_to_num(0.0), present.float()])
        dist.all_reduce(sum_and_count)
        values = sum_and_count[0] / sum_and_count[1]
    return dict(zip(logs, values.tolist(), strict=True))


def _gather(value: T) -> list[T]:
    """The value of each process, by rank."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values


@contextlib.contextmanager
def _processes(device: str) -> Iterator[torch.device]:
    """Join the other processes if ``torchrun`` started this one; yields the device of this one."""
    kind = torch.device(device).type
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield torch.device(device)
        return
    # The others wait while the first process reads all headers of a large data set.
    dist.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=timedelta(hours=2))
    try:
        index = int(os.environ.get("LOCAL_RANK", "0"))
        if kind == "cuda":
            torch.cuda.set_device(index)
        yield torch.device(kind, index) if kind == "cuda" else torch.device(kind)
    finally:
        dist.destroy_process_group()
