"""The command, stopped before a step: ``python stopped.py STEP pretrain ...``; -1 is never.

Several one after the other, in one process of two: ``python stopped.py '[[STEP, PORT, [ARGUMENT, ...]], ...]'``; PORT
is where the processes of that command meet.
"""

from __future__ import annotations

import json
import os
import sys

from hear_audiomosaic.cli import main
from hear_audiomosaic.pretraining import engine

_take = engine._Run._train


def stop_before(stop: int) -> None:
    def taken(run: engine._Run, batch: engine.ClipBatch) -> dict[str, float]:
        if run.step == stop:
            raise KeyboardInterrupt
        return _take(run, batch)

    engine._Run._train = taken  # type: ignore[method-assign]


if __name__ == "__main__":
    if not sys.argv[1].startswith("["):
        stop_before(int(sys.argv.pop(1)))
        main()
    for step, port, arguments in json.loads(sys.argv[1]):
        stop_before(step)
        os.environ["MASTER_PORT"] = str(port)
        try:
            main(arguments)
        except SystemExit as ended:
            if (ended.code in (0, None)) != (step < 0):
                raise
