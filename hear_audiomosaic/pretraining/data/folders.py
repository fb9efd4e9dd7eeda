"""Clips from files: a folder walked recursively, or a manifest that lists paths."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import soundfile

from hear_audiomosaic.audio.files import readable_length
from hear_audiomosaic.errors import AudioError, PretrainingError
from hear_audiomosaic.parsing import UnreadableError, parse_csv, parse_text
from hear_audiomosaic.pretraining.data.crops import AUDIO_SUFFIXES, Recording
from hear_audiomosaic.pretraining.data.index import Names, read_index, write_index
from hear_audiomosaic.printable import listed
from hear_audiomosaic.progress import progress_bar
from hear_audiomosaic.reading import read_file
from hear_audiomosaic.threads import in_threads

__all__ = ["FileClips", "open_folder", "open_manifest"]

_THREADS = 8
_BLOCK = 256  # files whose headers a thread reads in one go
_MAX_FRAMES = 1 << 40  # libsndfile says 2^63 - 1 where a header does not know its length


@dataclass(frozen=True)
class FileClips:
    """Clips of the files below one root: each is (file, first frame, frames).

    Attributes:
        root: folder that names are relative to.
        names: relative names of the files, with ``/``.
        frames: (files,) int64, length of each file at its own rate.
        rates_hz: (files,) int64.
        file: (n,) int64 index into ``names``.
        start: (n,) int64, first frame of the clip.
        length: (n,) int64, frames of the clip.
        corrupt: names of the files whose header cannot be read, that are cut short, or that hold no sample.
    """

    root: Path
    names: Names
    frames: npt.NDArray[np.int64]
    rates_hz: npt.NDArray[np.int64]
    file: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    corrupt: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.file)

    def key(self, index: int) -> str:
        """The file's name, with the clip's start in seconds when the file holds several."""
        file = int(self.file[index])
        if self.length[index] == self.frames[file]:
            return self.names[file]
        return f"{self.names[file]}@{self.start[index] / self.rates_hz[file]:.2f}s"

    def fetch(self, indices: Sequence[int]) -> list[Recording]:
        """Where the clips are; nothing is read yet."""
        return [
            Recording(self.key(i), self.root / self.names[int(self.file[i])], int(self.start[i]), int(self.length[i]))
            for i in indices
        ]

    def order(self, generator: np.random.Generator) -> npt.NDArray[np.int64]:
        """A permutation of all clips, (n,)."""
        return generator.permutation(len(self))

    def digest(self) -> str:
        """SHA-256 over names, lengths, rates and the cut into clips."""
        digest = hashlib.sha256(self.names.block)
        for array in (self.names.ends, self.frames, self.rates_hz, self.file, self.start, self.length):
            digest.update(array.astype("<i8").tobytes())
        return digest.hexdigest()


def open_folder(folder: Path, clip_s: float) -> FileClips:
    """Open all recordings below ``folder``, sorted by relative path; links to folders are not followed.

    Raises:
        PretrainingError: the folder holds no recording.
    """
    names, shards = [], 0
    for path, _, files in os.walk(folder):
        below = PurePosixPath(os.path.relpath(path, folder).replace(os.sep, "/"))
        visible = [file for file in files if not file.startswith(".")]
        names += [str(below / file) for file in visible if Path(file).suffix.lower() in AUDIO_SUFFIXES]
        shards += sum(file.endswith(".tar") for file in visible)
    if not names:
        remedy = "give its .tar shards by name: 'x-{000..009}.tar'" if shards else "check the path"
        raise PretrainingError(
            f"There is no recording ({', '.join(sorted(AUDIO_SUFFIXES))}) in {folder} or below it; {remedy}."
        )
    return _open_files(folder, sorted(names), str(folder.resolve()), clip_s)


def open_manifest(manifest: Path, clip_s: float) -> FileClips:
    """Open the recordings a text or CSV file lists, in its order, relative to its folder.

    The file has a column ``filename``, or one path per line.

    Raises:
        PretrainingError: no path in it, a table without that column, or not text.
    """
    separator = "\t" if manifest.suffix.lower() == ".tsv" else ","

    def listed_names(content: bytes) -> list[str]:
        lines = [line for line in parse_text(content).splitlines() if line.strip()]
        header = lines[0].split(separator) if lines else []
        if "filename" in (cell.strip('"') for cell in header):
            columns, rows = parse_csv(content, separator)
            return [name for _, cells in rows if (name := cells[columns.index("filename")])]
        if len(header) > 1 and manifest.suffix.lower() in {".csv", ".tsv"}:
            raise UnreadableError(f"it has no column 'filename'; its columns are {listed(header)}")
        return [line.strip() for line in lines]

    what = "a UTF-8 list of recordings (it is neither a folder nor a .tar shard)"
    cure = "expected a column 'filename', or one path per line"
    names = read_file(manifest, listed_names, PretrainingError, what, cure)
    if not names:
        raise PretrainingError(f"{manifest} lists no recording; expected a column 'filename', or one path per line.")
    return _open_files(manifest.parent, names, str(manifest.resolve()), clip_s)


def _open_files(root: Path, names: Sequence[str], location: str, clip_s: float) -> FileClips:
    """Cut the files into clips: pieces of equal length, as near to ``clip_s`` as a whole number of them allows."""
    headers = np.array(_headers(root, names, location), dtype=np.int64)[:, 2:]  # (files, 2): frames, rate
    sound = headers[:, 0] > 0
    frames, rates_hz = headers[sound, 0].copy(), headers[sound, 1].copy()
    n_pieces = np.maximum(1, np.rint(frames / (rates_hz * clip_s))).astype(np.int64)
    file = np.repeat(np.arange(len(frames)), n_pieces)  # (n,)
    piece = np.arange(len(file)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    start, end = (frames[file] * edge // n_pieces[file] for edge in (piece, piece + 1))
    good = Names(name for name, keep in zip(names, sound, strict=True) if keep)
    corrupt = tuple(name for name, keep in zip(names, sound, strict=True) if not keep)
    return FileClips(root, good, frames, rates_hz, file, start, end - start, corrupt)


def _headers(root: Path, names: Sequence[str], location: str) -> list[list[int]]:
    """Bytes, time of change in ns, frames (0 when corrupt) and rate in Hz of each file."""
    indexed = read_index(location)

    def header(name: str) -> list[int]:
        path = root / name
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for
                return [0, 0, 0, 1]
            stamp = [status.st_size, status.st_mtime_ns]
            if indexed.get(name, [])[:2] == stamp:
                return list(indexed[name])
            info = soundfile.info(path)
            n_frames = readable_length(path, path, info)
        except (soundfile.SoundFileError, RuntimeError, OSError, ValueError, AudioError):
            return [0, 0, 0, 1]  # read again next time: it may have been repaired
        usable = 0 < n_frames < _MAX_FRAMES and info.samplerate > 0
        return [*stamp, n_frames, info.samplerate] if usable else [0, 0, 0, 1]

    blocks = [names[first : first + _BLOCK] for first in range(0, len(names), _BLOCK)]
    headers: list[list[int]] = []
    with progress_bar(len(names), "read headers", "file") as bar:
        for block in in_threads(lambda block: [header(name) for name in block], blocks, _THREADS, 2 * _THREADS):
            headers += block
            bar.update(len(block))
    index = dict(zip(names, headers, strict=True))
    if index != indexed:
        write_index(location, index)
    return headers
