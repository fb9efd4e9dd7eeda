"""Any mix of folders, manifests and tar shards as one numbered list of clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import PretrainingError
from hear_audiomosaic.files import sha256_of_json
from hear_audiomosaic.pretraining.data.crops import Recording, read_crop
from hear_audiomosaic.pretraining.data.folders import open_folder, open_manifest
from hear_audiomosaic.pretraining.data.shards import open_shards
from hear_audiomosaic.pretraining.data.skips import SkipLog

__all__ = ["ClipSource", "open_clips"]


class Clips(Protocol):
    """What every kind of source offers; see `FileClips` and `ShardClips`."""

    @property
    def corrupt(self) -> tuple[str, ...]: ...
    def __len__(self) -> int: ...
    def key(self, index: int) -> str: ...
    def fetch(self, indices: Sequence[int]) -> list[Recording]: ...
    def order(self, generator: np.random.Generator) -> npt.NDArray[np.int64]: ...
    def digest(self) -> str: ...


@dataclass(frozen=True)
class ClipSource:
    """Clips 0 to n - 1 of all parts, one part after the other.

    Attributes:
        parts: one per folder and manifest, and one for all shards together.
    """

    parts: tuple[Clips, ...]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    @property
    def corrupt(self) -> tuple[str, ...]:
        """Names of the files that cannot be read; they do not count as clips."""
        return tuple(name for part in self.parts for name in part.corrupt)

    def key(self, index: int) -> str:
        """Name of a clip: ``folder/a.wav``, ``folder/long.wav@120.00s`` or ``shard.tar/key.flac``."""
        part, local = self._locate(index)
        return part.key(local)

    def fetch(self, indices: Sequence[int]) -> list[Recording]:
        """Where the clips' samples are, in the order of ``indices``; members of shards are read, all at once."""
        recordings: dict[int, Recording] = {}
        first = 0
        for part in self.parts:
            mine = [index for index in indices if first <= index < first + len(part)]
            if mine:
                recordings.update(zip(mine, part.fetch([index - first for index in mine]), strict=True))
            first += len(part)
        return [recordings[index] for index in indices]

    def read(self, index: int, n_samples: int, rate_hz: int, where: float = 0.0) -> npt.NDArray[np.float32]:
        """Decode a crop of a clip.

        Args:
            index: 0 to n - 1.
            n_samples: samples S of the crop at ``rate_hz``; a shorter clip is followed by zeros.
            rate_hz: wanted rate in Hz.
            where: position of the crop in the clip, in [0, 1): 0 is its beginning, towards 1 its end.

        Returns:
            float32, shape (S,), mono.

        Raises:
            AudioError: the clip is corrupt.
        """
        return read_crop(self.fetch([index])[0], n_samples, rate_hz, where)

    def order(self, seed: int, epoch: int) -> npt.NDArray[np.int64]:
        """The permutation of an epoch, (n,): files in any order, shards so that reading stays local."""
        generator = np.random.default_rng(np.random.SeedSequence([seed, epoch], spawn_key=(0,)))
        sizes = [len(part) for part in self.parts]
        turn = generator.permutation(np.repeat(np.arange(len(sizes)), sizes))  # (n,) which part is next
        clips = np.empty(len(turn), np.int64)
        for k, part in enumerate(self.parts):
            clips[turn == k] = sum(sizes[:k]) + part.order(generator)
        return clips

    def digest(self) -> str:
        """SHA-256 over the parts' relative names, lengths and sizes; where the data lies does not count."""
        return sha256_of_json([part.digest() for part in self.parts])

    def skip_log(self, names: Sequence[str] = ()) -> SkipLog:
        """A list of corrupt clips that begins with those of opening the source, and ``names`` of an earlier run.

        Raises:
            PretrainingError: these are more than 1 % already.
        """
        log = SkipLog(len(self) + len(self.corrupt))
        log.add([*self.corrupt, *names])
        return log

    def _locate(self, index: int) -> tuple[Clips, int]:
        for part in self.parts:
            if index < len(part):
                return part, index
            index -= len(part)
        raise IndexError(f"No clip {index} past the last one.")


def open_clips(sources: Sequence[str], clip_s: float = 10.0) -> ClipSource:
    """Open what a pre-training run learns from.

    Args:
        sources: each a folder of recordings (with its sub-folders), a text or CSV manifest (a column ``filename``, or
            one path per line, relative to the manifest), or WebDataset shards: a .tar path or fsspec URL, with
            ``{000..009}`` for a range. All shards form one part.
        clip_s: a recording in a file counts as as many clips as its length is multiples of this, rounded; members of
            shards are one clip each.

    Raises:
        PretrainingError: a source is missing, empty or of no known kind, or more than 1 % of it is corrupt.
    """
    if not sources or clip_s <= 0:
        raise PretrainingError("Expected at least one source of audio and a positive clip length; give a folder.")
    parts: list[Clips] = []
    shards = [source for source in sources if "://" in source or source.endswith(".tar")]
    for source in dict.fromkeys(sources):
        path = Path(source)
        if source in shards:
            continue
        if not path.exists():
            raise PretrainingError(f"There is no folder, manifest or .tar shard at {source}; check the path.")
        parts.append(open_folder(path, clip_s) if path.is_dir() else open_manifest(path, clip_s))
    if shards:
        parts.append(open_shards(list(dict.fromkeys(shards))))
    clips = ClipSource(tuple(parts))
    clips.skip_log()  # raises when too many are corrupt
    return clips
