"""VoxCeleb1: who speaks, 1251 speakers, 153516 utterances of interviews, the official identification split.

Source: Nagrani, Chung, Zisserman, "VoxCeleb: a large-scale speaker identification dataset", Interspeech 2017;
www.robots.ox.ac.uk/~vgg/data/voxceleb/vox1.html. Licence: CC BY-SA 4.0 for the annotations; the videos are their
owners'. Rule: ``iden_split.txt``, a line "1 id10001/1zcIwhmdeo4/00001.wav" an utterance: 1 is train, 2 valid, 3 test.
A speaker is in all three, a video is in one of them; the video is the group. An utterance is called
"id10001_1zcIwhmdeo4_00001".

EVAR (github.com/nttcslab/eval-audio-repr), ``ds_tasks.py``, takes 8.2 s of an utterance, the mean length, as here.
Deviation: it cuts those 8.2 s at random from longer utterances that it trains on; here they are the first ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.recipe import RULES_OF_PAPERS, Found, Recipe, Settings, whole_splits
from hear_audiomosaic.tasks.steps.sources import Sources

_SPLITS = {"1": "train", "2": "valid", "3": "test"}
_LINE = re.compile(r"([123])\s+(id\d{5})/([^/\s]+)/([^/\s]+)\.wav")


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    table = sources.get("iden_split.txt")
    speakers = sources.folders_called(r"id\d{5}")
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        said = _LINE.fullmatch(line.strip())
        if said is None:
            raise TaskError(
                f"{table}, line {number}: expected 1, 2 or 3 and SPEAKER/VIDEO/NAME.wav; found '{line[:80]}'"
            )
        split, speaker, video, name = said.groups()
        if speaker not in speakers:
            raise TaskError(
                f"The sources (--from) have no folder '{speaker}', of which {table.name} names utterances. Give the "
                "unpacked vox1_dev_wav (join its parts first: cat vox1_dev_wav_part* > vox1_dev_wav.zip) and "
                "vox1_test_wav, whose folders wav hold id10001 to id11251"
            )
        path = speakers[speaker] / video / f"{name}.wav"
        yield Found(str(path), f"{speaker}_{video}_{name}", (speaker,), _SPLITS[split], key=f"{speaker}/{video}")


RECIPE = Recipe(
    values={
        "task_name": "voxceleb1",
        "version": "v1.0",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "trainvaltest",
        "sample_duration": 8.2,
        "evaluation": ["top1_acc"],
        "default_mode": "full",
    },
    modes={"full": {"max_task_duration_by_split": whole_splits()}},
    read=_read,
    needs=(
        "It is not in the archives of audio: fetch www.robots.ox.ac.uk/~vgg/data/voxceleb/meta/iden_split.txt and give "
        "it, too, or put it beside the folder wav."
    ),
    rules=RULES_OF_PAPERS,
    lacks_labels=True,
    keeps_groups=True,
)
