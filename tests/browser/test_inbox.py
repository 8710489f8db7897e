"""The kinds of what waits: counted by the server over all pages, each with pages of its own."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Route, expect

from ..conftest import DemoServer
from ..stories.people import Clinic, Person, eventually
from .desk import Desk
from .test_reach import NARROW

pytestmark = pytest.mark.browser

COUNTS = "{ inbox(first: 1) { counts { waits count exact } } }"


def counts(who: Person) -> dict[str, int]:
    return {one["waits"]: one["count"] for one in who.ask(COUNTS)["inbox"]["counts"]}


def kind(desk: Desk, label: str) -> Locator:
    """The tab of a kind, whatever its number."""
    tabs = desk.page.get_by_role("radiogroup", name="按类别筛选")
    return tabs.get_by_text(re.compile(f"^{label}( |$)"))


@pytest.fixture
def long_inbox(demo_server: DemoServer, clinic: Clinic, police: Person) -> str:
    """The uuid of a case signed for and not answered, older than 21 others that wait to be signed for."""
    cases = []
    for _ in range(22):
        (card,) = clinic.opens_record()
        clinic.accepts(card)
        cases.append(card["uuid"])
        demo_server.clock.advance(timedelta(minutes=1))
    waiting = {f"Case:{case}" for case in cases}
    eventually(lambda: waiting <= {item["caseId"] for item in police.inbox()})
    police.sign(cases[0], "mandatory_report")
    first: str = cases[0]
    return first


def test_each_kind_is_counted_over_all_pages_and_has_pages_of_its_own(
    desk: Desk, police: Person, long_inbox: str
) -> None:
    desk.signs_in_as("王建国")
    expect(desk.page.locator(".row")).to_have_count(20)
    said = counts(police)
    assert said["sign"] > 20
    expect(kind(desk, "全部")).to_have_text(f"全部 {sum(said.values())}")
    expect(kind(desk, "待签收")).to_have_text(f"待签收 {said['sign']}")
    expect(kind(desk, "待回复")).to_have_text(f"待回复 {said['answer']}")
    desk.keeps_picture("inbox-kinds")

    # It lies on no page that has been loaded, and is found all the same.
    expect(desk.page.locator(f".row a[href$='/cases/{long_inbox}']")).to_have_count(0)
    kind(desk, "待回复").click()
    expect(desk.page.locator(f".row a[href$='/cases/{long_inbox}']")).to_have_count(1)
    expect(desk.page.locator(".row .waits")).to_have_text(["待回复"] * said["answer"])

    kind(desk, "待签收").click()
    expect(desk.page.locator(".row")).to_have_count(20)
    desk.button("加载更多").click()
    expect(desk.page.locator(".row .waits")).to_have_text(["待签收"] * min(40, said["sign"]))

    desk.page.locator(".row h2 a").first.click()
    expect(desk.heading("办理经过")).to_be_visible()
    desk.page.go_back()
    expect(desk.page).to_have_url(re.compile(r"/inbox\?waits=sign$"))
    expect(desk.page.locator(".row .waits")).to_have_text(["待签收"] * 20)

    kind(desk, "未送达").click()
    expect(desk.page.get_by_text("没有这一类事项")).to_be_visible()
    desk.page.set_viewport_size(NARROW)
    assert desk.fits()
    desk.keeps_picture("narrow-inbox-kinds")


def test_numbers_follow_what_is_done(desk: Desk, police: Person, reported: str) -> None:
    desk.signs_in_as("王建国")
    before = counts(police)
    expect(kind(desk, "待签收")).to_have_text(f"待签收 {before['sign']}")
    desk.page.wait_for_timeout(1_000)  # the page's stream is open by then
    police.sign(reported, "mandatory_report")
    expect(kind(desk, "待签收")).to_have_text(f"待签收 {before['sign'] - 1}")
    expect(kind(desk, "待回复")).to_have_text(f"待回复 {before['answer'] + 1}")


def test_what_is_not_counted_to_its_end_is_said_to_be_more(desk: Desk, reported: str) -> None:
    """The server's own answer, as it would be with a thousand letters more."""

    def many(route: Route) -> None:
        if "InboxCounts" not in (route.request.post_data or ""):
            route.continue_()
            return
        reply = route.fetch()
        body = reply.json()
        for one in body["data"]["inbox"]["counts"]:
            if one["waits"] == "sign":
                one |= {"count": 1000, "exact": False}
            else:
                one |= {"count": 0}
        route.fulfill(response=reply, json=body)

    desk.page.route("**/graphql", many)
    desk.signs_in_as("王建国")
    expect(kind(desk, "待签收")).to_have_text("待签收 1000+")
    expect(kind(desk, "全部")).to_have_text("全部 1000+")
    expect(kind(desk, "待回复")).to_have_text("待回复 0")
