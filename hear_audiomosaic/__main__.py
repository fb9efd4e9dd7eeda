"""``python -m hear_audiomosaic``: the command line, also where no script is on the path (torchrun)."""

from __future__ import annotations

from hear_audiomosaic.cli import main

if __name__ == "__main__":
    main()
