"""The beehives of zenodo.org/record/2667806, as hearpreprocess's two beehive tasks use them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from hear_audiomosaic.errors import TaskError
from hear_audiomosaic.tasks.steps.recipe import Found
from hear_audiomosaic.tasks.steps.sources import Sources

__all__ = ["hive_clips"]

_DAYS = re.compile(r"(?P<hive>hive1)[ _](12_06_2018|31_05_2018)|(?P<other>hive3)[ _](14_07_2017|28_07_2017)", re.I)


def hive_clips(sources: Sources, split_of_hive: Mapping[str, str]) -> Iterator[Found]:
    """The recordings of the four days, whose hive and day the file name says: ``Hive3_14_07_2017_NO_QueenBee...``.

    Recordings of other hives or days, which the record has too, are left out.

    Args:
        sources: archives or folders.
        split_of_hive: "hive1" and "hive3" -> split.

    Raises:
        TaskError: a hive has no recording.
    """
    seen = set()
    for path in sources.recordings():
        if said := _DAYS.match(path.name):
            hive = (said["hive"] or said["other"]).lower()
            seen.add(hive)
            label = "NOQUEEN" if "NO" in path.name else "QUEEN"
            yield Found(str(path), path.stem, (label,), split_of_hive[hive])
    for hive in sorted(set(split_of_hive) - seen):
        raise TaskError(f"The sources (--from) have no recording of {hive}. {sources.needs}")
