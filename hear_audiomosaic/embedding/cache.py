"""The whole store on disk: what it holds, whether it is what was written, what nobody needs, and a copy to take along.

``STORE/<encoder>-<fingerprint>/<scene or timestamp>/<task>/<split>/`` is a split's log
(:class:`~hear_audiomosaic.embedding.store.SplitStore`).
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from hear_audiomosaic.embedding.index import Dtype
from hear_audiomosaic.embedding.store import SplitStore
from hear_audiomosaic.errors import EmbeddingError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import remove_leftovers, write_bytes
from hear_audiomosaic.locks import locked_or_refused

__all__ = ["Chosen", "Cleaned", "Fault", "Log", "clean", "export", "logs", "verify"]

_INDEX = "index.jsonl"
_LOCK = "writer.lock"
_DAY_S = 24 * 3600.0


@dataclass(frozen=True)
class Log:
    """One split's embeddings by one encoder.

    Attributes:
        folder: where they are.
        encoder: name and fingerprint, as the folder is called.
        kind: "scene" or "timestamp".
        task: the task's folder.
        split: the split.
        n_clips: clips; 0 where it cannot be read.
        n_bytes: on disk.
        n_unused_bytes: of those, what nothing names.
        dtype: how rows are stored; None where it cannot be read.
        error: why it cannot be used; None: it can.
        written: when it was written to last, seconds since 1970.
    """

    folder: Path
    encoder: str
    kind: str
    task: str
    split: str
    n_clips: int
    n_bytes: int
    n_unused_bytes: int
    dtype: Dtype | None
    error: str | None
    written: float


@dataclass(frozen=True)
class Fault:
    """What is not as it was written.

    Attributes:
        log: where.
        clip: whose rows; None: the log cannot be used at all.
        why: in words.
    """

    log: Log
    clip: str | None
    why: str


@dataclass(frozen=True)
class Cleaned:
    """What was freed, or would be.

    Attributes:
        path: of a log or a leftover file.
        what: in words.
        n_bytes: of it.
    """

    path: Path
    what: str
    n_bytes: int


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which logs are meant: all, where nothing is said.

    Attributes:
        encoders: names, or the beginning of a folder's name before a hyphen, or patterns with ``*``.
        tasks: the same of tasks.
        not_written_for_days: days since it was written to last; 0: whenever.
    """

    encoders: Sequence[str] = ()
    tasks: Sequence[str] = ()
    not_written_for_days: float = 0.0

    @property
    def says_which(self) -> bool:
        """Whether anything is said."""
        return bool(self.encoders or self.tasks or self.not_written_for_days)

    def has(self, log: Log) -> bool:
        """Whether a log is meant."""
        return (
            _is_meant(log.encoder, self.encoders)
            and _is_meant(log.task, self.tasks)
            and time.time() - log.written >= self.not_written_for_days * _DAY_S
        )


def logs(store_dir: Path, chosen: Chosen | None = None) -> Iterator[Log]:
    """What a store holds, sorted by encoder, task and split; broken logs, too.

    Args:
        store_dir: root of the store.
        chosen: which logs. (Default: all)

    Raises:
        EmbeddingError: there is no store.
    """
    if not store_dir.is_dir():
        raise EmbeddingError(
            f"There is no store at {store_dir}; `run` and `embed` make it, or give another: --store DIR"
        )
    chosen = chosen or Chosen()
    for index in sorted(store_dir.glob(f"*/*/*/*/{_INDEX}")):
        if not index.is_file():
            continue
        log = _log_of(index.parent)
        if chosen.has(log):
            yield log


def verify(log: Log) -> list[Fault]:
    """Read all of a log and compare it with its checksums."""
    if log.error is not None:
        return [Fault(log, None, log.error)]
    try:
        return [Fault(log, clip, "damaged") for clip in SplitStore.found(log.folder).verify()]
    except EmbeddingError as error:
        return [Fault(log, None, str(error))]


