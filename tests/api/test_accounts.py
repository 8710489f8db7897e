"""The namespace `accounts`: a security administrator ends what an account holds, for accounts of their region only."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from .support import Api, key

REVOKE = """
mutation ($input: AccountsRevokeInput!, $key: String!) { accounts { revoke(input: $input, key: $key) { output } } }
"""


@pytest.fixture(scope="module")
def guarded(api: Api) -> Api:
    """The application, with Anji's security administrator `guard`, and a clerk in Anji and one in Deqing."""

    async def add() -> None:
        host, now = api.host, api.host.clock.now()
        async with host.store.unit_of_work() as uow:
            organs = {
                row["name"]: row["id"] for row in await uow.fetch("SELECT id, name FROM organ ORDER BY name")
            }
            for login, organ, duty in (
                ("guard", "测试watchers", "security_admin"),
                ("anji-clerk", "测试police", "handler"),
                ("deqing-clerk", "测试deqing_police", "handler"),
            ):
                person = await host.directory.person_add(uow, name=f"测试员{login}")
                post = await host.directory.post_add(
                    uow,
                    person_id=person,
                    organ_id=organs[organ],
                    title="科员",
                    duties=[duty],
                    valid_from=date(2020, 1, 1),
                )
                await host.directory.account_add(uow, login=login, post_id=post)
                api.tokens[login] = await host.sign_in.issue_token(uow, login, now, timedelta(days=1))

    api.run(add())
    return api


def revoke(api: Api, login: str, *, as_: str = "guard") -> Any:
    return api.ask(REVOKE, as_=as_, region=None, variables={"input": {"login": login}, "key": key()})


def test_a_revoked_account_is_refused_at_its_very_next_request(guarded: Api) -> None:
    assert guarded.ask("{ me { login } }", as_="anji-clerk", region=None).data["me"]["login"] == "anji-clerk"
    assert revoke(guarded, " Anji-Clerk ").data["accounts"]["revoke"]["output"] == {"login": "anji-clerk"}
    refused = guarded.ask("{ me { login } }", as_="anji-clerk", region=None)
    assert (refused.status, refused.codes) == (401, ["token_stale"])
    assert guarded.ask("{ me { login } }", as_="deqing-clerk", region=None).data["me"]
    (leaf,) = [leaf for leaf in guarded.leaves() if leaf["namespace"] == "accounts"]
    assert (leaf["action"], leaf["outcome"], leaf["region"]) == ("revoke", "done", "330523")


def test_an_account_of_another_region_is_as_if_it_were_not_there(guarded: Api) -> None:
    replies = [revoke(guarded, login) for login in ("deqing-clerk", "nobody-here")]
    assert [reply.codes for reply in replies] == [["not_found"], ["not_found"]]
    assert guarded.ask("{ me { login } }", as_="deqing-clerk", region=None).data["me"]


@pytest.mark.parametrize("login", ["doctor", "administrator", "auditor"])
def test_nobody_else_is_shown_the_namespace(guarded: Api, login: str) -> None:
    reply = revoke(guarded, "deqing-clerk", as_=login)
    assert set(reply.codes) == {"invalid_query", "unknown_field"}
    assert guarded.ask("{ me { login } }", as_="deqing-clerk", region=None).data["me"]


RESET = """
mutation ($input: AccountsResetSecondStepInput!, $key: String!) {
  accounts { resetSecondStep(input: $input, key: $key) { output } }
}
"""


def reset(api: Api, login: str) -> Any:
    return api.ask(RESET, as_="guard", region=None, variables={"input": {"login": login}, "key": key()})


def test_a_lost_phone_is_taken_off_by_another_administrator(guarded: Api) -> None:
    async def enrol() -> None:
        async with guarded.host.store.unit_of_work() as uow:
            for login in ("anji-clerk", "guard"):
                row = await uow.fetchrow("SELECT id FROM account WHERE login = $1", login)
                assert row is not None
                factor = {
                    "id": uuid4(),
                    "account_id": row["id"],
                    "secret": b"",
                    "last_step": 0,
                    "recovery": [],
                }
                await uow.insert("second_factor", {**factor, "enrolled_at": guarded.host.clock.now()})

    async def again() -> None:
        """The guard's second account, at the same post."""
        async with guarded.host.store.unit_of_work() as uow:
            post_id = await uow.fetchval("SELECT post_id FROM account WHERE login = 'guard'")
            await guarded.host.directory.account_add(uow, login="guard-too", post_id=post_id)

    guarded.run(enrol())
    guarded.run(again())
    assert reset(guarded, "guard").codes == ["action_not_allowed"]
    assert reset(guarded, "guard-too").codes == ["action_not_allowed"]
    assert reset(guarded, "anji-clerk").data["accounts"]["resetSecondStep"]["output"] == {
        "login": "anji-clerk"
    }
    assert reset(guarded, "anji-clerk").codes == ["not_found"]
    left = guarded.fetch("SELECT a.login FROM second_factor f JOIN account a ON a.id = f.account_id")
    assert [row["login"] for row in left] == ["guard"]
    outcomes = [leaf["outcome"] for leaf in guarded.leaves() if leaf["action"] == "reset_second_step"]
    assert outcomes == ["refused", "refused", "done", "refused"]
