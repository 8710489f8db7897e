"""A doctor reports through the form that the scene's schema makes."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Route, expect

from ..stories.people import Person
from .desk import INCIDENT, SHOTS, Desk

pytestmark = pytest.mark.browser


def test_a_report_becomes_a_case_and_the_doctor_sees_little_of_it(desk: Desk) -> None:
    desk.signs_in_as("陈静")
    desk.opens_report_form()
    desk.fills_report()
    desk.button("提交").click()
    expect(desk.page.get_by_text("已完成：立即报告")).to_be_visible()
    expect(desk.heading("强制报告·情形（四）")).to_be_visible()
    expect(desk.fact("您的角色")).to_have_text("报告单位")
    expect(desk.fact("姓名")).to_contain_text("李**")
    expect(desk.fact("姓名")).to_contain_text("已脱敏")
    expect(desk.fact("报告人")).to_contain_text("不可见")
    expect(desk.fact("情形")).to_have_text("（四）多处损伤等，疑似家庭暴力、欺凌、虐待、殴打")
    desk.keeps_picture("case-of-the-reporter")


def test_the_hint_of_a_masked_field_is_reached_by_keyboard(desk: Desk, reported: str) -> None:
    desk.signs_in_as("周敏")
    desk.opens_case(reported)
    masked = desk.page.locator(".masked").first
    expect(masked).to_have_accessible_description("")
    masked.focus()
    expect(masked).to_be_focused()
    hint = "按您的角色和字段的敏感级别，此处不显示完整内容。"
    expect(masked).to_have_accessible_description(hint)
    expect(desk.page.get_by_text(hint)).to_have_count(1)
    expect(desk.page.get_by_text(hint)).to_be_visible()
    desk.page.screenshot(path=SHOTS / "masked-hint.png")


def test_what_is_masked_says_so_once(desk: Desk, reported: str) -> None:
    desk.signs_in_as("陈静")
    desk.opens_case(reported)
    expect(desk.fact("姓名")).to_have_text("小* 已脱敏")
    expect(desk.fact("报告人")).to_have_text("不可见")


def test_each_group_of_choices_has_its_caption_as_its_name(desk: Desk) -> None:
    desk.signs_in_as("陈静")
    desk.opens_report_form()
    for caption in ("性别", "是否紧急"):
        group = desk.page.get_by_role("radiogroup", name=caption, exact=True)
        expect(group).to_be_visible()
        expect(desk.page.locator("label").get_by_text(caption, exact=True)).to_be_visible()
        expect(desk.page.get_by_role("group", name=caption)).to_have_count(0)
    named = desk.page.get_by_role("radiogroup").evaluate_all("all => all.map(one => one.ariaLabel)")
    assert all(named), named
    urgent = desk.page.get_by_role("radiogroup", name="是否紧急")
    urgent.get_by_role("radio", name="否").check()
    urgent.get_by_role("radio", name="是").focus()
    desk.page.keyboard.press("Space")
    expect(urgent.get_by_role("radio", name="是")).to_be_checked()
    desk.keeps_picture("form-choices")


def test_what_does_not_fit_the_schema_is_said_in_chinese_at_its_field(desk: Desk) -> None:
    sent: list[str] = []
    desk.page.on("request", lambda request: sent.append(request.post_data or ""))
    desk.signs_in_as("陈静")
    desk.opens_report_form()
    desk.fills_report()
    desk.page.get_by_label("出生日期").fill("2011-02-30")
    desk.page.get_by_label("年龄（周岁）").fill("18")
    desk.button("提交").click()
    expect(desk.page.get_by_text("日期不存在或格式不正确，应为 年-月-日")).to_be_visible()
    expect(desk.page.get_by_text("不能大于 17", exact=True)).to_be_visible()
    expect(desk.alert()).to_contain_text("有 2 处需要改正")
    expect(desk.page.get_by_label("出生日期")).to_be_focused()
    assert [body for body in sent if "mutation" in body] == []
    desk.keeps_picture("form-with-errors")


def test_what_a_report_needs_is_marked_and_asked_for_at_once(desk: Desk) -> None:
    desk.signs_in_as("陈静")
    desk.opens_report_form()
    required = desk.page.locator("label.ant-form-item-required")
    expect(required).to_have_text(["情形", "发现的情况"])
    expect(desk.page.get_by_text("标 * 的为必填。")).to_be_visible()
    expect(desk.page.get_by_text("出生日期（须填其一）", exact=True)).to_be_visible()
    desk.button("提交").click()
    expect(desk.alert()).to_contain_text("有 3 处需要改正")
    expect(desk.page.get_by_text("请填写“出生日期”或“年龄（周岁）”")).to_be_visible()
    desk.keeps_picture("form-empty")


def test_a_refusal_names_the_field_by_its_title_and_takes_the_focus(desk: Desk) -> None:
    desk.signs_in_as("陈静")
    desk.opens_report_form()
    desk.page.get_by_role("checkbox", name="（四）多处损伤").check()
    desk.page.get_by_label("发现的情况").fill("多处瘀伤。")
    desk.page.get_by_label("年龄（周岁）").fill("14")
    desk.button("提交").click()
    alert = desk.alert().filter(has_text="invalid_input")
    expect(alert).to_contain_text("“侵害发生地区划代码”不符合要求")
    expect(alert).not_to_contain_text("/incident_division")
    expect(desk.page.locator(".form-problem")).to_be_focused()
    expect(alert).to_be_in_viewport()
    desk.page.screenshot(path=SHOTS / "form-refused-place.png")


def test_an_urgent_report_is_seen_to_be_urgent_in_the_list(desk: Desk) -> None:
    desk.signs_in_as("陈静")
    desk.opens_report_form()
    desk.fills_report()
    desk.page.get_by_role("radiogroup", name="是否紧急").get_by_role("radio", name="是").check()
    desk.button("提交").click()
    expect(desk.heading("【紧急】强制报告·情形（四）")).to_be_visible()
    desk.link("案件").click()
    expect(desk.page.get_by_role("link", name="【紧急】强制报告·情形（四）").first).to_be_visible()


def test_what_only_intakes_send_is_not_offered_to_people(desk: Desk) -> None:
    desk.signs_in_as("陈静")
    desk.link("新建").click()
    expect(desk.link("立即报告")).to_be_visible()
    expect(desk.link("提示报告")).to_have_count(0)


def test_a_refusal_shows_code_and_remedy_and_points_at_the_field(desk: Desk) -> None:
    desk.signs_in_as("陈静")
    desk.opens_report_form()
    desk.fills_report()
    desk.page.get_by_label("出生日期").fill("1990-01-01")
    desk.button("提交").click()
    expect(desk.alert().filter(has_text="scene_refused")).to_contain_text("处理办法")
    field = desk.page.locator(".ant-form-item").filter(has=desk.page.get_by_label("出生日期"))
    expect(field).to_contain_text("MP-")
    desk.keeps_picture("form-refused")
    desk.page.get_by_label("出生日期").fill("2011-09-01")
    expect(desk.page.get_by_text("scene_refused")).to_have_count(0)


def test_a_report_whose_answer_was_lost_is_sent_again_and_counts_once(desk: Desk, doctor: Person) -> None:
    before = _cases(doctor)
    desk.signs_in_as("陈静")
    desk.opens_report_form()
    desk.fills_report()
    desk.page.route("**/graphql", _lose_the_answer)
    desk.button("提交").click()
    expect(desk.alert()).to_contain_text("网络连接失败")
    desk.keeps_picture("network-failed")
    desk.page.unroute("**/graphql")
    desk.button("提交").click()
    expect(desk.page.get_by_text("此前已提交成功：立即报告，未重复办理")).to_be_visible()
    assert _cases(doctor) == before + 1


def test_what_was_filled_in_survives_a_lost_session_but_not_a_change_of_person(desk: Desk) -> None:
    desk.signs_in_as("陈静")
    desk.opens_report_form()
    desk.fills_report()
    desk.page.context.clear_cookies()
    desk.button("提交").click()
    desk.person("陈静").click()
    expect(desk.page.get_by_text("已恢复您刚才填写的内容")).to_be_visible()
    expect(desk.division(INCIDENT)).to_have_text("浙江省 / 湖州市 / 安吉县")
    desk.page.context.clear_cookies()
    desk.button("提交").click()
    desk.person("何老师").click()
    expect(desk.heading("立即报告")).to_be_visible()
    expect(desk.division(INCIDENT)).to_have_text("逐级选择，或输入名称、代码")


@pytest.mark.parametrize("written", ["安吉", "330523", "湖州"])
def test_a_division_is_found_by_name_or_code_with_the_keyboard_alone(desk: Desk, written: str) -> None:
    desk.signs_in_as("陈静")
    desk.opens_report_form()
    field = desk.page.get_by_label(INCIDENT)
    field.focus()
    desk.page.keyboard.type(written)
    found = desk.page.get_by_role("menuitemcheckbox", name="浙江省 / 湖州市 / 安吉县", exact=True)
    expect(found).to_be_visible()
    if written == "安吉":
        desk.keeps_picture("form-division")
    while found.get_attribute("data-path-key") and "active" not in (found.get_attribute("class") or ""):
        desk.page.keyboard.press("ArrowDown")
    desk.page.keyboard.press("Enter")
    expect(desk.division(INCIDENT)).to_have_text("浙江省 / 湖州市 / 安吉县")


def test_a_division_is_sent_as_its_code_and_shown_by_its_name(desk: Desk) -> None:
    sent: list[str] = []
    desk.page.on("request", lambda request: sent.append(request.post_data or ""))
    desk.signs_in_as("陈静")
    desk.opens_report_form()
    desk.fills_report()
    desk.button("提交").click()
    expect(desk.page.get_by_text("已完成：立即报告")).to_be_visible()
    (mutation,) = [json.loads(body) for body in sent if "mutation Act" in body]
    assert mutation["variables"]["input"]["incident_division"] == "330523"
    expect(desk.fact(INCIDENT)).to_have_text("浙江省 / 湖州市 / 安吉县 330523")


def test_a_city_without_counties_can_be_chosen(desk: Desk) -> None:
    desk.signs_in_as("陈静")
    desk.opens_report_form()
    desk.picks_division(INCIDENT, "广东省", "东莞市")
    expect(desk.division(INCIDENT)).to_have_text("广东省 / 东莞市")


def _lose_the_answer(route: Route) -> None:
    """The request reaches the server, which acts; the line breaks before the answer is back."""
    route.fetch()
    route.abort()


def _cases(who: Person) -> int:
    nodes = who.ask("{ cases(first: 100) { nodes { id } } }")["cases"]["nodes"]
    return len(nodes)
