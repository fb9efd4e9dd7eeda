"""Rules that hold for EVERY registered encoder: HEAR's contract, checked by the conformance suite."""

from __future__ import annotations

import pytest

from hear_audiomosaic.hear import registered_encoders
from hear_audiomosaic.hear.conformance import check_encoder

_SMALL = {"audiomosaic": "audiomosaic:random:micro", "random": "random:micro", "logmel": "logmel"}


def small(name: str) -> str:
    """The encoder at a size that a test can afford; untrained weights keep the same contract."""
    return _SMALL.get(name, f"{name}:random:micro")


OF_A_FILE = {"hf", "mteb", "onnx", "s3prl", "torchscript", "xares"}
"""Adapters: without WEIGHTS there is no encoder. ``test_adapters.py`` holds them to the same contract."""


@pytest.mark.parametrize("name", [name for name in registered_encoders() if name not in OF_A_FILE])
def test_contract(name: str) -> None:
    findings = check_encoder(small(name))
    assert len(findings) == 18
    assert not [finding for finding in findings if finding.verdict != "ok"]
