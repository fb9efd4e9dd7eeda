"""All ways to make an encoder's embeddings stale (``WAYS``), and all that only look like one (``HARMLESS``)."""

from __future__ import annotations

import harmless_changes  # noqa: F401 - registers its ways
import stale_code  # noqa: F401
import stale_files  # noqa: F401
import stale_state  # noqa: F401
from stale_bench import HARMLESS, TEMPLATE, WAYS, Bench, Way

__all__ = ["HARMLESS", "TEMPLATE", "WAYS", "Bench", "Way"]
