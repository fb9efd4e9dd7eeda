"""The unified runner: encoders x tasks x protocols -> result files."""

from hear_audiomosaic.bench.plan import Plan, Summary, prepared_tasks
from hear_audiomosaic.bench.result import Result, find_results, read_predictions, read_result, write_result
from hear_audiomosaic.bench.runner import run

__all__ = [
    "Plan",
    "Result",
    "Summary",
    "find_results",
    "prepared_tasks",
    "read_predictions",
    "read_result",
    "run",
    "write_result",
]
