"""Numbers of things in English, as command lines and refusals say them. Chinese counts without."""

from __future__ import annotations


def counted(number: int, one: str, several: str) -> str:
    """A number with the noun that goes with it, in the singular for 1 alone: `1 entry`, `0 entries`."""
    return f"{number} {one if number == 1 else several}"
