"""The cells of the matrix, put to the real API one after the other: what was answered, and what stays behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import orjson

from ..noninterference.worlds import World
from .rules import (
    ACTIONS,
    ANJI,
    CHANGXING,
    CRIMINAL,
    DEQING,
    HUZHOU,
    MINORS,
    YIWU,
    ZHEJIANG,
    Case,
    Person,
    administers,
    answer,
    reads,
)

HOSPITAL, SCHOOL = ("hospital", HUZHOU), ("school", ANJI)

CASES: Mapping[str, Case] = {
    "prompted": Case(county=ANJI, reporter=HOSPITAL, stage="draft"),
    "draft": Case(county=ANJI, reporter=SCHOOL, stage="draft"),
    "dismissed": Case(county=ANJI, reporter=SCHOOL, stage="dismissed"),
    "reported": Case(county=ANJI, reporter=HOSPITAL, stage="sent"),
    "overdue": Case(county=ANJI, reporter=HOSPITAL, stage="sent", asked=True),
    "answered": Case(county=ANJI, reporter=HOSPITAL, stage="sent"),
    "school": Case(county=ANJI, reporter=SCHOOL, stage="sent"),
    "sealed": Case(county=ANJI, reporter=HOSPITAL, stage="sealed"),
    "deqing": Case(county=DEQING, reporter=("education_bureau", DEQING), stage="sent"),
    "deqing draft": Case(county=DEQING, reporter=("education_bureau", DEQING), stage="draft"),
    "changxing": Case(county=CHANGXING, reporter=("education_bureau", CHANGXING), stage="sent"),
}
"""The cases of the last of the worlds."""

_TYPES = ("police", "health_commission", "education_bureau", "civil_affairs", "social_work")
_ADMINISTRATORS = ("system_admin", "security_admin", "audit_admin", "region_admin")

INPUTS: Mapping[str, Mapping[str, Any] | None] = {
    "report": {"facts": "补充情况"},
    "dismiss": {"dismissal_reason": "NO_GROUND_AFTER_REVIEW"},
    "receive": None,
    "triage": {"triage_category": "POLICE", "acceptance": "CRIMINAL"},
    "feedback": {"feedback_outcome": "PROTECTED", "feedback_text": "已立案。"},
    "announceProsecution": {"prosecution_date": "2026-12-01"},
    "requestSupport": {"support_needs": ["LEGAL_AID"]},
    "withdrawSupport": {"support_withdrawal": "NO_CAPACITY"},
    "close": {"closing_reason": "HANDLED"},
    "acceptSupport": None,
    "finishSupport": {"support_outcome": "COMPLETED"},
}
STALE = 999
"""A version that no case has: whoever may act is told that it changed, and nothing happens."""


def people() -> list[Person]:
    """One of every kind of organ in two counties, the city, another city and the province; two departments of each
    procuratorate; the administrators; those who report."""
    found = [
        Person(login="doctor", region=HUZHOU, organ="hospital", department="急诊科"),
        Person(login="clinic", region=HUZHOU, organ="hospital"),
        Person(login="teacher", region=ANJI, organ="school"),
        Person(login="operator", region=ZHEJIANG, organ="platform"),
        Person(login="province", region=ZHEJIANG, organ="procuratorate", department=MINORS),
        Person(login="province-twin", region=ZHEJIANG, organ="procuratorate", department=CRIMINAL),
    ]
    for region in (ANJI, DEQING, HUZHOU, YIWU):
        found += [Person(login=f"m-{region}-{organ}", region=region, organ=organ) for organ in _TYPES]
        for name, department in (("minors", MINORS), ("criminal", CRIMINAL)):
            login = f"m-{region}-{name}"
            found.append(Person(login=login, region=region, organ="procuratorate", department=department))
    for duty in _ADMINISTRATORS:
        duties = frozenset({duty})
        login = f"m-{ZHEJIANG}-{duty}"
        found.append(Person(login=login, region=ZHEJIANG, organ="platform", duties=duties))
    county = Person(
        login=f"m-{ANJI}-region_admin", region=ANJI, organ="police", duties=frozenset({"region_admin"})
    )
    return [*found, county]


async def hire(world: World, persons: list[Person]) -> dict[str, str]:
    """Accounts for those who have none; answers everybody's token."""
    host, tokens = world.application.host, dict(world.tokens)
    async with host.store.unit_of_work() as uow:
        for person in persons:
            if person.login in tokens:
                continue
            organ = await uow.fetchval(
                "SELECT id FROM organ WHERE region = $1 AND type = $2", person.region, person.organ
            )
            known = await host.directory.person_add(uow, name=f"测试员{person.login}")
            post = await host.directory.post_add(
                uow,
                person_id=known,
                organ_id=organ,
                title="科员",
                duties=person.duties,
                valid_from=date(2024, 12, 2),
                department=person.department,
            )
            await host.directory.account_add(uow, login=person.login, post_id=post)
            tokens[person.login] = await host.sign_in.issue_token(
                uow, person.login, world.clock.now(), timedelta(days=30)
            )
    return tokens


