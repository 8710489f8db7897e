"""The cells of the matrix, put to the real API one after the other: what was answered, and what stays behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import orjson

from gongzhi.declarations import Command
from gongzhi.identity.actors import Actor

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
    answer_for,
    breaks_glass,
    is_addressed,
    reads,
    supervises,
    unseals,
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

AT_ONCE = 15
"""Acts in one request."""

TRIES_FORGOTTEN, GLASS_AGAIN = timedelta(minutes=16), timedelta(hours=9)
"""After so long tries at the glass are not counted any more, and it may be broken again: three times a day."""


def people() -> list[Person]:
    """One of every kind of organ in two counties, the city, another city and the province; two departments of each
    procuratorate; the administrators; those who report, and one who signs off."""
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
    approver = Person(
        login=f"m-{ANJI}-approver",
        region=ANJI,
        organ="procuratorate",
        department=MINORS,
        duties=frozenset({"approver"}),
    )
    return [*found, county, approver]


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
                uow, person.login, world.clock.now(), timedelta(days=300)
            )
    return tokens


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One cell that is an act of core's: the mutation, and what is due. `stopped_by` is the refusal of what has nothing to
    do with rights, which whoever may meets, so that nothing comes of it; without one it is `done`, with this code."""

    operation: str
    about: str
    namespace: str
    field: str
    given: str
    due: str
    stopped_by: str = "done"
    done: str = ""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter of a case, and to whom it went."""

    id: str
    case: str
    kind: str
    organ: str
    region: str
    department: str


@dataclass(frozen=True, kw_only=True)
class Grants:
    """A broken glass of the case `reported` and an unsealing of the sealed one, both over, the first reviewed;
    `requester` is whom it was opened to."""

    glass: str
    unsealing: str
    requester: str


async def granted(world: World) -> Grants:
    """Let an officer elsewhere break the glass, and the sealed case be opened to organs that nobody of the matrix is of."""
    host = world.application.host
    async with host.store.unit_of_work() as uow:
        organ = await uow.fetchval("SELECT id FROM organ WHERE type = 'police' AND region = $1", CHANGXING)
        approver = await host.directory.actor(uow, f"m-{ANJI}-approver", world.clock.now())
        officer = await host.directory.actor(uow, "yiwu-police", world.clock.now())
        procurator = await host.directory.actor(uow, "procurator", world.clock.now())

    async def act(actor: Actor, action: str, value: Mapping[str, Any], case: UUID | None = None) -> Any:
        command = Command(
            namespace="access", action=action, input=value, key=f"matrix-{action}", case_id=case
        )
        return (await host.dispatch.act(actor, command, ZHEJIANG)).output

    note = {"reason": "danger_to_life", "note": "核对孩子是否安全"}
    glass = (await act(officer, "break_glass", {**note, "case": world.cases["reported"]}))["grant"]
    await act(procurator, "review_break_glass", {"grant": glass, "finding": "justified"})
    asked = {"ground": "judicial", "request_number": "长公刑〔2026〕1号", "purpose": "办理另案需要"}
    named = {"requester": str(organ), "days": 1}
    opened = await act(approver, "unseal", {**asked, **named}, UUID(world.cases["sealed"]))
    world.clock.advance(timedelta(days=2))
    return Grants(glass=glass, unsealing=opened["grant"], requester=str(organ))


async def stop(world: World) -> None:
    """Make the scene read-only in all of Huzhou: whoever may act is told so, and nothing happens."""
    host = world.application.host
    async with host.store.unit_of_work() as uow:
        administrator = await host.directory.actor(uow, "admin", world.clock.now())
    value: dict[str, Any] = {"scene": "minor_protection", "region": HUZHOU, "roles": [], "state": "read_only"}
    command = Command(namespace="administration", action="enable_scene", input=value, key="matrix-stop")
    await host.dispatch.act(administrator, command, ZHEJIANG)


async def letters_of(world: World) -> list[Letter]:
    """Every letter of the cases of the matrix."""
    names = {id_: name for name, id_ in world.cases.items() if name in CASES}
    rows = await world.fetch(
        "SELECT l.id, l.case_id, l.kind, o.type, o.region, l.to_department FROM letter l"
        " JOIN organ o ON o.id = l.to_organ WHERE l.case_id = ANY($1::uuid[]) ORDER BY l.case_id, l.id",
        list(names),
    )
    return [
        Letter(
            id=str(row["id"]),
            case=names[str(row["case_id"])],
            kind=row["kind"],
            organ=row["type"],
            region=row["region"],
            department=row["to_department"],
        )
        for row in rows
    ]


def _beyond_the_post(person: Person, world: World, grants: Grants) -> list[Ask]:
    """Reveals of a field that is none, unsealings that must be refused, and two grants that are over."""
    reveals = [
        Ask(
            operation="reveal",
            about=name,
            namespace="access",
            field="revealCase",
            given=f'case: "Case:{world.cases[name]}", reason: HANDLING, fields: ["/none"]',
            due="may" if reads(person, case) else "not_found",
            stopped_by="invalid_input",
        )
        for name, case in CASES.items()
    ]
    refused = [
        _unsealing(person, world, grants, name) for name, case in CASES.items() if not unseals(person, case)
    ]
    reported, sealed = CASES["reported"], CASES["sealed"]
    reviews = answer_for(person, reported, supervises(person, reported))
    over = [
        ("end grant", "glass", "endGrant", f'grant: "Grant:{grants.glass}"', reviews),
        (
            "end grant",
            "unsealing",
            "endGrant",
            f'grant: "Grant:{grants.unsealing}"',
            "may" if unseals(person, sealed) else "not_found",
        ),
        (
            "review",
            "glass",
            "reviewBreakGlass",
            f'glass: "Grant:{grants.glass}", finding: JUSTIFIED',
            reviews,
        ),
    ]
    ended = [
        Ask(
            operation=operation,
            about=about,
            namespace="access",
            field=field,
            given=given,
            due=due,
            stopped_by="invalid_input",
        )
        for operation, about, field, given, due in over
    ]
    return [*reveals, *refused, *ended]


def _unsealing(person: Person, world: World, grants: Grants, name: str) -> Ask:
    return Ask(
        operation="unseal",
        about=name,
        namespace="access",
        field="unseal",
        given=f'case: "Case:{world.cases[name]}", ground: JUDICIAL, requestNumber: "长公刑〔2026〕2号",'
        f' requester: "Organ:{grants.requester}", purpose: "办理另案需要", days: 1',
        due="may" if unseals(person, CASES[name]) else "unsealing_refused",
        done="unsealing.judicial",
    )


def _glass(person: Person, world: World, name: str) -> Ask:
    return Ask(
        operation="break glass",
        about=name,
        namespace="access",
        field="breakGlass",
        given=f'case: "Case:{world.cases[name]}", reason: DANGER_TO_LIFE, note: "核对孩子是否安全"',
        due=breaks_glass(person, CASES[name]),
        done="break_glass.danger_to_life",
    )


def _in_running_cases(person: Person, world: World, letters: list[Letter]) -> list[Ask]:
    """Nudges, and signing for every letter, where the scene takes no acts any more."""
    nudges = [
        Ask(
            operation="nudge",
            about=name,
            namespace="supervision",
            field="nudge",
            given=f'case: "Case:{world.cases[name]}", reason: "请尽快办理"',
            due=answer_for(person, case, supervises(person, case)),
            stopped_by="scene_read_only",
        )
        for name, case in CASES.items()
    ]
    signed = [
        Ask(
            operation="sign",
            about=f"{letter.case}/{letter.kind} to {letter.organ}",
            namespace="letters",
            field="sign",
            given=f'letter: "Letter:{letter.id}"',
            due=answer_for(
                person,
                CASES[letter.case],
                is_addressed(person, letter.organ, letter.region, letter.department),
            ),
            stopped_by="scene_read_only",
        )
        for letter in letters
    ]
    return [*nudges, *signed]


@dataclass
class Matrix:
    """What came out: cells by operation, denials by code, and where an answer or the record was another than due."""

    cells: Counter[str] = field(default_factory=Counter)
    denials: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    requests: int = 0

    async def ask(self, world: World, persons: list[Person]) -> None:
        """Every cell."""
        grants = await granted(world)
        for person in persons:
            before = await _rows(world)
            await self._of_cases(world, person)
            await self._of_regions(world, person)
            await self._of_the_log(world, person)
            await self._together(world, person, _beyond_the_post(person, world, grants))
            await self._of_glass(world, person, grants, before)
        await stop(world)
        letters = await letters_of(world)
        for person in persons:
            before = await _rows(world)
            await self._together(world, person, _in_running_cases(person, world, letters))
            await self._unchanged(world, person, before)

    async def _unchanged(self, world: World, person: Person, before: Mapping[str, str], *but: str) -> None:
        after = await _rows(world)
        if changed := [table for table, rows in after.items() if rows != before[table] and table not in but]:
            self.wrong.append(f"{person.login}: {changed} changed")

    async def _together(self, world: World, person: Person, asks: list[Ask]) -> None:
        """Acts of one namespace after the other, so many in a request; none of them may come to anything."""
        for namespace in dict.fromkeys(ask.namespace for ask in asks):
            of_it = [ask for ask in asks if ask.namespace == namespace]
            for first in range(0, len(of_it), AT_ONCE):
                await self._request(world, person, namespace, of_it[first : first + AT_ONCE])

    async def _request(self, world: World, person: Person, namespace: str, asks: list[Ask]) -> None:
        self.requests += 1
        fields = [
            f'a{n}: {ask.field}({ask.given}, key: "matrix-{self.requests}-{n}") {{ replayed }}'
            for n, ask in enumerate(asks)
        ]
        async with _Leaves(world) as leaves:
            document = f"mutation {{ {namespace} {{ {' '.join(fields)} }} }}"
            body = await self._graphql(world, person, document, {})
        codes = {error["path"][-1]: error["extensions"]["code"] for error in body.get("errors", ())}
        due = []
        for n, ask in enumerate(asks):
            told = codes.get(f"a{n}", "done")
            self._cell(ask.operation, person, ask.about, ask.due, "may" if told == ask.stopped_by else told)
            outcome = ("done", ask.done) if told == "done" else ("refused", told)
            due.append((_snake(ask.field), *outcome))
        self._record(person, f"{namespace} of {asks[0].about}", leaves, due)

    async def _of_glass(
        self, world: World, person: Person, grants: Grants, before: Mapping[str, str]
    ) -> None:
        """First what must be refused, which changes nothing but the count of tries; then what opens a case."""
        asks = [_glass(person, world, name) for name in CASES]
        for ask in [ask for ask in asks if ask.due != "may"]:
            await self._request(world, person, ask.namespace, [ask])
            world.clock.advance(TRIES_FORGOTTEN)
        await self._unchanged(world, person, before, "sign_in_attempt")
        for ask in [ask for ask in asks if ask.due == "may"]:
            await self._request(world, person, ask.namespace, [ask])
            world.clock.advance(GLASS_AGAIN)
        for name, case in CASES.items():
            if unseals(person, case):
                await self._request(world, person, "access", [_unsealing(person, world, grants, name)])

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
    hashes = " UNION ALL ".join(
        f"SELECT '{table['name']}' AS name, coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '') AS hash"
        f' FROM "{table["name"]}" t'
        for table in tables
    )
    return {row["name"]: row["hash"] for row in await world.fetch(hashes)}
