"""A deputy takes an absent colleague's place at the console, sees it on every page, and gives it back."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Request, expect

from gongzhi.identity.acting import legal_day

from ..conftest import DemoServer
from ..stories.people import Person
from ..stories.test_deputies import ADD, DEPUTISE, END, ORGANS, administer
from .desk import Desk
from .test_live import AT_ONCE_MS, streaming
from .test_reach import NARROW

pytestmark = pytest.mark.browser

ABSENT, ELSEWHERE = "赵青", "治安大队"


@dataclass(frozen=True, kw_only=True)
class Leave:
    """A colleague of the police on leave, whose deputy is 王建国."""

    demo: DemoServer
    deputyship: str
    last_day: str

    def ends(self) -> None:
        """The administrator ends the deputyship."""
        administer(self.demo, END, input={"deputyship": self.deputyship})


@pytest.fixture
def leave(demo_server: DemoServer) -> Iterator[Leave]:
    organs = Person(demo_server, "admin", "330000").ask(ORGANS)["directory"]["organs"]["organs"]
    (organ,) = [organ["id"] for organ in organs if organ["type"] == "police"]
    absent = f"away-{uuid.uuid4().hex[:8]}"
    post = {"name": ABSENT, "title": "大队长", "duties": ["approver"], "department": ELSEWHERE}
    administer(demo_server, ADD, input={"organ": organ, "login": absent, **post})
    today = legal_day(demo_server.clock.now())
    until, last = today + timedelta(days=5), today + timedelta(days=4)
    given = {"absent": absent, "deputy": "police", "valid_to": until.isoformat(), "reason": "leave"}
    named = administer(demo_server, DEPUTISE, input=given)["deputise"]["output"]["deputyship"]
    stands = Leave(demo=demo_server, deputyship=named, last_day=f"{last.year}年{last.month}月{last.day}日")
    yield stands
    stands.ends()


def takes_the_place(desk: Desk) -> None:
    desk.page.get_by_label("以谁的岗位办理").click()
    desk.page.get_by_text(f"代 {ABSENT} · {ELSEWHERE} · 大队长", exact=True).last.click()
    expect(band(desk)).to_be_visible()
    expect(desk.heading("待办事项")).to_be_visible()


def band(desk: Desk) -> Locator:
    return desk.page.get_by_role("complementary", name="以谁的岗位办理")


def asked(desk: Desk) -> list[Request]:
    """What the page asks of the server from now on."""
    requests: list[Request] = []

    def note(one: Request) -> None:
        requests.append(one)

    desk.page.on("request", note)
    return requests


def test_a_deputy_sees_on_every_page_in_whose_place_they_act_and_goes_back(
    desk: Desk, leave: Leave, reported: str
) -> None:
    desk.signs_in_as("王建国")
    expect(band(desk)).to_have_count(0)
    takes_the_place(desk)
    expect(band(desk)).to_contain_text(f"您正在代{ABSENT}办理：{ELSEWHERE} · 大队长")
    expect(band(desk)).to_contain_text(f"代理至{leave.last_day}止")
    expect(desk.page.locator(".person-name")).to_contain_text(f"{ELSEWHERE} · 大队长")
    expect(desk.page.get_by_role("status", name="正在加载")).to_have_count(0)
    desk.keeps_picture("deputy-inbox")
    for name in ("案件", "新建", "紧急查阅", "账号"):
        desk.link(name).click()
        expect(desk.heading({"账号": "账号与安全"}.get(name, name))).to_be_visible()
        expect(band(desk)).to_be_in_viewport()
    desk.page.reload()
    expect(band(desk)).to_contain_text(ABSENT)
    band(desk).get_by_role("button", name="回到本人岗位").click()
    expect(band(desk)).to_have_count(0)
    expect(desk.page.locator(".person-name")).not_to_contain_text(ELSEWHERE)
    desk.page.reload()
    expect(desk.heading("待办事项")).to_be_visible()
    expect(band(desk)).to_have_count(0)


def test_reading_acting_listening_and_exporting_go_by_the_post_taken(
    desk: Desk, leave: Leave, police: Person, reported: str
) -> None:
    police.sign(reported, "mandatory_report")
    desk.signs_in_as("王建国")
    takes_the_place(desk)
    requests = asked(desk)
    desk.opens_case(reported)
    desk.button("受案分流").click()
    desk.page.get_by_role("radio", name="公安办理").check()
    desk.page.get_by_role("radio", name="立案（刑事）").check()
    desk.button("提交").click()
    expect(desk.page.get_by_text("已完成：受案分流")).to_be_visible()
    step = desk.page.locator(".timeline > li").filter(has_text="受案分流")
    expect(step).to_contain_text("代理人（代）办理")
    expect(desk.page.locator(".timeline > li").filter(has_text="立即报告")).not_to_contain_text("（代）")
    desk.keeps_picture("deputy-timeline")
    with desk.page.expect_download() as saving:
        desk.section("文书").get_by_role("button", name=re.compile("^下载文书")).first.click()
    assert saving.value.path().read_bytes().startswith(b"%PDF-")
    streaming(desk)
    desk.link("案件").click()
    expect(desk.page.locator(".row").first).to_be_visible()
    with desk.page.expect_download():
        desk.button("导出 CSV").click()
    told = [one for one in requests if re.search("/(graphql|exports|documents)", one.url)]
    assert {one.headers.get("gongzhi-deputyship") for one in told} == {leave.deputyship}
    assert {"text/event-stream"} <= {one.headers.get("accept", "") for one in told}
    assert {"cases"} <= {one.url.rsplit("/", 1)[-1] for one in told}


def test_an_open_page_is_back_at_its_readers_own_post_when_the_deputyship_ends(
    desk: Desk, leave: Leave
) -> None:
    desk.signs_in_as("王建国")
    takes_the_place(desk)
    streaming(desk)
    leave.ends()
    expect(desk.alert()).to_contain_text("代理已经结束，现以您本人的岗位办理", timeout=2 * AT_ONCE_MS)
    expect(band(desk)).to_have_count(0)
    expect(desk.page.get_by_label("以谁的岗位办理")).to_have_count(0)
    desk.keeps_picture("deputy-ended")
    desk.button("知悉").first.click()
    expect(desk.alert()).to_have_count(0)
    requests = asked(desk)
    desk.link("案件").click()
    expect(desk.page.locator(".row").first).to_be_visible()
    assert {one.headers.get("gongzhi-deputyship") for one in requests} == {None}


def test_a_deputyship_that_ended_meanwhile_is_dropped_when_the_page_comes_back(
    desk: Desk, leave: Leave
) -> None:
    desk.signs_in_as("王建国")
    takes_the_place(desk)
    desk.page.goto("about:blank")
    leave.ends()
    desk.page.goto("/console/cases")
    expect(desk.alert()).to_contain_text("代理已经结束")
    expect(desk.heading("案件")).to_be_visible()


def test_signing_out_gives_the_place_back(desk: Desk, leave: Leave) -> None:
    desk.signs_in_as("王建国")
    takes_the_place(desk)
    desk.button("退出").click()
    expect(desk.heading("登录")).to_be_visible()
    desk.signs_in_as("王建国")
    expect(band(desk)).to_have_count(0)


def test_who_signs_in_to_the_same_tab_next_takes_nobodys_place(desk: Desk, leave: Leave) -> None:
    desk.signs_in_as("王建国")
    takes_the_place(desk)
    desk.page.context.clear_cookies()  # his session is over, and he has not signed out
    desk.page.goto("/console/")
    expect(desk.heading("登录")).to_be_visible()
    requests = asked(desk)
    desk.person("林晓").click()
    expect(desk.heading("待办事项")).to_be_visible()
    expect(band(desk)).to_have_count(0)
    expect(desk.page.get_by_text("代理已经结束")).to_have_count(0)
    assert {one.headers.get("gongzhi-deputyship") for one in requests} == {None}


def test_the_band_fits_a_small_screen_in_english(desk: Desk, leave: Leave, reported: str) -> None:
    desk.page.set_viewport_size(NARROW)
    desk.signs_in_as("王建国")
    takes_the_place(desk)
    assert desk.fits()
    desk.button("English").click()
    expect(desk.page.get_by_role("complementary")).to_contain_text(f"You act in the place of {ABSENT}")
    desk.page.goto(f"/console/cases/{reported}")
    expect(desk.heading("What happened")).to_be_visible()
    expect(desk.page.get_by_role("status", name="Loading")).to_have_count(0)
    assert desk.fits()
    desk.keeps_picture("narrow-deputy")
    expect(desk.page.get_by_role("complementary")).to_be_visible()
