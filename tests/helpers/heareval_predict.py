"""heareval's own predictions runner with other torch seeds; runs in Python 3.8: ``heareval_predict.py GRID DIR...``.

Each DIR is ``.../seed<K>/<task>``. heareval seeds everything with 42 and has no option for another seed. Here torch is
seeded with K right after it, so that the draw of grid points (Python's generator) stays the official one.
"""

import re
import sys
from pathlib import Path

import heareval.predictions.runner as runner
import heareval.predictions.task_predictions as predictions
import torch

_seed_everything = predictions.seed_everything
_task_predictions = runner.task_predictions
_current = {"seed": 42}


def _seed_everything_then_torch(seed, **options):
    _seed_everything(seed, **options)
    torch.manual_seed(_current["seed"])


def _with_seed_of_folder(embedding_path, **options):
    _current["seed"] = int(re.match(r"seed(\d+)$", Path(embedding_path).parent.name).group(1))
    _task_predictions(embedding_path=embedding_path, **options)


predictions.seed_everything = _seed_everything_then_torch
runner.task_predictions = _with_seed_of_folder

if __name__ == "__main__":
    runner.runner(["--grid", sys.argv[1], *sys.argv[2:]])
