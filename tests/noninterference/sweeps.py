"""Everything that one person can ask of the product: GraphQL made from the schema, and every other address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from graphql import GraphQLSchema, OperationType
from litestar.routes import HTTPRoute

from gongzhi.cases.cursor import cursor_of

from .asking import Operation, Place, Pool, operations, ways
from .told import BASE, told, words
from .worlds import ANJI, CHANGXING, DEQING, HUZHOU, YIWU, ZHEJIANG, World

NOBODY = UUID("7d3f1c52-9a64-4b0e-8f21-5c6a7b8d9e01")
"""An id that nothing has."""

KEY = "the key of this act"
"""Stands for an idempotency key until the act is sent."""

ENTITLES: Mapping[Place, str] = {
    (
        "AccessMutation",
        "breakGlass",
    ): "whoever breaks the glass is shown the case: it is hidden from them no longer, their"
    " supervisors are told at once, and it is reviewed. What is sealed stays sealed, and is tried here too",
}
"""Mutations that make a right to see a case, and why; with them only cases are tried that nobody gains a right to."""

ADDRESSES = (ANJI, YIWU, ZHEJIANG, "999999")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that can be sent to any world. `about` is the field it tries, or the address."""

    login: str | None
    method: str
    path: str
    about: Place
    json: Any = None
    schema: GraphQLSchema | None = field(default=None, repr=False)
    document: str = ""


@dataclass(frozen=True, kw_only=True)
class Things:
    """Global ids, cursors and words that belong to cases of a world."""

    cases: Sequence[str]
    letters: Sequence[str]
    items: Sequence[str]
    others: Sequence[str]
    cursors: Sequence[str]
    words: Sequence[str]
    numbers: Sequence[str]

    @classmethod
    async def of(cls, world: World, names: Sequence[str]) -> Things:
        """Those of the cases named."""
        ids = [UUID(world.cases[name]) for name in names]

        async def found(sql: str) -> list[dict[str, Any]]:
            return await world.fetch(f"{sql} WHERE case_id = ANY($1) ORDER BY 2, 1", ids)

        cases = await world.fetch(
            "SELECT id, updated_at, title FROM cases WHERE id = ANY($1) ORDER BY array_position($1, id)", ids
        )
        letters = await found("SELECT id, accepted_at, number FROM letter")
        deadlines = await found("SELECT id, started_at FROM deadline")
        notices = await found("SELECT id, at FROM notice")
        events = await found("SELECT id, at FROM case_event")
        evidence = await world.fetch(
            "SELECT e.id FROM evidence e JOIN letter l ON l.id = e.letter_id WHERE l.case_id = ANY($1)"
            " ORDER BY e.at, e.step, l.role LIMIT 2",
            ids,
        )
        titles = [re.sub(r".*·", "", row["title"]["zh"]) for row in cases]
        return cls(
            cases=[f"Case:{row['id']}" for row in cases],
            letters=[f"Letter:{row['id']}" for row in letters],
            items=[f"InboxItem:{row['id']}" for row in (*notices, *letters[:2], *deadlines[:2])],
            others=[
                *(f"Deadline:{row['id']}" for row in deadlines[:1]),
                *(f"TimelineEvent:{row['id']}" for row in events[:1]),
                *(f"Evidence:{row['id']}" for row in evidence[:1]),
                *(f"Organ:{row['id']}" for row in cases[:1]),
            ],
            cursors=[
                *(cursor_of(row["updated_at"], row["id"]) for row in cases),
                *(cursor_of(row["at"], row["id"]) for row in events[:2]),
                *(cursor_of(row["accepted_at"], row["id"]) for row in letters[:2]),
            ],
            words=[*dict.fromkeys([*titles, *(word for name in names for word in words(name))])],
            numbers=[row["number"] for row in letters if row["number"]],
        )


