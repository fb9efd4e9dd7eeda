"""Notes of MIDI files, held by the pedal, as note_seq gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.midi import Note, Pedal, Piece, read_midi, sustained

mido = pytest.importorskip("mido")


def written(path: Path, *tracks: list[Any], ticks_per_beat: int = 100) -> Path:
    mido.MidiFile(ticks_per_beat=ticks_per_beat, tracks=[mido.MidiTrack(track) for track in tracks]).save(path)
    return path


def on(pitch: int, after: int = 0, velocity: int = 80, channel: int = 0) -> Any:
    return mido.Message("note_on", note=pitch, velocity=velocity, time=after, channel=channel)


def off(pitch: int, after: int = 0, channel: int = 0) -> Any:
    return mido.Message("note_off", note=pitch, time=after, channel=channel)


def pedal(value: int, after: int = 0) -> Any:
    return mido.Message("control_change", control=64, value=value, time=after)


def as_rows(notes: list[Note]) -> list[tuple[float, float, int]]:
    return sorted((note.start, note.end, note.pitch) for note in notes)


def test_ticks_become_seconds_by_the_tempo_of_the_first_track(tmp_path: Path) -> None:
    tempos = [
        mido.MetaMessage("set_tempo", tempo=1_000_000, time=0),
        mido.MetaMessage("set_tempo", tempo=250_000, time=200),
        mido.MetaMessage("set_tempo", tempo=250_000, time=50),  # no change
    ]
    track = [on(60), off(60, 100), on(61, 50), off(61, 150)]  # ticks 0-100, 150-300
    piece = read_midi(written(tmp_path / "x.mid", tempos, track))
    assert as_rows(piece.notes) == [(0.0, 1.0, 60), (1.5, 2.25, 61)]
    assert piece.end == 2.25
    plain = read_midi(written(tmp_path / "y.mid", track))  # without a tempo: 120 beats a minute
    assert as_rows(plain.notes) == [(0.0, 0.5, 60), (0.75, 1.5, 61)]


def test_note_off_ends_all_notes_of_its_pitch_but_those_begun_with_it(tmp_path: Path) -> None:
    track = [
        on(60),
        on(60, 100),  # struck again before its end
        off(60, 100),  # ends both
        off(60, 10),  # has nothing to end
        on(62, 90),
        on(62, 100, velocity=0),  # the other way to end a note
        on(62),
        on(62, 100, velocity=0),
        on(64),
        on(64, 100),
        off(64),  # ends the first, not the one that begins at this tick
        off(64, 50),
        on(65),  # never ends
        on(60, 50, channel=3),
        off(60, 50, channel=0),  # of another channel
    ]
    notes = read_midi(written(tmp_path / "x.mid", track)).notes
    assert as_rows(notes) == [
        (0.0, 1.0, 60),
        (0.5, 1.0, 60),
        (1.5, 2.0, 62),
        (2.0, 2.5, 62),
        (2.5, 3.0, 64),
        (3.0, 3.25, 64),
    ]


def test_pedal_holds_notes_to_its_end_or_to_the_next_of_their_pitch(tmp_path: Path) -> None:
    track = [
        on(60),
        pedal(64),
        off(60, 100),  # held
        on(62, 100),
        off(62, 100),  # held to 2.5 s, where it is struck again
        on(62, 200),
        pedal(63, 100),  # up at 3.0 s: ends 60, not 62, whose key is still down
        off(62, 100),
        on(64, 100),
        off(64, 100),
    ]
    assert as_rows(sustained(read_midi(written(tmp_path / "x.mid", track)))) == [
        (0.0, 3.0, 60),
        (1.0, 2.5, 62),
        (2.5, 3.5, 62),
        (4.0, 4.5, 64),
    ]


def test_order_at_one_time_is_beginnings_ends_pedal() -> None:
    # the pedal goes down when the note ends: the end is taken first, and the note is not held
    piece = Piece([Note(0.0, 1.0, 60), Note(2.0, 3.0, 61)], [Pedal(1.0, True), Pedal(4.0, False)])
    assert as_rows(sustained(piece)) == [(0.0, 1.0, 60), (2.0, 4.0, 61)]
    # a note that begins when the pedal goes up ends its predecessor just the same
    piece = Piece([Note(0.0, 1.0, 60), Note(2.0, 3.0, 60)], [Pedal(0.5, True), Pedal(2.0, False)])
    assert as_rows(sustained(piece)) == [(0.0, 2.0, 60), (2.0, 3.0, 60)]


def test_of_two_notes_begun_together_under_the_pedal_one_is_left() -> None:
    piece = Piece([Note(1.0, 2.0, 60), Note(1.0, 3.0, 60)], [Pedal(0.0, True), Pedal(5.0, False)])
    assert as_rows(sustained(piece)) == [(1.0, 5.0, 60)]


def test_notes_still_held_last_to_the_last_event() -> None:
    piece = Piece([Note(0.0, 1.0, 60), Note(2.0, 3.0, 61)], [Pedal(0.5, True)])
    assert as_rows(sustained(piece)) == [(0.0, 3.0, 60), (2.0, 3.0, 61)]


def test_another_instruments_pedal_holds_nothing() -> None:
    piece = Piece([Note(0.0, 1.0, 60)], [Pedal(0.5, True, (1, 0, 0)), Pedal(2.0, False, (1, 0, 0))])
    assert as_rows(sustained(piece)) == [(0.0, 1.0, 60)]


def plain_sustain(piece: Piece) -> list[tuple[float, float, int]]:
    """What the rule says of each note by itself, for notes of which no two of a pitch overlap or meet, and times that
    are all different: the pedal that is down at its end holds it to the pedal's end or to the next note of its pitch.
    """
    rows = []
    last = max([note.end for note in piece.notes] + [change.time for change in piece.pedals])
    for note in piece.notes:
        before = [change for change in piece.pedals if change.time < note.end]
        end = note.end
        if before and before[-1].is_down:
            ups = [change.time for change in piece.pedals if change.time > note.end and not change.is_down]
            again = [other.start for other in piece.notes if other.pitch == note.pitch and other.start > note.end]
            end = min([*ups, *again, last])
        rows.append((note.start, end, note.pitch))
    return sorted(rows)


def test_against_the_rule_for_single_notes() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        times = rng.permutation(1000)[:40] / 10.0
        notes: list[Note] = []
        for pitch, own in ((60, np.sort(times[:12])), (61, np.sort(times[12:20]))):
            notes += [Note(float(a), float(b), pitch) for a, b in zip(own[::2], own[1::2], strict=True)]
        notes.sort(key=lambda note: note.end)
        pedals = [Pedal(float(time), bool(rng.integers(2))) for time in np.sort(times[20:])]
        assert as_rows(sustained(Piece(notes, pedals))) == plain_sustain(Piece(notes, pedals)), seed


def test_no_midi_file(tmp_path: Path) -> None:
    (tmp_path / "x.mid").write_bytes(b"MThd and nothing more")
    with pytest.raises(TaskError, match="cannot be read as a MIDI file"):
        read_midi(tmp_path / "x.mid")
    with pytest.raises(TaskError, match="cannot be read as a MIDI file"):
        read_midi(tmp_path / "none.mid")
