"""The people of the stories: each acts over HTTP and GraphQL with a token of their own, as their software would."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import date
from typing import Any
from uuid import UUID

import httpx

from gongzhi.audit import Leaf
from gongzhi.identity.actors import Actor

from ..conftest import DemoServer

ANJI, HUZHOU, YIWU = "330523", "330500", "330782"
SERVICE = f"/r/{HUZHOU}/cds-services/mandatory-report-patient-view"
REASONS = "urn:gongzhi:minor-protection:dismissal-reason"
ICD10 = "http://hl7.org/fhir/sid/icd-10"

CASE = """
query($id: ID!) { case(id: $id) {
  id title region { code } states { id track } masked sealedAt closedAt role
  revealable { pointer level } revealedUntil documentsMasked
  actions { name letter } organs { organ { name type } role }
  letters { id kind number title copyOf state maySign documentUrl from { name } to { name }
            evidence { step positive record signature } }
  deadlines { kind state dueAt metAt explanation article source }
  timeline { nodes { action role organ { name } } }
  detail { ... on MinorProtectionCase { situations age_years facts dismissal_reason feedback_text
           child { name birth_date } reporter { name phone } } } } }
"""


def appoint(
    demo: DemoServer,
    login: str,
    *,
    organ: UUID,
    duty: str,
    department: str = "",
    password: str | None = None,
) -> None:
    """A newcomer to an organ of the demo, on record as everybody there is; nothing where the login is taken."""
    host = demo.application.host

    async def add() -> None:
        async with host.store.unit_of_work() as uow:
            if await uow.fetchval("SELECT 1 FROM account WHERE login = $1", login):
                return
            post = await host.directory.post_add(
                uow,
                person_id=await host.directory.person_add(uow, name="高原"),
                organ_id=organ,
                department=department,
                title="科员",
                duties=[duty],
                valid_from=date(2024, 1, 1),
            )
            await host.directory.account_add(uow, login=login, post_id=post, password=password)
            leaf = Leaf(
                at=host.clock.now(),
                actor=None,
                organ=organ,
                namespace="administration",
                version="",
                action="add_account",
                region=await uow.fetchval("SELECT region FROM organ WHERE id = $1", organ),
                case_id=None,
                outcome="done",
                rows=tuple(uow.changes),
            )
            await host.audit.append(uow, leaf)

    asyncio.run_coroutine_threadsafe(add(), demo.loop).result(20)


def actor_of(demo: DemoServer, login: str) -> Actor:
    """Somebody of the demo, as the policy knows them."""
    host = demo.application.host

    async def look() -> Actor:
        async with host.store.unit_of_work() as uow:
            return await host.directory.actor(uow, login, host.clock.now())

    return asyncio.run_coroutine_threadsafe(look(), demo.loop).result(20)


class Person:
    """Somebody with an account. `region` is the address that they use."""

    def __init__(self, demo: DemoServer, login: str, region: str = ANJI) -> None:
        self.demo, self.login, self.region = demo, login, region
        self.http: httpx.Client = demo.client(login)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL operation that must succeed."""
        answer = self.try_to(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def try_to(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer to a GraphQL operation."""
        body = {"query": query, "variables": variables}
        answer: dict[str, Any] = self.http.post(f"/graphql/{self.region}", json=body).json()
        return answer

    def code(self, query: str, **variables: Any) -> str:
        """The code with which an operation is refused."""
        code: str = self.try_to(query, **variables)["errors"][0]["extensions"]["code"]
        return code

    def case(self, case_id: str) -> dict[str, Any]:
        """The case as this person sees it."""
        case: dict[str, Any] = self.ask(CASE, id=f"Case:{case_id}")["case"]
        assert case is not None, f"{self.login} does not see {case_id}"
        return case

    def sees(self, case_id: str) -> bool:
        """Whether this person sees the case; one who does not must be told that there is none."""
        answer = self.try_to(CASE, id=f"Case:{case_id}")
        if "errors" not in answer:
            return True
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["not_found"], answer
        return False

    def states(self, case_id: str) -> set[str]:
        """The ids of the active states."""
        return {state["id"] for state in self.case(case_id)["states"]}

    def act(self, action: str, case_id: str, **given: Any) -> dict[str, Any]:
        """Take an action of the scene and return its result."""
        return self.ask(*act(action, bool(given)), **variables(case_id, given))["minorProtection"][action]  # type: ignore[no-any-return]

    def refused(self, action: str, case_id: str, **given: Any) -> str:
        """The code with which an action of the scene is refused."""
        return self.code(*act(action, bool(given)), **variables(case_id, given))

    def reveal(self, case_id: str, reason: str = "handling", **given: Any) -> dict[str, Any]:
        """Say why, and be shown what is masked for want of a reason; the act's own answer."""
        output: dict[str, Any] = self.ask(
            "mutation($case: ID!, $reason: RevealReason!, $fields: [String!], $note: String, $key: String!) { access"
            " { revealCase(case: $case, reason: $reason, fields: $fields, note: $note, key: $key) { output } } }",
            case=f"Case:{case_id}",
            reason=reason.upper(),
            key=str(uuid.uuid4()),
            **given,
        )["access"]["revealCase"]["output"]
        return output

    def sign(self, case_id: str, kind: str) -> None:
        """Sign for the letter of a kind that lies on this person's desk."""
        letter = next(
            item for item in self.case(case_id)["letters"] if item["kind"] == kind and item["maySign"]
        )
        self.ask(
            "mutation($letter: ID!, $key: String!) { letters { sign(letter: $letter, key: $key) { replayed } } }",
            letter=letter["id"],
            key=str(uuid.uuid4()),
        )

    def inbox(self) -> list[dict[str, Any]]:
        """What waits for this person's organ."""
        query = "{ inbox(first: 100) { nodes { id waits caseId dueAt letter { kind } } } }"
        nodes: list[dict[str, Any]] = self.ask(query)["inbox"]["nodes"]
        return nodes

    def takes_note(self, case_id: str) -> None:
        """Take note of the notice that waits in one case."""
        (notice,) = [item["id"] for item in self.inbox() if item["caseId"] == f"Case:{case_id}"]
        self.ask(
            "mutation($item: ID!, $key: String!) { letters { markRead(item: $item, key: $key) { replayed } } }",
            item=notice,
            key=str(uuid.uuid4()),
        )

    def waits(self, case_id: str) -> list[str]:
        """What waits for this person in one case."""
        return [item["waits"] for item in self.inbox() if item["caseId"] == f"Case:{case_id}"]


def act(action: str, with_input: bool) -> tuple[str]:
    """The GraphQL operation for an action of the scene."""
    kind = action[0].upper() + action[1:]
    declared = f", $input: MinorProtection{kind}Input!" if with_input else ""
    passed = ", input: $input" if with_input else ""
    return (
        f"mutation($case: ID!, $key: String!{declared}) {{ minorProtection {{"
        f" {action}(case: $case, key: $key{passed}) {{ replayed case {{ id }} }} }} }}",
    )


def variables(case_id: str, given: dict[str, Any]) -> dict[str, Any]:
    """The variables of `act`."""
    return {"case": f"Case:{case_id}", "key": str(uuid.uuid4()), **({"input": given} if given else {})}


class Clinic:
    """The clinic's system: asks the CDS Hooks service about patients and sends feedback on its cards."""

    def __init__(self, demo: DemoServer) -> None:
        self.http = demo.client("clinic")

    def opens_record(self, **changes: Any) -> list[dict[str, Any]]:
        """Open the record of a boy of 14 with several bruises who lives in Anji, or as changed; returns the cards."""
        reply = self.http.post(SERVICE, json=record(**changes))
        assert reply.status_code == 200, reply.text
        cards: list[dict[str, Any]] = reply.json()["cards"]
        return cards

    def accepts(self, card: dict[str, Any]) -> None:
        """One click: accept the card's suggestion."""
        suggestion = {"id": card["suggestions"][0]["uuid"]}
        self.feedback({"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": [suggestion]})

    def overrides(self, card: dict[str, Any], reason: str) -> None:
        """One click: dismiss the card with a coded reason."""
        coded = {"reason": {"code": reason, "system": REASONS}}
        self.feedback({"card": card["uuid"], "outcome": "overridden", "overrideReason": coded})

    def feedback(self, item: dict[str, Any]) -> None:
        """Send one feedback entry."""
        item = {**item, "outcomeTimestamp": "2026-03-04T01:00:00Z"}
        reply = self.http.post(f"{SERVICE}/feedback", json={"feedback": [item]})
        assert reply.status_code == 200, reply.text


def record(
    *,
    patient: str | None = None,
    born: str = "2011-09-01",
    name: str = "小满",
    district: str = ANJI,
    codes: tuple[str, ...] = ("S20.2", "S40.0", "S70.1"),
    text: str = "胸部、肩部、大腿多处挫伤，新旧不一",
) -> dict[str, Any]:
    """A CDS Hooks request with its FHIR R4 prefetch."""
    patient = patient or f"p-{uuid.uuid4().hex[:12]}"
    condition = {
        "resourceType": "Condition",
        "encounter": {"reference": "Encounter/visit"},
        "onsetDateTime": "2026-03-04",
        "code": {"coding": [{"system": ICD10, "code": code} for code in codes], "text": text},
    }
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/1", "patientId": patient, "encounterId": "visit"},
        "prefetch": {
            "patient": {
                "resourceType": "Patient",
                "id": patient,
                "name": [{"text": name}],
                "birthDate": born,
                "gender": "male",
                "address": [{"district": district}],
            },
            "encounter": {"resourceType": "Encounter", "id": "visit", "period": {"start": "2026-03-04"}},
            "conditions": {
                "resourceType": "Bundle",
                "type": "searchset",
                "entry": [{"resource": condition}],
            },
        },
    }


def letters_arrive(who: Person, case_id: str) -> None:
    """Wait until the worker has delivered every letter of the case."""
    for _ in range(400):
        if all(letter["state"] != "accepted" for letter in who.case(case_id)["letters"]):
            return
        time.sleep(0.05)
    raise AssertionError("letters were not delivered within 20 s")


def eventually(condition: Any, seconds: float = 20) -> None:
    """Wait until `condition()` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def seal(case_id: str, *, doctor: Person, police: Person, procurator: Person) -> None:
    """Handle a reported case in full, so that it is closed and thereby sealed."""
    police.sign(case_id, "mandatory_report")
    police.act("triage", case_id, triage_category="POLICE", acceptance="CRIMINAL", acceptance_no="11号")
    police.act("feedback", case_id, feedback_outcome="PROTECTED", feedback_text="已立案。")
    letters_arrive(police, case_id)
    doctor.sign(case_id, "feedback")
    procurator.act("close", case_id, closing_reason="HANDLED")