def clean(store_dir: Path, chosen: Chosen | None = None, *, dry_run: bool = False) -> Iterator[Cleaned]:
    """Free what nobody needs: rows that nothing names, damaged clips, logs that cannot be used, files a kill left.

    A log that another process writes to is left as it is, and said.

    Args:
        store_dir: root of the store.
        chosen: remove these logs, and nothing else. (Default: free what nobody needs of all logs)
        dry_run: free nothing. (Default: False)

    Raises:
        EmbeddingError: there is no store, or something cannot be removed.
    """
    chosen = chosen or Chosen()
    for log in logs(store_dir, chosen):
        if chosen.says_which or log.error is not None:
            what = "embeddings" if log.error is None else f"embeddings that cannot be used ({log.error})"
            yield _cleaned(log, what, log.n_bytes, dry_run, _remove)
        elif log.n_unused_bytes or verify(log):
            yield _cleaned(log, "rows that nothing names, or that are damaged", log.n_unused_bytes, dry_run, _compact)
    if not chosen.says_which and not dry_run:
        for path in remove_leftovers(store_dir):
            yield Cleaned(path, "a file that a killed process left", 0)


def export(log: Log, out: Path) -> Path:
    """Write a log as one ``.npz`` that NumPy reads without this package: ``OUT/<encoder>/<task>/<split>.npz``.

    Its arrays: ``embeddings`` float32 (rows, D), ``files`` (clips,) text, ``row_file`` int64 (rows,), which of
    ``files`` a row belongs to, and for timestamp embeddings ``timestamps_ms`` float64 (rows,).

    Returns:
        The file.

    Raises:
        EmbeddingError: the log is damaged or cannot be used.
    """
    if log.error is not None:
        raise EmbeddingError(log.error)
    store = SplitStore.found(log.folder)
    rows = store.read(store.files)
    arrays = {"embeddings": rows.values, "files": np.array(rows.files, dtype=np.str_), "row_file": rows.row_file}
    if rows.timestamps_ms is not None:
        arrays["timestamps_ms"] = rows.timestamps_ms
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_STORED) as zipped:
        for name, array in arrays.items():
            one = io.BytesIO()
            np.save(one, array, allow_pickle=False)
            zipped.writestr(f"{name}.npy", one.getvalue())
    path = out / log.encoder / log.task / f"{log.split}.npz"
    write_bytes(path, content.getvalue())
    return path


def _log_of(folder: Path) -> Log:
    encoder, kind, task, split = folder.parts[-4:]
    n_bytes = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    written = (folder / _INDEX).stat().st_mtime
    try:
        store = SplitStore.found(folder)
        usage = store.usage()
    except EmbeddingError as error:
        return Log(folder, encoder, kind, task, split, 0, n_bytes, n_bytes, None, str(error), written)
    return Log(
        folder, encoder, kind, task, split, usage.n_clips, n_bytes, usage.n_unused_bytes, store.dtype, None, written
    )


def _cleaned(log: Log, what: str, n_bytes: int, dry_run: bool, free: Callable[[Log], int]) -> Cleaned:
    if dry_run:
        return Cleaned(log.folder, what, n_bytes)
    try:
        with locked_or_refused(log.folder / _LOCK, "it is being written to", EmbeddingError):
            pass  # writing waits for another writer; cleaning does not
        return Cleaned(log.folder, what, free(log))
    except EmbeddingError as error:
        return Cleaned(log.folder, f"left as it is: {error}", 0)


def _compact(log: Log) -> int:
    with SplitStore.found(log.folder) as store:
        return store.compact()


def _remove(log: Log) -> int:
    """Remove the files, the index first: a reader that comes now finds nothing; the lock stays (see locks.py)."""
    freed = 0
    with locked_or_refused(log.folder / _LOCK, "it is being written to", EmbeddingError):
        for path in sorted(log.folder.iterdir(), key=lambda path: path.name != _INDEX):
            if path.is_file() and path.name != _LOCK:
                n_bytes = path.stat().st_size
                with file_errors("removed", path):
                    path.unlink()
                freed += n_bytes
    return freed


def _is_meant(name: str, asked: Sequence[str]) -> bool:
    return not asked or any(fnmatchcase(name, one) or name == one or name.startswith(f"{one}-") for one in asked)
