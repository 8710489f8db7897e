"""What must be refused, over HTTP: a code, a remedy in both languages, an audit entry where the actor is known, and
nothing else: no other change in any table, and nothing personal in the reply or in the server's log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from gongzhi.audit.tiles import unpack_entries

from ..conftest import DemoServer

ANJI, HUZHOU, YIWU = "330523", "330500", "330782"
REPORTS = f"/r/{HUZHOU}/minor-protection/reports"
SERVICE = f"/r/{HUZHOU}/cds-services/mandatory-report-patient-view"
PERSONAL = ("隐名童", "13800138000", "紫竹巷七号")
"""A name, a telephone number and an address that stand in every body here."""

LARGE = 20_000_000
KEPT_APART = {
    "audit_pending",
    "audit_tile",
    "audit_bundle",
    "audit_position",
    "audit_head",
    "sign_in_attempt",
}
"""Tables that a refusal does change: the audit log's own, and the counter of failed credentials."""

REPORT = """
mutation ($input: MinorProtectionReportInput!, $key: String!) {
  minorProtection { report(input: $input, key: $key) { replayed case { id } } }
}
"""
TRIAGE = """
mutation ($case: ID!, $input: MinorProtectionTriageInput!, $key: String!) {
  minorProtection { triage(case: $case, input: $input, key: $key) { replayed } }
}
"""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What the cases stand on: the demo, a report that was made (its key, its case), and a token that is over."""

    demo: DemoServer
    key: str
    case: str
    stale: str

    def post(self, login: str, path: str, *, language: str = "zh", **options: Any) -> httpx.Response:
        headers = {"accept-language": language, **options.pop("headers", {})}
        with self.demo.client(login) as client:
            return client.post(path, headers=headers, **options)

    def graphql(self, login: str, region: str, query: str, language: str, **variables: Any) -> httpx.Response:
        body = {"query": query, "variables": variables}
        return self.post(login, f"/graphql/{region}", language=language, json=body)


Send = Callable[[Ground, str], httpx.Response]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One refusal: how it is asked for, and what must come. `action` is the audit entry's."""

    name: str
    send: Send
    code: str
    status: int = 400
    action: str


def personal(**changes: Any) -> dict[str, Any]:
    """A report that would be taken, were it not for the changes."""
    name, phone, street = PERSONAL
    return {
        "situations": ["SEVERAL_INJURIES"],
        "facts": f"在{street}被发现，多处瘀伤",
        "child": {"name": name, "birth_date": "2011-09-01", **changes.pop("child", {})},
        "incident_division": ANJI,
        "reporter": {"name": name, "phone": phone},
        **changes,
    }


def record(birth_date: str) -> dict[str, Any]:
    """A CDS Hooks request about a patient with that birth date."""
    name, phone, street = PERSONAL
    patient = {
        "resourceType": "Patient",
        "id": uuid4().hex,
        "name": [{"text": name}],
        "telecom": [{"value": phone}],
        "address": [{"district": ANJI, "text": street}],
        "birthDate": birth_date,
    }
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid4()),
        "context": {"userId": "Practitioner/1", "patientId": patient["id"]},
        "prefetch": {
            "patient": patient,
            "conditions": {"resourceType": "Bundle", "type": "searchset", "entry": []},
        },
    }


def key() -> str:
    return uuid4().hex


def report(**changes: Any) -> Send:
    """A report by the clinic's JSON intake."""
    return lambda ground, language: ground.post(
        "clinic", REPORTS, language=language, json=personal(**changes)
    )


def raw(content: bytes, path: str = REPORTS, login: str = "clinic") -> Send:
    """A body as it stands."""
    headers = {"content-type": "application/json"}
    return lambda ground, language: ground.post(
        login, path, language=language, content=content, headers=headers
    )


def asked(login: str, region: str = ANJI, **changes: Any) -> Send:
    """A report by GraphQL."""
    return lambda ground, language: ground.graphql(
        login, region, REPORT, language, input=personal(**changes), key=key()
    )


