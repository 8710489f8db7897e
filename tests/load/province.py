"""A province at work: every county's organs, and as many cases as are asked for, all as the audit log has them.

A few cases are played through the one door, from the report to its answer; the others are copies of these with ids,
organs, divisions and times of their own. Each copy has an entry in the log that holds its rows, so `gongzhi audit scan`
finds nothing. Copies share the personal data of the case that they are copied from, and have evidence for letters only
while something of them waits.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import orjson

from gongzhi.app import Application, open_app
from gongzhi.audit.leaf import Leaf
from gongzhi.audit.merkle import leaf_hash
from gongzhi.audit.sequencer import Sequencer
from gongzhi.cases.search import case_tokens
from gongzhi.clock import VirtualClock
from gongzhi.declarations import Command
from gongzhi.host import Host
from gongzhi.identity.actors import Actor, Organ
from gongzhi.identity.regions import RegionTree
from gongzhi.settings import Settings
from gongzhi.store import RowChange, UnitOfWork

NOW: Final = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SINCE: Final = date(2023, 1, 1)
PROVINCE, HOME, SCENE = "330000", "330523", "minor_protection"
MINORS: Final = "未成年人检察部门"
ROLES: Final = {
    "police": "police",
    "procuratorate": "procuratorate",
    "civil_affairs": "civil_affairs",
    "education_bureau": "education",
    "health_commission": "health",
    "social_work": "social_work",
}
"""The organ type that plays each role, in every county."""
HOSPITALS: Final = 2
"""How many hospitals report in each county."""

SITUATIONS: Final = {
    "SEVERAL_INJURIES": 50,
    "ABNORMAL_CAUSE": 30,
    "ABANDONED": 17,
    "GENITAL_INJURY": 2.9,
    "BEGGING": 0.1,
}
"""What is reported, and how often in a hundred."""

STAGES: Final = {
    "answered": 0.83,
    "unread": 0.05,
    "sealed": 0.10,
    "reported": 0.01,
    "received": 0.005,
    "late": 0.005,
}
"""How far cases are, as parts of one: answered and signed for by all; answered, with copies that nobody has signed for;
closed and sealed; reported; signed for by the police; and registered with a clock that ran out."""

PEOPLE: Final = {
    "clerk": (f"{HOME}/police", "", "handler"),
    "health": (f"{HOME}/health_commission", "", "clerk"),
    "education": (f"{HOME}/education_bureau", "", "clerk"),
    "civil": (f"{HOME}/civil_affairs", "", "clerk"),
    "procurator": (f"{HOME}/procuratorate", MINORS, "handler"),
    "doctor": (f"{HOME}/hospital0", "", "handler"),
    "supervisor": (f"{PROVINCE}/procuratorate", MINORS, "handler"),
    "admin": (f"{PROVINCE}/procuratorate", "", "region_admin"),
}
"""Login → organ, department, duty."""

COPIED: Final = (
    "cases",
    "case_organ",
    "letter",
    "deadline",
    "case_event",
    "notice",
    "evidence",
)
HASHED: Final = ("cases", "case_organ", "letter", "deadline")
"""Tables of a case in an order that foreign keys allow, and those whose rows the log holds."""


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A case that was played, as stored: rows by table."""

    stage: str
    situation: str
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    organs: Mapping[UUID, str]

    @property
    def last(self) -> datetime:
        """When something last happened in it."""
        changed: datetime = self.rows["cases"][0]["updated_at"]
        noticed: list[datetime] = [row["at"] for row in self.rows["notice"]]
        return max([changed, *noticed])


@dataclass(kw_only=True)
class Province:
    """What was filled: organs by division and type, actors by login."""

    organs: dict[str, Organ] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)


def counties(tree: RegionTree) -> list[str]:
    """The codes of the province's counties, today's."""
    today = NOW.date()
    return [
        county.code
        for city in tree.children(PROVINCE, on=today)
        for county in (tree.children(city.code, on=today) or (city,))
    ]


async def fill(home: Path, database_url: str | None, cases: int, *, seed: int = 1) -> Province:
    """Fill an empty store with the province and `cases` cases, sequence the log, and gather statistics."""
    settings = Settings(home=home, database_url=database_url)
    clock = VirtualClock(NOW - timedelta(days=20))
    async with open_app(settings, clock=clock) as application:
        province = await _people(application.host)
        await _enable(application.host, province)
        patterns = await _played(application, clock, province)
    async with open_app(settings, clock=clock, work=False) as application:
        host = application.host
        rng = random.Random(seed)
        url = host.store.database_url
        connection = await asyncpg.connect(url)
        try:
            await _copy(host, connection, _cases(host, patterns, province, cases, rng))
        finally:
            await connection.close()
        await Sequencer(host.store, clock, origin=settings.audit_origin, batch_size=2000).drain()
        async with host.store.engine.connection() as connection_:
            await connection_.execute("VACUUM ANALYZE")
    return province


