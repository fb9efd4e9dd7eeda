"""Tasks: what is asked of an encoder, on which clips, split how and scored by what.

A card describes a task in figures; a prepared task is a folder in HEAR's on-disk layout, whoever made it. Nothing here
knows of encoders.
"""

from hear_audiomosaic.tasks.card import TaskCard
from hear_audiomosaic.tasks.catalog import all_cards, describe, expand, get_card, suites
from hear_audiomosaic.tasks.from_source import prepare_from_source
from hear_audiomosaic.tasks.listing import find_card, list_rows
from hear_audiomosaic.tasks.prepare import prepare_folder
from hear_audiomosaic.tasks.prepared import PreparedTask, find_task
from hear_audiomosaic.tasks.splits import Fold, fold_rotation
from hear_audiomosaic.tasks.synthetic import names as synthetic_names
from hear_audiomosaic.tasks.synthetic import prepare_synthetic

__all__ = [
    "Fold",
    "PreparedTask",
    "TaskCard",
    "all_cards",
    "describe",
    "expand",
    "find_card",
    "find_task",
    "fold_rotation",
    "get_card",
    "list_rows",
    "prepare_folder",
    "prepare_from_source",
    "prepare_synthetic",
    "suites",
    "synthetic_names",
]
