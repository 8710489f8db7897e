"""Clients that report, sign, triage and close, all at once, and ask again with the same key until they are answered."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid5

import httpx

from .wire import WRITE_MARK

HUZHOU, ANJI = "330500", "330523"
CDS = f"/r/{HUZHOU}/cds-services/mandatory-report-patient-view"
LOGINS = ("clinic", "doctor", "police", "procurator", "social")
PERSONAL = ("小满", "2011-09-01")
"""What is known of every child here."""

OPEN_AT_ONCE = 12
"""Cases that a client has open; while their letters are under way it turns to others."""

Kind = Literal[
    "report by JSON",
    "report by GraphQL",
    "prompt by CDS",
    "accept",
    "override",
    "sign",
    "triage",
    "requestSupport",
    "feedback",
    "finishSupport",
    "close",
]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a case after its report: who takes it, with which input; a letter to be signed for must be there."""

    kind: Kind
    login: str
    letter: str = ""
    input: Mapping[str, Any] = field(default_factory=dict)


STEPS = (
    Step(kind="sign", login="police", letter="mandatory_report"),
    Step(
        kind="triage",
        login="police",
        input={"triage_category": "URGENT", "acceptance": "CRIMINAL", "acceptance_no": "安公立〔2026〕1号"},
    ),
    Step(kind="requestSupport", login="procurator", input={"support_needs": ["PSYCHOLOGICAL"]}),
    Step(kind="sign", login="social", letter="support_request"),
    Step(
        kind="feedback",
        login="police",
        input={"feedback_outcome": "PROTECTED", "feedback_text": "已落实保护。"},
    ),
    Step(kind="sign", login="doctor", letter="feedback"),
    Step(kind="finishSupport", login="social", input={"support_outcome": "COMPLETED"}),
    Step(kind="close", login="procurator", input={"closing_reason": "HANDLED"}),
)


@dataclass(eq=False, kw_only=True)
class Write:
    """A write that its client wants done once. `key` is empty where the intake makes the key itself (CDS Hooks)."""

    kind: Kind
    login: str
    path: str
    body: Any
    key: str
    case: UUID | None = None
    letter: str = ""
    attempts: int = 0
    acknowledged: bool = False
    replayed: bool = False


@dataclass(eq=False)
class _Case:
    id: UUID
    prompted: bool
    step: int = 0


class Unexpected(AssertionError):
    """The server refused a write that must be taken."""