def stale(path: str, body: Any) -> Send:
    """A request with the token that is over."""

    def send(ground: Ground, language: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {ground.stale}"}
        return ground.post("clinic", path, language=language, json=body, headers=headers)

    return send


def dismiss_what_was_reported(ground: Ground, language: str) -> httpx.Response:
    body = {"case": ground.case, "dismissal_reason": "ACCIDENT_CONFIRMED"}
    return ground.post("clinic", f"/r/{HUZHOU}/minor-protection/dismissals", language=language, json=body)


def triage_before_signing(ground: Ground, language: str) -> httpx.Response:
    given = {"triage_category": "URGENT", "acceptance": "CRIMINAL", "acceptance_no": PERSONAL[0]}
    return ground.graphql(
        "police", ANJI, TRIAGE, language, case=f"Case:{ground.case}", input=given, key=key()
    )


def same_key_other_body(ground: Ground, language: str) -> httpx.Response:
    headers = {"idempotency-key": ground.key}
    return ground.post("clinic", REPORTS, language=language, json=personal(urgent=True), headers=headers)


def same_key_other_body_by_graphql(ground: Ground, language: str) -> httpx.Response:
    given = personal(urgent=True)
    return ground.graphql("clinic", HUZHOU, REPORT, language, input=given, key=ground.key)


TEXT = PERSONAL[2].encode()
QUERY = orjson.dumps({"query": REPORT, "variables": {"input": personal(), "key": "0123456789"}})
DOOR = "minor-protection/reports"

CASES = (
    Case(name="an unknown field", send=report(colour=PERSONAL[0]), code="unknown_field", action=DOOR),
    Case(
        name="an unknown field, by GraphQL",
        send=asked("doctor", HUZHOU, colour=PERSONAL[0]),
        code="unknown_field",
        status=200,
        action="request",
    ),
    Case(
        name="a day that no calendar has",
        send=report(child={"birth_date": "2011-02-30"}),
        code="impossible_date",
        action=DOOR,
    ),
    Case(
        name="a birth date in the future, by CDS Hooks",
        send=lambda ground, language: ground.post(
            "clinic", SERVICE, language=language, json=record("2031-01-05")
        ),
        code="impossible_date",
        action="cds-services/mandatory-report-patient-view",
    ),
    Case(
        name="a day that no calendar has, by GraphQL",
        send=asked("doctor", HUZHOU, child={"birth_date": "2011-02-30"}),
        code="impossible_date",
        status=200,
        action="request",
    ),
    Case(
        name="an action in the wrong state",
        send=dismiss_what_was_reported,
        code="wrong_state",
        status=409,
        action="dismiss",
    ),
    Case(
        name="an action in the wrong state, by GraphQL",
        send=triage_before_signing,
        code="wrong_state",
        status=200,
        action="triage",
    ),
    Case(
        name="an organ outside the region",
        send=lambda ground, language: ground.post("yiwu-clinic", REPORTS, language=language, json=personal()),
        code="organ_outside_region",
        status=403,
        action=DOOR,
    ),
    Case(
        name="an organ outside the region, by GraphQL",
        send=asked("yiwu-doctor"),
        code="organ_outside_region",
        status=200,
        action="report",
    ),
    Case(
        name="a county that has not enabled the scene",
        send=report(incident_division=YIWU),
        code="scene_not_enabled",
        status=404,
        action="report",
    ),
    Case(
        name="the address of a county that has not enabled the scene",
        send=lambda ground, language: ground.post(
            "yiwu-clinic", f"/r/{YIWU}/minor-protection/reports", language=language, json=personal()
        ),
        code="not_found",
        status=404,
        action="request",
    ),
    Case(
        name="a county that has not enabled the scene, by GraphQL",
        send=asked("yiwu-doctor", YIWU),
        code="invalid_query",
        status=200,
        action="request",
    ),
    Case(
        name="a stale token",
        send=stale(REPORTS, personal()),
        code="token_stale",
        status=401,
        action="authenticate",
    ),
    Case(
        name="a stale token, by GraphQL",
        send=stale(f"/graphql/{HUZHOU}", orjson.loads(QUERY)),
        code="token_stale",
        status=401,
        action="authenticate",
    ),
    Case(
        name="20 MB",
        send=raw(b'{"facts": "' + TEXT + b"x" * LARGE + b'"}'),
        code="body_too_large",
        status=413,
        action=DOOR,
    ),
    Case(
        name="20 MB, by GraphQL",
        send=raw(QUERY + b" " * LARGE, f"/graphql/{HUZHOU}"),
        code="body_too_large",
        status=413,
        action="request",
    ),
    Case(
        name="half a JSON text",
        send=raw(b'{"facts": "' + TEXT + b'"'),
        code="invalid_json",
        action=DOOR,
    ),
    Case(
        name="half a JSON text, by GraphQL",
        send=raw(QUERY[:-2], f"/graphql/{HUZHOU}"),
        code="invalid_json",
        action="request",
    ),
    Case(
        name="bytes that are not UTF-8",
        send=raw(b'{"facts": "' + TEXT + b'\xff"}'),
        code="invalid_encoding",
        action=DOOR,
    ),
    Case(
        name="bytes that are not UTF-8, by GraphQL",
        send=raw(QUERY.replace(TEXT, TEXT[:-1]), f"/graphql/{HUZHOU}"),
        code="invalid_encoding",
        action="request",
    ),
    Case(
        name="a key that comes back with another body",
        send=same_key_other_body,
        code="key_reused",
        status=409,
        action="report",
    ),
    Case(
        name="a key that comes back with another body, by GraphQL",
        send=same_key_other_body_by_graphql,
        code="key_reused",
        status=200,
        action="report",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The database at a moment: a digest of every table's rows, and the audit entries, waiting ones last."""

    digests: dict[str, str]
    leaves: list[dict[str, Any]]


def looked_at(demo: DemoServer) -> Tables:
    """The tables once nothing is under way any more: no letter, no audit entry that waits for its place."""
    for _ in range(400):
        tables = asyncio.run_coroutine_threadsafe(_tables(demo), demo.loop).result(30)
        if tables is not None:
            return tables
        time.sleep(0.05)
    raise AssertionError("worker and sequencer were not done within 20 s")


async def _tables(demo: DemoServer) -> Tables | None:
    host = demo.application.host
    async with host.store.unit_of_work() as uow:
        await uow.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        due = "SELECT EXISTS (SELECT FROM outbox WHERE available_at <= $1) OR EXISTS (TABLE audit_pending)"
        if await uow.fetchval(due, host.clock.now()):
            return None
        names = await uow.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        digests = {
            name: await uow.fetchval(
                f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM \"{name}\" t"
            )
            for row in names
            if (name := row["tablename"]) not in KEPT_APART
        }
        bundles = await uow.fetch("SELECT entries FROM audit_bundle ORDER BY index, first")
        size = await uow.fetchval("SELECT size FROM audit_head")
    leaves = [
        orjson.loads(e) for row in bundles for e in unpack_entries(row["entries"], where="audit_bundle")
    ]
    assert len(leaves) == size
    return Tables(digests=digests, leaves=leaves)


@pytest.fixture(scope="module")
def ground(demo_server: DemoServer) -> Ground:
    """A report by the clinic, its letters delivered and not yet signed for; a token that is over since yesterday."""

    async def stale_token() -> str:
        host = demo_server.application.host
        async with host.store.unit_of_work() as uow:
            before = host.clock.now() - timedelta(days=2)
            return await host.sign_in.issue_token(uow, "clinic", before, timedelta(days=1))

    for login in ("clinic", "doctor", "police", "yiwu-clinic", "yiwu-doctor"):
        demo_server.client(login).close()  # the first one issues a token, which is an act too
    bearer = asyncio.run_coroutine_threadsafe(stale_token(), demo_server.loop).result(30)
    first = key()
    with demo_server.client("clinic") as client:
        reply = client.post(REPORTS, json=personal(), headers={"idempotency-key": first})
    assert reply.status_code == 201, reply.text
    return Ground(demo=demo_server, key=first, case=reply.json()["case"], stale=bearer)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What the standard library's loggers wrote; uvicorn's keep their lines from the root logger."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    keeper = Keeper()
    loggers = [logging.getLogger(name) for name in ("", "uvicorn", "uvicorn.error", "litestar", "dramatiq")]
    for logger in loggers:
        logger.addHandler(keeper)
    yield lines
    for logger in loggers:
        logger.removeHandler(keeper)


def problem(reply: httpx.Response) -> tuple[str, str, str]:
    """Code, message and remedy of a refusal, whichever door gave it."""
    body = reply.json()
    if "errors" in body:
        error = body["errors"][0]
        return error["extensions"]["code"], error["message"], error["extensions"]["remedy"]
    return body["code"], body["message"], body["remedy"]


def chinese(text: str) -> bool:
    """Whether a text has a Chinese character."""
    return any("一" <= sign <= "鿿" for sign in text)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_refusal_leaves_an_audit_entry_and_nothing_else(
    ground: Ground, case: Case, logged: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    before = looked_at(ground.demo)
    zh, en = case.send(ground, "zh-CN"), case.send(ground, "en")
    after = looked_at(ground.demo)

    assert [(reply.status_code, problem(reply)[0]) for reply in (zh, en)] == [(case.status, case.code)] * 2
    for said_zh, said_en in zip(problem(zh)[1:], problem(en)[1:], strict=True):
        assert said_en and chinese(said_zh) and not chinese(said_en)

    fresh = after.leaves[len(before.leaves) :]
    found = [(leaf["action"], leaf["outcome"], leaf["code"], leaf["rows"]) for leaf in fresh]
    assert found == [(case.action, "refused", case.code, [])] * 2
    assert all(leaf["actor"] for leaf in fresh)
    assert after.digests == before.digests

    output = capfd.readouterr()
    said = "\n".join([zh.text, en.text, output.out, output.err, *logged, *map(str, fresh)])
    assert [words for words in PERSONAL if words in said] == []


def test_requests_of_strangers_are_counted_and_leave_no_entry(ground: Ground) -> None:
    count = "SELECT coalesce(sum(count), 0)::int FROM audit_counter WHERE code = 'sign_in_required'"

    async def counted() -> int:
        async with ground.demo.application.host.store.unit_of_work() as uow:
            return int(await uow.fetchval(count))

    def now() -> int:
        return asyncio.run_coroutine_threadsafe(counted(), ground.demo.loop).result(30)

    before, already = looked_at(ground.demo), now()
    reply = httpx.post(
        ground.demo.base_url + REPORTS,
        json=personal(),
        headers={"authorization": "Bearer nobody"},
        timeout=30,
    )
    after = looked_at(ground.demo)
    assert (reply.status_code, reply.json()["code"]) == (401, "sign_in_required")
    assert now() == already + 1
    assert after.leaves == before.leaves
    changed = {name for name in after.digests if after.digests[name] != before.digests[name]}
    assert changed == {"audit_counter"}
