"""VoxLingua107, the ten languages that its development set has most of: 972 clips, five new folds.

Source: Valk, Alumäe, "VoxLingua107: a dataset for spoken language recognition", SLT 2021;
bark.phon.ioc.ee/voxlingua107/dev.zip. Licence: CC BY 4.0. Rule: hearpreprocess 2021.1.1, ``vox_lingua_top10.py``: the
label is the name of the folder.

Deviation: where languages are equally frequent, hearpreprocess keeps those that the file system lists first; here they
are kept in the order of their names, or as the caller says (``labels``).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

from hear_audiomosaic.tasks.steps.recipe import SECRET, Found, Recipe, Settings, archive
from hear_audiomosaic.tasks.steps.sources import Sources

_LANGUAGES = 10

_log = logging.getLogger(__name__)


def _read(sources: Sources, settings: Settings) -> Iterator[Found]:
    recordings = sources.recordings()
    chosen = settings.labels or _most_frequent(Counter(path.parent.name for path in recordings))
    for path in recordings:
        if path.parent.name in chosen:
            yield Found(str(path), path.stem, (path.parent.name,))


def _most_frequent(times: Counter[str]) -> tuple[str, ...]:
    in_order = sorted(times, key=lambda language: (-times[language], language))
    kept, left = in_order[:_LANGUAGES], in_order[_LANGUAGES:]
    if left and times[left[0]] == times[kept[-1]]:
        _log.warning(
            "Languages with %d clips are kept in the order of their names (%s): hearpreprocess goes by the file system",
            times[left[0]],
            ", ".join(kept),
        )
    return tuple(kept)


RECIPE = Recipe(
    values={
        "task_name": "vox_lingua_top10",
        "version": "hear2021",
        "embedding_type": "scene",
        "prediction_type": "multiclass",
        "split_mode": "new_split_kfold",
        "nfolds": 5,
        "sample_duration": 18.64,
        "evaluation": ["top1_acc", "mAP", "d_prime", "aucroc"],
        "download_urls": [
            archive("train", "http://bark.phon.ioc.ee/voxlingua107/dev.zip", "07fbd4732c97f28c10ec8dcfed4f600e")
        ],
        "default_mode": "full",
    },
    modes={
        "full": {"max_task_duration_by_fold": None},
        "small": {
            "download_urls": [
                archive("train", f"{SECRET}/vox_lingua-train-small.zip", "b94370873fbbdc34241a6e4f7eb1952b")
            ],
            "max_task_duration_by_fold": None,
            "sample_duration": 2,
        },
    },
    read=_read,
    chooses_labels=True,
)
