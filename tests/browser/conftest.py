"""A person at the console: Chromium, driven by Playwright, against the running demo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from ..conftest import DemoServer
from ..stories.people import HUZHOU, Clinic, Person, letters_arrive, seal
from .desk import Desk

CHROMIUM = Path(os.environ.get("GONGZHI_TEST_CHROMIUM", "/usr/bin/chromium"))
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE = 1280


@pytest.fixture(scope="module")
def chromium(demo_server: DemoServer) -> Iterator[Browser]:
    """Debian's Chromium with a profile of its own. Where it is missing the test is left out, but never in CI.

    Playwright's synchronous form keeps an event loop running in this thread as long as it lives: the demo has to
    be there before, and other modules' coroutine tests must find it gone.
    """
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM} is missing: run `make system`, or set GONGZHI_TEST_CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def desk(chromium: Browser, demo_server: DemoServer) -> Iterator[Desk]:
    """A fresh browser at the demo, wide, Chinese; it must end without a fault of ours.

    Its clock is the machine's, far from the demo's: the console must not count deadlines by it.
    """
    context = chromium.new_context(
        base_url=demo_server.base_url,
        locale="zh-CN",
        timezone_id="America/New_York",  # far from Shanghai: the console must not go by the browser's zone
        viewport={"width": WIDE, "height": 900},
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    faults = _watch(page)
    yield Desk(page)
    context.close()
    assert faults == []


def _watch(page: Page) -> list[str]:
    """Collects what the page's own code and the Content-Security-Policy complain of."""
    faults: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        # The browser reports every refused request as an error; the console shows those to the person.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            faults.append(message.text)

    page.on("console", on_console)
    page.on("pageerror", lambda error: faults.append(str(error)))
    return faults


@pytest.fixture
def clinic(demo_server: DemoServer) -> Clinic:
    return Clinic(demo_server)


@pytest.fixture
def doctor(demo_server: DemoServer) -> Person:
    return Person(demo_server, "doctor", HUZHOU)


@pytest.fixture
def police(demo_server: DemoServer) -> Person:
    return Person(demo_server, "police")


@pytest.fixture
def reported(clinic: Clinic, police: Person) -> str:
    """The uuid of a case that the doctor reported, its letters delivered."""
    (card,) = clinic.opens_record()
    clinic.accepts(card)
    letters_arrive(police, card["uuid"])
    case_id: str = card["uuid"]
    return case_id


@pytest.fixture
def sealed(demo_server: DemoServer, police: Person, doctor: Person, reported: str) -> str:
    """The uuid of a case that was handled and closed, and so sealed by Anji's procuratorate."""
    seal(reported, doctor=doctor, police=police, procurator=Person(demo_server, "procurator"))
    return reported
