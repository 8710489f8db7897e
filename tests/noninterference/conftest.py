"""What only the tests of non-interference need."""

from __future__ import annotations

import pytest

from .tellings import Tellings
from .worlds import Worlds


@pytest.fixture(scope="session")
def tellings(worlds: Worlds) -> Tellings:
    """Two worlds that differ in what is masked."""
    return worlds.run(Tellings.of(worlds))
