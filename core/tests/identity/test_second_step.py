"""The second step of administrators: enrolled once, a code each time, none twice, and reset by another administrator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import httpx
import pyotp
import pytest

from gongzhi.audit.log import AuditLog
from gongzhi.audit.scan import scan
from gongzhi.audit.sequencer import Sequencer
from gongzhi.clock import VirtualClock
from gongzhi.errors import CodeWrong, SecondStepRequired, SignInRequired, TooManyRequests
from gongzhi.identity.attempts import LIMITS, WINDOW
from gongzhi.identity.second_step import SecondStep, forget_factor
from gongzhi.identity.sign_in import STEP_LASTS, SignIn

from .conftest import LONG_AGO, PASSWORD, Town
from .test_auth_http import OURS, a_client, host_of

STEP = timedelta(seconds=30)


@pytest.fixture
async def head(town: Town) -> str:
    """The login of a system administrator, whose password is `PASSWORD`."""
    async with town.store.unit_of_work() as uow:
        post = await town.directory.post_add(
            uow,
            person_id=await town.directory.person_add(uow, name="钟管"),
            organ_id=town.police.id,
            title="系统管理员",
            duties=["system_admin"],
            valid_from=LONG_AGO,
        )
        await town.directory.account_add(uow, login="head", post_id=post, password=PASSWORD)
    return "head"


async def first_step(sign_in: SignIn, clock: VirtualClock) -> SecondStep:
    with pytest.raises(SecondStepRequired) as first:
        await sign_in.sign_in("head", PASSWORD, clock.now())
    assert isinstance(first.value.step, SecondStep)
    return first.value.step


async def enrols(sign_in: SignIn, clock: VirtualClock) -> tuple[str, list[str]]:
    """Enrol a phone; answers its secret and the recovery codes. The code of that moment is used up."""
    waiting = (await first_step(sign_in, clock)).waiting
    code = pyotp.TOTP(waiting.secret).at(clock.now())
    _, codes = await sign_in.second_step(waiting, code, clock.now())
    return waiting.secret, codes


async def test_a_password_alone_opens_no_administrators_session(
    town: Town, head: str, sign_in: SignIn, clock: VirtualClock
) -> None:
    asked = await first_step(sign_in, clock)
    assert asked.uri.startswith("otpauth://totp/Gongzhi:head?secret=")
    assert asked.picture.startswith("data:image/svg+xml")
    async with town.store.unit_of_work() as uow:
        assert await uow.fetchval("SELECT count(*) FROM web_session") == 0
        assert await uow.fetchval("SELECT count(*) FROM second_factor") == 0
    assert (await sign_in.sign_in("wang", PASSWORD, clock.now())).actor.login == "wang"


async def test_a_code_of_the_phone_enrols_it_and_begins_the_session(
    town: Town, head: str, sign_in: SignIn, clock: VirtualClock
) -> None:
    waiting = (await first_step(sign_in, clock)).waiting
    code = pyotp.TOTP(waiting.secret).at(clock.now())
    session, codes = await sign_in.second_step(waiting, code, clock.now())
    assert (await sign_in.actor_from_session(session.token, clock.now())).login == "head"
    assert len(set(codes)) == 10
    async with town.store.unit_of_work() as uow:
        stored = str(await uow.fetch("SELECT * FROM second_factor"))
    assert all(secret not in stored for secret in (waiting.secret, *codes))
    acts = [(leaf.action, leaf.outcome, [row.table for row in leaf.rows]) for leaf in await town.leaves()]
    assert acts == [("first_step", "done", []), ("second_step", "done", ["second_factor"])]


async def test_once_enrolled_each_sign_in_takes_a_new_code(
    town: Town, head: str, sign_in: SignIn, clock: VirtualClock
) -> None:
    secret, _ = await enrols(sign_in, clock)
    waiting = (await first_step(sign_in, clock)).waiting
    assert waiting.secret == ""
    used = pyotp.TOTP(secret).at(clock.now())
    with pytest.raises(CodeWrong):
        await sign_in.second_step(waiting, used, clock.now())
    clock.advance(STEP)
    session, codes = await sign_in.second_step(waiting, pyotp.TOTP(secret).at(clock.now()), clock.now())
    assert (session.actor.login, codes) == ("head", [])
    with pytest.raises(CodeWrong):
        await sign_in.second_step(waiting, used, clock.now())


@pytest.mark.parametrize("late", [-2, 2])
async def test_a_phones_clock_may_be_half_a_minute_off_and_no_more(
    town: Town, head: str, sign_in: SignIn, clock: VirtualClock, late: int
) -> None:
    secret, _ = await enrols(sign_in, clock)
    clock.advance(10 * STEP)
    waiting = (await first_step(sign_in, clock)).waiting
    with pytest.raises(CodeWrong):
        await sign_in.second_step(waiting, pyotp.TOTP(secret).at(clock.now() + late * STEP), clock.now())
    near = pyotp.TOTP(secret).at(clock.now() + late // 2 * STEP)
    assert (await sign_in.second_step(waiting, near, clock.now()))[0]


async def test_a_recovery_code_does_once(town: Town, head: str, sign_in: SignIn, clock: VirtualClock) -> None:
    _, codes = await enrols(sign_in, clock)
    for code in (codes[0].lower(), codes[1].replace("-", " ")):
        waiting = (await first_step(sign_in, clock)).waiting
        assert await sign_in.second_step(waiting, code, clock.now())
        with pytest.raises(CodeWrong):
            await sign_in.second_step(waiting, code, clock.now())


async def test_wrong_codes_lock_the_account_and_the_password_does_not_wipe_them_out(
    town: Town, head: str, sign_in: SignIn, clock: VirtualClock
) -> None:
    secret, _ = await enrols(sign_in, clock)
    clock.advance(STEP)
    for _ in range(LIMITS["login"]):
        waiting = (await first_step(sign_in, clock)).waiting
        with pytest.raises(CodeWrong):
            await sign_in.second_step(waiting, "not-a-code", clock.now())
    with pytest.raises(TooManyRequests):
        await sign_in.second_step(waiting, pyotp.TOTP(secret).at(clock.now()), clock.now())
    with pytest.raises(TooManyRequests):
        await sign_in.sign_in("head", PASSWORD, clock.now())
    clock.advance(WINDOW)
    waiting = (await first_step(sign_in, clock)).waiting
    assert await sign_in.second_step(waiting, pyotp.TOTP(secret).at(clock.now()), clock.now())


async def test_the_second_step_waits_ten_minutes_and_for_the_same_password(
    town: Town, head: str, sign_in: SignIn, clock: VirtualClock
) -> None:
    secret, _ = await enrols(sign_in, clock)
    waiting = (await first_step(sign_in, clock)).waiting
    clock.advance(STEP_LASTS)
    with pytest.raises(SignInRequired):
        await sign_in.second_step(waiting, pyotp.TOTP(secret).at(clock.now()), clock.now())
    waiting = (await first_step(sign_in, clock)).waiting
    async with town.store.unit_of_work() as uow:
        await town.directory.password_set(uow, "head", "another good one")
    with pytest.raises(SignInRequired):
        await sign_in.second_step(waiting, pyotp.TOTP(secret).at(clock.now()), clock.now())


async def test_of_two_enrolments_begun_at_once_the_first_one_holds(
    town: Town, head: str, sign_in: SignIn, clock: VirtualClock
) -> None:
    first, second = [(await first_step(sign_in, clock)).waiting for _ in range(2)]
    await sign_in.second_step(first, pyotp.TOTP(first.secret).at(clock.now()), clock.now())
    with pytest.raises(SignInRequired):
        await sign_in.second_step(second, pyotp.TOTP(second.secret).at(clock.now()), clock.now())


async def test_a_reset_makes_the_next_sign_in_enrol_anew(
    town: Town, head: str, sign_in: SignIn, clock: VirtualClock
) -> None:
    secret, _ = await enrols(sign_in, clock)
    account = await town.account("head")
    async with town.store.unit_of_work() as uow:
        await forget_factor(uow, cast("UUID", account["id"]))
    clock.advance(STEP)
    waiting = (await first_step(sign_in, clock)).waiting
    assert waiting.secret not in ("", secret)


async def test_a_demos_administrator_is_one_click_away_all_the_same(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    async with town.store.unit_of_work() as uow:
        post = await town.directory.post_add(
            uow,
            person_id=await town.directory.person_add(uow, name="方平"),
            organ_id=town.police.id,
            title="管理员",
            duties=["region_admin"],
            valid_from=LONG_AGO,
        )
        await town.directory.account_add(uow, login="demo-fang", post_id=post, demo=True)
    assert (await sign_in.demo_sign_in("demo-fang", clock.now())).actor.login == "demo-fang"


async def test_factors_agree_with_the_audit_log(
    town: Town, head: str, sign_in: SignIn, clock: VirtualClock
) -> None:
    _, codes = await enrols(sign_in, clock)
    await sign_in.second_step((await first_step(sign_in, clock)).waiting, codes[0], clock.now())
    log = AuditLog(town.store)
    await Sequencer(town.store, clock).drain()
    found = [
        finding for finding in (await scan(town.store, log)).findings if finding.table == "second_factor"
    ]
    assert found == []


async def test_in_a_browser_the_step_waits_in_a_cookie_and_the_session_comes_after_it(
    town: Town, head: str, sign_in: SignIn, clock: VirtualClock
) -> None:
    async with a_client(host_of(town, sign_in, clock)) as client:
        reply = await client.post("/auth/sign-in", json={"login": "head", "password": PASSWORD})
        assert (reply.status_code, reply.json()["code"]) == (401, "second_step_required")
        told = reply.json()["second_step"]
        assert (told["kind"], list(client.cookies)) == ("enrol", ["__Host-gongzhi-step"])
        assert told["secret"].encode() not in bytes.fromhex(client.cookies["__Host-gongzhi-step"])
        assert (await client.get("/read")).status_code == 401
        wrong = await client.post("/auth/second-step", json={"code": "000000x"})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "code_wrong")
        done = await client.post(
            "/auth/second-step", json={"code": pyotp.TOTP(told["secret"]).at(clock.now())}
        )
        assert (done.status_code, len(done.json()["recovery_codes"])) == (200, 10)
        assert ((await client.get("/read")).text, list(client.cookies)) == ("head", ["__Host-gongzhi"])


async def test_without_a_first_step_there_is_no_second(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    async with a_client(host_of(town, sign_in, clock)) as client:
        for cookie in (None, "00", "not hex"):
            cookies: dict[str, Any] = {} if cookie is None else {"__Host-gongzhi-step": cookie}
            client.cookies = httpx.Cookies(cookies)
            reply = await client.post("/auth/second-step", json={"code": "123456"}, headers={"origin": OURS})
            assert (reply.status_code, reply.json()["code"]) == (401, "sign_in_required")
