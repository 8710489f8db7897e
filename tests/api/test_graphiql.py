"""GraphiQL comes from our own server, whole."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from gongzhi_graphql.graphiql import STATIC

pytestmark = pytest.mark.skipif(not STATIC.is_dir(), reason="graphql/hatch_build.py has not run")


def test_the_page_takes_nothing_from_another_host(api: Any) -> None:
    page = api.send("GET", "/graphiql", as_=None)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert addresses.pop(0) == "data:,"
    assert len(addresses) == 6
    for address in addresses:
        assert re.fullmatch(r"/graphiql/[a-z-]+\.(js|css)", address)
        reply = api.send("GET", address, as_=None)
        assert reply.status_code == 200
        again = api.send("GET", address, as_=None, headers={"if-none-match": reply.headers["etag"]})
        assert again.status_code == 304


def test_no_other_file_is_served(api: Any) -> None:
    for name in (".stamp", "nothing.js", "..%2Fedge.py"):
        assert api.send("GET", f"/graphiql/{name}", as_=None).status_code == 404


@pytest.mark.browser
def test_a_query_runs_in_the_page(api: Any) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing: run `make system`")
        pytest.skip("needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        headers = {"authorization": f"Bearer {api.tokens['doctor']}"}
        page = browser.new_page(extra_http_headers=headers, locale="zh-CN")
        problems: list[str] = []
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        page.goto(f"{api.url}/graphiql?region=330523")
        page.get_by_role("button", name="Execute query").click()
        page.get_by_text("安吉县").wait_for()
        assert page.get_by_text("走失老人").is_visible()
        page.get_by_role("button", name="Show Documentation Explorer").click()
        page.get_by_role("link", name="Mutation", exact=True).click()
        page.get_by_role("link", name="lostElder", exact=True).wait_for()
        if folder := os.environ.get("GONGZHI_SCREENSHOTS"):
            page.screenshot(path=f"{folder}/graphiql.png")
        browser.close()
    assert problems == []
