"""Signing in through a real OIDC provider, step by step as a browser does, and every way in which that may go wrong."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from gongzhi.app import Application, open_app
from gongzhi.audit.leaf import Entry, read_entry
from gongzhi.clock import SystemClock
from gongzhi.identity.oidc.external import link, read_reference
from gongzhi.settings import Settings
from gongzhi.testing import TestDatabase

from .kit import CITIZENS, POLICE_USCC, STAFF, OidcProvider, form_of, populate

OURS = "https://gongzhi.example"


class LateClock(SystemClock):
    """The machine's clock, which a test may set forward."""

    ahead = timedelta(0)

    def now(self) -> Any:
        return super().now() + self.ahead


@dataclass
class Town:
    """An installation that knows the provider, and its people."""

    application: Application
    clock: LateClock

    @asynccontextmanager
    async def browser(self, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
        """A browser that reaches us in this process, and the provider over the network."""
        inside = httpx.ASGITransport(cast("Any", self.application.asgi))
        headers = {"accept": "text/html", "accept-language": "en"}
        async with httpx.AsyncClient(
            mounts={OURS: inside}, base_url=OURS, headers=headers, trust_env=False, timeout=30, **options
        ) as client:
            yield client

    async def rows(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        async with self.application.host.store.unit_of_work() as uow:
            return await uow.fetch(sql, *args)

    async def leaves(self) -> list[Entry]:
        entries = [
            read_entry(row["leaf"]) for row in await self.rows("SELECT leaf FROM audit_pending ORDER BY id")
        ]
        return [entry for entry in entries if entry is not None]

    async def counts(self) -> dict[str, int]:
        rows = await self.rows("SELECT code, sum(count)::int AS n FROM audit_counter GROUP BY code")
        return {row["code"]: row["n"] for row in rows}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    folder = tmp_path_factory.mktemp("oidc")
    running = OidcProvider(folder, OURS)
    running.install()
    running.start()
    yield running
    running.stop()


@pytest.fixture
async def town(database: TestDatabase, provider: OidcProvider, tmp_path: Path) -> AsyncIterator[Town]:
    name = await database.create(template=database.template)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    if database.keys is not None:
        shutil.copytree(database.keys, home / "keys")
    settings = Settings(
        home=home, database_url=database.url_of(name), public_url=OURS, oidc=provider.configuration()
    )
    clock = LateClock()
    async with open_app(settings, clock=clock, work=False) as application:
        await populate(application)
        yield Town(application, clock)
    await database.drop(name)


async def goes_to(browser: httpx.AsyncClient, provider: str, to: str = "/console/inbox") -> httpx.Response:
    """From our door to the provider's own sign-in page, or straight back where it knows the browser already."""
    reply = await browser.get(f"/auth/oidc/{provider}/start", params={"to": to})
    while reply.has_redirect_location and not leads_to(reply).startswith(OURS):
        reply = await browser.get(leads_to(reply))
    return reply


def leads_to(reply: httpx.Response) -> str:
    """Where a redirect leads, whole."""
    return str(reply.url.join(reply.headers["location"]))


async def comes_back(browser: httpx.AsyncClient, page: httpx.Response, login: str) -> str:
    """Sign in at the provider; answers the address at which it sends the browser back to us."""
    if page.has_redirect_location:
        return leads_to(page)
    form = {"prompt": "login", "login": login, "password": "any"}
    reply = await browser.post(page.url.join(form_of(page.text)), data=form)
    while not leads_to(reply).startswith(OURS):
        reply = await browser.get(leads_to(reply))
    return leads_to(reply)


async def signs_in(browser: httpx.AsyncClient, login: str, provider: str = STAFF) -> httpx.Response:
    return await browser.get(await comes_back(browser, await goes_to(browser, provider), login))


async def test_somebody_of_the_staff_signs_in_and_arrives_where_they_wanted(town: Town) -> None:
    async with town.browser() as browser:
        reply = await signs_in(browser, "uid-wang")
        assert (reply.status_code, reply.headers["location"]) == (302, "/console/inbox")
        me = (await browser.get("/auth/me")).json()
        assert (me["login"], me["name"]) == ("wang", "王安")
        assert {cookie.name for cookie in browser.cookies.jar if "gongzhi" in cookie.domain} == {
            "__Host-gongzhi"
        }
    (leaf,) = await town.leaves()
    assert (leaf.action, leaf.outcome) == ("oidc_sign_in", "done")
    assert [row.table for row in leaf.rows] == ["external_identity"]


async def test_the_request_carries_pkce_state_and_nonce_and_the_cookie_keeps_them_to_itself(
    town: Town,
) -> None:
    async with town.browser() as browser:
        reply = await browser.get(f"/auth/oidc/{STAFF}/start")
        asked = {
            name: value for name, (value,) in parse_qs(urlsplit(reply.headers["location"]).query).items()
        }
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert asked["redirect_uri"] == f"{OURS}/auth/oidc/{STAFF}/callback"
        assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
        value, *attributes = reply.headers["set-cookie"].split("; ")
        assert value.startswith("__Host-gongzhi-oidc=")
        assert {part.lower() for part in attributes} == {
            "httponly",
            "max-age=600",
            "path=/",
            "samesite=lax",
            "secure",
        }
        sealed = bytes.fromhex(value.partition("=")[2])
        assert asked["state"].encode() not in sealed and asked["nonce"].encode() not in sealed


async def test_a_link_once_made_holds_whatever_else_is_claimed_later(town: Town) -> None:
    async with town.browser() as browser:
        await signs_in(browser, "uid-wang")
    async with town.browser() as browser:
        refused = await signs_in(browser, "uid-namesake")
        assert (refused.status_code, "identity_not_linked" in refused.text) == (403, True)
    async with town.browser() as browser:
        assert (await signs_in(browser, "uid-wang")).status_code == 302
    assert len(await town.rows("SELECT * FROM external_identity")) == 1


@pytest.mark.parametrize("subject", ["uid-stranger", "uid-elsewhere", "uid-namesake", "uid-admin"])
async def test_who_agrees_with_no_account_is_told_so_and_signed_in_to_none(town: Town, subject: str) -> None:
    """Another organ, another name, nobody here, and an administrator, whom no claim makes one."""
    async with town.browser() as browser:
        reply = await signs_in(browser, subject)
        assert (reply.status_code, reply.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert (
            "identity_not_linked" in reply.text
            and "default-src 'none'" in reply.headers["content-security-policy"]
        )
        assert (await browser.get("/auth/me")).status_code == 401
    assert await town.rows("SELECT * FROM external_identity") == []
    assert (await town.leaves(), (await town.counts())["identity_not_linked"]) == ([], 1)


async def test_a_citizen_has_no_door_until_an_administrator_links_the_reference(town: Town) -> None:
    async with town.browser() as browser:
        reply = await signs_in(browser, "uid-citizen", CITIZENS)
        assert reply.status_code == 403
        (reference,) = re.findall(r"[A-Z2-7]{5}(?:-[A-Z2-7]{1,5}){5}", reply.text)
        (account,) = await town.rows("SELECT id FROM account WHERE login = 'chen'")
        async with town.application.host.store.unit_of_work() as uow:
            await link(uow, CITIZENS, read_reference(reference.lower()), account["id"], town.clock.now())
        assert (await signs_in(browser, "uid-citizen", CITIZENS)).status_code == 302
        assert (await browser.get("/auth/me")).json()["login"] == "chen"


async def test_an_identity_of_too_low_a_level_is_refused_linked_or_not(town: Town) -> None:
    async with town.browser() as browser:
        reply = await signs_in(browser, "uid-unproved", CITIZENS)
        assert (reply.status_code, "external_sign_in_failed" in reply.text) == (401, True)


async def test_neither_subject_nor_claims_are_kept_anywhere(
    town: Town, capfd: pytest.CaptureFixture[str]
) -> None:
    for subject in ("uid-wang", "uid-stranger"):
        async with town.browser() as browser:
            await signs_in(browser, subject)
    kept = str(await town.rows("SELECT * FROM external_identity")) + str(await town.leaves())
    kept += str(await town.rows("SELECT * FROM sign_in_attempt, audit_counter, web_session"))
    printed = capfd.readouterr()
    for personal in ("uid-wang", "uid-stranger", "王安", "赵钱"):
        assert personal not in kept + printed.out + printed.err


async def test_cancelling_there_leads_back_without_a_session(town: Town) -> None:
    async with town.browser() as browser:
        page = await goes_to(browser, STAFF)
        reply = await browser.get(page.url.join(f"{form_of(page.text)}/abort"))
        while not leads_to(reply).startswith(OURS):
            reply = await browser.get(leads_to(reply))
        reply = await browser.get(leads_to(reply), headers={"accept-language": "zh-CN"})
        assert (reply.status_code, "您在对方页面取消了登录" in reply.text) == (401, True)
    assert (await town.counts())["external_sign_in_failed"] == 1


def changed(address: str, **parameters: str | None) -> str:
    """The address with some of its parameters changed, or left out."""
    parts = urlsplit(address)
    query: dict[str, Any] = {name: value for name, (value,) in parse_qs(parts.query).items()}
    query = {name: value for name, value in {**query, **parameters}.items() if value is not None}
    return parts._replace(query=urlencode(query)).geturl()


@pytest.mark.parametrize(
    "parameters",
    [
        {"state": "another"},
        {"state": None},
        {"iss": "https://another.example"},
        {"iss": None},
        {"code": "guessed"},
        {"code": None},
    ],
)
async def test_an_answer_that_was_tampered_with_signs_nobody_in(
    town: Town, parameters: dict[str, str | None]
) -> None:
    async with town.browser() as browser:
        address = await comes_back(browser, await goes_to(browser, STAFF), "uid-wang")
        reply = await browser.get(changed(address, **parameters), headers={"accept": "application/json"})
        assert (reply.status_code, reply.json()["code"]) == (401, "external_sign_in_failed")
        assert (await browser.get("/auth/me")).status_code == 401


async def test_a_parameter_that_comes_twice_is_refused(town: Town) -> None:
    async with town.browser() as browser:
        address = await comes_back(browser, await goes_to(browser, STAFF), "uid-wang")
        assert (await browser.get(address + "&state=another")).status_code == 401


async def test_an_answer_is_good_once_and_in_the_browser_that_asked(town: Town) -> None:
    async with town.browser() as victim, town.browser() as attacker:
        address = await comes_back(attacker, await goes_to(attacker, STAFF), "uid-wang")
        cookie = dict(attacker.cookies)
        assert (await victim.get(address)).status_code == 401, "no cookie: somebody else's sign-in"
        await goes_to(victim, STAFF)
        assert (await victim.get(address)).status_code == 401, "another cookie: another state"
        assert (await attacker.get(address)).status_code == 302
        assert (await attacker.get(address)).status_code == 401, "the cookie is gone"
        attacker.cookies.update(cookie)
        assert (await attacker.get(address)).status_code == 401, "the code is used"


async def test_an_answer_for_one_provider_is_none_for_the_other(town: Town) -> None:
    async with town.browser() as browser:
        address = await comes_back(browser, await goes_to(browser, STAFF), "uid-wang")
        assert (await browser.get(address.replace(f"/{STAFF}/", f"/{CITIZENS}/"))).status_code == 401


async def test_who_takes_longer_than_ten_minutes_begins_again(town: Town) -> None:
    async with town.browser() as browser:
        address = await comes_back(browser, await goes_to(browser, STAFF), "uid-wang")
        town.clock.ahead = timedelta(minutes=10)
        assert (await browser.get(address)).status_code == 401


async def test_new_keys_of_the_provider_are_honoured_at_once(town: Town, provider: OidcProvider) -> None:
    async with town.browser() as browser:
        assert (await signs_in(browser, "uid-wang")).status_code == 302
    provider.stop()
    provider.start()
    async with town.browser() as browser:
        assert (await signs_in(browser, "uid-wang")).status_code == 302


NAVIGATION = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
"""What Chromium and Firefox accept where somebody follows a link."""


async def test_a_provider_that_is_away_costs_its_own_door_only(town: Town, provider: OidcProvider) -> None:
    provider.stop()
    try:
        async with town.browser() as browser:
            reply = await browser.get(f"/auth/oidc/{STAFF}/start")
            assert (reply.status_code, "provider_unavailable" in reply.text) == (503, True)
            assert provider.issuer not in reply.text
            assert (await browser.get("/health")).status_code == 200
    finally:
        provider.start()


@pytest.mark.parametrize("door", ["start", "callback"])
@pytest.mark.parametrize(
    "accept", [NAVIGATION, "application/json", "application/json, text/html;q=0.5", "*/*", ""]
)
async def test_a_provider_that_is_away_is_a_page_for_browsers_and_json_for_others(
    town: Town, provider: OidcProvider, door: str, accept: str
) -> None:
    async with town.browser() as browser:
        address = f"/auth/oidc/{STAFF}/start"
        if door == "callback":
            address = await comes_back(browser, await goes_to(browser, STAFF), "uid-wang")
        provider.stop()
        try:
            reply = await browser.get(address, headers={"accept": accept})
        finally:
            provider.start()
    assert reply.status_code == 503
    assert provider.issuer not in reply.text
    if accept == NAVIGATION:
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        assert all(
            said in reply.text for said in ("Back to sign-in", "Staff sign-in", "provider_unavailable")
        )
    else:
        assert reply.headers["content-type"] == "application/json"
        assert (reply.json()["code"], "remedy" in reply.json()) == ("provider_unavailable", True)


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "/a b", "/\n/x", "inbox"]
)
async def test_a_sign_in_never_leads_to_another_site(town: Town, to: str) -> None:
    async with town.browser() as browser:
        address = await comes_back(browser, await goes_to(browser, STAFF, to), "uid-wang")
        assert (await browser.get(address)).headers["location"] == "/"


async def test_a_closed_account_is_closed_for_its_outside_identity_too(town: Town) -> None:
    async with town.browser() as browser:
        await signs_in(browser, "uid-wang")
        async with town.application.host.store.unit_of_work() as uow:
            await town.application.host.directory.account_disable(uow, "wang", town.clock.now())
        reply = await signs_in(browser, "uid-wang")
        assert (reply.status_code, "account_closed" in reply.text) == (403, True)
    assert [(leaf.outcome, leaf.code) for leaf in await town.leaves()][-1] == ("refused", "account_closed")


async def test_a_link_by_a_claim_stops_when_the_person_becomes_an_administrator(town: Town) -> None:
    directory, store = town.application.host.directory, town.application.host.store
    (account,) = await town.rows("SELECT id, post_id FROM account WHERE login = 'wang'")
    async with town.browser() as browser:
        assert (await signs_in(browser, "uid-wang")).status_code == 302
        async with store.unit_of_work() as uow:
            await directory.post_change(uow, account["post_id"], duties=["handler", "organ_admin"])
        reply = await signs_in(browser, "uid-wang")
        assert (reply.status_code, "link_not_vouched" in reply.text) == (403, True)
        (reference,) = re.findall(r"[A-Z2-7]{5}(?:-[A-Z2-7]{1,5}){5}", reply.text)
        async with store.unit_of_work() as uow:
            await link(uow, STAFF, read_reference(reference), account["id"], town.clock.now())
        assert (await signs_in(browser, "uid-wang")).status_code == 302
    codes = [leaf.code for leaf in await town.leaves() if leaf.action == "oidc_sign_in"]
    assert codes == ["", "link_not_vouched", ""]


async def test_a_linked_account_whose_organ_no_longer_agrees_is_refused(town: Town) -> None:
    async with town.browser() as browser:
        await signs_in(browser, "uid-wang")
        async with town.application.host.store.unit_of_work() as uow:
            organ = await uow.fetchrow("SELECT * FROM organ WHERE uscc = $1", POLICE_USCC)
            assert organ is not None
            await uow.update("organ", organ, uscc="914403001922038216")
        reply = await signs_in(browser, "uid-wang")
        assert (reply.status_code, "external_sign_in_failed" in reply.text) == (401, True)


async def test_guessing_answers_is_limited_by_address(town: Town) -> None:
    async with town.browser() as browser:
        for _ in range(100):
            assert (await browser.get(f"/auth/oidc/{STAFF}/callback?code=a&state=b")).status_code == 401
        reply = await browser.get(f"/auth/oidc/{STAFF}/callback?code=a&state=b")
        assert (reply.status_code, "too_many_requests" in reply.text) == (429, True)


async def test_the_providers_are_listed_without_their_secrets(town: Town) -> None:
    async with town.browser() as browser:
        listed = (await browser.get("/auth/providers")).json()
        assert [(one["id"], one["kind"], one["title"]["zh"]) for one in listed] == [
            (STAFF, "staff", "浙政钉"),
            (CITIZENS, "citizen", "浙里办"),
        ]
        assert set(listed[0]) == {"id", "kind", "title", "start"}
        assert (await browser.get("/auth/oidc/nobody/start")).status_code == 404
