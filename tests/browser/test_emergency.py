"""A case opened in an emergency, at the console: a reason, a case to read for two hours, and a review."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from ..conftest import DemoServer
from .desk import Desk

pytestmark = pytest.mark.browser

SHANGHAI = ZoneInfo("Asia/Shanghai")
WHY = "孩子离家未归，需联系监护人"


def opens_in_an_emergency(desk: Desk, named: str) -> None:
    """Name a case, choose the first reason and say what has happened."""
    desk.link("紧急查阅").click()
    expect(desk.heading("紧急查阅")).to_be_visible()
    desk.page.get_by_label("案件编号，或文书上的完整文号").fill(named)
    expect(desk.button("紧急查阅此案")).to_be_disabled()
    desk.page.get_by_role("radiogroup", name="理由").get_by_role("radio", name="失踪").check()
    expect(desk.button("紧急查阅此案")).to_be_disabled()
    note = desk.page.get_by_label(re.compile("^情况说明"))
    note.fill("孩子    ")
    expect(desk.button("紧急查阅此案")).to_be_disabled()
    note.fill(WHY)
    expect(desk.button("紧急查阅此案")).to_be_enabled()
    desk.button("紧急查阅此案").click()


def test_without_a_reason_nothing_opens_and_with_one_the_case_is_read_for_two_hours(
    desk: Desk, demo_server: DemoServer, reported: str
) -> None:
    desk.signs_in_as("朱强")
    opens_in_an_emergency(desk, reported)
    expect(desk.page.get_by_text("已紧急打开此案：限时、只读，监督机关已收到告知")).to_be_visible()
    details = desk.section("案件内容")
    expect(details).to_contain_text("小满")
    until = demo_server.clock.now().astimezone(SHANGHAI) + timedelta(hours=2)
    band = desk.page.get_by_text(f"本案暂向您开放查阅，至 {until:%Y/%m/%d %H:%M} 止")
    expect(band).to_be_visible()
    expect(desk.section("下一步").get_by_role("button")).to_have_count(0)
    expect(desk.section("下一步").get_by_role("link")).to_have_count(0)
    desk.keeps_picture("emergency-opened")
    address = desk.page.url
    desk.page.set_viewport_size({"width": 400, "height": 860})
    assert desk.fits()
    desk.keeps_picture("narrow-emergency-opened")
    desk.page.set_viewport_size({"width": 1280, "height": 900})
    demo_server.clock.advance(timedelta(hours=2, minutes=1))
    desk.signs_in_as("朱强")
    desk.page.goto(address)
    expect(desk.alert()).to_contain_text("not_found")


def test_the_supervisor_finds_it_in_the_inbox_and_reviews_it(
    desk: Desk, demo_server: DemoServer, reported: str
) -> None:
    desk.signs_in_as("朱强")
    opens_in_an_emergency(desk, reported)
    expect(desk.page.get_by_text("已紧急打开此案")).to_be_visible()
    desk.button("退出").click()
    desk.signs_in_as("林晓")
    waiting = desk.page.locator(".row").filter(has=desk.page.locator(f'a[href*="/cases/{reported}"]'))
    expect(waiting.filter(has_text="紧急查阅待评查")).to_be_visible()
    desk.link("紧急查阅").click()
    expect(desk.heading("紧急查阅")).to_be_visible()
    broken = desk.page.locator(".row").filter(has=desk.page.locator(f'a[href*="/cases/{reported}"]'))
    expect(broken).to_contain_text("义乌市公安局 · yiwu-police")
    expect(broken).to_contain_text(WHY)
    expect(broken).to_contain_text("到期")
    desk.keeps_picture("emergency-review")
    desk.page.set_viewport_size({"width": 400, "height": 860})
    assert desk.fits()
    desk.keeps_picture("narrow-emergency-review")
    broken.get_by_role("button").first.click()
    expect(broken).to_contain_text("评查结论")
    expect(broken.get_by_role("button")).to_have_count(0)


def test_who_watches_over_nothing_is_shown_no_list_of_broken_glass(desk: Desk, reported: str) -> None:
    desk.signs_in_as("朱强")
    opens_in_an_emergency(desk, reported)
    expect(desk.page.get_by_text("已紧急打开此案")).to_be_visible()
    desk.link("紧急查阅").click()
    expect(desk.heading("紧急查阅")).to_be_visible()
    expect(desk.heading("本辖区最近的紧急查阅")).to_have_count(0)


def test_a_sealed_case_is_refused_word_for_word_like_one_that_never_was(
    desk: Desk, demo_server: DemoServer, sealed: str
) -> None:
    demo_server.clock.advance(timedelta(days=1))  # a person breaks the glass three times a day at most
    desk.signs_in_as("朱强")
    told = []
    for named in (sealed, str(uuid.uuid4())):
        opens_in_an_emergency(desk, named)
        expect(desk.alert()).to_contain_text("not_found")
        told.append(desk.alert().inner_text().replace(named, "…"))
        if named == sealed:
            desk.keeps_picture("emergency-refused")
        desk.link("待办").click()
    assert told[0] == told[1]
