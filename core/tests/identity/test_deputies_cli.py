"""`gongzhi deputy …` and `gongzhi account leave` as an operator uses them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.clock import SystemClock
from gongzhi.errors import NotDeputy, TokenStale
from gongzhi.identity.acting import legal_day
from gongzhi.identity.sign_in import SignIn

from .conftest import PASSWORD, Town
from .test_cli import Shell, gongzhi

__all__ = ["gongzhi"]


def in_days(number: int) -> str:
    return (legal_day(SystemClock().now()) + timedelta(days=number)).isoformat()


async def test_a_deputy_is_named_listed_and_ended_and_each_is_on_record(
    town: Town, gongzhi: Shell, sign_in: SignIn
) -> None:
    until = in_days(7)
    (id,) = (await gongzhi("deputy", "add", "demo-li", "wang", "--to", until, "--reason", "illness")).out
    session = await sign_in.sign_in("wang", PASSWORD, SystemClock().now())
    acting = await sign_in.actor_from_session(session.token, SystemClock().now(), deputyship=id)
    assert (acting.login, acting.title) == ("wang", "副大队长")
    row, count = (await gongzhi("deputy", "list", town.police.name)).out
    assert row.split("\t") == [id, "demo-li", "wang", in_days(0), until, "illness", "open"]
    assert count == "1 项代理 · 1 deputyship"
    assert (await gongzhi("deputy", "end", id)).code == 0
    with pytest.raises(NotDeputy):
        await sign_in.actor_from_session(session.token, SystemClock().now(), deputyship=id)
    assert (await gongzhi("deputy", "list")).out[0].endswith("\tended")
    leaves = [leaf for leaf in await town.leaves() if leaf.rows]
    assert [(leaf.action, leaf.actor, leaf.rows[0].table) for leaf in leaves] == [
        ("deputise", None, "deputyship"),
        ("end_deputyship", None, "deputyship"),
    ]


async def test_a_leaver_is_out_with_all_that_the_account_holds(
    town: Town, gongzhi: Shell, sign_in: SignIn
) -> None:
    await gongzhi("deputy", "add", "demo-li", "wang", "--to", in_days(7), "--reason", "leave")
    session = await sign_in.sign_in("wang", PASSWORD, SystemClock().now())
    assert (await gongzhi("account", "leave", "wang")).out == [
        "账号 wang 的岗位今天结束 · the post of wang ends today"
    ]
    with pytest.raises(TokenStale):
        await sign_in.actor_from_session(session.token, SystemClock().now())
    leaf = (await town.leaves())[-2]
    assert (leaf.action, sorted(row.table for row in leaf.rows)) == ("leave", ["deputyship", "post"])
    said = await gongzhi("account", "leave", "demo-li")
    assert (said.code, said.error[0].split(":")[0]) == (1, "successor_needed")


async def test_a_successor_is_given_the_duties_that_would_be_missing(town: Town, gongzhi: Shell) -> None:
    await gongzhi("account", "duties", "wang", "--duty", "approver")
    said = await gongzhi("account", "leave", "wang", "--successor", "demo-li")
    assert said.out[1] == "职责 approver 交给 demo-li · demo-li is given approver"
    row = next(row for row in (await gongzhi("account", "list")).out if row.startswith("demo-li"))
    assert row.split("\t")[-1] == "approver,handler"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("deputy", "add", "nobody", "wang", "--to", "2999-01-01", "--reason", "leave"), "invalid_input"),
        (("deputy", "add", "nobody", "wang", "--to", in_days(3), "--reason", "leave"), "not_found"),
        (("deputy", "add", "wang", "clinic", "--to", in_days(3), "--reason", "leave"), "not_found"),
        (("deputy", "add", "wang", "demo-li", "--to", "soon", "--reason", "leave"), "impossible_date"),
        (("deputy", "add", "wang", "wang", "--to", in_days(3), "--reason", "leave"), "invalid_input"),
        (("deputy", "end", "x"), "invalid_argument"),
        (("deputy", "end", "00000000-0000-4000-8000-000000000000"), "not_found"),
        (("account", "leave", "nobody"), "not_found"),
        (("account", "leave", "clinic"), "not_found"),
    ],
)
async def test_what_does_not_fit_is_refused(
    town: Town, gongzhi: Shell, arguments: tuple[str, ...], code: str
) -> None:
    said = await gongzhi(*arguments)
    assert (said.code, said.error[0].split(":")[0]) == (1, code)
    assert await town.leaves() == []
