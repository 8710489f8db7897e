"""Agencies above see their own line's cases, as the line sees them, and nobody learns who reported."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from ..conftest import DemoServer
from .people import ANJI, HUZHOU, Clinic, Person, appoint, letters_arrive

REPORTER = "湖州市第一人民医院"


def clerk(demo: DemoServer, login: str, organ_name: str, region: str = HUZHOU) -> Person:
    """A clerk of an organ of the demo."""
    host = demo.application.host

    async def named() -> UUID:
        async with host.store.unit_of_work() as uow:
            organ: UUID = await uow.fetchval("SELECT id FROM organ WHERE name = $1", organ_name)
            return organ

    organ = asyncio.run_coroutine_threadsafe(named(), demo.loop).result(20)
    appoint(demo, login, organ=organ, duty="clerk")
    return Person(demo, login, region)


@pytest.mark.parametrize(
    ("login", "city", "county"),
    [
        ("city-health", "湖州市卫生健康局", "health"),
        ("city-education", "湖州市教育局", "education"),
        ("city-civil", "湖州市民政局", "civil"),
    ],
)
def test_the_city_sees_what_its_county_sees_of_a_report(
    demo_server: DemoServer, reported: str, login: str, city: str, county: str
) -> None:
    above, below = clerk(demo_server, login, city), Person(demo_server, county, ANJI)
    seen, known = above.case(reported), below.case(reported)
    assert seen["detail"] == known["detail"]
    assert seen["masked"] == known["masked"]
    assert "/reporter" in seen["masked"]
    assert seen["role"] == known["role"]
    assert seen["actions"] == []
    assert REPORTER not in str(seen)
    assert [letter["maySign"] for letter in seen["letters"]] == [False] * len(seen["letters"])
    listed = above.ask("{ cases(first: 100) { nodes { id } } }")["cases"]["nodes"]
    assert {"id": f"Case:{reported}"} in listed


@pytest.mark.parametrize(
    ("login", "organ", "region"),
    [
        ("city-police", "湖州市公安局", HUZHOU),
        ("city-social", "湖州市社会工作服务中心", HUZHOU),
        ("deqing-health", "德清县卫生健康局", "330521"),
    ],
)
def test_other_organs_above_and_beside_do_not_see_it(
    demo_server: DemoServer, reported: str, login: str, organ: str, region: str
) -> None:
    assert not clerk(demo_server, login, organ, region).sees(reported)


def test_a_prompt_that_nobody_has_reported_yet_is_not_seen_from_above(
    demo_server: DemoServer, clinic: Clinic
) -> None:
    (card,) = clinic.opens_record()
    above = clerk(demo_server, "city-health", "湖州市卫生健康局")
    assert not above.sees(card["uuid"])
    clinic.accepts(card)
    letters_arrive(Person(demo_server, "police"), card["uuid"])
    assert above.sees(card["uuid"])
