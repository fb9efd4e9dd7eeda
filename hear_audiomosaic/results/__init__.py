"""Result files: their schema, the predictions beside them, and loading a folder of them."""

from hear_audiomosaic.results.load import LoadedResult, ResultFolder, SkippedFile, load_results
from hear_audiomosaic.results.predictions import FoldPredictions, Predictions
from hear_audiomosaic.results.schema import Result, find_results, read_result, write_result

__all__ = [
    "FoldPredictions",
    "LoadedResult",
    "Predictions",
    "Result",
    "ResultFolder",
    "SkippedFile",
    "find_results",
    "load_results",
    "read_result",
    "write_result",
]