@dataclass
class Matrix:
    """What came out: cells by operation, denials by code, and where an answer or the record was another than due."""

    cells: Counter[str] = field(default_factory=Counter)
    denials: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def ask(self, world: World, persons: list[Person]) -> None:
        """Every cell."""
        for person in persons:
            before = await _rows(world)
            await self._of_cases(world, person)
            await self._of_regions(world, person)
            await self._of_the_log(world, person)
            if changed := [table for table, rows in (await _rows(world)).items() if rows != before[table]]:
                self.wrong.append(f"{person.login}: {changed} changed")

    async def _of_cases(self, world: World, person: Person) -> None:
        listed = await self._listed(world, person)
        for name, case in CASES.items():
            due = reads(person, case)
            self._cell(
                "list", person, name, "shown" if due else "absent", "shown" if name in listed else "absent"
            )
            query = "query ($id: ID!) { case(id: $id) { id } }"
            async with _Leaves(world) as leaves:
                body = await self._graphql(world, person, query, {"id": f"Case:{world.cases[name]}"})
            told = "may" if body["data"]["case"] else body["errors"][0]["extensions"]["code"]
            self._cell("read", person, name, "may" if due else "not_found", told)
            self._record(
                person, name, leaves, [("open_case", "read" if due else "refused", "" if due else told)]
            )
            await self._acts(world, person, name, case)

    async def _acts(self, world: World, person: Person, name: str, case: Case) -> None:
        async with _Leaves(world) as leaves:
            body = await self._graphql(world, person, *_acts_on(world.cases[name], person.login))
        codes = {error["path"][-1]: error["extensions"]["code"] for error in body["errors"]}
        due = []
        for action in ACTIONS:
            told = codes.get(action, "done")
            wanted = answer(person, case, action)
            self._cell("act", person, f"{name}/{action}", wanted, "may" if told == "row_changed" else told)
            due.append((_snake(action), "refused", told))
        self._record(person, name, leaves, due)

    async def _of_regions(self, world: World, person: Person) -> None:
        query = (
            "query ($region: DivisionCode!) { administration { effectiveConfiguration("
            'input: {scene: "minor_protection", region: "%s"}) { state } } }'
        )
        for region in (ANJI, DEQING, HUZHOU, YIWU, ZHEJIANG):
            due = "may" if administers(person, region) else "action_not_allowed"
            if "region_admin" not in person.duties:
                due = "unknown_field"  # the namespace is not even in the schema
            async with _Leaves(world) as leaves:
                document = (query % region).replace("query ($region: DivisionCode!)", "query")
                body = await self._graphql(world, person, document, {})
            told = body["errors"][0]["extensions"]["code"] if "errors" in body else "may"
            # Whoever may is told what holds, and where nothing does, that.
            self._cell("administer", person, region, due, "may" if told == "scene_not_enabled" else told)
            if told != "may":
                action = "request" if told == "unknown_field" else "effective_configuration"
                self._record(person, region, leaves, [(action, "refused", told)])

    async def _of_the_log(self, world: World, person: Person) -> None:
        due = "may" if "audit_admin" in person.duties else "action_not_allowed"
        async with _Leaves(world) as leaves:
            reply = await world.send("GET", "/audit/tile/entries/000", person.login)
        told = "may" if reply.status_code in (200, 404) else reply.json()["code"]
        self._cell("audit", person, "entries", due, told)
        if told != "may":
            self._record(person, "entries", leaves, [("read_entries", "refused", told)])

    async def _listed(self, world: World, person: Person) -> set[str]:
        query = "{ cases(first: 100) { nodes { id } } }"
        body = (await world.graphql(person.login, ZHEJIANG, query)).json()
        ids = {node["id"].removeprefix("Case:") for node in body["data"]["cases"]["nodes"]}
        return {name for name, id_ in world.cases.items() if id_ in ids}

    async def _graphql(self, world: World, person: Person, query: str, values: Mapping[str, Any]) -> Any:
        reply = await world.graphql(person.login, _address(person), query, values)
        return reply.json()

    def _cell(self, operation: str, person: Person, about: str, due: str, told: str) -> None:
        self.cells[operation] += 1
        if due not in ("may", "shown"):
            self.denials[due] += 1
        if told != due:
            self.wrong.append(f"{operation} {person.login} {about}: {told}, not {due}")

    def _record(self, person: Person, about: str, leaves: _Leaves, due: list[tuple[str, str, str]]) -> None:
        found = [(leaf["action"], leaf["outcome"], leaf["code"]) for leaf in leaves.new]
        if found != due:
            self.wrong.append(f"record of {person.login} on {about}: {found}, not {due}")


