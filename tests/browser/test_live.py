"""An open page learns of what others do, and of the end of its own session, without being touched."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from ..conftest import DemoServer
from ..stories.people import Clinic, Person, letters_arrive
from .conftest import WIDE
from .desk import Desk
from .test_export import revoke

pytestmark = pytest.mark.browser

AT_ONCE_MS = 5_000


@pytest.fixture
def other_desk(chromium: Browser, demo_server: DemoServer) -> Iterator[Desk]:
    """Another browser, of somebody else."""
    context = chromium.new_context(
        base_url=demo_server.base_url, locale="zh-CN", viewport={"width": WIDE, "height": 900}
    )
    context.set_default_timeout(15_000)
    yield Desk(context.new_page())
    context.close()


def streaming(desk: Desk) -> None:
    """Wait until the page's stream is open, as its server sees it."""
    desk.page.wait_for_timeout(1_000)


def test_a_letter_appears_in_an_open_inbox(desk: Desk, clinic: Clinic, police: Person) -> None:
    desk.signs_in_as("王建国")
    streaming(desk)
    (card,) = clinic.opens_record()
    clinic.accepts(card)
    letters_arrive(police, card["uuid"])
    expect(desk.page.locator(f".row a[href*='{card['uuid']}']").first).to_be_visible(timeout=AT_ONCE_MS)


def test_an_open_case_shows_what_somebody_else_did(desk: Desk, reported: str, police: Person) -> None:
    desk.signs_in_as("王建国")
    desk.opens_case(reported)
    streaming(desk)
    signed = desk.section("文书").get_by_text("已签收", exact=True)
    before = signed.count()
    police.sign(reported, "mandatory_report")
    expect(signed).to_have_count(before + 1, timeout=AT_ONCE_MS)


def test_of_two_open_pages_the_revoked_one_goes_to_sign_in_at_once(
    desk: Desk, other_desk: Desk, demo_server: DemoServer, reported: str
) -> None:
    desk.signs_in_as("王建国")
    desk.opens_case(reported)
    other_desk.signs_in_as("林晓")
    streaming(desk)
    streaming(other_desk)
    started = time.monotonic()
    revoke(demo_server, "police")
    expect(desk.page.get_by_text("登录已失效")).to_be_visible(timeout=AT_ONCE_MS)
    assert time.monotonic() - started < AT_ONCE_MS / 1000
    assert desk.page.get_by_text("办理经过").count() == 0  # nothing of the case is left on the screen
    expect(other_desk.heading("待办事项")).to_be_visible()
    desk.keeps_picture("revoked")
    desk.person("王建国").click()
    expect(desk.page).to_have_url(re.compile(f"/console/cases/{reported}$"))


def test_signing_out_in_one_window_closes_another_of_the_same_session(desk: Desk, reported: str) -> None:
    desk.signs_in_as("王建国")
    second = Desk(desk.page.context.new_page())
    second.opens_case(reported)
    streaming(second)
    second.page.evaluate("fetch('/auth/sign-out', {method: 'POST'})")
    expect(second.page.get_by_text("登录已失效")).to_be_visible(timeout=AT_ONCE_MS)