class Load:
    """`clients` clients over one address. Begun with `run`; after `wind_down` each ends with its last write answered."""

    def __init__(self, base_url: str, tokens: Mapping[str, str], *, seed: int, clients: int) -> None:
        self._base_url, self._tokens, self._seed, self._clients = base_url, tokens, seed, clients
        self._ending = False
        self._http: dict[str, httpx.AsyncClient] = {}
        self.writes: list[Write] = []
        self.answers: Counter[str] = Counter()
        """Answers that were neither success nor silence, by code; each was asked again."""

    @property
    def acknowledged(self) -> list[Write]:
        """What the server has said is done."""
        return [write for write in self.writes if write.acknowledged]

    def wind_down(self) -> None:
        """Begin nothing more."""
        self._ending = True

    async def run(self) -> None:
        """Work until `wind_down`; then until every write that was begun is answered."""
        limits = httpx.Limits(max_connections=self._clients, keepalive_expiry=30)
        for login in LOGINS:
            headers = {"authorization": f"Bearer {self._tokens[login]}"}
            self._http[login] = httpx.AsyncClient(
                base_url=self._base_url, headers=headers, timeout=30, limits=limits
            )
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._clients):
                    group.create_task(self._client(random.Random(f"{self._seed}-{number}")))
        finally:
            for client in self._http.values():
                await client.aclose()

    async def _client(self, rng: random.Random) -> None:
        mine: list[_Case] = []
        while not self._ending:
            if not mine or (len(mine) < OPEN_AT_ONCE and rng.random() < 0.15):
                mine.append(await self._open(rng))
                continue
            case = rng.choice(mine)
            if not await self._proceed(case, rng):
                await asyncio.sleep(0.05)
            if case.step == len(STEPS):
                mine.remove(case)

    async def _open(self, rng: random.Random) -> _Case:
        kind = rng.choice(("report by JSON", "report by GraphQL", "prompt by CDS"))
        key = f"load-{rng.getrandbits(64):016x}"
        if kind == "prompt by CDS":
            write = Write(kind="prompt by CDS", login="clinic", path=CDS, body=_record(key), key="")
            answer = await self._until_answered(write, rng)
            write.case = UUID(answer["cards"][0]["uuid"])
            return self._acknowledge(write, prompted=True)
        if kind == "report by JSON":
            path = f"/r/{HUZHOU}/minor-protection/reports"
            write = Write(kind="report by JSON", login="clinic", path=path, body=_report(), key=key)
            write.case = UUID((await self._until_answered(write, rng))["case"])
            return self._acknowledge(write)
        query = _mutation("minorProtection", "report", "input: MinorProtectionReportInput!")
        write = _graphql("report by GraphQL", "doctor", query, {"input": _report(), "key": key})
        answer = await self._until_answered(write, rng)
        done = answer["data"]["minorProtection"]["report"]
        write.case, write.replayed = _case_id(done), done["replayed"]
        return self._acknowledge(write)

    def _acknowledge(self, write: Write, *, prompted: bool = False) -> _Case:
        write.acknowledged = True
        assert write.case is not None
        return _Case(write.case, prompted)

    async def _proceed(self, case: _Case, rng: random.Random) -> bool:
        """Take the case's next step; False while it has to wait."""
        if case.prompted:
            await self._decide(case, rng)
            return True
        step = STEPS[case.step]
        key = f"load-{rng.getrandbits(64):016x}"
        if not step.letter:
            kind = step.kind[0].upper() + step.kind[1:]
            query = _mutation("minorProtection", step.kind, f"case: ID!, input: MinorProtection{kind}Input!")
            values = {"case": f"Case:{case.id}", "input": step.input, "key": key}
            write = _graphql(step.kind, step.login, query, values)
        else:
            letter = await self._letter(step, case, rng)
            if letter is None:
                return False
            query = _mutation("letters", "sign", "letter: ID!")
            write = _graphql("sign", step.login, query, {"letter": letter, "key": key})
            write.letter = letter.removeprefix("Letter:")
        write.case = case.id
        answer = await self._until_answered(write, rng)
        (done,) = (found for namespace in answer["data"].values() for found in namespace.values())
        write.replayed = done["replayed"]
        write.acknowledged = True
        case.step += 1
        return True

    async def _decide(self, case: _Case, rng: random.Random) -> None:
        """One click on the card: report, or dismiss with a reason."""
        kind: Kind = "accept" if rng.random() < 0.8 else "override"
        write = Write(
            kind=kind,
            login="clinic",
            path=f"{CDS}/feedback",
            body=_click(kind, case.id),
            key="",
            case=case.id,
        )
        await self._until_answered(write, rng)
        write.acknowledged = True
        case.prompted = False
        if kind == "override":
            case.step = len(STEPS)

    async def _letter(self, step: Step, case: _Case, rng: random.Random) -> str | None:
        """The letter that this step signs for, once it lies on its desk."""
        query = "query ($id: ID!) { case(id: $id) { letters { id kind state maySign } } }"
        body = {"query": query, "variables": {"id": f"Case:{case.id}"}}
        answer = await self._asked(step.login, _address(step.login), body, {}, rng)
        for letter in answer["data"]["case"]["letters"]:
            if letter["kind"] == step.letter and letter["maySign"] and letter["state"] == "delivered":
                found: str = letter["id"]
                return found
        return None

    async def _until_answered(self, write: Write, rng: random.Random) -> Any:
        self.writes.append(write)
        name, _, value = WRITE_MARK.decode().partition(": ")
        headers = {name: value, **({"idempotency-key": write.key} if write.key else {})}
        return await self._asked(write.login, write.path, write.body, headers, rng, write)

    async def _asked(
        self,
        login: str,
        path: str,
        body: Any,
        headers: Mapping[str, str],
        rng: random.Random,
        write: Write | None = None,
    ) -> Any:
        while True:
            if write is not None:
                write.attempts += 1
            try:
                reply = await self._http[login].post(path, json=body, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(rng.uniform(0.05, 0.2))
                continue
            if reply.status_code < 300 and "errors" not in (answer := reply.json()):
                return answer
            code = _code(reply)
            if reply.status_code < 500 and code not in ("internal_error", "store_unavailable"):
                raise Unexpected(f"{write.kind if write else 'read'}: {reply.status_code} {reply.text[:300]}")
            self.answers[code] += 1
            await asyncio.sleep(0.2)


def _code(reply: httpx.Response) -> str:
    try:
        body = reply.json()
        code = body["errors"][0]["extensions"]["code"] if "errors" in body else body["code"]
    except (ValueError, LookupError, TypeError):
        return str(reply.status_code)
    return str(code)


def _graphql(kind: Kind, login: str, query: str, values: Mapping[str, Any]) -> Write:
    body = {"query": query, "variables": values}
    return Write(kind=kind, login=login, path=_address(login), body=body, key=values["key"])


def _address(login: str) -> str:
    return f"/graphql/{HUZHOU if login == 'doctor' else ANJI}"


def _mutation(namespace: str, action: str, parameters: str) -> str:
    names = [parameter.split(":")[0] for parameter in parameters.split(", ")]
    declared = ", ".join(f"${parameter}" for parameter in parameters.split(", "))
    passed = ", ".join(f"{name}: ${name}" for name in names)
    return (
        f"mutation ({declared}, $key: String!) {{ {namespace} {{"
        f" {action}({passed}, key: $key) {{ replayed case {{ id }} }} }} }}"
    )


def _case_id(done: Mapping[str, Any]) -> UUID:
    return UUID(done["case"]["id"].removeprefix("Case:"))


def _report() -> dict[str, Any]:
    return {
        "situations": ["SEVERAL_INJURIES"],
        "facts": "多处瘀伤，新旧不一",
        "child": {"name": PERSONAL[0], "birth_date": PERSONAL[1], "sex": "MALE"},
        "incident_division": ANJI,
        "encounter": {"date": _today()},
    }


def _record(patient: str) -> dict[str, Any]:
    """A CDS Hooks request about a boy with several bruises."""
    codes = [
        {"system": "http://hl7.org/fhir/sid/icd-10", "code": code} for code in ("S20.2", "S40.0", "S70.1")
    ]
    condition = {"resourceType": "Condition", "onsetDateTime": _today(), "code": {"coding": codes}}
    return {
        "hook": "patient-view",
        "hookInstance": patient,
        "context": {"userId": "Practitioner/1", "patientId": patient},
        "prefetch": {
            "patient": {
                "resourceType": "Patient",
                "id": patient,
                "birthDate": PERSONAL[1],
                "gender": "male",
                "address": [{"district": ANJI}],
            },
            "conditions": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": condition}]},
        },
    }


def _click(kind: Kind, case: UUID) -> dict[str, Any]:
    item: dict[str, Any] = {"card": str(case), "outcomeTimestamp": datetime.now(UTC).isoformat()}
    if kind == "accept":
        return {
            "feedback": [
                {**item, "outcome": "accepted", "acceptedSuggestions": [{"id": str(uuid5(case, "report"))}]}
            ]
        }
    reason = {"code": "ACCIDENT_CONFIRMED", "system": "urn:gongzhi:minor-protection:dismissal-reason"}
    return {"feedback": [{**item, "outcome": "overridden", "overrideReason": {"reason": reason}}]}


def _today() -> str:
    return (datetime.now(UTC) + timedelta(hours=8)).date().isoformat()
