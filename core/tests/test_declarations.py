"""What declarations say by themselves."""

from __future__ import annotations

import pytest

from gongzhi.declarations import counted


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (2, "row", "2 rows"),
        (1, "entry", "1 entry"),
        (2, "entry", "2 entries"),
    ],
)
def test_a_number_of_things_reads_as_english_does(number: int, noun: str, said: str) -> None:
    assert counted(number, noun) == said
