"""What a schema can't say of a case: fields computed from its masked data."""

from __future__ import annotations

from typing import Any

import strawberry

from .articles import OPINION, SITUATIONS


def _situation_texts(root: strawberry.Parent[Any]) -> list[str]:
    """Article, number and wording of each situation that the viewer may see."""
    names = root.get("situations") or []
    return [f"{OPINION.zh}第四条{SITUATIONS[name].numeral}{SITUATIONS[name].quote.zh}" for name in names]


@strawberry.type
class MinorProtectionCaseExtra:
    """Computed fields of a mandatory-report case."""

    situation_texts: list[str] = strawberry.field(
        resolver=_situation_texts, description="情形的条文 / The situations as the opinion words them"
    )
