"""Clips from tar shards in WebDataset's layout, read by ranges from a disk or from any fsspec URL.

The webdataset library reads a shard as one stream; here any member is read alone (offset and size are in the tar
headers), so a run resumes at any step without reading what came before, and its order does not depend on workers.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt

from hear_audiomosaic.errors import PretrainingError
from hear_audiomosaic.pretraining.data.crops import Recording
from hear_audiomosaic.pretraining.data.index import Names, read_index, write_index
from hear_audiomosaic.printable import shortened
from hear_audiomosaic.progress import progress
from hear_audiomosaic.threads import in_threads

__all__ = ["ShardClips", "expand_braces", "open_shards"]

_AUDIO = frozenset({".flac", ".mp3", ".ogg", ".opus", ".wav"})
_SAMPLE = re.compile(r"^((?:.*/)?[^./]+)\.[^/]+$")  # group 1: WebDataset's key, up to the first dot of the base name
_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST_DIGITS = 18
_MOST_SHARDS = 1_000_000
"""Of one pair of braces."""
_WINDOW = 8  # shards that are shuffled together
_THREADS = 8
_TRIES = 3  # of a range read, 1 s and 2 s apart


@dataclass(frozen=True)
class ShardClips:
    """Audio members of tar shards; each is one clip, whatever its length.

    Attributes:
        urls: absolute paths or fsspec URLs of the shards.
        names: ``shard.tar/member`` of each clip.
        bounds: (shards + 1,) int64; clips ``bounds[s]:bounds[s + 1]`` are in shard s.
        offset: (n,) int64, first byte of the member in its shard.
        size: (n,) int64, its bytes.
        corrupt: always empty; members are decoded only when they are drawn.
    """

    urls: tuple[str, ...]
    names: Names
    bounds: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    corrupt: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.offset)

    def key(self, index: int) -> str:
        """The clip's name: ``shard.tar/member``."""
        return self.names[index]

    def fetch(self, indices: Sequence[int]) -> list[Recording]:
        """Read the members' bytes: all ranges of one file system at once, which http and object stores do in parallel.

        Raises:
            PretrainingError: a shard cannot be read, or the server does not serve ranges.
        """
        by_system: dict[int, tuple[Any, list[int], list[str]]] = {}
        for i in dict.fromkeys(indices):
            system, path = _file_system(self.urls[int(np.searchsorted(self.bounds, i, side="right")) - 1])
            entry = by_system.setdefault(id(system), (system, [], []))
            entry[1].append(i)
            entry[2].append(path)
        content: dict[int, bytes] = {}
        for system, members, paths in by_system.values():
            starts, sizes = self.offset[members].tolist(), self.size[members].tolist()
            content.update(zip(members, _read_ranges(system, paths, starts, sizes), strict=True))
        return [Recording(self.key(i), content[i]) for i in indices]

    def order(self, generator: np.random.Generator) -> npt.NDArray[np.int64]:
        """A permutation of all clips, (n,): shards in random order, clips shuffled within windows of 8 shards."""
        shards = generator.permutation(len(self.urls))
        windows = (shards[first : first + _WINDOW] for first in range(0, len(shards), _WINDOW))
        clips = (np.concatenate([np.arange(self.bounds[s], self.bounds[s + 1]) for s in window]) for window in windows)
        return np.concatenate([generator.permutation(window) for window in clips])

    def digest(self) -> str:
        """SHA-256 over names of shards and members, and their sizes."""
        digest = hashlib.sha256(self.names.block)
        for array in (self.names.ends, self.size):
            digest.update(array.astype("<i8").tobytes())
        return digest.hexdigest()


def expand_braces(pattern: str) -> list[str]:
    """``x-{000..002}.tar`` -> x-000.tar, x-001.tar, x-002.tar; several braces give all combinations."""
    match = _BRACES.search(pattern)
    if match is None:
        return [pattern]
    low, high = match.groups()
    if len(high) > _MOST_DIGITS or int(high) - int(low[-_MOST_DIGITS:]) >= _MOST_SHARDS:
        raise PretrainingError(f"{shortened(pattern)} names more than {_MOST_SHARDS} shards; give several sources.")
    numbers = (f"{number:0{len(low)}d}" for number in range(int(low), int(high) + 1))
    return [url for n in numbers for url in expand_braces(pattern[: match.start()] + n + pattern[match.end() :])]


