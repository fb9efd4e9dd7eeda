"""Batches of crops whose content depends on seed and step alone, whatever the number of workers and ranks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hear_audiomosaic.errors import AudioError, PretrainingError
from hear_audiomosaic.nn.objective import Augment
from hear_audiomosaic.pretraining.data.crops import Recording, read_crop
from hear_audiomosaic.pretraining.data.odd import Odd, oddities
from hear_audiomosaic.pretraining.data.skips import MAX_CORRUPT, SkipLog, too_many_corrupt
from hear_audiomosaic.pretraining.data.source import ClipSource

__all__ = ["ClipBatch", "batches"]


@dataclass(frozen=True)
class ClipBatch:
    """One rank's share of a step.

    Attributes:
        audio: float32 tensor (B, V, S), range about [-1, 1]: V views of B crops of S samples.
        keys: names of the B clips.
        skipped: names of corrupt clips that this batch is the first to meet.
        odd: what is odd about its crops (:mod:`hear_audiomosaic.pretraining.data.odd`), with their names.
    """

    audio: torch.Tensor
    keys: tuple[str, ...]
    skipped: tuple[str, ...]
    odd: tuple[Odd, ...] = ()


def batches(
    source: ClipSource,
    *,
    rate_hz: int,
    crop_samples: int,
    batch_size: int,
    seed: int,
    first_step: int,
    n_steps: int,
    rank: int = 0,
    world_size: int = 1,
    n_workers: int = 0,
    augment: Augment | None = None,
    n_views: int = 1,
    skip_log: SkipLog | None = None,
) -> Iterator[ClipBatch]:
    """Yield the batches of ``n_steps`` steps.

    Position p = step * batch_size * world_size + rank * batch_size + row is clip ``p % n`` of the permutation of
    epoch ``p // n``; its crop and its views are drawn from generators seeded by (seed, p). A clip whose crop cannot be
    read is replaced by the next one of the permutation.

    Args:
        source: the clips.
        rate_hz: rate of the crops in Hz.
        crop_samples: samples S of a crop; its start is uniform, a clip shorter than S is followed by zeros.
        batch_size: crops B per rank.
        seed: 0 or more.
        first_step: step of the first batch; a run that resumes gives the step it has come to.
        n_steps: how many batches.
        rank: this process, 0 to ``world_size`` - 1; it takes rows ``rank * B`` to ``(rank + 1) * B`` of a step.
        world_size: processes that share a step.
        n_workers: processes that read ahead, a batch each; 0 reads in this one.
        augment: called once per view in the worker, each time with a generator of its own; None: views are the crop.
        n_views: views V of a crop.
        skip_log: takes the names of corrupt clips (see `ClipSource.skip_log`); None: a new one.

    Yields:
        One `ClipBatch` per step.

    Raises:
        PretrainingError: more than 1 % of the clips are corrupt, a shard cannot be read, or ``augment`` returned
            another shape.
    """
    steps = _Steps(source, rate_hz, crop_samples, batch_size, seed, rank, world_size, augment, n_views)
    log = source.skip_log() if skip_log is None else skip_log
    loader: torch.utils.data.DataLoader[_Item] = torch.utils.data.DataLoader(
        steps,
        batch_size=None,  # an item is a whole batch
        sampler=range(first_step, first_step + n_steps),
        num_workers=n_workers,
        collate_fn=_as_it_is,
        generator=torch.Generator(),  # leaves the global one alone
    )
    for batch in loader:
        if isinstance(batch, PretrainingError):
            raise batch
        yield replace(batch, skipped=log.add(batch.skipped))


def _as_it_is(item: Any) -> Any:
    return item


_Item = ClipBatch | PretrainingError  # an error is raised in the main process


@dataclass
class _Steps(torch.utils.data.Dataset[_Item]):
    """Map-style dataset: step -> batch. A worker keeps the last permutations, and nothing that changes a batch."""

    source: ClipSource
    rate_hz: int
    crop_samples: int
    batch_size: int
    seed: int
    rank: int
    world_size: int
    augment: Augment | None
    n_views: int
    orders: dict[int, npt.NDArray[np.int64]] = field(default_factory=dict)

    def __getitem__(self, step: int) -> _Item:
        try:
            return self._batch(step)
        except PretrainingError as error:
            return error  # raised in the main process, without the worker's traceback in its message

    def _batch(self, step: int) -> ClipBatch:
        first = (step * self.world_size + self.rank) * self.batch_size
        positions = range(first, first + self.batch_size)
        recordings = self.source.fetch([self._clip(position) for position in positions])
        audio = np.empty((self.batch_size, self.n_views, self.crop_samples), np.float32)  # (B, V, S)
        keys: list[str] = []
        skipped: list[str] = []
        odd: list[Odd] = []
        for row, (position, recording) in enumerate(zip(positions, recordings, strict=True)):
            seeds = np.random.SeedSequence([self.seed, position], spawn_key=(1,)).spawn(1 + self.n_views)
            where = np.random.default_rng(seeds[0]).random()
            key, crop = self._crop(position, recording, where, skipped)
            keys.append(key)
            odd += [(kind, key) for kind in oddities(crop)]
            for view, view_seed in enumerate(seeds[1:]):
                audio[row, view] = self._view(crop, view_seed)
        return ClipBatch(torch.from_numpy(audio), tuple(keys), tuple(skipped), tuple(odd))

    def _clip(self, position: int, ahead: int = 0) -> int:
        epoch, index = divmod(position, len(self.source))
        if epoch not in self.orders:
            self.orders = {k: order for k, order in self.orders.items() if k == epoch - 1}
            self.orders[epoch] = self.source.order(self.seed, epoch)
        return int(self.orders[epoch][(index + ahead) % len(self.source)])

    def _crop(
        self, position: int, recording: Recording, where: float, skipped: list[str]
    ) -> tuple[str, npt.NDArray[np.float32]]:
        """Key and crop (S,) of the clip at a position, or of the first one after it whose crop can be read.

        A clip that failed before is tried again: a worker, or a resumed run, does not know what failed elsewhere.
        """
        tried = []
        for ahead in range(int(MAX_CORRUPT * len(self.source)) + 1):
            clip = self._clip(position, ahead)
            candidate = self.source.fetch([clip])[0] if ahead else recording
            try:
                return candidate.name, read_crop(candidate, self.crop_samples, self.rate_hz, where)
            except AudioError:
                skipped.append(candidate.name)
                tried.append(self.source.key(clip))
        raise too_many_corrupt(tried, len(self.source))

    def _view(self, crop: npt.NDArray[np.float32], seed: np.random.SeedSequence) -> npt.NDArray[np.float32]:
        if self.augment is None:
            return crop
        view = np.asarray(self.augment(crop.copy(), self.rate_hz, np.random.default_rng(seed)))
        if view.shape != crop.shape:
            raise PretrainingError(f"The augmentation returned shape {view.shape}; expected {crop.shape}.")
        return view
