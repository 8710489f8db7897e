"""Search over cases: bigrams of titles and indexed fields in a tsvector, which works on any PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from gongzhi.declarations import Json, Text
from gongzhi.errors import InvalidInput
from gongzhi.store import UnitOfWork

_RUN = re.compile(r"[a-z0-9]+|[㐀-䶿一-鿿]+")

_LONGEST = 100
_TOO_LONG = Text(zh=f"检索文字最多 {_LONGEST} 字", en=f"search for at most {_LONGEST} characters")


def tokens(text: str) -> list[str]:
    """Search tokens of a text: Chinese runs as bigrams (a single character as itself), Latin words whole, no repeats."""
    found: dict[str, None] = {}
    for run in _RUN.findall(text.lower()):
        if run[0].isascii() or len(run) == 1:
            found[run] = None
        else:
            for i in range(len(run) - 1):
                found[run[i : i + 2]] = None
    return list(found)


def case_tokens(schema: Mapping[str, Any], title: Mapping[str, str], data: Mapping[str, Json]) -> list[str]:
    """Tokens of a case: both titles and the fields marked `x-gongzhi-index`, which everybody may read."""
    texts = [title["zh"], title["en"]]
    for name, part in schema.get("properties", {}).items():
        if part.get("x-gongzhi-index") and not part.get("x-gongzhi-personal"):
            texts += [str(v) for v in _leaves(data.get(name))]
    return tokens(" ".join(texts))


async def index_case(uow: UnitOfWork, case_id: UUID, words: list[str]) -> None:
    """Store a case's tokens beside its present place and time; no words takes the case out of search.

    Call it after every change of the case's row: search takes the order of its candidates from here.
    """
    if not words:
        await uow.execute("DELETE FROM case_search WHERE case_id = $1", case_id)
        return
    await uow.execute(
        "INSERT INTO case_search (case_id, tokens, region, updated_at)"
        " SELECT id, array_to_tsvector($2::text[]), region, updated_at FROM cases WHERE id = $1"
        " ON CONFLICT (case_id) DO UPDATE"
        " SET (tokens, region, updated_at) = (excluded.tokens, excluded.region, excluded.updated_at)",
        case_id,
        words,
    )


def query(text: str) -> str | None:
    """A tsquery that wants every token of `text`, or None when there is nothing to look for.

    Raises `InvalidInput` for a text of more than 100 characters.
    """
    if len(text) > _LONGEST:
        raise InvalidInput(where="/search", problem=_TOO_LONG)
    words = tokens(text)
    return " & ".join(f"'{word}'" for word in words) if words else None


def _leaves(value: Json) -> list[Json]:
    if isinstance(value, Mapping):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [] if value is None or isinstance(value, bool) else [value]
