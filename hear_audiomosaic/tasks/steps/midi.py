"""Notes of a MIDI file, held by the sustain pedal, as note_seq gives them to hearpreprocess.

note_seq (Apache-2.0) reads by pretty_midi and then applies ``sequences_lib.apply_sustain_control_changes``; what these
two do is written down here again. Parsing the bytes is left to mido.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from hear_audiomosaic.errors import TaskError

__all__ = ["Note", "Pedal", "Piece", "read_midi", "sustained"]

_SUSTAIN_PEDAL = 64
_DOWN_FROM = 64
_DEFAULT_TEMPO_US = 500_000
_NOTE_ON, _NOTE_OFF, _PEDAL = range(3)


@dataclass(eq=False, slots=True)
class Note:
    """A note; ``instrument`` is track, channel and programme. Times in seconds."""

    start: float
    end: float
    pitch: int
    instrument: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True)
class Pedal:
    """A change of the sustain pedal."""

    time: float
    is_down: bool
    instrument: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True)
class Piece:
    """What is played: notes in the order in which they end, pedal changes in time."""

    notes: list[Note] = field(default_factory=list)
    pedals: list[Pedal] = field(default_factory=list)

    @property
    def end(self) -> float:
        """When the last note ends, in seconds; 0 if there is none."""
        return max((note.end for note in self.notes), default=0.0)


def read_midi(path: Path) -> Piece:
    """Notes and pedal changes of a file, in seconds.

    As pretty_midi: tempo changes of the first track hold for all; a note-off ends every note of its pitch and channel
    that did not begin at the same tick; notes that never end are left out.

    Raises:
        TaskError: mido is not installed, or the file is no MIDI file.
    """
    try:
        import mido
    except ModuleNotFoundError as error:
        raise TaskError(
            "MIDI files are read by mido, which is not installed: python -m pip install 'hear_audiomosaic[midi]'"
        ) from error
    try:
        file = mido.MidiFile(path, clip=True)
        seconds = _Clock(file)
        piece = Piece()
        for number, track in enumerate(file.tracks):
            _read_track(number, track, seconds, piece)
    except (OSError, EOFError, ValueError, IndexError, KeyError) as error:
        raise TaskError(f"{path} cannot be read as a MIDI file ({error!r}); unpack the data set again") from error
    # note_seq takes instrument after instrument, in the order of their first notes
    order = {instrument: i for i, instrument in enumerate(dict.fromkeys(note.instrument for note in piece.notes))}
    piece.notes.sort(key=lambda note: order[note.instrument])
    return piece


def sustained(piece: Piece) -> list[Note]:
    """The notes as long as they sound: while the pedal is down, to its end or to the next note of the same pitch.

    Events at one time are taken in note_seq's order: beginnings, ends, pedal. Of two notes of a pitch that begin
    together under the pedal, one is left. Notes that are still held at the end last to the last event.
    """
    notes = [Note(note.start, note.end, note.pitch, note.instrument) for note in piece.notes]
    events: list[tuple[float, int, Any]] = [
        *((note.start, _NOTE_ON, note) for note in notes),
        *((note.end, _NOTE_OFF, note) for note in notes),
        *((pedal.time, _PEDAL, pedal) for pedal in piece.pedals),
    ]
    events.sort(key=itemgetter(0))
    sounding: dict[tuple[int, int, int], list[Note]] = {}
    is_down: set[tuple[int, int, int]] = set()
    gone: set[int] = set()
    time = 0.0
    for time, kind, event in events:
        held = sounding.setdefault(event.instrument, [])
        if kind == _PEDAL:
            _move_pedal(event, held, is_down)
        elif kind == _NOTE_ON:
            if event.instrument in is_down:
                gone.update(_end_pitch(held, event.pitch, time))
            held.append(event)
        elif event.instrument not in is_down and event in held:
            held.remove(event)
    for held in sounding.values():
        for note in held:
            note.end = time
    return [note for note in notes if id(note) not in gone]


def _move_pedal(pedal: Pedal, held: list[Note], is_down: set[tuple[int, int, int]]) -> None:
    if pedal.is_down:
        is_down.add(pedal.instrument)
        return
    is_down.discard(pedal.instrument)
    pressed = [note for note in held if note.end >= pedal.time]
    for note in held:
        note.end = max(note.end, pedal.time)
    held[:] = pressed


def _end_pitch(held: list[Note], pitch: int, time: float) -> list[int]:
    """End the notes of a pitch; identities of those that had no duration."""
    ended = [note for note in held if note.pitch == pitch]
    for note in ended:
        note.end = time
    held[:] = [note for note in held if note.pitch != pitch]
    return [id(note) for note in ended if note.start == note.end]


class _Clock:
    """Ticks -> seconds; every stretch of one tempo is counted from its beginning, as pretty_midi does."""

    def __init__(self, file: Any) -> None:
        scales = [(0, self._scale(_DEFAULT_TEMPO_US, file.ticks_per_beat))]
        for tick, message in _with_ticks(file.tracks[0]):
            if message.type == "set_tempo":
                scale = self._scale(message.tempo, file.ticks_per_beat)
                if tick == 0:
                    scales = [(0, scale)]
                elif scale != scales[-1][1]:
                    scales.append((tick, scale))
        self._ticks = [tick for tick, _ in scales]
        self._scales = [scale for _, scale in scales]
        self._begins = [0.0]
        for (tick, scale), (following, _) in itertools.pairwise(scales):
            self._begins.append(self._begins[-1] + scale * (following - tick))

    def __call__(self, tick: int) -> float:
        i = max(0, bisect_right(self._ticks, tick) - 1)
        return self._begins[i] + self._scales[i] * (tick - self._ticks[i])

    @staticmethod
    def _scale(tempo_us: int, ticks_per_beat: int) -> float:
        """Seconds per tick, in pretty_midi's order of operations."""
        return 60.0 / ((6e7 / tempo_us) * ticks_per_beat)


def _with_ticks(track: Sequence[Any]) -> list[tuple[int, Any]]:
    return list(zip(itertools.accumulate(message.time for message in track), track, strict=True))


def _read_track(number: int, track: Sequence[Any], seconds: _Clock, piece: Piece) -> None:
    begun: dict[tuple[int, int], list[int]] = {}
    programme = [0] * 16
    for tick, message in _with_ticks(track):
        if message.is_meta or not hasattr(message, "channel"):
            continue
        channel = message.channel
        if message.type == "program_change":
            programme[channel] = message.program
        elif message.type == "note_on" and message.velocity > 0:
            begun.setdefault((channel, message.note), []).append(tick)
        elif message.type in ("note_on", "note_off") and (channel, message.note) in begun:
            begins = begun.pop((channel, message.note))
            ended = [begin for begin in begins if begin != tick]
            instrument = (number, channel, programme[channel])
            piece.notes.extend(Note(seconds(begin), seconds(tick), message.note, instrument) for begin in ended)
            if ended and len(ended) < len(begins):
                begun[channel, message.note] = [begin for begin in begins if begin == tick]
        elif message.type == "control_change" and message.control == _SUSTAIN_PEDAL:
            is_down = message.value >= _DOWN_FROM
            piece.pedals.append(Pedal(seconds(tick), is_down, (number, channel, programme[channel])))