def pool(seen: Things, hidden: Things, organs: Sequence[str], *, some: int) -> Pool:
    """What is typed: things of cases that both worlds have, of cases that one has, and of no case. `some` says how many
    of each."""
    by_name: Mapping[str, Sequence[Any]] = {
        "first": (20, 1, 0, 100),
        "after": (None, *seen.cursors[:1], *hidden.cursors[:some], *hidden.cursors[-some:], "junk"),
        "search": (None, *hidden.words[: 2 * some], *seen.words[:1], *hidden.numbers[:1]),
        "scene": ("minor_protection", None, "nothing"),
        "key": (KEY,),
        "rowVersion": (None, 1, 99),
        "case": (*seen.cases, *_spread(hidden.cases, some + 1), f"Case:{NOBODY}", None),
        "letter": (*seen.letters[: 4 * some], *_spread(hidden.letters, 2 * some), f"Letter:{NOBODY}"),
        "item": (*seen.items[: 2 * some], *_spread(hidden.items, 2 * some), f"InboxItem:{NOBODY}"),
        "id": (
            *seen.cases,
            *_spread(hidden.cases, 4 * some),
            *seen.letters[: 2 * some],
            *_spread(hidden.letters, 2 * some),
            *hidden.others,
            *organs[:1],
            f"Case:{NOBODY}",
            f"Letter:{NOBODY}",
            f"Organ:{NOBODY}",
            "junk",
        ),
        "date": ("2026-03-04",),
        "birth_date": ("2012-10-20",),
        "prosecution_date": ("2026-12-01",),
        "age_years": (13,),
        "region": (ANJI, YIWU, "999999"),
        "organ": (*organs[:1], f"Organ:{NOBODY}"),
        "role": ("police",),
        "login": ("teacher", "nobody"),
        "number": (None, *hidden.numbers[:1], *seen.numbers[:1]),
        "days": (1,),
    }
    draft = told("draft", ANJI)
    whole: Mapping[str, Sequence[Any]] = {
        "findings": [BASE["findings"]],
        "child": [draft["child"]],
        "encounter": [draft["encounter"]],
        "acceptance": ["CRIMINAL"],
        "triage_category": ["POLICE"],
        "situations": [["SEVERAL_INJURIES"]],
        "config": [{}],
    }
    by_type: Mapping[str, Sequence[Any]] = {
        "DivisionCode": (ANJI, DEQING, "999999"),
        "Date": ("2026-03-04",),
        "DateTime": ("2026-03-04T01:00:00Z",),
        "Boolean": (None, True, False),
        "Int": (1,),
        "Float": (1.5,),
        "Fen": (100,),
        "CreditCode": ("91330000MA27U0TQ1X",),
        "JSON": ({},),
        "ID": (*seen.cases[:1], *hidden.cases[:some], f"Case:{NOBODY}"),
        "String": (*hidden.words[:1], None, "文"),
    }
    return Pool(
        values=lambda path, type_: by_name.get(path[-1]) or by_type[type_],
        whole=lambda path: whole.get(path[-1]) if len(path) > 1 else None,
    )


