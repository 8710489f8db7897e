"""The police find what waits, sign for it and answer it; the clock, the law and the evidence stand beside."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from gongzhi.clock import HolidayCalendar

from ..conftest import DemoServer
from ..stories.people import Clinic, Person, eventually, letters_arrive
from .desk import SHOTS, Desk

pytestmark = pytest.mark.browser

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_nothing_waits_for_an_organ_without_letters(desk: Desk) -> None:
    desk.signs_in_as("朱强")
    expect(desk.page.get_by_text("没有待办事项")).to_be_visible()
    desk.keeps_picture("inbox-empty")


def test_the_inbox_says_what_is_waited_for_and_by_which_law(desk: Desk, reported: str) -> None:
    desk.signs_in_as("王建国")
    row = desk.page.locator(".row").filter(has=desk.page.locator(f'a[href$="/cases/{reported}"]'))
    expect(row).to_contain_text("待签收")
    expect(row).to_contain_text("侵害未成年人案件强制报告表")
    expect(row).to_contain_text("未成年人保护法第十一条")
    desk.keeps_picture("inbox")
    desk.page.get_by_role("radiogroup", name="按类别筛选").get_by_text(re.compile("^待回复")).click()
    expect(row).to_have_count(0)


def test_a_notice_leaves_the_inbox_when_somebody_takes_note_of_it(
    desk: Desk, demo_server: DemoServer, clinic: Clinic, doctor: Person
) -> None:
    (card,) = clinic.opens_record()
    demo_server.clock.advance(timedelta(hours=74))
    eventually(lambda: doctor.waits(card["uuid"]) == ["overdue"])
    desk.signs_in_as("陈静")
    row = desk.page.locator(".row").filter(has=desk.page.locator(f'a[href$="/cases/{card["uuid"]}"]'))
    expect(row).to_contain_text("已超期")
    desk.keeps_picture("inbox-notice")
    row.get_by_role("button", name="知悉").click()
    expect(row).to_have_count(0)
    assert doctor.waits(card["uuid"]) == []


def test_the_police_sign_for_a_report_register_it_and_answer_in_time(
    desk: Desk, demo_server: DemoServer, police: Person, reported: str
) -> None:
    desk.signs_in_as("王建国")
    desk.opens_case(reported)
    desk.section("下一步").get_by_role("button").first.click()
    expect(desk.page.get_by_role("dialog")).to_contain_text("签收后将生成签收凭证")
    desk.keeps_picture("sign")
    desk.button("确认").click()
    expect(desk.page.get_by_text("已完成：签收")).to_be_visible()
    assert police.states(reported) == {"received", "not_requested"}

    desk.button("受案分流").click()
    desk.page.get_by_role("radio", name="公安办理").check()
    desk.page.get_by_role("radio", name="立案（刑事）").check()
    desk.button("提交").click()
    expect(desk.page.get_by_text("已完成：受案分流")).to_be_visible()
    clock = desk.section("法定期限")
    (deadline,) = [one for one in police.case(reported)["deadlines"] if one["state"] == "running"]
    last_day = datetime.fromisoformat(deadline["dueAt"]).astimezone(SHANGHAI) - timedelta(days=1)
    expect(clock).to_contain_text(f"{last_day.year}年{last_day.month}月{last_day.day}日 24:00 前")
    # The demo's clock stands still; the browser counts on from the answer, which is seconds old.
    left = datetime.fromisoformat(deadline["dueAt"]) - demo_server.clock.now() - timedelta(minutes=1)
    expect(clock).to_contain_text(f"还剩 {left.days} 天 {left.seconds // 3600} 小时")
    expect(clock).to_contain_text("计算方法")
    expect(clock).to_contain_text("法律依据")
    expect(clock).not_to_contain_text("secondary source")
    desk.keeps_picture("case-of-the-police")


def test_who_closes_a_case_seals_it_and_is_told_that_it_is_done(
    desk: Desk, demo_server: DemoServer, doctor: Person, police: Person, reported: str
) -> None:
    police.sign(reported, "mandatory_report")
    police.act("triage", reported, triage_category="POLICE", acceptance="CRIMINAL", acceptance_no="3号")
    police.act("feedback", reported, feedback_outcome="PROTECTED", feedback_text="已受案，并落实保护措施。")
    letters_arrive(police, reported)
    doctor.sign(reported, "feedback")
    desk.signs_in_as("林晓")
    desk.opens_case(reported)
    desk.button("办结封存").click()
    desk.page.get_by_role("radio").first.check()
    desk.button("提交").click()
    expect(desk.page.get_by_text("已完成：办结封存")).to_be_visible()
    expect(desk.heading("案件")).to_be_visible()
    assert not Person(demo_server, "procurator").sees(reported)


def test_a_long_inbox_comes_page_by_page(desk: Desk, clinic: Clinic, police: Person) -> None:
    for _ in range(21):
        (card,) = clinic.opens_record()
        clinic.accepts(card)
    eventually(lambda: len(police.inbox()) > 20)
    desk.signs_in_as("王建国")
    rows = desk.page.locator(".row")
    expect(rows).to_have_count(20)
    desk.button("加载更多").click()
    expect(rows).to_have_count(min(40, len(police.inbox())))


def test_nothing_is_done_when_the_question_is_answered_with_no(
    desk: Desk, police: Person, reported: str
) -> None:
    desk.signs_in_as("王建国")
    desk.opens_case(reported)
    desk.section("下一步").get_by_role("button").first.click()
    desk.page.keyboard.press("Escape")
    expect(desk.page.get_by_role("dialog")).to_have_count(0)
    assert police.states(reported) == {"sent", "not_requested"}


def test_a_letter_shows_its_steps_its_evidence_and_its_document(desk: Desk, reported: str) -> None:
    desk.signs_in_as("王建国")
    desk.opens_case(reported)
    letter = desk.page.locator(".letter").first
    expect(letter).to_contain_text("已送达")
    # 09:00 in Shanghai, whatever the zone of the browser.
    expect(letter.locator("time").first).to_have_text(re.compile(r"^2026/\d\d/\d\d \d\d:\d\d$"))
    letter.locator("summary").click()
    expect(letter).to_contain_text("签名（Ed25519）")
    address = letter.get_by_role("link").get_attribute("href")
    document = desk.page.request.get(address or "")
    assert document.headers["content-type"] == "application/pdf"
    assert document.body().startswith(b"%PDF-")


def test_times_are_those_of_shanghai_wherever_the_browser_stands(
    desk: Desk, police: Person, reported: str
) -> None:
    accepted = police.ask("query($id: ID!) { case(id: $id) { createdAt } }", id=f"Case:{reported}")
    expected = _in_shanghai(accepted["case"]["createdAt"])
    desk.signs_in_as("王建国")
    desk.opens_case(reported)
    expect(desk.fact("立项")).to_have_text(expected)


def test_the_timeline_names_what_happened_and_its_leaf_in_the_log(desk: Desk, reported: str) -> None:
    desk.signs_in_as("王建国")
    desk.opens_case(reported)
    steps = desk.page.locator(".timeline > li")
    expect(steps.last).to_contain_text("立即报告")
    expect(steps.last.locator("code")).to_have_text(re.compile("^[0-9a-f]{64}$"))


def test_a_supervisor_finds_the_case_by_search_and_an_outsider_does_not(desk: Desk, reported: str) -> None:
    desk.signs_in_as("徐正")
    desk.link("案件").click()
    desk.page.get_by_label("搜索案件").fill("强制报告")
    desk.button("搜索").click()
    expect(desk.page).to_have_url(re.compile("q="))
    expect(desk.page.locator(".row").first).to_contain_text("强制报告")
    desk.keeps_picture("cases")
    desk.page.get_by_label("搜索案件").fill("没有这样的案件")
    desk.button("搜索").click()
    expect(desk.page.get_by_text("没有符合条件的案件")).to_be_visible()
    desk.button("退出").click()
    desk.signs_in_as("朱强")
    desk.page.goto(f"/console/cases/{reported}")
    expect(desk.alert()).to_contain_text("not_found")
    expect(desk.alert()).to_contain_text("处理办法")
    desk.keeps_picture("case-refused")


def _in_shanghai(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(SHANGHAI):%Y/%m/%d %H:%M}"


def test_a_procurator_says_why_and_is_shown_the_child_for_half_an_hour(
    desk: Desk, demo_server: DemoServer, reported: str
) -> None:
    desk.signs_in_as("林晓")
    desk.opens_case(reported)
    details = desk.section("案件内容")
    expect(details).to_contain_text("小*")
    expect(desk.section("文书").get_by_role("link", name="查看文书")).to_have_count(0)
    desk.button("显示全部").click()
    dialog = desk.page.get_by_role("dialog")
    expect(dialog).to_contain_text("将记入审计日志")
    expect(desk.button("确认")).to_be_disabled()
    dialog.get_by_role("radio", name="法律监督").check()
    desk.keeps_picture("reveal")
    desk.button("确认").click()
    expect(details).to_contain_text("小满")
    expect(details).to_contain_text(re.compile("敏感内容已显示，(30:00|29:[0-9]{2}) 后重新遮蔽"))
    expect(details).to_contain_text("不可见")  # the reporter, whatever the reason
    expect(desk.section("文书").get_by_role("link", name="查看文书").first).to_be_visible()
    desk.keeps_picture("revealed")
    demo_server.clock.advance(timedelta(minutes=16))
    desk.opens_case(reported)
    expect(details).to_contain_text("小满")
    demo_server.clock.advance(timedelta(minutes=16))
    desk.opens_case(reported)
    expect(details).to_contain_text("小*")


def test_who_nudged_is_seen_by_every_supervisor_and_the_button_waits_for_the_next_working_day(
    desk: Desk, demo_server: DemoServer, reported: str
) -> None:
    day = demo_server.clock.now().astimezone(SHANGHAI).date()
    tomorrow = HolidayCalendar.load().first_working_day(day)
    desk.signs_in_as("徐正")
    desk.opens_case(reported)
    nudges = desk.section("催办")
    nudges.get_by_role("button", name="催办").click()
    desk.page.get_by_label("催办理由").fill("报告已到一日，请尽快签收。")
    desk.button("确认").click()
    again = f"要办理的单位都已催办，{tomorrow:%Y/%m/%d} 00:00 起可再次催办。"
    expect(nudges).to_contain_text(again)
    expect(nudges).to_contain_text("湖州市人民检察院 → 安吉县公安局")
    expect(nudges).to_contain_text("请尽快签收")
    expect(nudges.get_by_role("button")).to_have_count(0)
    desk.keeps_picture("nudged")
    desk.button("退出").click()
    desk.signs_in_as("林晓")
    desk.opens_case(reported)
    expect(nudges).to_contain_text("湖州市人民检察院 → 安吉县公安局")
    expect(nudges).to_contain_text(again)
    expect(nudges).not_to_contain_text("请尽快签收")
    expect(nudges.get_by_role("button")).to_have_count(0)
    desk.page.set_viewport_size({"width": 400, "height": 860})
    assert desk.fits()
    nudges.scroll_into_view_if_needed()
    desk.page.screenshot(path=SHOTS / "narrow-nudged.png")
