"""Which root fields a registered app may ask for in somebody's name; every other one is refused before anything runs.

The list is of what is open, so a field that somebody adds is closed until it is put here. What lies below a root field
is narrowed by the policy, and each act by dispatch, which ask the same scopes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from graphql import OperationType

from gongzhi.errors import NotDelegable, Refused, ScopeMissing
from gongzhi.identity.scopes import INBOX, permits, read_scope, reads_some_scene
from gongzhi_graphql.context import Context
from gongzhi_graphql.names import camel

OPEN: Final = frozenset({"me", "now", "region", "regions", "scenes"})
"""Queries that hold nothing of a case."""

OF_SOME_SCENE: Final = frozenset({"node", "case", "cases", "letter"})
"""Queries that show what the policy lets through: they take the scope to read some scene."""


def outside_scopes(roots: Iterable[str], kind: OperationType, context: Context) -> Refused | None:
    """Why an app may not ask for these root fields, or None where it may, or where no app asks."""
    actor = context.signed_in
    if actor is None or actor.scopes is None:
        return None
    for root in roots:
        if kind is OperationType.QUERY:
            refusal = _unread(root, context)
        elif kind is OperationType.MUTATION:
            refusal = _undone(root, context)
        else:
            refusal = NotDelegable(where=root)
        if refusal is not None:
            return refusal
    return None


def _undone(root: str, context: Context) -> Refused | None:
    """Dispatch says which act of a namespace; here only whose acts can be delegated at all."""
    return None if root == "letters" or _scene(root, context) else NotDelegable(where=root)


def _unread(root: str, context: Context) -> Refused | None:
    if root in OPEN or (root in OF_SOME_SCENE and reads_some_scene(context.actor)):
        return None
    scene = _scene(root, context)
    if root == "inbox":
        wanted = [INBOX]
    elif root in OF_SOME_SCENE:
        wanted = [read_scope(name) for name in context.view.scenes]
    elif scene is not None:
        wanted = [read_scope(scene)]
    else:
        return NotDelegable(where=root)
    if any(permits(context.actor, scope) for scope in wanted):
        return None
    return ScopeMissing(where=root, scope=" | ".join(wanted) or read_scope("*"))


def _scene(root: str, context: Context) -> str | None:
    return next((scene for scene in context.view.scenes if camel(scene) == root), None)
