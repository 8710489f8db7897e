"""What a person does at the console, in the person's words."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

SHOTS = Path(__file__).parent / "screenshots"

INCIDENT = "侵害发生地区划代码"


class Desk:
    """One browser window at the console."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def signs_in_as(self, name: str) -> None:
        """Choose a demo account by its person's name."""
        self.page.goto("/console/")
        self.person(name).click()
        expect(self.heading("待办事项")).to_be_visible()

    def opens_case(self, case_id: str) -> None:
        """Open a case by its address and wait until it is all there."""
        self.page.goto(f"/console/cases/{case_id}")
        expect(self.heading("办理经过")).to_be_visible()
        expect(self.page.locator(".timeline > li").first).to_be_visible()
        expect(self.page.locator(".details").first).to_be_visible()

    def opens_report_form(self) -> None:
        self.link("新建").click()
        self.link("立即报告").click()
        expect(self.heading("立即报告")).to_be_visible()

    def fills_report(self) -> None:
        """A boy of 14 with several bruises, in Anji."""
        page = self.page
        page.get_by_role("checkbox", name="（四）多处损伤").check()
        page.get_by_label("发现的情况").fill("左前臂、背部多处瘀伤，新旧不一。")
        page.get_by_role("radio", name="男").check()
        page.get_by_role("textbox", name="姓名").first.fill("李小明")
        page.get_by_label("出生日期").fill("2011年9月1日")
        self.picks_division(INCIDENT, "浙江省", "湖州市", "安吉县")
        page.get_by_label("电话", exact=True).fill("0572-0000000")

    def picks_division(self, label: str, *names: str) -> None:
        """Open a field's list of divisions and go down it level by level."""
        self.page.get_by_label(label).click()
        for name in names:
            self.page.get_by_role("menuitemcheckbox", name=name, exact=True).click()

    def division(self, label: str) -> Locator:
        """What a division field shows."""
        return (
            self.page.locator(".ant-form-item").filter(has=self.page.get_by_label(label)).locator(".division")
        )

    def person(self, name: str) -> Locator:
        """The demo account of a person."""
        return self.page.get_by_role("button", name=re.compile(f"^{name}"))

    def heading(self, name: str) -> Locator:
        return self.page.get_by_role("heading", name=name, exact=True)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def section(self, name: str) -> Locator:
        """A part of the page by its heading."""
        return self.page.get_by_role("region", name=name, exact=True)

    def alert(self) -> Locator:
        return self.page.get_by_role("alert")

    def fact(self, label: str) -> Locator:
        """The value beside a label, in any list of facts."""
        return self.page.locator(f"//dt[normalize-space()='{label}']/following-sibling::dd")

    def link(self, name: str) -> Locator:
        return self.page.get_by_role("link", name=name, exact=True)

    def keeps_picture(self, name: str) -> None:
        """Keep a picture of the whole page for people to look at."""
        SHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True, animations="disabled")

    def fits(self) -> bool:
        """Whether nothing sticks out to the right."""
        fits: bool = self.page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
        return fits
