"""One fixture a person."""

from __future__ import annotations

import pytest

from ..conftest import DemoServer
from .people import ANJI, HUZHOU, YIWU, Clinic, Person, letters_arrive


@pytest.fixture
def clinic(demo_server: DemoServer) -> Clinic:
    return Clinic(demo_server)


@pytest.fixture
def doctor(demo_server: DemoServer) -> Person:
    return Person(demo_server, "doctor", HUZHOU)


@pytest.fixture
def teacher(demo_server: DemoServer) -> Person:
    return Person(demo_server, "teacher", ANJI)


@pytest.fixture
def police(demo_server: DemoServer) -> Person:
    return Person(demo_server, "police")


@pytest.fixture
def procurator(demo_server: DemoServer) -> Person:
    return Person(demo_server, "procurator")


@pytest.fixture
def social(demo_server: DemoServer) -> Person:
    return Person(demo_server, "social")


@pytest.fixture
def supervisor(demo_server: DemoServer) -> Person:
    return Person(demo_server, "supervisor", HUZHOU)


@pytest.fixture
def yiwu(demo_server: DemoServer) -> Person:
    return Person(demo_server, "yiwu-police", YIWU)


@pytest.fixture
def reported(clinic: Clinic, police: Person) -> str:
    """A case that the doctor reported with one click, its letters delivered."""
    (card,) = clinic.opens_record()
    clinic.accepts(card)
    letters_arrive(police, card["uuid"])
    case_id: str = card["uuid"]
    return case_id
