"""Scopes narrow an actor and never widen it; what nobody knows permits nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.cases.acting import CaseActing
from gongzhi.commands import core_namespaces
from gongzhi.errors import NotDelegable, ScopeMissing
from gongzhi.identity.actors import ADMINISTRATOR_DUTIES, DUTIES, Actor, Organ
from gongzhi.identity.policy import Target, decide
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.scopes import (
    NEVER_DELEGATED,
    act_scope,
    delegable_duties,
    may_read,
    permits,
    readable_scenes,
    reads_some_scene,
    require_act,
)
from gongzhi.scenes.host import SceneHost
from gongzhi.store import Store

TREE = RegionTree.load()
ORGAN = Organ(
    id=UUID(int=1), name="", name_en="", type="police", line="", level="county", region="330523", code_word=""
)
PERSON = Actor(
    account_id=UUID(int=2),
    login="wang",
    name="",
    kind="person",
    organ=ORGAN,
    department="",
    title="",
    duties=frozenset({"handler"}),
    language="zh",
)
OURS = Target(
    scene="fire",
    action="find",
    region="330523",
    organs={ORGAN.id: [("police", "")]},
    action_roles=frozenset({"police"}),
)


def scoped(*scopes: str) -> Actor:
    return replace(PERSON, scopes=frozenset(scopes))


def test_without_scopes_nothing_is_narrowed() -> None:
    assert permits(PERSON, "anything:at_all")
    assert readable_scenes(PERSON) is None
    require_act(PERSON, "administration", "enable_scene")


def test_each_act_takes_the_scope_of_its_own() -> None:
    require_act(scoped("fire:find"), "fire", "find")
    require_act(scoped("letters:act"), "letters", "sign")
    for held, namespace, action in (
        ("fire:find", "fire", "report"),
        ("fire:find", "flood", "find"),
        ("fire:read", "fire", "find"),
        ("letters:sign", "letters", "sign"),
        ("fire:*", "fire", "find"),
    ):
        with pytest.raises(ScopeMissing):
            require_act(scoped(held), namespace, action)


@pytest.mark.parametrize("namespace", sorted(NEVER_DELEGATED))
def test_administration_has_no_scope_even_where_one_is_held(namespace: str) -> None:
    with pytest.raises(NotDelegable):
        require_act(scoped(f"{namespace}:enable_scene"), namespace, "enable_scene")
    assert not permits(scoped(f"{namespace}:read"), f"{namespace}:read")


async def test_of_cores_namespaces_only_letters_are_delegated(store: Store) -> None:
    scenes, acting = cast(SceneHost, None), cast(CaseActing, None)
    known = core_namespaces(store, TREE, scenes, acting)
    assert set(known) - NEVER_DELEGATED == {"letters"}


def test_an_action_named_read_is_not_to_be_had_for_reading() -> None:
    with pytest.raises(NotDelegable):
        act_scope("fire", "read")


def test_the_inbox_is_no_scene() -> None:
    assert readable_scenes(scoped("fire:read", "inbox:read")) == ["fire", "inbox"]
    assert not reads_some_scene(scoped("inbox:read"))
    assert reads_some_scene(scoped("fire:read"))


def test_reading_takes_the_scope_and_practice_reads_nothing() -> None:
    assert decide(scoped("fire:read"), "read", OURS, TREE).allowed
    hidden = decide(scoped("flood:read"), "read", OURS, TREE)
    assert (hidden.allowed, hidden.hidden) == (False, True)
    practising = replace(scoped("fire:read", "fire:find"), practice=True)
    assert not may_read(practising, "fire")
    assert not decide(practising, "read", OURS, TREE).allowed
    assert not decide(practising, "act", OURS, TREE).allowed
    assert decide(practising, "create", OURS, TREE).allowed


@given(duties=st.frozensets(st.sampled_from(sorted(DUTIES))), verb=st.sampled_from(["administer", "audit"]))
def test_no_app_administers_or_audits(duties: frozenset[str], verb: str) -> None:
    app = replace(scoped("fire:read"), duties=duties)
    assert not decide(app, verb, OURS, TREE).allowed


@given(duties=st.frozensets(st.sampled_from(sorted(DUTIES))))
def test_the_duties_of_an_app_open_no_case_that_the_posts_own_do_not(duties: frozenset[str]) -> None:
    narrowed = delegable_duties(duties)
    assert narrowed <= duties
    if duties & ADMINISTRATOR_DUTIES:
        assert narrowed == frozenset()
    app = replace(scoped("fire:read"), duties=narrowed)
    own = replace(PERSON, duties=duties)
    for verb in ("read", "act", "create"):
        if decide(app, verb, OURS, TREE).allowed:
            assert decide(own, verb, OURS, TREE).allowed