class _Leaves:
    """The audit entries that come while it is entered, in order."""

    def __init__(self, world: World) -> None:
        self._world, self.new = world, list[dict[str, Any]]()

    async def __aenter__(self) -> _Leaves:
        (row,) = await self._world.fetch("SELECT coalesce(max(id), 0) AS last FROM audit_pending")
        self._last = row["last"]
        return self

    async def __aexit__(self, *_: object) -> None:
        rows = await self._world.fetch("SELECT leaf FROM audit_pending WHERE id > $1 ORDER BY id", self._last)
        self.new = [{"code": "", **orjson.loads(row["leaf"])} for row in rows]


def _acts_on(case_id: str, login: str) -> tuple[str, dict[str, Any]]:
    """Every action on a case, in one request, each as if the case had changed meanwhile."""
    declared, fields = ["$case: ID!"], []
    values: dict[str, Any] = {"case": f"Case:{case_id}"}
    for action, given in INPUTS.items():
        kind = action[0].upper() + action[1:]
        passed = f'case: $case, key: "matrix-{action}-{login[:40]}", rowVersion: {STALE}'
        if given is not None:
            required = "" if action == "report" else "!"
            declared.append(f"${action}: MinorProtection{kind}Input{required}")
            values[action] = given
            passed += f", input: ${action}"
        fields.append(f"{action}({passed}) {{ replayed }}")
    return f"mutation ({', '.join(declared)}) {{ minorProtection {{ {' '.join(fields)} }} }}", values


def _address(person: Person) -> str:
    """An address in whose view the scene is and which is the person's own or above."""
    return ZHEJIANG if person.region in (YIWU, ZHEJIANG) else person.region


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


async def _rows(world: World) -> dict[str, str]:
    """A hash of every table but the log."""
    tables = await world.fetch(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
        " AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'audit%' ORDER BY 1"
    )
    return {table["name"]: await _hash(world, table["name"]) for table in tables}


async def _hash(world: World, table: str) -> str:
    (row,) = await world.fetch(
        f"SELECT coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '') AS hash FROM \"{table}\" t"
    )
    return str(row["hash"])
