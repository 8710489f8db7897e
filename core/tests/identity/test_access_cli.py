"""`gongzhi revoke` and `gongzhi secret …` as an operator uses them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gongzhi.clock import SystemClock
from gongzhi.errors import CredentialsWrong, TokenStale
from gongzhi.identity.sign_in import SignIn

from .conftest import PASSWORD, Town
from .test_cli import Shell, gongzhi

__all__ = ["gongzhi"]


async def test_revoke_ends_what_an_account_holds_and_is_on_record(
    town: Town, gongzhi: Shell, sign_in: SignIn
) -> None:
    now = SystemClock().now()
    session = await sign_in.sign_in("wang", PASSWORD, now)
    assert (await gongzhi("revoke", "wang")).code == 0
    with pytest.raises(TokenStale):
        await sign_in.actor_from_session(session.token, SystemClock().now())
    assert [(leaf.action, leaf.actor) for leaf in await town.leaves()][1] == ("revoke", None)
    assert (await sign_in.sign_in("wang", PASSWORD, SystemClock().now())).actor.login == "wang"


async def test_a_secret_is_shown_once_listed_without_itself_and_taken_back(
    town: Town, gongzhi: Shell, sign_in: SignIn
) -> None:
    (secret,) = (await gongzhi("secret", "make", "clinic", "--days", "1")).out
    assert await sign_in.client_token("clinic", secret, SystemClock().now())
    row, count = (await gongzhi("secret", "list", "clinic")).out
    id, state, *_ = row.split("\t")
    assert (state, count, secret in row) == ("valid", "1 个密钥 · 1 secret", False)
    assert (await gongzhi("secret", "revoke", id)).code == 0
    with pytest.raises(CredentialsWrong):
        await sign_in.client_token("clinic", secret, SystemClock().now() + timedelta(seconds=1))
    assert (await gongzhi("secret", "list", "clinic")).out[0].split("\t")[1] == "revoked"
    assert [leaf.action for leaf in await town.leaves()] == ["make_secret", "client_token", "revoke_secret"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("revoke", "nobody"), "not_found"),
        (("secret", "make", "wang"), "invalid_input"),
        (("secret", "make", "clinic", "--days", "367"), "invalid_input"),
        (("secret", "list", "nobody"), "not_found"),
        (("secret", "revoke", "x"), "invalid_argument"),
        (("secret", "revoke", "00000000-0000-4000-8000-000000000000"), "not_found"),
    ],
)
async def test_what_is_not_there_is_refused(
    town: Town, gongzhi: Shell, arguments: tuple[str, ...], code: str
) -> None:
    said = await gongzhi(*arguments)
    assert (said.code, said.error[0].split(":")[0]) == (1, code)
    assert await town.leaves() == []
