"""Everybody can use it: on a phone, by keyboard alone, in English."""

from __future__ import annotations

import pytest
from playwright.sync_api import ViewportSize, expect

from .desk import INCIDENT, SHOTS, Desk

pytestmark = pytest.mark.browser

NARROW: ViewportSize = {"width": 400, "height": 860}


def test_every_page_fits_a_screen_of_400_points(desk: Desk, reported: str) -> None:
    desk.page.set_viewport_size(NARROW)
    desk.page.goto("/console/sign-in")
    expect(desk.heading("演示账号")).to_be_visible()
    assert desk.fits()
    desk.keeps_picture("narrow-sign-in")
    desk.signs_in_as("王建国")
    expect(desk.page.locator(".row").first).to_be_visible()
    assert desk.fits()
    desk.keeps_picture("narrow-inbox")
    desk.opens_case(reported)
    expect(desk.fact("姓名").first).to_be_visible()
    assert desk.fits()
    desk.keeps_picture("narrow-case")
    desk.link("案件").click()
    expect(desk.page.locator(".row").first).to_be_visible()
    assert desk.fits()


def test_a_copy_is_read_not_signed_for_and_its_button_fits_in_english(desk: Desk, reported: str) -> None:
    desk.page.set_viewport_size(NARROW)
    desk.page.goto("/console/")
    desk.person("周敏").click()
    expect(desk.heading("待办事项")).to_be_visible()
    desk.button("English").click()
    expect(desk.heading("Inbox")).to_be_visible()
    expect(desk.page.locator(".row").first).to_contain_text("To read")
    desk.page.goto(f"/console/cases/{reported}")
    mark = desk.button("Mark “Mandatory report of suspected harm to a minor” as read")
    expect(mark).to_be_visible()
    assert desk.fits()
    desk.keeps_picture("narrow-copy-english")
    mark.click()
    expect(desk.page.get_by_role("dialog")).to_contain_text("as read")
    desk.button("Confirm").click()
    expect(
        desk.page.locator(".copies summary").filter(has_text="Health Bureau of Anji · Read")
    ).to_be_visible()


def test_copies_are_folded_under_their_original_and_open_by_keyboard(desk: Desk, reported: str) -> None:
    desk.signs_in_as("王建国")
    desk.opens_case(reported)
    copy = desk.section("文书").locator(".copies details").first
    expect(copy).not_to_have_attribute("open", "")
    copy.locator("summary").first.focus()
    desk.page.keyboard.press("Enter")
    expect(copy).to_have_attribute("open", "")


def test_the_form_fits_a_screen_of_400_points(desk: Desk) -> None:
    desk.page.set_viewport_size(NARROW)
    desk.signs_in_as("陈静")
    desk.opens_report_form()
    assert desk.fits()
    desk.keeps_picture("narrow-form")
    desk.picks_division(INCIDENT, "浙江省", "湖州市")
    levels = desk.page.locator(".ant-cascader-menus").bounding_box()
    assert levels is not None
    assert 0 <= levels["x"] <= levels["x"] + levels["width"] <= NARROW["width"]
    desk.page.screenshot(path=SHOTS / "narrow-division.png")


def test_the_keyboard_alone_signs_in_and_out(desk: Desk) -> None:
    page = desk.page
    page.goto("/console/sign-in")
    expect(desk.heading("演示账号")).to_be_visible()
    desk.person("王建国").focus()
    page.keyboard.press("Enter")
    expect(desk.heading("待办事项")).to_be_visible()
    skip = desk.link("跳到正文")
    expect(skip).not_to_be_in_viewport()
    skip.focus()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    desk.button("退出").focus()
    page.keyboard.press("Enter")
    expect(desk.heading("登录")).to_be_visible()


def test_what_has_the_focus_is_seen_to_have_it(desk: Desk) -> None:
    desk.signs_in_as("王建国")
    desk.link("待办").focus()
    desk.page.keyboard.press("Tab")
    expect(desk.link("案件")).to_be_focused()
    outline = desk.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_english_is_one_click_away_and_stays(desk: Desk, reported: str) -> None:
    desk.signs_in_as("王建国")
    desk.button("English").click()
    expect(desk.heading("Inbox")).to_be_visible()
    desk.page.goto(f"/console/cases/{reported}")
    expect(desk.heading("What happened")).to_be_visible()
    expect(desk.section("What to do next").get_by_role("button").first).to_have_text("Sign for")
    expect(desk.fact("Situations").first).to_contain_text("several injuries")
    assert desk.page.evaluate("document.documentElement.lang") == "en"
    desk.keeps_picture("english-case")


@pytest.mark.parametrize(
    ("languages", "heading"),
    [
        (["en-GB", "zh-CN"], "Sign in"),
        (["zh-TW", "en"], "登录"),
        (["fr-FR", "en-US", "zh"], "Sign in"),
        (["bo-CN", "de"], "登录"),
    ],
)
def test_a_first_visit_is_in_the_browser_s_language_until_somebody_chooses(
    desk: Desk, languages: list[str], heading: str
) -> None:
    wanted = f"Object.defineProperty(navigator, 'languages', {{get: () => {languages}}})"
    desk.page.add_init_script(wanted)
    desk.page.goto("/console/sign-in")
    expect(desk.heading(heading)).to_be_visible()
    # A browser whose languages change is followed, as long as nobody has chosen.
    assert desk.page.evaluate("localStorage.length") == 0
    other, then = ("中文", "登录") if heading == "Sign in" else ("English", "Sign in")
    desk.button(other).click()
    desk.page.reload()
    expect(desk.heading(then)).to_be_visible()


def test_an_english_form_has_english_labels(desk: Desk) -> None:
    desk.signs_in_as("陈静")
    desk.button("English").click()
    desk.link("New").click()
    desk.link("Report").click()
    expect(desk.page.get_by_label("What was found")).to_be_visible()
    expect(desk.page.get_by_role("radio", name="Female")).to_be_visible()
    desk.keeps_picture("english-form")


def test_an_unknown_address_says_so(desk: Desk) -> None:
    desk.signs_in_as("王建国")
    desk.page.goto("/console/nowhere")
    expect(desk.heading("没有这个页面")).to_be_visible()