def _spread(things: Sequence[str], count: int) -> Sequence[str]:
    """Up to `count` of them, from all over."""
    return things if len(things) <= count else [things[i * len(things) // count] for i in range(count)]


def of_graphql(
    schema: GraphQLSchema,
    login: str | None,
    region: str,
    pool: Pool,
    kind: str,
    *,
    barred: Pool | None = None,
    thorough: bool = False,
) -> Iterator[Request]:
    """Every operation of a kind that the schema admits; `barred` is what is typed where a case is opened by `ENTITLES`."""
    root = schema.get_root_type(OperationType(kind))
    for way in ways(schema, root):
        typed = barred if barred is not None and way.place in ENTITLES else pool
        for operation in operations(schema, kind, way, typed, thorough=thorough):
            yield request_of(schema, login, region, operation)


def plainly(
    schema: GraphQLSchema, login: str | None, region: str, pool: Pool, kind: str = "query"
) -> Iterator[Request]:
    """Of every field the plainest operation alone."""
    root = schema.get_root_type(OperationType(kind))
    for way in ways(schema, root):
        yield request_of(schema, login, region, next(operations(schema, kind, way, pool)))


def request_of(schema: GraphQLSchema, login: str | None, region: str, operation: Operation) -> Request:
    """The request that carries an operation."""
    return Request(
        login=login,
        method="POST",
        path=f"/graphql/{region}",
        about=operation.about,
        json={"query": operation.document, "variables": dict(operation.variables)},
        schema=schema,
        document=operation.document,
    )


def with_key(request: Request, key: str) -> Request:
    """The request with an idempotency key of its own."""
    if not (isinstance(request.json, dict) and KEY in request.json.get("variables", {}).values()):
        return request
    filled = {name: key if value == KEY else value for name, value in request.json["variables"].items()}
    return replace(request, json={**request.json, "variables": filled})


PAGES = ("/console", "/graphiql", "/openapi")
"""What is the same for everybody: no handler there asks who comes."""


def of_http(
    world: World, login: str | None, seen: Things, hidden: Things, *, pages: bool = True
) -> Iterator[Request]:
    """Every address that the application answers at, by every method, with ids of all kinds in its path."""
    letters = [*seen.letters[:3], *_spread(hidden.letters, 4), f"Letter:{NOBODY}"]
    cases = [*seen.cases[:1], *_spread(hidden.cases, 3), f"Case:{NOBODY}"]
    pdfs = [f"{letter.removeprefix('Letter:')}.pdf" for letter in letters]
    bodies = [None, {"login": "doctor", "password": "no such password"}]
    filled: Mapping[str, Sequence[str]] = {
        "division": ADDRESSES,
        "name": [*pdfs, *letters, *cases, "junk"],
        "address": ["0/000", "entries/000", "0/000.p/3", "junk"],
        "path": ["nothing", "assets/nothing.js", f"minor-protection/reports/{cases[0][5:]}", "cds-services"],
    }
    for route in world.application.asgi.routes:
        if not isinstance(route, HTTPRoute) or (route.path.startswith(PAGES) and not pages):
            continue
        path_format = route.path_format
        for path in _paths(route, filled):
            for method in sorted(route.methods - {"OPTIONS", "HEAD"}):
                given = bodies if method in ("POST", "PUT", "PATCH") and "{" not in path_format else [None]
                for body in given:
                    about = (method, path_format)
                    yield Request(login=login, method=method, path=path, about=about, json=body)


def intakes(login: str | None, hidden: Things) -> Iterator[Request]:
    """What a clinic's system sends to the scene's doors about a child of a hidden case, and about hidden cases."""
    draft = told("draft", ANJI)
    for division in (HUZHOU, ANJI, CHANGXING):
        for case in (*_spread(hidden.cases, 4), f"Case:{NOBODY}"):
            bare = case.removeprefix("Case:")
            for door, body in (
                ("reports", {"case": bare, "facts": "补充"}),
                ("dismissals", {"case": bare, "dismissal_reason": "NO_GROUND_AFTER_REVIEW"}),
            ):
                yield _intake(login, division, f"minor-protection/{door}", body)
        yield _intake(
            login,
            division,
            "minor-protection/screenings",
            {
                "patient_ref": draft["child"]["patient_ref"],
                "patient_name": draft["child"]["name"],
                "birth_date": draft["child"]["birth_date"],
                "encounter_ref": draft["encounter"]["ref"],
                "incident_division": ANJI,
                "icd10": ["S20.2", "S40.0", "S70.1"],
            },
        )


def _intake(login: str | None, division: str, path: str, body: Mapping[str, Any]) -> Request:
    return Request(
        login=login, method="POST", path=f"/r/{division}/{path}", about=("POST", path), json=dict(body)
    )


def _paths(route: HTTPRoute, filled: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The route's address with each value of each parameter, the others at their first."""
    names = re.findall(r"{(\w+)}", route.path_format)
    first = {name: filled.get(name, ["1"])[0] for name in names}
    tries = [first, *({**first, name: value} for name in names for value in filled.get(name, ["1"])[1:])]
    for given in tries:
        path = route.path_format
        for name, value in given.items():
            path = path.replace(f"{{{name}}}", value)
        yield path.replace("//", "/")
