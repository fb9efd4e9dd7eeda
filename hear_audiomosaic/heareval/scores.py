"""Reading what a prediction step left beside the embeddings: heareval's own, or :mod:`hear_audiomosaic.heareval.write`.

Origin: heareval 2021.1.3. ``test.predicted-scores.json`` has the scores of each test split, ``prediction-done.json`` is
written last. heareval's predictions are a pickle (``test.predictions.pkl``), which is never read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, StrictBool, StrictFloat, StrictInt, StrictStr, TypeAdapter

from hear_audiomosaic.errors import ResultError
from hear_audiomosaic.parsing import UnreadableError, parse_json, parse_text
from hear_audiomosaic.printable import shortened
from hear_audiomosaic.reading import read_file

__all__ = ["Program", "WrittenScores", "read_scores"]

Program = Literal["heareval", "hear_audiomosaic"]
Value = StrictBool | StrictInt | StrictFloat | StrictStr

_SCORES, _DONE = "test.predicted-scores.json", "prediction-done.json"
_OBJECT = re.compile(r"<(?:class|function) '?(?:[\w.]*\.)?(\w+)'?(?: at 0x[0-9a-f]+)?>")
"""How heareval writes a class or a function, with an address that is another one in every run."""
_OTHERS = ("validation_score", "epoch", "time_in_min")


class _Done(BaseModel):
    """``prediction-done.json``; the last five are not heareval's."""

    time: float
    embedding_size: StrictInt
    grid_points: StrictInt = Field(ge=1)
    protocol: StrictStr | None = None
    fingerprint: StrictStr | None = None
    strict: StrictBool = False
    seed: StrictInt | None = None
    precision: Literal["fp32", "bf16"] = "fp32"


_FOLD = TypeAdapter(dict[str, StrictFloat | StrictInt])
_HPARAMS = TypeAdapter(dict[str, Value])
_PAIRS = TypeAdapter(list[tuple[str, float]])


@dataclass(frozen=True)
class WrittenScores:
    """What a prediction step wrote of one task.

    Attributes:
        program: which one; heareval's files do not name their protocol.
        folds: test split -> numbers by heareval's names (``test_score``, ``validation_score``, ``epoch``, ...).
        hparams: of the winner, classes and functions by their plain names.
        postprocessing: of the winner; empty for scenes.
        protocol: its name; None in heareval's files.
        fingerprint: of the protocol; None in heareval's files.
        strict: whether it stopped where heareval stops.
        seed: of the probes; None in heareval's files.
        precision: "fp32" or "bf16".
        n_grid_points: how many were tried.
        embedding_size: D of what was probed.
        seconds: that probing took.
    """

    program: Program
    folds: Mapping[str, Mapping[str, float]]
    hparams: Mapping[str, Value]
    postprocessing: Mapping[str, float]
    protocol: str | None
    fingerprint: str | None
    strict: bool
    seed: int | None
    precision: str
    n_grid_points: int
    embedding_size: int
    seconds: float


def read_scores(directory: Path, splits: Sequence[str]) -> WrittenScores:
    """Read the scores in an embeddings directory.

    Args:
        directory: of one task.
        splits: its test splits.

    Raises:
        ResultError: it was not probed to the end, a file is not what it should be, or a test split has no scores.
    """
    again = f"probe it first: hear-audiomosaic probe {directory}"
    path = directory / _SCORES
    content = read_file(path, _with_infinities, ResultError, "the scores of a prediction step", again)
    what = "the end of a prediction step"
    done = read_file(
        directory / _DONE, lambda raw: _Done.model_validate(parse_json(raw)), ResultError, what, again
    )  # fmt: skip
    if lacking := [split for split in splits if split not in content]:
        raise ResultError(f"{path} has no scores of the test split {shortened(lacking[0])!r}; {again}.")
    is_ours = done.protocol is not None and done.fingerprint is not None
    return WrittenScores(
        program="hear_audiomosaic" if is_ours else "heareval",
        folds={split: _fold(path, split, content[split]) for split in splits},
        hparams={name: _plain(value) for name, value in _part(path, content, "hparams", _HPARAMS).items()},
        postprocessing=dict(_part(path, content, "postprocessing", _PAIRS)),
        protocol=done.protocol,
        fingerprint=done.fingerprint,
        strict=done.strict,
        seed=done.seed,
        precision=done.precision,
        n_grid_points=done.grid_points,
        embedding_size=done.embedding_size,
        seconds=done.time,
    )


def _with_infinities(raw: bytes) -> dict[str, Any]:
    """JSON with the bare tokens Infinity and NaN, as heareval and its readers have it."""
    try:
        content = json.loads(parse_text(raw))
    except RecursionError as error:
        raise UnreadableError("it is nested too deep") from error
    if not isinstance(content, dict):
        raise UnreadableError("it is no object")
    return content


def _part(path: Path, content: Mapping[str, Any], name: str, kind: TypeAdapter[Any]) -> Any:
    try:
        return kind.validate_python(content.get(name))
    except ValueError as error:
        raise ResultError(
            f"{path}: {shortened(name)!r} is not what a prediction step writes; probe it again."
        ) from error


def _fold(path: Path, split: str, content: Any) -> dict[str, float]:
    numbers: dict[str, float] = _part(path, {split: content}, split, _FOLD)
    known = {name: value for name, value in numbers.items() if name.startswith("test_") or name in _OTHERS}
    if lacking := [
        name for name in ("test_loss", "test_score", "validation_score", "time_in_min") if name not in known
    ]:
        raise ResultError(f"{path}: of {split!r} there is no {lacking[0]}; probe it again.")
    return known


def _plain(value: Value) -> Value:
    found = _OBJECT.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else value
