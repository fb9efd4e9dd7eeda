"""Properties over drawn examples: the same ones in every run, few of them by default, many behind ``faults``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mutations import LONGEST_MESSAGE

from hear_audiomosaic.errors import HearAudioMosaicError

SHORT = 20
"""Examples of each property in the default run."""
LONG = 1000

PLAIN = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co", "Zl", "Zp")), max_size=20)
"""Text without controls and line ends."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def holds_for(**drawn: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a test of a check that takes a folder and what is drawn; the folder is the same for all examples."""

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        @pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
        @pytest.mark.parametrize("n_examples", [SHORT, pytest.param(LONG, marks=pytest.mark.faults)])
        def test(n_examples: int, tmp_path: Path) -> None:
            def one(**values: Any) -> None:
                check(tmp_path, **values)

            settings(
                max_examples=n_examples,
                derandomize=True,
                database=None,
                deadline=None,
                phases=[Phase.explicit, Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            )(given(**drawn)(one))()

        test.__name__, test.__doc__, test.__module__ = check.__name__, check.__doc__, check.__module__
        return test

    return decorate


REFUSED = object()


def value_or_refused(read: Callable[[], Any], error: type[HearAudioMosaicError]) -> Any:
    """What ``read`` gives, or REFUSED where it raises ``error`` with a bounded message; anything else is a failure."""
    try:
        return read()
    except error as found:
        if len(str(found)) > LONGEST_MESSAGE:
            raise AssertionError(f"a message of {len(str(found))} letters") from found
        return REFUSED
