"""Texts of cards and replies by key and language, from `locale/`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from gongzhi.plugin import Language

FILES: Mapping[Language, str] = {"zh": "zh-CN.json", "en": "en.json"}


@lru_cache(maxsize=2)
def texts(language: Language) -> Mapping[str, str]:
    """All texts of a language, by key."""
    path = Path(__file__).parent / "locale" / FILES[language]
    found: Mapping[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def say(language: Language, key: str, **facts: object) -> str:
    """One text, its placeholders filled."""
    return texts(language)[key].format(**facts)
