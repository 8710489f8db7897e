"""The built console as it is served: policy, caching, addresses. No browser needed."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar, Request, Response
from litestar.testing import TestClient

from gongzhi.errors import GongzhiError
from gongzhi_admin.console import STATIC, console_handlers


def _refuse(_request: Request[Any, Any, Any], error: GongzhiError) -> Response[dict[str, str]]:
    return Response(error.reply(), status_code=error.status)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    app = Litestar(list(console_handlers()), exception_handlers={GongzhiError: _refuse}, openapi_config=None)
    with TestClient(app) as client:
        yield client


def test_the_front_door_leads_to_the_console(client: TestClient[Litestar]) -> None:
    reply = client.get("/", follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (302, "/console/")


def test_every_page_has_a_nonce_of_its_own_and_a_strict_policy(client: TestClient[Litestar]) -> None:
    first, second = client.get("/console/"), client.get("/console/")
    policy = first.headers["content-security-policy"]
    (nonce,) = re.findall(r"'nonce-([\w-]+)'", policy)
    assert f'content="{nonce}"' in first.text
    assert policy != second.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert first.headers["cache-control"] == "no-store"
    assert first.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("address", ["/console", "/console/inbox", "/console/cases/0f8fad5b/triage"])
def test_addresses_of_the_console_answer_with_the_page(client: TestClient[Litestar], address: str) -> None:
    assert '<div id="root">' in client.get(address).text


def test_files_named_by_their_content_are_kept_for_ever(client: TestClient[Litestar]) -> None:
    (script,) = re.findall(r'src="(/console/assets/[^"]+\.js)"', client.get("/console/").text)
    reply = client.get(script, headers={"accept-encoding": "identity"})
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert reply.content == (STATIC / script.removeprefix("/console/")).read_bytes()


def test_files_travel_compressed_to_who_accepts_it(client: TestClient[Litestar]) -> None:
    plain = client.get("/console/mark.svg", headers={"accept-encoding": "identity"})
    with client.stream("GET", "/console/mark.svg", headers={"accept-encoding": "gzip"}) as packed:
        body = b"".join(packed.iter_raw())
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == plain.content


def test_an_unchanged_file_is_not_sent_again(client: TestClient[Litestar]) -> None:
    etag = client.get("/console/mark.svg").headers["etag"]
    reply = client.get("/console/mark.svg", headers={"if-none-match": etag})
    assert (reply.status_code, reply.content) == (304, b"")


def test_a_missing_file_is_no_page(client: TestClient[Litestar]) -> None:
    reply = client.get("/console/assets/gone.js")
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "address", ["/console/%2e%2e/console.py", "/console/..%2fconsole.py", "/console/.stamp"]
)
def test_nothing_outside_the_console_is_served(client: TestClient[Litestar], address: str) -> None:
    assert '<div id="root">' in client.get(address).text


def test_head_answers_without_a_body(client: TestClient[Litestar]) -> None:
    reply = client.head("/console/")
    assert (reply.status_code, reply.content) == (200, b"")


def test_a_package_without_the_built_console_says_what_to_do(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    empty = tmp_path_factory.mktemp("static")
    app = Litestar(
        list(console_handlers(empty)), exception_handlers={GongzhiError: _refuse}, openapi_config=None
    )
    with TestClient(app) as client:
        reply = client.get("/console/")
    assert (reply.status_code, reply.json()["code"]) == (503, "console_not_built")
