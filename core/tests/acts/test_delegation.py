"""Delegated administration of the directory: by division, by organ, and of the three administrators, act by act."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from gongzhi.declarations import ActResult
from gongzhi.errors import (
    ActionNotAllowed,
    AlreadyExists,
    DutiesExclude,
    GongzhiError,
    InvalidInput,
    NoSuchThing,
)
from gongzhi.identity.directory import Directory
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.tokens import find_token, issue_token

from .conftest import SINCE, Stage

pytestmark = pytest.mark.anyio

TREE = RegionTree.load()


@pytest.fixture
async def offices(stage: Stage) -> Stage:
    """The stage with a city's administrator, an organ's, and security administrators of the province and the city."""
    plan = (
        ("city", stage.actors["above"].organ.id, "region_admin"),
        ("chief", stage.actors["police"].organ.id, "organ_admin"),
        ("security", stage.actors["auditor"].organ.id, "security_admin"),
        ("guard", stage.actors["above"].organ.id, "security_admin"),
    )
    directory = Directory(TREE)
    async with stage.store.unit_of_work() as uow:
        for login, organ_id, duty in plan:
            person = await directory.person_add(uow, name=login)
            post = await directory.post_add(
                uow, person_id=person, organ_id=organ_id, title="x", duties=[duty], valid_from=SINCE
            )
            await directory.account_add(uow, login=login, post_id=post)
            stage.actors[login] = await directory.actor(uow, login, stage.clock.now())
    return stage


async def do(stage: Stage, who: str, action: str, **value: Any) -> ActResult:
    actor = stage.actors[who]
    return await stage.do(who, action, namespace="directory", region=actor.organ.region, input=value)


def newcomer(stage: Stage, organ: str, *duties: str, **more: Any) -> dict[str, Any]:
    """What `add_account` is told of somebody new at the organ of a known actor."""
    organ_id = str(stage.actors[organ].organ.id)
    return {
        "organ": organ_id,
        "login": "newcomer",
        "name": "新人",
        "title": "民警",
        "duties": list(duties),
        **more,
    }


async def tables(stage: Stage) -> dict[str, int]:
    return {name: await stage.count(name) for name in ("organ", "department", "person", "post", "account")}


# Who may give which duty in whose organ; every other combination is refused.
GIVES = {
    ("admin", "police", "handler"),
    ("admin", "police", "organ_admin"),
    ("admin", "police", "region_admin"),
    ("admin", "above", "handler"),
    ("admin", "above", "organ_admin"),
    ("admin", "above", "region_admin"),
    ("admin", "elsewhere", "handler"),
    ("admin", "elsewhere", "organ_admin"),
    ("admin", "elsewhere", "region_admin"),
    ("city", "police", "handler"),
    ("city", "police", "organ_admin"),
    ("city", "police", "region_admin"),
    ("city", "above", "handler"),
    ("city", "above", "organ_admin"),
    ("city", "above", "region_admin"),
    ("chief", "police", "handler"),
    ("chief", "police", "organ_admin"),
    ("security", "police", "security_admin"),
    ("security", "above", "security_admin"),
    ("security", "elsewhere", "security_admin"),
}


@pytest.mark.parametrize("who", ["admin", "city", "chief", "security", "doctor", "auditor"])
async def test_who_may_give_which_duty_where(offices: Stage, who: str) -> None:
    duties = ("handler", "organ_admin", "region_admin", "security_admin")
    for number, (organ, duty) in enumerate(product(("police", "above", "elsewhere"), duties)):
        login, before = f"newcomer-{number}", await tables(offices)
        told = {**newcomer(offices, organ, duty), "login": login}
        if (who, organ, duty) in GIVES:
            await do(offices, who, "add_account", **told)
            async with offices.store.unit_of_work() as uow:
                actor = await Directory(TREE).actor(uow, login, offices.clock.now())
            assert (actor.organ, actor.duties) == (offices.actors[organ].organ, frozenset({duty}))
        else:
            with pytest.raises(ActionNotAllowed):
                await do(offices, who, "add_account", **told)
            assert await tables(offices) == before
            assert (await offices.leaves())[-1]["outcome"] == "refused"


REFUSALS = [
    # Who asks for what, what is wrong with it, and whom to ask instead.
    (
        "doctor",
        "add_account",
        "police",
        "handler",
        "your post has no duty to administer",
        "organ administrator",
    ),
    ("chief", "add_account", "above", "handler", "that organ is not yours", "region administrator of its"),
    ("city", "add_account", "elsewhere", "handler", "that organ's division does not lie", "Ask a region"),
    ("security", "add_account", "police", "handler", "the duty handler is not yours", "organ administrator"),
    ("chief", "add_account", "police", "region_admin", "the duty region_admin is not", "Ask a region"),
    ("city", "add_account", "police", "security_admin", "the duty security_admin is not", "Ask a security"),
    ("guard", "add_account", "elsewhere", "audit_admin", "division does not lie", "Ask a security"),
    ("guard", "add_account", "elsewhere", "region_admin", "division does not lie", "Ask a region"),
    ("city", "add_account", "elsewhere", "security_admin", "division does not lie", "Ask a security"),
    ("chief", "add_account", "above", "audit_admin", "that organ is not yours", "Ask a security"),
    ("chief", "add_account", "above", "region_admin", "that organ is not yours", "Ask a region"),
    ("doctor", "add_account", "police", "system_admin", "your post has no duty", "Ask a security"),
    (
        "security",
        "add_department",
        "police",
        "",
        "reaches the three administrators alone",
        "organ administrator",
    ),
    ("chief", "add_department", "above", "", "that organ is not yours", "organ administrator"),
    ("city", "add_department", "elsewhere", "", "that organ's division does not lie", "Ask a region"),
    ("chief", "add_organ", "330523", "", "is the region administrator's duty", "Ask a region"),
    ("city", "add_organ", "330782", "", "that organ's division does not lie", "Ask a region"),
]


@pytest.mark.parametrize(("who", "action", "where", "duty", "wrong", "instead"), REFUSALS)
async def test_a_refusal_names_what_is_wrong_and_whom_to_ask(
    offices: Stage, who: str, action: str, where: str, duty: str, wrong: str, instead: str
) -> None:
    told: dict[str, Any]
    if action == "add_account":
        told = newcomer(offices, where, duty)
    elif action == "add_organ":
        told = {"name": "某单位", "type": "police", "region": where}
    else:
        told = {"organ": str(offices.actors[where].organ.id), "name": "某部门"}
    before = await tables(offices)
    with pytest.raises(ActionNotAllowed) as refused:
        await do(offices, who, action, **told)
    assert wrong in refused.value.message("en")
    assert instead in refused.value.remedy("en")
    assert refused.value.remedy("zh").startswith("请由")
    assert await tables(offices) == before


async def test_oneself_is_another_administrators(offices: Stage) -> None:
    with pytest.raises(ActionNotAllowed) as refused:
        await do(offices, "chief", "close_account", login="chief")
    assert "own posts and accounts" in refused.value.message("en")
    assert "本人的岗位和账号" in refused.value.message("zh")
    assert refused.value.remedy("en") == "Ask another administrator."


async def test_a_new_account_has_no_password_and_is_on_record(offices: Stage) -> None:
    await do(offices, "chief", "add_account", **newcomer(offices, "police", "handler", department="刑侦"))
    async with offices.store.unit_of_work() as uow:
        row = await uow.fetchrow("SELECT * FROM account WHERE login = 'newcomer'")
    assert row is not None
    assert row["password_hash"] is None
    leaf = (await offices.leaves())[-1]
    assert (leaf["namespace"], leaf["action"], leaf["region"]) == ("directory", "add_account", "330523")
    assert [changed["table"] for changed in leaf["rows"]] == ["person", "post", "account"]


async def test_a_post_is_changed_and_ended_by_whoever_reaches_what_was_and_what_will_be(
    offices: Stage,
) -> None:
    await do(offices, "chief", "add_account", **newcomer(offices, "police", "handler"))
    await do(offices, "chief", "change_post", login="newcomer", duties=["approver"], title="大队长")
    with pytest.raises(ActionNotAllowed):
        await do(offices, "chief", "change_post", login="newcomer", duties=["region_admin"])
    await do(offices, "city", "change_post", login="newcomer", duties=["region_admin"])
    for action in ("change_post", "end_post", "close_account"):
        with pytest.raises(ActionNotAllowed):
            await do(offices, "chief", action, login="newcomer")
    await do(offices, "city", "end_post", login="newcomer")
    async with offices.store.unit_of_work() as uow:
        with pytest.raises(NoSuchThing):
            await Directory(TREE).actor(uow, "newcomer", offices.clock.now())


async def test_an_account_beyond_reach_is_one_that_is_not_there(offices: Stage) -> None:
    actions = ("change_post", "end_post", "close_account", "open_account")
    for login, action in product(("elsewhere", "nobody-at-all"), actions):
        with pytest.raises(NoSuchThing):
            await do(offices, "city", action, login=login)


async def test_nobody_administers_their_own_person(offices: Stage) -> None:
    for who in ("admin", "city", "chief", "security"):
        for action in ("change_post", "end_post", "close_account"):
            with pytest.raises(ActionNotAllowed):
                await do(offices, who, action, login=who)
    async with offices.store.unit_of_work() as uow:
        await uow.execute("UPDATE person SET staff_code = 'C1' WHERE name = 'chief'")
    own = newcomer(offices, "police", "approver", name="chief", staff_code="C1")
    with pytest.raises(ActionNotAllowed):
        await do(offices, "chief", "add_account", **own)


async def test_an_administrator_of_three_is_nobody_elses_to_touch(offices: Stage) -> None:
    await do(offices, "security", "add_account", **newcomer(offices, "police", "audit_admin"))
    for who in ("admin", "city", "chief"):
        for action in ("change_post", "end_post", "close_account", "open_account"):
            with pytest.raises(ActionNotAllowed):
                await do(offices, who, action, login="newcomer")
    with pytest.raises(ActionNotAllowed):
        await do(offices, "security", "change_post", login="newcomer", duties=["handler"])
    await do(offices, "security", "end_post", login="newcomer")


async def test_duties_that_exclude_each_other_are_refused_over_all_posts_of_a_person(offices: Stage) -> None:
    told = newcomer(offices, "police", "handler", staff_code="P7")
    await do(offices, "chief", "add_account", **told)
    again = {**newcomer(offices, "elsewhere", "audit_admin", staff_code="P7"), "login": "newcomer-2"}
    with pytest.raises(DutiesExclude):
        await do(offices, "security", "add_account", **again)
    tomorrow = (offices.clock.now() + timedelta(days=1)).date().isoformat()
    await do(offices, "chief", "end_post", login="newcomer", valid_to=tomorrow)
    with pytest.raises(DutiesExclude):
        await do(offices, "security", "add_account", **again)
    offices.clock.advance(timedelta(days=1))
    await do(offices, "security", "add_account", **again)
    with pytest.raises(DutiesExclude):
        later = (offices.clock.now() + timedelta(days=9)).date().isoformat()
        await do(offices, "chief", "end_post", login="newcomer", valid_to=later)


async def test_a_closed_account_is_out_at_once_and_can_be_opened_again(offices: Stage) -> None:
    await do(offices, "chief", "close_account", login="police")
    async with offices.store.unit_of_work() as uow:
        with pytest.raises(NoSuchThing):
            await Directory(TREE).actor(uow, "police", offices.clock.now())
    await do(offices, "city", "open_account", login="police")
    async with offices.store.unit_of_work() as uow:
        assert (await Directory(TREE).actor(uow, "police", offices.clock.now())).login == "police"


async def test_organs_are_registered_in_ones_divisions_and_never_the_platforms(offices: Stage) -> None:
    organ = {"name": "安吉县第二医院", "type": "hospital", "region": "330523", "code_word": "安二医"}
    added = await do(offices, "city", "add_organ", **organ)
    assert (await do(offices, "admin", "add_organ", **{**organ, "region": "330782"})).output != added.output
    for who, change in (
        ("city", {"region": "330782"}),
        ("city", {"region": "330000"}),
        ("city", {"type": "platform"}),
        ("chief", {}),
        ("security", {}),
        ("doctor", {}),
    ):
        before = await tables(offices)
        with pytest.raises(ActionNotAllowed):
            await do(offices, who, "add_organ", **{**organ, **change})
        assert await tables(offices) == before


async def test_departments_are_those_of_an_organ_in_reach(offices: Stage) -> None:
    police, elsewhere = (str(offices.actors[name].organ.id) for name in ("police", "elsewhere"))
    await do(offices, "chief", "add_department", organ=police, name="刑侦大队")
    with pytest.raises(AlreadyExists):
        await do(offices, "chief", "add_department", organ=f"Organ:{police}", name="刑侦大队")
    with pytest.raises(ActionNotAllowed):
        await do(offices, "chief", "add_department", organ=elsewhere, name="刑侦大队")
    await do(offices, "city", "end_department", organ=police, name="刑侦大队")
    await do(offices, "chief", "add_department", organ=police, name="刑侦大队")
    with pytest.raises(NoSuchThing):
        await do(offices, "chief", "end_department", organ=police, name="没有的大队")


WRONG: list[tuple[dict[str, Any], type[GongzhiError]]] = [
    ({"duties": ["king"]}, InvalidInput),
    ({"duties": []}, InvalidInput),
    ({"login": "王"}, InvalidInput),
    ({"login": "doctor"}, AlreadyExists),
    ({"name": " "}, InvalidInput),
    ({"organ": "00000000-0000-4000-8000-000000000000"}, NoSuchThing),
    ({"password": "clear water 7"}, InvalidInput),
]


async def test_what_does_not_fit_is_refused_and_nothing_is_stored(offices: Stage) -> None:
    before = await tables(offices)
    for change, refusal in WRONG:
        with pytest.raises(refusal):
            await do(offices, "admin", "add_account", **{**newcomer(offices, "police", "handler"), **change})
        assert await tables(offices) == before


@pytest.mark.parametrize(("duty", "stale"), [("organ_admin", True), ("approver", False)])
async def test_whoever_becomes_an_administrator_signs_in_anew(offices: Stage, duty: str, stale: bool) -> None:
    now = offices.clock.now()
    await do(offices, "admin", "add_account", **newcomer(offices, "police", "handler"))
    async with offices.store.unit_of_work() as uow:
        account_id = await uow.fetchval("SELECT id FROM account WHERE login = 'newcomer'")
        bearer = await issue_token(uow, account_id, now, timedelta(days=1))
    await do(offices, "admin", "change_post", login="newcomer", duties=[duty])
    async with offices.store.unit_of_work() as uow:
        presented = await find_token(uow, bearer, now)
    assert presented is not None
    assert presented.stale is stale
