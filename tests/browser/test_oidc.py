"""Signing in at the console through a real OIDC provider, in a real browser."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pyotp
import pytest
import uvicorn
from playwright.sync_api import Browser, expect

from gongzhi.app import open_app
from gongzhi.settings import Settings
from gongzhi.testing import TestDatabase

from ..oidc.kit import PASSWORD, OidcProvider, free_port, populate
from .desk import Desk

pytestmark = pytest.mark.browser


@dataclass
class Served:
    """An installation that serves; `guard` is the token of its security administrator."""

    url: str
    guard: str = ""


@pytest.fixture(scope="module")
def served(database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An installation that knows a running provider, on the machine's own clock, as the provider's is."""
    folder, home, port = tmp_path_factory.mktemp("oidc"), tmp_path_factory.mktemp("oidc-home"), free_port()
    url = f"http://127.0.0.1:{port}"
    if database.keys is not None:
        shutil.copytree(database.keys, home / "keys")
    provider = OidcProvider(folder, url)
    provider.install()
    provider.start()
    name = asyncio.run(database.create(template=database.template))
    settings = Settings(
        home=home, database_url=database.url_of(name), public_url=url, oidc=provider.configuration()
    )
    ready, stop = threading.Event(), threading.Event()
    served = Served(url)
    serving = threading.Thread(target=lambda: asyncio.run(_serve(settings, port, served, ready, stop)))
    serving.start()
    try:
        assert ready.wait(60)
        yield served
    finally:
        stop.set()
        serving.join(30)
        provider.stop()
        asyncio.run(database.drop(name))


async def _serve(
    settings: Settings, port: int, served: Served, ready: threading.Event, stop: threading.Event
) -> None:
    async with open_app(settings, work=False) as application:
        await populate(application)
        host = application.host
        async with host.store.unit_of_work() as uow:
            served.guard = await host.sign_in.issue_token(uow, "guard", host.clock.now(), timedelta(hours=1))
        server = uvicorn.Server(
            uvicorn.Config(application.asgi, port=port, log_level="warning", lifespan="off")
        )
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        ready.set()
        await asyncio.to_thread(stop.wait)
        server.should_exit = True
        await serving


@pytest.fixture
def visitor(served: Served, chromium: Browser) -> Iterator[Desk]:
    """A fresh browser at that installation, Chinese."""
    context = chromium.new_context(base_url=served.url, locale="zh-CN")
    context.set_default_timeout(15_000)
    yield Desk(context.new_page())
    context.close()


def _proves(desk: Desk, subject: str) -> None:
    """Sign in at the provider's own page."""
    desk.page.get_by_placeholder("Enter any login").fill(subject)
    desk.page.get_by_placeholder("and password").fill("any")
    desk.page.get_by_role("button", name="Sign-in").click()


def test_one_click_leads_to_the_provider_and_back_to_where_one_wanted_to_be(visitor: Desk) -> None:
    visitor.page.goto("/console/cases?status=open")
    expect(visitor.link("浙里办")).to_be_visible()
    visitor.keeps_picture("sign-in-providers")
    visitor.link("浙政钉").click()
    _proves(visitor, "uid-wang")
    expect(visitor.heading("案件")).to_be_visible()
    assert visitor.page.url.endswith("/console/cases?status=open")
    assert "王安" in visitor.page.locator(".person-name").inner_text()


def test_who_has_no_account_is_told_what_to_do_and_may_go_back(visitor: Desk) -> None:
    visitor.page.goto("/console/sign-in")
    visitor.link("浙里办").click()
    _proves(visitor, "uid-citizen")
    expect(visitor.alert()).to_contain_text("没有关联本平台的账号")
    expect(visitor.alert()).to_contain_text("identity_not_linked")
    visitor.keeps_picture("identity-not-linked")
    visitor.link("返回登录").click()
    expect(visitor.heading("登录")).to_be_visible()


REVOKE = """
mutation ($input: AccountsRevokeInput!, $key: String!) { accounts { revoke(input: $input, key: $key) { output } } }
"""


def revokes(served: Served, login: str) -> None:
    """The security administrator ends all that an account holds."""
    variables = {"input": {"login": login}, "key": secrets.token_hex(8)}
    reply = httpx.post(
        f"{served.url}/graphql",
        json={"query": REVOKE, "variables": variables},
        headers={"authorization": f"Bearer {served.guard}"},
    ).json()
    assert reply == {"data": {"accounts": {"revoke": {"output": {"login": login}}}}}