async def _people(host: Host) -> Province:
    province = Province()
    async with host.store.unit_of_work() as uow:
        for code in [PROVINCE, *counties(host.tree)]:
            for kind in (*ROLES, *(f"hospital{n}" for n in range(HOSPITALS))):
                place = host.tree.get(code)
                province.organs[f"{code}/{kind}"] = await host.directory.organ_add(
                    uow,
                    name=f"{host.tree.full_name(code)}{kind}",
                    name_en=f"{kind} of {code}",
                    type=kind.rstrip("0123456789"),
                    level=place.level,
                    region=code,
                    valid_from=SINCE,
                    code_word=f"{place.name[:1]}{kind[:2]}",
                )
        for login, (organ, department, duty) in PEOPLE.items():
            post = await host.directory.post_add(
                uow,
                person_id=await host.directory.person_add(uow, name=login),
                organ_id=province.organs[organ].id,
                title="科员",
                duties=[duty],
                valid_from=SINCE,
                department=department,
            )
            await host.directory.account_add(uow, login=login, post_id=post)
            province.actors[login] = await host.directory.actor(uow, login, host.clock.now())
        await host.audit.append(
            uow,
            _leaf("administration", "fill_province", PROVINCE, None, host.clock.now(), tuple(uow.changes)),
        )
    return province


async def _enable(host: Host, province: Province) -> None:
    for city in host.tree.children(PROVINCE, on=NOW.date()):
        roles = [
            {
                "role": role,
                "region": code,
                "organ": str(province.organs[f"{code}/{kind}"].id),
                "department": MINORS if role == "procuratorate" else "",
            }
            for code in counties(host.tree)
            if host.tree.contains(city.code, code)
            for kind, role in ROLES.items()
        ]
        command = Command(
            namespace="administration",
            action="enable_scene",
            input={"scene": SCENE, "region": city.code, "roles": roles},
            key=f"enable-{uuid4()}",
        )
        await host.dispatch.act(province.actors["admin"], command, PROVINCE)


async def _played(application: Application, clock: VirtualClock, province: Province) -> list[Pattern]:
    host = application.host
    patterns = []
    for stage in STAGES:
        for situation in SITUATIONS:
            case = await _play(application, clock, province, stage, situation)
            async with host.store.unit_of_work() as uow:
                rows = await _rows(uow, case, evidence=stage not in ("answered", "sealed"))
            organs = {
                organ.id: key.partition("/")[2] for key, organ in province.organs.items() if HOME in key
            }
            patterns.append(Pattern(stage=stage, situation=situation, rows=rows, organs=organs))
    return patterns


async def _play(
    application: Application, clock: VirtualClock, province: Province, stage: str, situation: str
) -> UUID:
    host, who = application.host, province.actors

    async def act(login: str, action: str, case: UUID | None = None, **given: Any) -> UUID:
        command = Command(namespace=SCENE, action=action, input=given, key=f"play-{uuid4()}", case_id=case)
        result = await host.dispatch.act(who[login], command, HOME)
        assert result.case_id is not None
        return result.case_id

    async def sign(login: str) -> None:
        async with host.store.unit_of_work() as uow:
            waiting = await uow.fetch(
                "SELECT id FROM letter WHERE case_id = $1 AND to_organ = $2 AND state = 'delivered'",
                case,
                who[login].organ.id,
            )
        for letter in waiting:
            command = Command(
                namespace="letters", action="sign", input={"letter": str(letter["id"])}, key=f"sign-{uuid4()}"
            )
            await host.dispatch.act(who[login], command, HOME)

    case = await act(
        "doctor",
        "report",
        channel="WEB_FORM",
        situations=[situation],
        facts="多处挫伤，新旧不一。",
        incident_division=HOME,
        child={"name": "小满", "birth_date": "2013-02-28", "sex": "MALE"},
        reporter={"name": "陈静", "phone": "13800000000"},
    )
    await _delivered(application)
    if stage != "reported":
        await act("clerk", "receive", case)
    if stage in ("late", "answered", "unread", "sealed"):
        await act(
            "clerk",
            "triage",
            case,
            triage_category="URGENT",
            acceptance="ADMINISTRATIVE",
            acceptance_no="1号",
        )
    if stage in ("answered", "unread", "sealed"):
        await act("clerk", "feedback", case, feedback_outcome="UNDER_INVESTIGATION", feedback_text="已立案。")
        await _delivered(application)
        await sign("doctor")
        await sign("procurator")
    if stage in ("answered", "sealed"):
        for login in ("health", "education", "civil"):
            await sign(login)
    if stage == "sealed":
        await act("procurator", "close", case, closing_reason="HANDLED")
    if stage == "late":
        clock.advance(timedelta(days=9))
        await _delivered(application)
    return case


async def _delivered(application: Application) -> None:
    """Wait until the worker has done all that is due."""
    host = application.host
    for _ in range(600):
        application.worker.wake()
        async with host.store.unit_of_work() as uow:
            left = await uow.fetchval(
                "SELECT count(*) FROM outbox WHERE available_at <= $1", host.clock.now()
            )
        if not left:
            return
        await asyncio.sleep(0.05)
    raise TimeoutError("the worker did not deliver within 30 s")


