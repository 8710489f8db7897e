"""How numbers of things read in English."""

from __future__ import annotations

import pytest

from gongzhi.plurals import counted


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries"), (101, "101 entries")]
)
def test_one_alone_is_in_the_singular(number: int, said: str) -> None:
    assert counted(number, "entry", "entries") == said
