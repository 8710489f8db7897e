"""Scopes: what a registered app may do in a person's name, by scene and operation. Pure.

A scope narrows an actor and never widens it: the person's own rights are asked as well, always. `<scene>:read` opens a
scene's cases, `<scene>:<action>` takes one of its actions, and core has the two of `CORE_SCOPES`. What has no scope is
not delegable, and a scope that nobody knows permits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gongzhi.declarations import Text
from gongzhi.errors import NotDelegable, ScopeMissing
from gongzhi.identity.actors import ADMINISTRATOR_DUTIES, HANDLING_DUTIES, Actor

INBOX: Final = "inbox:read"
LETTERS: Final = "letters:act"

CORE_SCOPES: Final[Mapping[str, Text]] = MappingProxyType(
    {
        INBOX: Text(
            zh="查看本单位的待办（仅限获准查阅的场景）",
            en="See what waits for your organ, in the scenes that it may read",
        ),
        LETTERS: Text(zh="签收文书、知悉提醒", en="Sign for letters and take note of notices"),
    }
)
"""Core's own scopes, in words."""

NEVER_DELEGATED: Final = frozenset(
    {
        "access",
        "accounts",
        "administration",
        "apps",
        "audit",
        "delegations",
        "directory",
        "identity",
        "supervision",
    }
)
"""Namespaces of administration and of the person's own authorisations: no scope reaches them, were it in the database."""

READ: Final = "read"


def read_scope(scene: str) -> str:
    """The scope that opens a scene's cases."""
    return f"{scene}:{READ}"


def act_scope(namespace: str, action: str) -> str:
    """The scope that takes an action of a scene, or a command of core. Raises `NotDelegable` where there can be none."""
    if namespace in NEVER_DELEGATED or action == READ:  # an action of that name would pass for reading
        raise NotDelegable()
    return LETTERS if namespace == "letters" else f"{namespace}:{action}"


def permits(actor: Actor, scope: str) -> bool:
    """Whether the actor's scopes, where it has any, hold `scope`."""
    return actor.scopes is None or (scope in actor.scopes and scope.partition(":")[0] not in NEVER_DELEGATED)


def require(actor: Actor, scope: str) -> None:
    """Raise `ScopeMissing` unless the actor's scopes hold `scope`."""
    if not permits(actor, scope):
        raise ScopeMissing(where="/scope", scope=scope)


def require_act(actor: Actor, namespace: str, action: str) -> None:
    """Raise `ScopeMissing` or `NotDelegable` unless the actor's scopes hold that act."""
    if actor.scopes is not None:
        require(actor, act_scope(namespace, action))


def may_read(actor: Actor, scene: str) -> bool:
    """Whether the actor's scopes open the cases of `scene`; a practice key opens none."""
    return not actor.practice and permits(actor, read_scope(scene))


def reads_some_scene(actor: Actor) -> bool:
    """Whether the actor's scopes hold any to read a scene's cases."""
    scopes = actor.scopes if actor.scopes is not None else {read_scope("any")}
    return any(scope != INBOX and scope.endswith(f":{READ}") and permits(actor, scope) for scope in scopes)


def readable_scenes(actor: Actor) -> list[str] | None:
    """The scenes whose cases the actor's scopes open, by name; None for all of them."""
    if actor.practice:
        return []
    if actor.scopes is None:
        return None
    parts = (scope.partition(":") for scope in actor.scopes)
    return sorted({scene for scene, _, operation in parts if operation == READ and may_read(actor, scene)})


def delegable_duties(duties: frozenset[str]) -> frozenset[str]:
    """The duties of a post that an app may act with: those of handling, and none where the post administers."""
    return frozenset() if duties & ADMINISTRATOR_DUTIES else duties & HANDLING_DUTIES
