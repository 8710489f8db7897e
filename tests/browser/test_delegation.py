"""An app of another origin in a real browser: consent, a call across origins, and taking it back."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client
from playwright.sync_api import Page, expect

from gongzhi.identity.apps.cli import AppOffice
from gongzhi.identity.apps.registry import Registration, register
from gongzhi.trail import AuditJournal

from ..conftest import DemoServer
from .desk import Desk

pytestmark = pytest.mark.browser

ANJI = "330523"
CALL = """async ([url, token]) => {
  try {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const body = JSON.stringify({ query: "{ me { login } inbox { nodes { id } } }" });
    const reply = await fetch(url, { method: "POST", headers, body });
    const { data, errors } = await reply.json();
    return errors ? errors[0].extensions.code : data.me.login;
  } catch (error) {
    return error.name;
  }
}"""


@dataclass(frozen=True, kw_only=True)
class ClinicPage:
    """A clinic's page on an origin of its own, registered as a public app. `name` is its own, too."""

    demo: DemoServer
    origin: str
    client_id: str
    name: str

    def client(self, scope: str) -> OAuth2Client:
        return OAuth2Client(
            self.client_id,
            scope=scope,
            redirect_uri=f"{self.origin}/back",
            code_challenge_method="S256",
            token_endpoint_auth_method="none",
        )

    def redeems(self, client: OAuth2Client, page: Page, verifier: str) -> str:
        """Exchange the code in the page's address; answers the access token."""
        token = client.fetch_token(
            f"{self.demo.base_url}/auth/token", authorization_response=page.url, code_verifier=verifier
        )
        return str(token["access_token"])


@pytest.fixture
def origin(demo_server: DemoServer) -> Iterator[str]:
    """A web server of somebody else's; each of its pages is the same."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write("<!doctype html><title>诊所</title><h1>诊所网页</h1>".encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def clinic_page(demo_server: DemoServer, origin: str, monkeypatch: pytest.MonkeyPatch) -> ClinicPage:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    host, name = demo_server.application.host, f"诊所网页{uuid4().hex[:6]}"

    async def registering() -> str:
        async with host.store.unit_of_work() as uow:
            asked = Registration(
                name=name,
                name_en="Clinic page",
                organ_id=await uow.fetchval("SELECT id FROM organ WHERE type = 'hospital' LIMIT 1"),
                kind="public",
                redirect_uris=[f"{origin}/back"],
                origins=[origin],
                scopes=["inbox:read", "minor_protection:read"],
            )
            now = host.clock.now()
            app, _ = await register(uow, asked, host.delegable_scopes(), now)
            office = AppOffice(
                store=host.store, journal=AuditJournal(host.audit), scopes=host.delegable_scopes(), now=now
            )
            await office.record(uow, "register_app", app)
        return str(app.id)

    client_id = asyncio.run_coroutine_threadsafe(registering(), demo_server.loop).result(30)
    return ClinicPage(demo=demo_server, origin=origin, client_id=client_id, name=name)


def test_a_person_agrees_by_keyboard_and_takes_it_back_at_once(desk: Desk, clinic_page: ClinicPage) -> None:
    page, demo = desk.page, clinic_page.demo
    client, verifier = clinic_page.client("inbox:read minor_protection:read"), generate_token(48)
    address, state = client.create_authorization_url(
        f"{demo.base_url}/auth/authorize", code_verifier=verifier
    )
    page.goto(f"{clinic_page.origin}/")
    page.evaluate("address => { location.href = address }", address)

    desk.person("王建国").click()  # sign-in first, and back to the question
    expect(desk.heading(f"允许“{clinic_page.name}”以您的名义办理？")).to_be_visible()
    can = desk.section("同意后，应用可以")
    expect(can).to_contain_text("查看本单位的待办")
    expect(can).to_contain_text("minor_protection:read")
    expect(desk.fact("将返回到")).to_have_text(urlsplit(clinic_page.origin).netloc)
    expect(desk.fact("以谁的名义")).to_contain_text("王建国")
    assert desk.fits()
    desk.keeps_picture("consent")
    desk.button("同意").focus()
    page.keyboard.press("Tab")
    expect(desk.button("拒绝")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/back\?"))
    told = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
    assert (told["state"], told["iss"]) == (state, demo.base_url)

    token = clinic_page.redeems(client, page, verifier)
    graphql = f"{demo.base_url}/graphql/{ANJI}"
    login = page.evaluate(CALL, [graphql, token])
    assert (
        login
        == httpx.post(
            graphql, json={"query": "{ me { login } }"}, headers={"authorization": f"Bearer {token}"}
        ).json()["data"]["me"]["login"]
    )

    other = page.context.new_page()
    other.goto(f"{clinic_page.origin.replace('127.0.0.1', 'localhost')}/")  # another origin, the same server
    assert other.evaluate(CALL, [graphql, token]) == "TypeError"
    other.close()

    page.goto(f"{demo.base_url}/console/apps")
    expect(desk.heading(clinic_page.name)).to_be_visible()
    expect(desk.page.locator(".row").filter(has_text=clinic_page.name)).to_contain_text("最近使用")
    desk.keeps_picture("apps")
    desk.button(f"撤回对“{clinic_page.name}”的授权").click()
    desk.button("确认").click()
    expect(desk.heading(clinic_page.name)).to_have_count(0)
    page.goto(f"{clinic_page.origin}/")
    assert page.evaluate(CALL, [graphql, token]) == "token_stale"


def test_a_person_who_refuses_goes_back_with_nothing(desk: Desk, clinic_page: ClinicPage) -> None:
    address, _ = clinic_page.client("inbox:read").create_authorization_url(
        f"{clinic_page.demo.base_url}/auth/authorize", code_verifier=generate_token(48)
    )
    desk.page.goto(address)
    desk.person("王建国").click()
    desk.button("拒绝").click()
    desk.page.wait_for_url(re.compile(r"/back\?error=access_denied&"))
    desk.page.goto(f"{clinic_page.demo.base_url}/console/apps")
    expect(desk.heading("以我的名义办理的应用")).to_be_visible()
    expect(desk.heading(clinic_page.name)).to_have_count(0)


def test_an_address_that_is_not_the_apps_is_said_to_the_person(desk: Desk, clinic_page: ClinicPage) -> None:
    client = clinic_page.client("inbox:read")
    client.redirect_uri = f"{clinic_page.origin}/elsewhere"
    address, _ = client.create_authorization_url(
        f"{clinic_page.demo.base_url}/auth/authorize", code_verifier=generate_token(48)
    )
    desk.page.goto(address)
    desk.person("王建国").click()
    expect(desk.alert()).to_contain_text("invalid_input")
    expect(desk.alert()).to_contain_text("/redirect_uri")
    assert desk.page.url.startswith(clinic_page.demo.base_url)
