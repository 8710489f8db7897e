"""What every reply tells a browser, refusals and pages of errors included (OWASP ASVS 5.0, V3.4)."""

from __future__ import annotations

import re

import httpx
import pytest
from litestar.routes import HTTPRoute

from gongzhi.app import Application, open_app
from gongzhi.http import OVER_HTTPS, SAFE_HEADERS
from gongzhi.identity.http import cookie
from gongzhi.identity.requests import cookie_name
from gongzhi.identity.tokens import new_secret
from gongzhi.settings import Settings
from gongzhi.store import Store

pytestmark = pytest.mark.anyio


async def replies(application: Application) -> dict[str, httpx.Response]:
    """One reply of every address that the application answers at, and of some that it does not."""
    paths = [
        re.sub(r"{\w+}", "0", route.path_format)
        for route in application.asgi.routes
        if isinstance(route, HTTPRoute)
    ]
    transport = httpx.ASGITransport(app=application.asgi)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return {path: await client.get(path) for path in [*paths, "/nothing", "/console/assets/no.js"]}


async def test_every_reply_has_the_headers_that_keep_a_browser_safe(store: Store) -> None:
    settings = Settings(home=store.home, database_url=store.database_url)
    async with open_app(settings, installed=[], work=False) as application:
        got = await replies(application)
    assert {401, 404, 405, 200} <= {reply.status_code for reply in got.values()}
    lacking = {(p, name) for p, reply in got.items() for name in SAFE_HEADERS if name not in reply.headers}
    assert lacking == set()
    for path, reply in got.items():
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; "), path
        assert "frame-ancestors 'none'" in policy, path
        assert "base-uri 'none'" in policy, path
        assert reply.headers["x-content-type-options"] == "nosniff", path
        assert "strict-transport-security" not in reply.headers, path


async def test_where_the_public_address_is_https_browsers_keep_to_it(store: Store) -> None:
    settings = Settings(
        home=store.home, database_url=store.database_url, public_url="https://gongzhi.example"
    )
    async with open_app(settings, installed=[], work=False) as application:
        got = await replies(application)
    assert {reply.headers["strict-transport-security"] for reply in got.values()} == {OVER_HTTPS}


async def test_what_is_a_text_says_so_with_its_charset(store: Store) -> None:
    """And nothing that is data may be taken for a page."""
    settings = Settings(home=store.home, database_url=store.database_url)
    async with open_app(settings, installed=[], work=False) as application:
        got = await replies(application)
    kinds = {path: reply.headers.get("content-type", "") for path, reply in got.items() if reply.content}
    pages = {path for path, kind in kinds.items() if kind.startswith("text/html")}
    assert all(path.startswith(("/console", "/graphiql", "/openapi/")) for path in pages), pages
    texts = {path: kind for path, kind in kinds.items() if kind.startswith("text/")}
    assert [path for path, kind in texts.items() if "charset=utf-8" not in kind] == []


async def test_no_other_origin_may_read_a_reply(store: Store) -> None:
    """Without a registered app no reply is shared with another origin, asked for or not (CORS)."""
    settings = Settings(home=store.home, database_url=store.database_url)
    elsewhere = {"origin": "https://elsewhere.example", "access-control-request-method": "POST"}
    async with open_app(settings, installed=[], work=False) as application:
        transport = httpx.ASGITransport(app=application.asgi)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            for method, path in (("OPTIONS", "/graphql"), ("GET", "/health"), ("POST", "/graphql")):
                reply = await client.request(method, path, headers=elsewhere)
                assert "access-control-allow-origin" not in reply.headers, (method, path)


async def test_a_cookie_is_small(store: Store) -> None:
    """And what is in it has 256 random bits: as base64, 43 characters."""
    settings = Settings(
        home=store.home, database_url=store.database_url, public_url="https://gongzhi.example"
    )
    sent = cookie(settings, cookie_name(settings), new_secret(), max_age=43_200)
    assert len(sent.value or "") >= 43
    assert len(sent.key) + len(sent.value or "") < 4_096