def open_shards(patterns: Sequence[str]) -> ShardClips:
    """Open shards; their tar headers are read once and cached in the user's data folder.

    Args:
        patterns: paths or fsspec URLs of uncompressed .tar files, with ``{000..009}`` for a range of numbers.

    Raises:
        PretrainingError: a shard is missing, is not a tar file, or holds no audio.
    """
    urls = [url for pattern in patterns for url in expand_braces(pattern)]
    if not urls:
        raise PretrainingError(f"{', '.join(patterns)} names no shard; expected a range such as {{000..009}}.")
    urls = [url if "://" in url else str(Path(url).resolve()) for url in urls]
    read = in_threads(_members, urls, _THREADS, 2 * _THREADS)
    shards = list(progress(read, "index shards", total=len(urls), unit="shard"))
    names = [
        f"{PurePosixPath(url).name}/{name}" for url, shard in zip(urls, shards, strict=True) for name, _, _ in shard
    ]
    members = np.array([member[1:] for shard in shards for member in shard], dtype=np.int64)  # (n, 2)
    bounds = np.cumsum([0, *map(len, shards)], dtype=np.int64)
    return ShardClips(tuple(urls), Names(names), bounds, members[:, 0].copy(), members[:, 1].copy())


def _file_system(url: str) -> tuple[Any, str]:
    """The file system and the path in it; fsspec keeps one instance per process."""
    try:
        system, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise PretrainingError(f"fsspec cannot open {url}: {error}") from error
    return system, path


def _members(url: str) -> list[list[Any]]:
    """Name, offset and size of the first audio member of each sample of a shard."""
    system, path = _file_system(url)
    try:
        info = system.info(path)
        if info.get("type", "file") not in ("file", "link"):  # a pipe would be waited for
            raise PretrainingError(f"{url} is not a file; give the path of a .tar shard.")
        changed = next((info[k] for k in ("mtime", "ETag", "LastModified", "created") if info.get(k)), "")
        stamp = [info["size"], str(changed)]
        known = read_index(url)
        if known.get("stamp") == stamp:
            return list(known["members"])
        with system.open(path, "rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            members = [[member.name, member.offset_data, member.size] for member in _audio_members(tar)]
    except FileNotFoundError as error:
        raise PretrainingError(f"There is no shard at {url}; check the path or the range in braces.") from error
    except tarfile.TarError as error:
        raise PretrainingError(
            f"{url} is not a complete, uncompressed .tar file ({error}); fetch it again, or unpack it with gunzip."
        ) from error
    except (OSError, ImportError, ValueError, OverflowError, MemoryError) as error:  # of headers that claim too much
        raise PretrainingError(f"The shard {url} cannot be read: {error}") from error
    if not members:
        raise PretrainingError(
            f"The shard {url} holds no audio; expected members named KEY{', KEY'.join(sorted(_AUDIO))}."
        )
    write_index(url, {"stamp": stamp, "members": members})
    return members


def _audio_members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """One member per sample; a sample is a run of files that share their key."""
    taken = None
    for member in tar:
        match = _SAMPLE.match(member.name)
        if member.isreg() and match and match[1] != taken and PurePosixPath(member.name).suffix.lower() in _AUDIO:
            taken = match[1]
            yield member


def _read_ranges(system: Any, paths: list[str], starts: list[int], sizes: list[int]) -> list[bytes]:
    """The bytes of each range; reads that fail are tried again."""
    blobs: dict[int, bytes] = {}
    failed: dict[int, object] = {}
    for attempt in range(_TRIES):
        missing = [k for k in range(len(paths)) if k not in blobs]
        if not missing:
            break
        time.sleep(attempt)
        ends = [starts[k] + sizes[k] for k in missing]
        read = system.cat_ranges([paths[k] for k in missing], [starts[k] for k in missing], ends, on_error="return")
        blobs.update({k: blob for k, blob in zip(missing, read, strict=True) if isinstance(blob, bytes)})
        failed.update({k: blob for k, blob in zip(missing, read, strict=True) if not isinstance(blob, bytes)})
    for k, path in enumerate(paths):
        if k not in blobs:
            raise PretrainingError(f"The shard {path} cannot be read ({failed[k]}); resume when it is there again.")
        if len(blobs[k]) > sizes[k]:
            raise PretrainingError(f"The server of {path} does not serve ranges of a file; copy the shards first.")
    return [blobs[k] for k in range(len(paths))]
