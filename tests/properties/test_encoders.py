"""Rules that hold for EVERY registered encoder: HEAR's contract, checked by the conformance suite."""

from __future__ import annotations

import pytest

from hear_audiomosaic.hear import registered_encoders
from hear_audiomosaic.hear.conformance import check_encoder

_SMALL = {"audiomosaic": "audiomosaic:random:micro", "random": "random:micro", "logmel": "logmel"}


def small(name: str) -> str:
    """The encoder at a size that a test can afford; untrained weights keep the same contract."""
    return _SMALL.get(name, f"{name}:random:micro")


@pytest.mark.parametrize("name", registered_encoders())
def test_contract(name: str) -> None:
    findings = check_encoder(small(name))
    assert len(findings) == 18
    assert not [finding for finding in findings if finding.verdict != "ok"]
