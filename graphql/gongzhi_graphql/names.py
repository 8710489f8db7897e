"""How ids of Gongzhi become names of GraphQL, and the other way round for global ids."""

from __future__ import annotations

import re
from uuid import UUID

from gongzhi.errors import NoSuchThing

_NAME = re.compile(r"[A-Za-z][_0-9A-Za-z]*")


def pascal(snake: str) -> str:
    """`minor_protection` → `MinorProtection`."""
    return "".join(word[:1].upper() + word[1:] for word in snake.split("_"))


def camel(snake: str) -> str:
    """`minor_protection` → `minorProtection`."""
    name = pascal(snake)
    return name[:1].lower() + name[1:]


def is_name(text: str) -> bool:
    """True when GraphQL accepts `text` as a name that is not its own (`__…`), nor a literal."""
    return bool(_NAME.fullmatch(text)) and text not in ("true", "false", "null")


def global_id(kind: str, id_: UUID) -> str:
    """The Relay id of a thing: `Case:<uuid>`, the same in every version and region."""
    return f"{kind}:{id_}"


def split_id(text: str) -> tuple[str, UUID]:
    """The kind and uuid of a global id. Raises `NoSuchThing` when `text` is none."""
    kind, _, rest = text.partition(":")
    try:
        return kind, UUID(rest)
    except ValueError:
        raise NoSuchThing(where="/id") from None


def local_id(kind: str, text: str) -> UUID:
    """The uuid of a global id of `kind`. Raises `NoSuchThing` for anything else."""
    found, id_ = split_id(text)
    if found != kind:
        raise NoSuchThing(where="/id")
    return id_
