"""Recordings of any format and rate -> the mono PCM16 WAV files of a task folder, in threads, resumable.

Decoding (libsndfile) and resampling (soxr) release Python's global lock, so threads use all cores.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from hear_audiomosaic.errors import AudioError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import make_folder, read_json, sha256_of_file, write_json
from hear_audiomosaic.progress import progress_bar
from hear_audiomosaic.tasks.findings import LOST, SILENT, Findings, oddities
from hear_audiomosaic.tasks.folder import Clip
from hear_audiomosaic.threads import in_threads

__all__ = [
    "Recording",
    "clip_key",
    "convert",
    "forget_conversion",
    "found_in",
    "lacking_rates",
    "recordings_from_json",
    "recordings_to_json",
    "same_recording",
]

_INPUTS = ".inputs.json"  # what the sources were when a conversion began
_ODDITIES = ".oddities"  # what was odd about those that are converted, a file for each where something was

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
    clip_sha256: str = ""
    """Of the converted clip at ``rate_hz``; empty for silence, which is no recording in particular."""
    odd: Mapping[str, str] = field(default_factory=dict)
    """Kind of finding -> words; not known of recordings that are read from ``preparation.json``."""

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
            done[key] = _convert_one(source_dir, clip.source, targets, _oddities_path(folder, clip), key in finished)
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
        with file_errors("read", folder / _INPUTS):
            before: Any = read_json(folder / _INPUTS) if (folder / _INPUTS).exists() else {}
    except ValueError:
        before = {}
    before = before if isinstance(before, dict) else {}
    usable = {key for key, stamp in now.items() if before.get(key) == stamp}
    same = [clip for clip in clips if clip_key(clip) in usable]
    wanted = {path for clip in same for path in _targets(folder, clip, rates_hz).values()}
    known = {_oddities_path(folder, clip) for clip in same}
    with file_errors("removed", folder):
        for path in folder.glob("**/*"):
            if path not in wanted and path not in known and (path.is_symlink() or not path.is_dir()):
                path.unlink()
    kept = sum(path.is_file() for path in wanted)
    if kept:
        _log.info("Keeping %d audio files of an interrupted preparation", kept)
    for rate_hz in rates_hz:
        for split in {clip.split for clip in clips}:
            make_folder(folder / str(rate_hz) / split)
    write_json(folder / _INPUTS, now, indent=None)
    return usable


def _stamp(source: str, path: Path) -> list[Any]:
    status = path.stat()
    return [source, status.st_size, status.st_mtime_ns]


def _oddities_path(folder: Path, clip: Clip) -> Path:
    return folder / _ODDITIES / clip.split / f"{clip.file}.json"


def _convert_one(source_dir: Path, source: str, targets: Mapping[int, Path], odd_path: Path, keep: bool) -> Recording:
    """Write one clip at all rates (a whole file or none), after what is odd about it."""
    from hear_audiomosaic.audio import decode, resample, write_wav

    path = source_dir / source
    _, size, mtime_ns = _stamp(source, path)
    missing = [rate_hz for rate_hz, target in targets.items() if not (keep and _frames(target) is not None)]
    odd: dict[str, str] = read_json(odd_path) if odd_path.is_file() else {}
    if missing:
        decoded = decode(path)
        odd |= oddities(decoded)
    for rate_hz in missing:
        samples = resample(decoded.samples, decoded.rate_hz, rate_hz)
        if decoded.is_lost_in(samples):
            odd[LOST] = f"at {rate_hz} Hz"
        if odd:
            write_json(odd_path, odd)
        if samples.shape[0] == 0:
            raise AudioError(f"{path} is too short: no sample is left at {rate_hz} Hz")
        temporary = targets[rate_hz].with_name(f".{targets[rate_hz].name}.part")
        write_wav(temporary, samples, rate_hz)
        with file_errors("written", targets[rate_hz]):
            temporary.replace(targets[rate_hz])
    lowest = min(targets)
    frames = _frames(targets[lowest])
    if frames is None:
        raise AudioError(f"{targets[lowest]} cannot be read again after it was written: input/output error")
    return Recording(
        source=source,
        size=size,
        mtime_ns=mtime_ns,
        sha256=sha256_of_file(path),
        frames=frames,
        rate_hz=lowest,
        clip_sha256="" if SILENT in odd else sha256_of_file(targets[lowest]),
        odd=odd,
    )


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


def forget_conversion(folder: Path) -> None:
    """Remove what a conversion leaves for the next one to resume from."""
    with file_errors("removed", folder / _INPUTS):
        (folder / _INPUTS).unlink(missing_ok=True)
    shutil.rmtree(folder / _ODDITIES, ignore_errors=True)


def found_in(recordings: Mapping[str, Recording]) -> Findings:
    """What is odd about recordings, by kind and source."""
    found: Findings = {}
    for recording in recordings.values():
        for kind, words in recording.odd.items():
            found.setdefault(kind, {})[recording.source] = words
    return found


def recordings_to_json(recordings: Mapping[str, Recording]) -> dict[str, dict[str, Any]]:
    """For ``preparation.json``; what is odd about them stands there by kind."""
    return {
        key: {name: value for name, value in asdict(recording).items() if name != "odd"}
        for key, recording in recordings.items()
    }


def recordings_from_json(content: Any) -> dict[str, Recording]:
    """Inverse of :func:`recordings_to_json`.

    Raises:
        ValueError: it is not what that gives.
    """
    return TypeAdapter(dict[str, Recording]).validate_python(content)
