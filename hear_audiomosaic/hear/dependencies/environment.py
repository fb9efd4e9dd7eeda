"""Environment variables that an encoder's own source names."""

from __future__ import annotations

import ast
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from hear_audiomosaic.hear.dependencies.data_files import literals
from hear_audiomosaic.hear.dependencies.imports import parsed

__all__ = ["environment_digests"]

_ACCESS = {"environ", "environb", "getenv", "getenvb"}
_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_OF_THE_MACHINE = re.compile(
    r"HOME|USER|LOGNAME|PATH|PYTHONPATH|PWD|TMPDIR|TEMP|TMP|HOSTNAME|TERM|COLUMNS|.*_NUM_THREADS|NUMEXPR_.*|"
    r"CUDA_VISIBLE_DEVICES|CUDA_LAUNCH_BLOCKING|TOKENIZERS_PARALLELISM|RANK|LOCAL_RANK|WORLD_SIZE|MASTER_.*|SLURM_.*"
)
"""Where and with how many others something runs: no encoder should compute something else by these."""


def environment_digests(sources: Iterable[Path]) -> dict[str, str]:
    """Digests of the values of environment variables that source files name.

    In a file that reads the environment at all (``os.environ``, ``os.getenv``) every literal that looks like a
    variable's name counts as one: ``NAME = "MY_GAIN"``, then ``os.environ[NAME]``, is seen, too.

    Args:
        sources: the encoder's own source files.

    Returns:
        Name -> SHA-256 of the value; of a variable that is not set "unset". No value is kept.
    """
    names = {
        name for source in sources if _reads_environment(source) for name in literals(source) if _is_variable(name)
    }
    return {name: _digest(os.environ.get(name)) for name in sorted(names)}


def _reads_environment(source: Path) -> bool:
    if source.suffix != ".py":
        return False
    nodes = ast.walk(parsed(source))
    return any(
        (isinstance(node, ast.Attribute) and node.attr in _ACCESS)
        or (isinstance(node, ast.alias) and node.name in _ACCESS)
        for node in nodes
    )


def _is_variable(name: str) -> bool:
    return (_NAME.fullmatch(name) is not None or name in os.environ) and _OF_THE_MACHINE.fullmatch(name) is None


def _digest(value: str | None) -> str:
    return "unset" if value is None else hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
