"""An approver opens a sealed case to who inquires by law, and takes that back; nobody learns whether there is a case."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import expect

from ..conftest import DemoServer
from ..stories.people import Clinic, Person, actor_of, appoint
from .desk import Desk
from .test_reach import NARROW

pytestmark = pytest.mark.browser

PROVINCE = "330000"
PASSWORD = "a long enough one 7"


@pytest.fixture
def approver(demo_server: DemoServer) -> str:
    """The login of somebody who signs off at that procuratorate."""
    return signs_off(demo_server, "procurator")


def signs_off(demo: DemoServer, colleague: str) -> str:
    """The login of a new approver beside somebody."""
    login, beside = f"approver-{uuid.uuid4().hex[:8]}", actor_of(demo, colleague)
    organ, department = beside.organ.id, beside.department
    appoint(demo, login, organ=organ, department=department, duty="approver", password=PASSWORD)
    return login


def signs_in(desk: Desk, login: str) -> None:
    reply = desk.page.request.post("/auth/sign-in", data={"login": login, "password": PASSWORD})
    assert reply.ok, reply.text()
    desk.page.goto("/console/")
    expect(desk.page.get_by_role("heading", level=1)).to_be_visible()


def asks_to_unseal(desk: Desk, case_id: str) -> None:
    page = desk.page
    page.get_by_label("案件编号（在本单位的卷宗中）").fill(case_id)
    page.get_by_role("radio", name="司法机关为办案需要（刑事诉讼法第二百八十六条第二款）", exact=True).check()
    page.get_by_label("用途（至少五个字）").fill("办理另案需要核对")
    desk.picks_division("查询单位所在地", "浙江省", "金华市", "义乌市")
    page.get_by_label("查询单位", exact=True).click()
    page.get_by_title("义乌市公安局", exact=True).click()
    page.get_by_label("来函文号").fill("义公刑〔2026〕12号")
    expect(desk.button("开放查阅")).to_be_disabled()
    page.get_by_label("天数（1 至 30）").fill("31")
    expect(desk.button("开放查阅")).to_be_disabled()
    page.get_by_label("天数（1 至 30）").fill("3")
    desk.button("开放查阅").click()
    expect(page.get_by_role("dialog")).to_contain_text("向“义乌市公安局”开放 3 天")
    desk.button("确认").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_approver_opens_a_sealed_case_to_who_inquires_and_ends_it_before_its_time(
    desk: Desk, demo_server: DemoServer, approver: str, sealed: str
) -> None:
    stranger = Person(demo_server, "yiwu-police", PROVINCE)
    signs_in(desk, approver)
    desk.link("依法开放").click()
    expect(desk.heading("依法开放")).to_be_visible()
    asks_to_unseal(desk, sealed)
    told = desk.page.get_by_role("status").filter(has_text="已向“义乌市公安局”开放查阅")
    expect(told).to_contain_text("请把开放编号记入卷宗")
    assert stranger.sees(sealed)
    grant = told.locator("code").inner_text()
    desk.keeps_picture("unsealed")
    desk.page.goto(f"/console/cases/{sealed}")
    expect(desk.alert()).to_contain_text("not_found")  # for whoever opened it, it stays sealed
    desk.link("依法开放").click()
    desk.page.get_by_label("开放编号").fill(grant)
    desk.button("提前结束").click()
    expect(desk.page.get_by_role("dialog")).to_contain_text("立即不能再查阅")
    desk.button("确认").click()
    expect(desk.page.get_by_text("已提前结束，立即生效。")).to_be_visible()
    assert not stranger.sees(sealed)


def test_the_id_that_was_told_is_at_hand_to_take_it_back(
    desk: Desk, demo_server: DemoServer, approver: str, sealed: str
) -> None:
    stranger = Person(demo_server, "yiwu-police", PROVINCE)
    signs_in(desk, approver)
    desk.page.goto("/console/unseal")
    asks_to_unseal(desk, sealed)
    grant = desk.page.get_by_role("status").locator("code").inner_text()
    expect(desk.page.get_by_label("开放编号")).to_have_value(grant)
    expect(desk.page.get_by_label("案件编号（在本单位的卷宗中）")).to_have_value("")
    desk.button("提前结束").click()
    desk.button("确认").click()
    expect(desk.page.get_by_text("已提前结束，立即生效。")).to_be_visible()
    assert not stranger.sees(sealed)


def test_a_sealed_case_of_others_an_open_one_and_none_are_refused_in_the_same_words(
    desk: Desk, demo_server: DemoServer, approver: str, sealed: str, clinic: Clinic
) -> None:
    (card,) = clinic.opens_record()
    clinic.accepts(card)
    elsewhere = signs_off(demo_server, "police")
    said = set()
    for login, case_id in (
        (approver, str(uuid.uuid4())),
        (approver, card["uuid"]),
        (elsewhere, sealed),
    ):
        signs_in(desk, login)
        desk.page.goto("/console/unseal")
        asks_to_unseal(desk, case_id)
        expect(desk.alert()).to_contain_text("unsealing_refused")
        said.add(desk.page.get_by_role("main").inner_text())
    assert len(said) == 1
    desk.keeps_picture("unsealing-refused")


def test_who_signs_nothing_off_has_no_such_page(desk: Desk) -> None:
    desk.signs_in_as("林晓")
    expect(desk.link("依法开放")).to_have_count(0)
    desk.page.goto("/console/unseal")
    expect(desk.heading("没有这个页面")).to_be_visible()


def test_the_page_fits_a_small_screen_in_english(desk: Desk, approver: str) -> None:
    desk.page.set_viewport_size(NARROW)
    signs_in(desk, approver)
    desk.button("English").click()
    desk.link("Opening by law").click()
    expect(
        desk.page.get_by_role("radio", name=re.compile("^A judicial organ needs it for a case"))
    ).to_be_visible()
    expect(desk.button("Open it to them")).to_be_disabled()
    desk.keeps_picture("narrow-unsealing")
    assert desk.fits()