async def _rows(uow: UnitOfWork, case: UUID, *, evidence: bool) -> dict[str, list[dict[str, Any]]]:
    rows = {"cases": await uow.fetch("SELECT * FROM cases WHERE id = $1", case)}
    for table in ("case_organ", "letter", "deadline", "case_event", "notice"):
        order = "copy_of NULLS FIRST" if table == "letter" else "id"
        rows[table] = await uow.fetch(f"SELECT * FROM {table} WHERE case_id = $1 ORDER BY {order}", case)
    letters = [letter["id"] for letter in rows["letter"]]
    rows["evidence"] = (
        await uow.fetch("SELECT * FROM evidence WHERE letter_id = ANY($1)", letters) if evidence else []
    )
    for letter in rows["letter"]:
        letter["content"] = None
    return rows


def _cases(
    host: Host, patterns: Sequence[Pattern], province: Province, cases: int, rng: random.Random
) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """The rows of each case, by table, with its entry under `audit_pending` and its words under `case_search`."""
    scene = host.scenes.scene(SCENE)
    places = counties(host.tree)
    by_stage = {(p.stage, p.situation): p for p in patterns}
    for _ in range(cases):
        (stage,) = rng.choices(list(STAGES), weights=list(STAGES.values()))
        (situation,) = rng.choices(list(SITUATIONS), weights=list(SITUATIONS.values()))
        pattern = by_stage[stage, situation]
        place, hospital = rng.choice(places), rng.randrange(HOSPITALS)
        old = stage in ("answered", "sealed")
        ago = timedelta(
            seconds=rng.uniform(0, 1000 * 86400 if old else 86400), microseconds=rng.randrange(1000)
        )
        back = pattern.last - (NOW - ago)
        fresh = {
            organ: province.organs[f"{place}/{f'hospital{hospital}' if kind == 'hospital0' else kind}"].id
            for organ, kind in pattern.organs.items()
        }
        for rows in pattern.rows.values():
            for row in rows:
                if "id" in row:
                    fresh[row["id"]] = UUID(int=rng.getrandbits(128), version=4)
        copied = {
            table: [
                {name: _moved(value, fresh, back) for name, value in row.items()}
                for row in pattern.rows[table]
            ]
            for table in COPIED
        }
        (case,) = copied["cases"]
        case["region"] = place
        case["data"] = {**case["data"], "incident_division": place}
        if rng.random() < 0.01:
            title = case["title"]
            case["title"] = {"zh": f"【紧急】{title['zh']}", "en": f"[Urgent] {title['en']}"}
        changes = tuple(
            RowChange(table=table, id=row["id"], before=None, after=row)
            for table in HASHED
            for row in copied[table]
        )
        leaf = _leaf(SCENE, "report", place, case["id"], case["updated_at"], changes)
        (entry,) = host.audit.sealer.seal(leaf)
        for event in copied["case_event"]:
            event["leaf_hash"] = leaf_hash(entry)
        copied["audit_pending"] = [{"leaf": entry}]
        words = [] if case["sealed_at"] else case_tokens(scene.case_schema, case["title"], case["data"])
        search = {"case_id": case["id"], "region": place, "updated_at": case["updated_at"], "tokens": words}
        copied["case_search"] = [search] if words else []
        yield copied


def _moved(value: Any, fresh: Mapping[UUID, UUID], back: timedelta) -> Any:
    if isinstance(value, UUID):
        return fresh.get(value, value)
    return value - back if isinstance(value, datetime) else value


async def _copy(
    host: Host, connection: asyncpg.Connection[Any], cases: Iterator[dict[str, list[dict[str, Any]]]]
) -> None:
    """COPY the cases in, so many a transaction; JSON goes as text, words through a table of their own."""
    await connection.execute(
        "CREATE TEMP TABLE words (case_id uuid, region text, updated_at timestamptz, tokens text[])"
    )
    batch: dict[str, list[dict[str, Any]]] = {}
    for taken, case in enumerate(cases, start=1):
        for table, rows in case.items():
            batch.setdefault(table, []).extend(rows)
        if taken % 1000 == 0:
            await _flush(connection, batch)
            batch = {}
    await _flush(connection, batch)


async def _flush(
    connection: asyncpg.Connection[Any], batch: Mapping[str, Sequence[Mapping[str, Any]]]
) -> None:
    async with connection.transaction():
        for table in (*COPIED, "audit_pending", "case_search"):
            rows = batch.get(table)
            if not rows:
                continue
            columns = list(rows[0])
            target = "words" if table == "case_search" else table
            await connection.copy_records_to_table(
                target,
                columns=columns,
                records=[tuple(_as_text(row[name]) for name in columns) for row in rows],
            )
        await connection.execute(
            "INSERT INTO case_search (case_id, region, updated_at, tokens)"
            " SELECT case_id, region, updated_at, array_to_tsvector(tokens) FROM words; TRUNCATE words"
        )


def _as_text(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict) else value


def _leaf(
    namespace: str, action: str, region: str, case: UUID | None, at: datetime, rows: tuple[RowChange, ...]
) -> Leaf:
    return Leaf(
        at=at,
        actor=None,
        organ=None,
        namespace=namespace,
        version="",
        action=action,
        region=region,
        case_id=case,
        outcome="done",
        rows=rows,
    )
