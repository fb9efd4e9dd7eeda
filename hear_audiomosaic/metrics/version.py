"""The version of what turns predictions into scores."""

from __future__ import annotations

__all__ = ["SCORING_VERSION"]

SCORING_VERSION = 1
"""Goes up by one when any score of the same predictions becomes another number: a change of :mod:`.clips`,
:mod:`.events`, or of :mod:`hear_audiomosaic.probing.postprocessing`. Results of another version are made again.
``tests/metrics/test_scoring_version.py`` holds numbers of this version and fails where they change without it."""
