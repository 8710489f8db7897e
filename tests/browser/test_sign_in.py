"""Whoever comes is asked who they are, and comes back to where they wanted to be."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from ..conftest import DemoServer
from .desk import Desk

pytestmark = pytest.mark.browser


def test_a_visitor_signs_in_with_one_click_and_arrives_where_they_wanted(desk: Desk) -> None:
    desk.page.goto("/console/cases?status=open")
    desk.person("王建国").click()
    expect(desk.heading("案件")).to_be_visible()
    expect(desk.page).to_have_url(re.compile(r"/console/cases\?status=open$"))


def test_demo_accounts_stand_grouped_by_organ(desk: Desk) -> None:
    desk.page.goto("/")
    expect(desk.heading("演示账号")).to_be_visible()
    organ = desk.section("安吉县公安局")
    assert organ.get_by_role("button").all_inner_texts() == ["王建国\n民警"]
    desk.keeps_picture("sign-in")


def test_a_wrong_password_is_refused_with_code_and_remedy(desk: Desk) -> None:
    desk.page.goto("/console/sign-in")
    desk.page.get_by_label("账号", exact=True).fill("nobody-here")
    desk.page.get_by_label("密码", exact=True).fill("not-the-password")
    desk.button("登录").click()
    expect(desk.alert()).to_contain_text("credentials_wrong")
    expect(desk.alert()).to_contain_text("处理办法")
    expect(desk.button("登录")).to_be_focused()
    desk.page.get_by_label("密码", exact=True).press("Enter")
    expect(desk.alert()).to_contain_text("credentials_wrong")
    expect(desk.page.get_by_label("密码", exact=True)).to_be_focused()
    desk.keeps_picture("sign-in-refused")


def test_an_empty_form_is_not_sent(desk: Desk) -> None:
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))
    desk.page.goto("/console/sign-in")
    desk.button("登录").click()
    expect(desk.page.get_by_text("请输入账号")).to_be_visible()
    expect(desk.page.get_by_text("请输入密码")).to_be_visible()
    assert [url for url in asked if url.endswith("/auth/sign-in")] == []


def test_a_lost_session_leads_back_to_the_same_page(desk: Desk, reported: str) -> None:
    desk.signs_in_as("王建国")
    desk.opens_case(reported)
    desk.page.context.clear_cookies()
    # The page finds out when somebody comes back to it, if its stream has not told it before.
    desk.page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(desk.page.get_by_text("登录已失效")).to_be_visible()
    desk.keeps_picture("session-over")
    desk.person("王建国").click()
    expect(desk.heading("办理经过")).to_be_visible()


def test_signing_out_ends_the_session(desk: Desk, demo_server: DemoServer) -> None:
    desk.signs_in_as("王建国")
    desk.button("退出").click()
    expect(desk.heading("登录")).to_be_visible()
    assert desk.page.context.cookies(demo_server.base_url) == []
    desk.page.goto("/console/inbox")
    expect(desk.heading("登录")).to_be_visible()


def test_a_person_sees_where_they_are_signed_in_and_ends_one_of_the_sessions(
    desk: Desk, chromium: Browser, demo_server: DemoServer
) -> None:
    other = chromium.new_context(base_url=demo_server.base_url, locale="zh-CN", user_agent=EDGE)
    elsewhere = Desk(other.new_page())
    elsewhere.signs_in_as("周敏")
    desk.signs_in_as("周敏")
    desk.link("账号").click()
    expect(desk.heading("账号与安全")).to_be_visible()
    sessions = desk.section("登录的设备").locator(".row")
    expect(sessions.first).to_contain_text("Chrome · Linux")
    expect(sessions.first).to_contain_text("当前设备")
    expect(sessions.first.get_by_role("button")).to_have_count(0)
    edge = sessions.filter(has_text="Edge · Windows")
    expect(edge).to_contain_text("最近使用")
    desk.keeps_picture("account")
    desk.page.set_viewport_size({"width": 400, "height": 860})
    assert desk.fits()
    desk.keeps_picture("narrow-account")
    edge.get_by_role("button", name="结束“Edge · Windows”的登录").click()
    expect(edge).to_have_count(0)
    expect(elsewhere.page.get_by_text("登录已失效")).to_be_visible()
    expect(sessions.first).to_contain_text("当前设备")
    desk.button("English").click()
    expect(desk.heading("Account and security")).to_be_visible()
    assert desk.fits()
    desk.keeps_picture("narrow-account-english")
    other.close()


EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"
