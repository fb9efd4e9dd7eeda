"""The command line: ``hear-audiomosaic VERB ...``, one file per verb, no logic of its own."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from hear_audiomosaic.cli._common import say, spread_values
from hear_audiomosaic.errors import HearAudioMosaicError
from hear_audiomosaic.file_errors import described
from hear_audiomosaic.printable import printable

__all__ = ["main"]

_NO_MEMORY = "End other programs, and run the same command again: what is finished is kept."
_INTERRUPTED = 130  # typer's exit code of Ctrl-C


class _PrintableFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 something failed (it is listed), 2 wrong usage, 130 interrupted."""
    from hear_audiomosaic.cli._app import app

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PrintableFormatter("%(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    try:
        app(spread_values(sys.argv[1:] if arguments is None else arguments), prog_name="hear-audiomosaic")
    except HearAudioMosaicError as error:
        say(f"error: {error}")
        raise SystemExit(1) from None
    except OSError as error:  # of reading; what is written says more itself
        say(f"error: {described(error, 'read')}")
        raise SystemExit(1) from None
    except MemoryError as error:
        say(f"error: {str(error) or 'out of memory'}. {_NO_MEMORY}")
        raise SystemExit(1) from None
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            sys.stderr.write("\nInterrupted. What is finished is kept; the same command resumes from here.\n")
        raise
