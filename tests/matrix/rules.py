"""Who may do what, written down once more in plain words, so that the platform's own policy has something to be held
against. Nothing here calls it.

A person is an organ's type and division, a department and duties. A case is where it is, who reported it, how far it got.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ANJI, DEQING, CHANGXING, HUZHOU, YIWU, ZHEJIANG = "330523", "330521", "330522", "330500", "330782", "330000"
MINORS, CRIMINAL = "未成年人检察部门", "刑事检察部门"

WITHIN: Mapping[str, tuple[str, ...]] = {
    # division: it and those above it
    ANJI: (ANJI, HUZHOU, ZHEJIANG),
    DEQING: (DEQING, HUZHOU, ZHEJIANG),
    CHANGXING: (CHANGXING, HUZHOU, ZHEJIANG),
    HUZHOU: (HUZHOU, ZHEJIANG),
    YIWU: (YIWU, ZHEJIANG),
    ZHEJIANG: (ZHEJIANG,),
}


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with one post; a service account has the duty of a handler and no department."""

    login: str
    region: str
    organ: str
    department: str = ""
    duties: frozenset[str] = frozenset({"handler"})


@dataclass(frozen=True, kw_only=True)
class Case:
    """A case as these rules need it. `reporter` is the reporting organ's type and division; `stage` is how far it got:
    a draft, dismissed, sent, or sealed; `asked` says that social workers are asked and not withdrawn."""

    county: str
    reporter: tuple[str, str]
    stage: str
    asked: bool = False


COUNTY_ROLES: Mapping[str, str] = {
    # role: the organ type that plays it in the case's county, once the report is sent
    "police": "police",
    "procuratorate": "procuratorate",
    "health": "health_commission",
    "education": "education_bureau",
    "civil_affairs": "civil_affairs",
}

ACTIONS: Mapping[str, str] = {
    # action: who takes it
    "report": "reporter",
    "dismiss": "reporter",
    "receive": "police",
    "triage": "police",
    "feedback": "police",
    "announceProsecution": "police",
    "requestSupport": "procuratorate",
    "withdrawSupport": "procuratorate",
    "close": "procuratorate",
    "acceptSupport": "social_work",
    "finishSupport": "social_work",
}


def roles(person: Person, case: Case) -> set[str]:
    """The roles that a person's organ has in a case."""
    held = {"reporter"} if (person.organ, person.region) == case.reporter else set()
    if case.stage != "sent" or person.region != case.county:
        return held
    for role, organ in COUNTY_ROLES.items():
        # In a procuratorate it is the department for minors that works on these cases.
        if person.organ == organ and (role != "procuratorate" or person.department == MINORS):
            held.add(role)
    if person.organ == "social_work" and case.asked:
        held.add("social_work")
    return held


def works_on_cases(person: Person) -> bool:
    """Administrators see no case by virtue of their post, nor does a region's administrator."""
    return bool(person.duties & {"clerk", "handler", "approver"})


def supervises(person: Person, case: Case) -> bool:
    """The procuratorates' departments for minors read what is reported in their division and below, drafts aside."""
    above = WITHIN[case.county]
    is_one = person.organ == "procuratorate" and person.department == MINORS
    return is_one and person.region in above and case.stage != "draft"


LINES = ("health_commission", "education_bureau", "civil_affairs")
"""Whose authorities above read what their line below takes part in."""


def above_in_line(person: Person, case: Case) -> bool:
    """A city's or the province's health, education and civil affairs authorities read what their line's organ of a county
    below is told of."""
    return person.organ in LINES and case.stage == "sent" and person.region in WITHIN[case.county][1:]


def reads(person: Person, case: Case) -> bool:
    """A sealed case is read by nobody."""
    if not works_on_cases(person) or case.stage == "sealed":
        return False
    return bool(roles(person, case)) or supervises(person, case) or above_in_line(person, case)


def answer(person: Person, case: Case, action: str) -> str:
    """What somebody is told who takes an action: `may`, that they may not, or that there is no such case."""
    if not reads(person, case):
        return "not_found"
    return "may" if ACTIONS[action] in roles(person, case) else "action_not_allowed"


def answer_for(person: Person, case: Case, allowed: bool) -> str:
    """What somebody is told who does what only some of those who read the case may do."""
    if not reads(person, case):
        return "not_found"
    return "may" if allowed else "action_not_allowed"


EMERGENCY_ORGANS = ("police", "procuratorate", "civil_affairs", "hospital")
"""Whose people may break the glass."""

SERVICES = ("clinic",)
"""Service accounts, which no emergency meets."""


def breaks_glass(person: Person, case: Case) -> str:
    """An emergency opens what is reported or dismissed to people of four kinds of organ; who reads it needs none."""
    fits = person.organ in EMERGENCY_ORGANS and works_on_cases(person) and person.login not in SERVICES
    if not fits or case.stage in ("draft", "sealed"):
        return "not_found"
    return "glass_not_needed" if reads(person, case) else "may"


def unseals(person: Person, case: Case) -> bool:
    """An approver of the department that closed and sealed, for a sealed case."""
    seals = person.organ == "procuratorate" and person.department == MINORS and person.region == case.county
    return case.stage == "sealed" and seals and "approver" in person.duties


def is_addressed(person: Person, organ: str, region: str, department: str) -> bool:
    """Whether a letter to an organ's department, or to all of the organ, is the person's to sign for."""
    return (person.organ, person.region) == (organ, region) and department in ("", person.department)


def administers(person: Person, region: str) -> bool:
    """A region's administrator: there and below."""
    return "region_admin" in person.duties and person.region in WITHIN[region]