def test_an_open_page_that_nobody_touches_learns_of_a_revocation_within_a_minute(
    visitor: Desk, served: Served
) -> None:
    visitor.page.clock.install()
    _opens_cases(visitor)
    revokes(served, "wang")
    visitor.page.clock.fast_forward(61_000)
    expect(visitor.page.get_by_text("登录已失效")).to_be_visible()
    assert "王安" not in visitor.page.content()


def test_who_comes_back_to_a_page_learns_of_it_at_once_and_returns_to_it_after_signing_in(
    visitor: Desk, served: Served
) -> None:
    _opens_cases(visitor)
    revokes(served, "wang")
    visitor.page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(visitor.page.get_by_text("登录已失效")).to_be_visible()
    visitor.link("浙政钉").click()
    expect(visitor.heading("案件")).to_be_visible()
    assert visitor.page.url.endswith("/console/cases?status=open")


def _opens_cases(desk: Desk) -> None:
    desk.page.goto("/console/cases?status=open")
    desk.link("浙政钉").click()
    _proves(desk, "uid-wang")
    expect(desk.heading("案件")).to_be_visible()


def test_an_administrator_enrols_a_phone_keeps_the_recovery_codes_and_comes_back_with_one(
    visitor: Desk,
) -> None:
    visitor.page.goto("/console/sign-in")
    _gives_password(visitor, "head")
    expect(visitor.page.get_by_role("img", name="供验证器应用扫描的二维码")).to_be_visible()
    visitor.keeps_picture("second-step-enrol")
    _fits_a_phone(visitor, "second-step-enrol")
    secret = visitor.page.locator(".enrolment code").inner_text()
    visitor.page.get_by_label("验证器显示的验证码").fill("wrong")
    visitor.button("登录").click()
    expect(visitor.alert().first).to_contain_text("code_wrong")
    visitor.page.get_by_label("验证器显示的验证码").fill(pyotp.TOTP(secret).now())
    visitor.button("登录").click()
    codes = visitor.page.get_by_role("list", name="恢复码").locator("code")
    expect(codes).to_have_count(10)
    visitor.keeps_picture("second-step-recovery")
    _fits_a_phone(visitor, "second-step-recovery")
    lines = codes.evaluate_all("all => all.map(one => one.getClientRects().length)")
    assert lines == [1] * 10  # a code broken in two is copied wrongly
    first = codes.first.inner_text()
    visitor.button("已保存，继续").click()
    expect(visitor.heading("待办事项")).to_be_visible()
    visitor.button("退出").click()
    _gives_password(visitor, "head")
    visitor.page.get_by_label("验证码，或一个恢复码").fill(first)
    visitor.keeps_picture("second-step-code")
    visitor.button("登录").click()
    expect(visitor.heading("待办事项")).to_be_visible()


def _fits_a_phone(desk: Desk, name: str) -> None:
    """Nothing sticks out of the page or of its card at 400 and at 320 points."""
    for width in (320, 400):
        desk.page.set_viewport_size({"width": width, "height": 860})
        assert desk.fits()
        sticking = desk.page.locator(".sign-in .card").evaluate(STICKING_OUT)
        assert sticking == []
        desk.keeps_picture(f"narrow-{width}-{name}")
    desk.page.set_viewport_size({"width": 1280, "height": 900})


STICKING_OUT = """card => [...card.querySelectorAll("*")]
  .filter(part => part.getBoundingClientRect().right > card.getBoundingClientRect().right)
  .map(part => part.outerHTML)"""


def _gives_password(desk: Desk, login: str) -> None:
    desk.page.get_by_label("账号", exact=True).fill(login)
    desk.page.get_by_label("密码", exact=True).fill(PASSWORD)
    desk.button("登录").click()


def test_signing_out_everywhere_ends_the_other_machines_sessions_too(
    visitor: Desk, served: Served, chromium: Browser
) -> None:
    _opens_cases(visitor)
    other = chromium.new_context(base_url=served.url, locale="zh-CN")
    elsewhere = Desk(other.new_page())
    _opens_cases(elsewhere)
    visitor.page.goto("/console/apps")
    visitor.button("退出所有设备").click()
    expect(visitor.heading("登录")).to_be_visible()
    elsewhere.page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(elsewhere.page.get_by_text("登录已失效")).to_be_visible()
    other.close()
