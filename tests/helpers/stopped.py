"""The command, stopped before a step: ``python stopped.py STEP pretrain ...``; -1 is never."""

from __future__ import annotations

import sys

from hear_audiomosaic.cli import main
from hear_audiomosaic.pretraining import engine

if __name__ == "__main__":
    stop = int(sys.argv.pop(1))
    take = engine._Run._train

    def taken(run: engine._Run, batch: engine.ClipBatch) -> dict[str, float]:
        if run.step == stop:
            raise KeyboardInterrupt
        return take(run, batch)

    engine._Run._train = taken  # type: ignore[method-assign]
    main()
