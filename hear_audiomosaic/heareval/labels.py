"""heareval's labels: a vocabulary that it reads with pandas, and pickles of labels that are read without unpickling."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, NoReturn

from hear_audiomosaic.errors import EmbeddingError, TaskError
from hear_audiomosaic.printable import shortened
from hear_audiomosaic.tasks import layout

__all__ = ["read_pickled_labels", "read_vocabulary"]


def read_vocabulary(path: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Read ``labelvocabulary.csv`` (header ``idx,label``).

    heareval reads it by pandas, to which "01" is the number 1 and "NA" is missing, so annotations made for it may say
    "1" or "nan". Here labels are what stands in the file, and what pandas makes of them are aliases.

    Returns:
        The labels by index; and alias -> label, where an alias is not a label and stands for one label only.

    Raises:
        EmbeddingError: the file is missing, or the indices are not 0, 1, 2, ...
    """
    try:
        labels = layout.read_vocabulary(path)
        changed = layout.heareval_spelling(labels)
    except TaskError as error:
        raise EmbeddingError(f"{error}; make the embeddings again.") from error
    spellings = list(changed.values())
    aliases = {
        theirs: ours for ours, theirs in changed.items() if theirs not in labels and spellings.count(theirs) == 1
    }
    return labels, aliases


def read_pickled_labels(path: Path) -> list[list[str]]:
    """Read a pickled list of lists of labels without letting it make anything else.

    Raises:
        EmbeddingError: it is not such a pickle.
    """
    try:
        with path.open("rb") as file:
            content = _ListsAndStrings(file).load()
    except EmbeddingError as error:
        raise EmbeddingError(f"{path}: {error}") from error
    except Exception as error:  # a broken pickle raises nearly anything
        raise EmbeddingError(
            f"{path}: expected a pickled list of lists of labels: {shortened(error, 300)}; make the embeddings again."
        ) from error
    if not isinstance(content, list) or not all(isinstance(row, list) for row in content):
        raise EmbeddingError(f"{path}: expected a pickled list of lists of labels; make the embeddings again.")
    if not all(isinstance(label, str | int) and not isinstance(label, bool) for row in content for label in row):
        raise EmbeddingError(f"{path}: expected labels that are strings, found others; make the embeddings again.")
    return [[str(label) for label in row] for row in content]


class _ListsAndStrings(pickle.Unpickler):
    """An unpickler that knows no class and no function, so it can build lists, strings and numbers only."""

    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        wanted = shortened(f"{module_name}.{global_name}")
        raise EmbeddingError(f"a pickle of labels asks for {wanted}; it may hold lists and strings.")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise EmbeddingError("a pickle of labels refers to objects outside of it; only lists and strings are read.")
