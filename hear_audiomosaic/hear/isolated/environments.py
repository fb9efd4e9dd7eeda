"""Which interpreter a reference means by what stands behind its ``@``."""

from __future__ import annotations

import os
from pathlib import Path

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.paths import data_home

__all__ = ["environments_dir", "interpreter"]


def environments_dir() -> Path:
    """Where environments are kept, each in a folder of its name."""
    return data_home() / "environments"


def interpreter(text: str) -> Path:
    """The interpreter that a path, or the name of an environment, means.

    Args:
        text: a path has a slash.

    Raises:
        EncoderError: there is none, or it cannot be run.
    """
    if "/" not in text:
        python = environments_dir() / text / "bin" / "python"
        if not python.is_file():
            known = sorted(one.name for one in environments_dir().glob("*") if (one / "bin" / "python").is_file())
            raise EncoderError(
                f"There is no environment '{text}' ({', '.join(known) or 'none has been made'}). Make it: "
                f"hear-audiomosaic encoders env create {text} --python VERSION --requirements FILE. Or name an "
                "interpreter by a path with a slash: @./venv/bin/python."
            )
        return python
    python = Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - the link of a venv is not followed
    if not python.is_file():
        raise EncoderError(f"There is no interpreter {python}; expected a Python, such as /path/to/venv/bin/python.")
    if not os.access(python, os.X_OK):
        raise EncoderError(f"{python} cannot be run; expected a Python, such as /path/to/venv/bin/python.")
    return python
