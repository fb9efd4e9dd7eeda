"""Recordings of any format and rate -> the mono PCM16 WAV files of a task folder, in threads, resumable.

Decoding (libsndfile) and resampling (soxr) release Python's global lock, so threads use all cores.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import make_folder, read_json, sha256_of_file, write_json
from hear_audiomosaic.progress import progress_bar
from hear_audiomosaic.tasks.folder import Clip
from hear_audiomosaic.threads import in_threads

__all__ = [
    "INPUTS",
    "Recording",
    "clip_key",
    "convert",
    "lacking_rates",
    "recordings_from_json",
    "recordings_to_json",
    "same_recording",
]

INPUTS = ".inputs.json"
"""What the sources were when a conversion began; stays in the folder until the task is finished."""

_WAV_HEADER_BYTES = 44
_MOST_WORKERS = 8

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recording:
    """A source file as it was when it was converted, and how long its clip is."""

    source: str
    size: int
    mtime_ns: int
    sha256: str
    frames: int
    rate_hz: int

    @property
    def duration_s(self) -> float:
        """Seconds of the converted clip."""
        return self.frames / self.rate_hz


def clip_key(clip: Clip) -> str:
    """``<split>/<file>``: the clip's name within a rate's folder."""
    return f"{clip.split}/{clip.file}"


def same_recording(path: Path, known: Recording) -> bool:
    """Whether a source file is still what it was: by size and time of change, and if these differ by content."""
    status = path.stat()
    if (status.st_size, status.st_mtime_ns) == (known.size, known.mtime_ns):
        return True
    return status.st_size == known.size and sha256_of_file(path) == known.sha256


def lacking_rates(target: Path, clips: Sequence[Clip], rates_hz: Sequence[int]) -> list[int]:
    """The rates of which a task's folder lacks files."""

    def is_whole(rate_hz: int) -> bool:
        return all((target / str(rate_hz) / clip.split / clip.file).is_file() for clip in clips)

    return [rate_hz for rate_hz in rates_hz if not is_whole(rate_hz)]


def convert(
    clips: Sequence[Clip], source_dir: Path, folder: Path, rates_hz: Sequence[int], *, title: str, workers: int | None
) -> dict[str, Recording]:
    """Write every clip to ``folder/<rate>/<split>/<file>``.

    Files that an interrupted run has left complete are kept if their source is unchanged; other files are removed.

    Args:
        clips: what to write.
        source_dir: folder of the sources.
        folder: where to; made if need be.
        rates_hz: sample rates, at least one.
        title: what the progress bar says.
        workers: threads; None: one per core, at most 8.

    Returns:
        Clip key -> recording, in the order of ``clips``; lengths are those at the lowest rate.

    Raises:
        AudioError: recordings are missing, corrupt, empty or not finite; all of them have been tried and are named.
    """
    finished = _leftovers(clips, source_dir, folder, rates_hz)
    problems: list[str] = []
    done: dict[str, Recording] = {}

    def one(clip: Clip) -> None:
        targets, key = _targets(folder, clip, rates_hz), clip_key(clip)
        try:
            done[key] = _convert_one(source_dir, clip.source, targets, key in finished)
        except AudioError as error:
            problems.append(str(error))

    n_threads = workers or min(_MOST_WORKERS, os.cpu_count() or 1)
    with progress_bar(len(clips), title, "clip") as bar:
        for _ in in_threads(one, clips, n_threads, 4 * n_threads):
            bar.update()
    if problems:
        listed = "\n  ".join(sorted(problems)[:10])
        raise AudioError(
            f"{len(problems)} of {len(clips)} recordings cannot be used:\n  {listed}"
            f"{f'{chr(10)}  and {len(problems) - 10} more' if len(problems) > 10 else ''}\n"
            "Mend them or remove their rows, and run this again; what is converted already is kept."
        )
    return {clip_key(clip): done[clip_key(clip)] for clip in clips}


def _targets(folder: Path, clip: Clip, rates_hz: Sequence[int]) -> dict[int, Path]:
    return {rate_hz: folder / str(rate_hz) / clip.split / clip.file for rate_hz in sorted(rates_hz)}


def _leftovers(clips: Sequence[Clip], source_dir: Path, folder: Path, rates_hz: Sequence[int]) -> set[str]:
    """Keys of clips whose files in ``folder`` were made from the present sources; everything else is removed."""
    now = {clip_key(clip): _stamp(clip.source, source_dir / clip.source) for clip in clips}
    try:
        with file_errors("read", folder / INPUTS):
            before: Mapping[str, Any] = read_json(folder / INPUTS) if (folder / INPUTS).exists() else {}
    except ValueError:
        before = {}
    usable = {key for key, stamp in now.items() if before.get(key) == stamp}
    wanted = {path for clip in clips if clip_key(clip) in usable for path in _targets(folder, clip, rates_hz).values()}
    with file_errors("removed", folder):
        for path in folder.glob("**/*"):
            if path not in wanted and (path.is_symlink() or not path.is_dir()):
                path.unlink()
    kept = sum(path.is_file() for path in wanted)
    if kept:
        _log.info("Keeping %d audio files of an interrupted preparation", kept)
    for rate_hz in rates_hz:
        for split in {clip.split for clip in clips}:
            make_folder(folder / str(rate_hz) / split)
    write_json(folder / INPUTS, now, indent=None)
    return usable


def _stamp(source: str, path: Path) -> list[Any]:
    status = path.stat()
    return [source, status.st_size, status.st_mtime_ns]


def _convert_one(source_dir: Path, source: str, targets: Mapping[int, Path], keep: bool) -> Recording:
    """Write one clip at all rates (a whole file or none)."""
    from hear_audiomosaic.audio import read_audio, write_wav

    path = source_dir / source
    _, size, mtime_ns = _stamp(source, path)
    for rate_hz, target in targets.items():
        if keep and _frames(target) is not None:
            continue
        samples, _ = read_audio(path, rate_hz)
        if samples.shape[0] == 0:
            raise AudioError(f"{path} is too short: no sample is left at {rate_hz} Hz")
        temporary = target.with_name(f".{target.name}.part")
        write_wav(temporary, samples, rate_hz)
        with file_errors("written", target):
            temporary.replace(target)
    lowest = min(targets)
    frames = _frames(targets[lowest])
    if frames is None:
        raise AudioError(f"{targets[lowest]} cannot be read again after it was written: input/output error")
    return Recording(source, size, mtime_ns, sha256_of_file(path), frames, lowest)


def _frames(path: Path) -> int | None:
    """Samples of a WAV file that this package wrote; None if it is absent, or shorter than its header says."""
    try:
        with path.open("rb") as file:
            header = file.read(_WAV_HEADER_BYTES)
        size = path.stat().st_size
    except OSError:
        return None
    declared = int.from_bytes(header[40:44], "little")
    whole = header[:4] == b"RIFF" and header[36:40] == b"data" and size == _WAV_HEADER_BYTES + declared
    return declared // 2 if whole and declared else None


def recordings_to_json(recordings: Mapping[str, Recording]) -> dict[str, dict[str, Any]]:
    """For ``preparation.json``."""
    return {key: asdict(recording) for key, recording in recordings.items()}


def recordings_from_json(content: Mapping[str, Mapping[str, Any]]) -> dict[str, Recording]:
    """Inverse of :func:`recordings_to_json`."""
    return {key: Recording(**fields) for key, fields in content.items()}
