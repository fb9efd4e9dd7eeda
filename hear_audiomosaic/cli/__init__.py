"""The command line: ``hear-audiomosaic VERB ...``, one file per verb, no logic of its own."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from hear_audiomosaic.cli._common import spread_values
from hear_audiomosaic.errors import HearAudioMosaicError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 something failed (it is listed), 2 wrong usage, 130 interrupted."""
    from hear_audiomosaic.cli._app import app

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    try:
        app(spread_values(sys.argv[1:] if arguments is None else arguments), standalone_mode=True)
    except HearAudioMosaicError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. What is finished is kept; the same command goes on from here.\n")
        raise SystemExit(130) from None
