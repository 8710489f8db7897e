"""The list of cases as a file, and what its reader sees when it can't be had."""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import expect
from python_calamine import CalamineWorkbook

from ..conftest import DemoServer
from .desk import Desk

pytestmark = pytest.mark.browser


def revoke(server: DemoServer, login: str) -> None:
    """End every session and token of an account, as an administrator would."""

    async def ended() -> None:
        host = server.application.host
        async with host.store.unit_of_work() as uow:
            await host.sign_in.revoke(uow, login, host.clock.now())

    asyncio.run_coroutine_threadsafe(ended(), server.loop).result(30)
    server.tokens.pop(login, None)


def test_the_list_is_saved_as_excel_and_csv_under_its_name(desk: Desk, reported: str) -> None:
    desk.signs_in_as("王建国")
    desk.page.goto("/console/cases?status=open")
    expect(desk.page.locator(".row").first).to_be_visible()
    with desk.page.expect_download() as saving:
        desk.button("导出 Excel").click()
    assert saving.value.suggested_filename.startswith("案件-安吉县-")
    book = CalamineWorkbook.from_path(str(saving.value.path()))
    excel = [str(row[0]) for row in book.get_sheet_by_index(0).to_python()[1:]]
    assert reported in excel
    expect(desk.page.get_by_text(f"已导出 {len(excel)} 件")).to_be_visible()
    with desk.page.expect_download() as saving:
        desk.button("导出 CSV").click()
    text = Path(saving.value.path()).read_bytes().decode("utf-8-sig")
    assert [row[0] for row in csv.reader(io.StringIO(text))][1:] == excel
    desk.keeps_picture("export")


def test_an_empty_list_is_not_exported(desk: Desk) -> None:
    desk.signs_in_as("王建国")
    desk.page.goto("/console/cases?q=没有这样的案件")
    expect(desk.page.get_by_text("没有符合条件的案件")).to_be_visible()
    expect(desk.button("导出 Excel")).to_be_disabled()


def test_an_export_that_fails_says_why_and_can_be_tried_again(desk: Desk, reported: str) -> None:
    desk.signs_in_as("王建国")
    desk.page.goto("/console/cases")
    expect(desk.page.locator(".row").first).to_be_visible()
    desk.page.route("**/exports/cases", lambda route: route.abort())
    desk.button("导出 CSV").click()
    expect(desk.alert()).to_contain_text("network")
    desk.page.unroute("**/exports/cases")
    with desk.page.expect_download() as saving:
        desk.button("重试").click()
    assert reported in Path(saving.value.path()).read_text(encoding="utf-8-sig")
