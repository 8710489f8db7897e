"""The story of a report, played over HTTP and GraphQL as its people would do it; each step prints what came back.

Knows nothing of the host: addresses, tokens and a clock to move are all it is given.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from gongzhi_admin.demo.clinic import ClinicRecord

REGION, HOSPITAL_REGION, OTHER_REGION = "330523", "330500", "330782"
PATIENT_VIEW = "mandatory-report-patient-view"


def hand_written(patient: str, name: str, born: str, codes: tuple[str, ...], text: str) -> dict[str, Any]:
    """A record that we wrote ourselves, about nobody: a minor who lives in Anji, seen on the demo's first day."""
    condition = {
        "resourceType": "Condition",
        "encounter": {"reference": "Encounter/visit-1"},
        "onsetDateTime": "2026-03-04",
        "code": {
            "coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": code} for code in codes],
            "text": text,
        },
    }
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/1", "patientId": patient, "encounterId": "visit-1"},
        "prefetch": {
            "patient": {
                "resourceType": "Patient",
                "id": patient,
                "name": [{"text": name}],
                "birthDate": born,
                "gender": "male",
                "address": [{"district": REGION}],
            },
            "encounter": {
                "resourceType": "Encounter",
                "id": "visit-1",
                "status": "in-progress",
                "period": {"start": "2026-03-04"},
            },
            "conditions": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": condition}]},
        },
    }


class Unexpected(Exception):
    """The platform answered otherwise than the story says."""


@dataclass
class Counts:
    """What the demo prints at its end; every figure is counted from answers, none is set."""

    records: int = 0
    minors: int = 0
    prompts: int = 0
    dismissals: int = 0
    reports: int = 0
    signed_for: int = 0
    answered_in_time: int = 0
    situations: Counter[str] = field(default_factory=Counter)


class Play:
    """One performance. `clients` are HTTP clients by login, each with its own token; `advance` moves the clock."""

    def __init__(
        self,
        clients: Mapping[str, httpx.AsyncClient],
        advance: Callable[[timedelta], object],
        say: Callable[[str], None] = print,
    ) -> None:
        self._clients, self._advance, self._say = clients, advance, say
        self.counts = Counts()

    async def feed(self, records: list[ClinicRecord]) -> None:
        """Open each record in the clinic's system, which asks the intake.

        Nobody can ask these synthetic patients, so what is prompted is dismissed with a coded reason.
        """
        for number, record in enumerate(records):
            request = record.request("patient-view", str(uuid.UUID(int=number)))
            answer = await self._post("clinic", f"/r/{HOSPITAL_REGION}/cds-services/{PATIENT_VIEW}", request)
            self.counts.records += 1
            self.counts.minors += record.is_minor
            for card in answer["cards"]:
                self.counts.prompts += 1
                self.counts.situations.update(await self._situations(card["uuid"]))
                await self._dismiss(card["uuid"], "NO_GROUND_AFTER_REVIEW")

    async def dismiss(self) -> None:
        """A boy of 7 with two bruises prompts too; the doctor has seen how he fell, and says so with a coded reason."""
        request = hand_written("hand-written-1", "小谷", "2018-06-01", ("S00.8", "S80.0"), "额部、膝部挫伤")
        answer = await self._post("clinic", f"/r/{HOSPITAL_REGION}/cds-services/{PATIENT_VIEW}", request)
        card = await self._prompted(answer)
        await self._dismiss(card["uuid"], "ACCIDENT_CONFIRMED")
        self._say("医生核实为意外，选择理由不报告 dismissed: ACCIDENT_CONFIRMED（理由留存，个人信息已清除）")

    async def _prompted(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The card of a minor's record that must prompt, counted."""
        (card,) = answer["cards"]
        self.counts.records += 1
        self.counts.minors += 1
        self.counts.prompts += 1
        self.counts.situations.update(await self._situations(card["uuid"]))
        return dict(card)

    async def report(self) -> str:
        """The doctor opens the record of a boy with several bruises, gets a card, and reports with one click."""
        request = hand_written(
            "hand-written-2",
            "小满",
            "2011-09-01",
            ("S20.2", "S40.0", "S70.1"),
            "胸部、肩部、大腿多处挫伤，新旧不一",
        )
        path = f"/r/{HOSPITAL_REGION}/cds-services/{PATIENT_VIEW}"
        answer = await self._post("clinic", path, request)
        card = await self._prompted(answer)
        self._say(f"医生打开病历，收到提示 card: {card['summary']}")
        self._advance(timedelta(minutes=2))
        accepted = {
            "feedback": [
                {
                    "card": card["uuid"],
                    "outcome": "accepted",
                    "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}],
                    "outcomeTimestamp": "2026-03-04T01:02:00Z",
                }
            ]
        }
        await self._post("clinic", f"{path}/feedback", accepted)
        self.counts.reports += 1
        case = await self._case("doctor", card["uuid"])
        self._say(f"一键报告 reported: {case['region']['name']} · {self._states(case)}")
        return str(case["id"])

    async def handle(self, case_id: str, settled: Callable[[], Any]) -> None:
        """Police, procuratorate and social workers do their parts; `settled` waits until letters are delivered."""
        await settled()
        seen = await self._case("police", case_id)
        sender = seen["letters"][0]["from"]["name"]
        self._say(f"公安收到报告 the police: 报送单位 {sender}，另抄送 copies {len(seen['letters']) - 1}")
        for who in ("procurator", "health", "education", "civil"):
            view = await self._case(who, case_id)
            sender = view["letters"][0]["from"]["name"]
            self._say(f"  {who}: 报送单位 {sender}；遮蔽 masked {', '.join(view['masked'])}")
        masked = len((await self._case("procurator", case_id))["revealable"])
        await self._ask(
            "procurator",
            "mutation($case: ID!, $key: String!) { access"
            " { revealCase(case: $case, reason: SUPERVISION, key: $key) { replayed } } }",
            {"case": case_id, "key": str(uuid.uuid4())},
        )
        view = await self._case("procurator", case_id)
        self._say(
            f"检察官以“法律监督”为由显示 {masked} 项，三十分钟后重新遮蔽 revealed for a reason;"
            f" 仍遮蔽 still masked {', '.join(view['masked'])}"
        )
        self._advance(timedelta(minutes=10))
        await self._sign("police", case_id, "mandatory_report")
        self._advance(timedelta(minutes=20))
        await self._act(
            "police",
            "triage",
            case_id,
            {
                "triage_category": "URGENT",
                "acceptance": "ADMINISTRATIVE",
                "acceptance_no": "安公受〔2026〕1号",
            },
        )
        case = await self._case("police", case_id)
        clock = next(item for item in case["deadlines"] if item["kind"] == "feedback")
        self._say(f"三日反馈 feedback clock: {clock['explanation']}")
        self._advance(timedelta(hours=5))
        await self._act("procurator", "requestSupport", case_id, {"support_needs": ["PSYCHOLOGICAL"]})
        await settled()
        await self._sign("social", case_id, "support_request")
        self._advance(timedelta(days=1))
        await self._act(
            "police",
            "feedback",
            case_id,
            {"feedback_outcome": "PROTECTED", "feedback_text": "已受案调查，并落实保护措施。"},
        )
        case = await self._case("procurator", case_id)
        clock = next(item for item in case["deadlines"] if item["kind"] == "feedback")
        self.counts.answered_in_time += clock["state"] == "met" and clock["metAt"] < clock["dueAt"]
        await settled()
        await self._sign("doctor", case_id, "feedback")
        self._advance(timedelta(days=5))
        await self._act("social", "finishSupport", case_id, {"support_outcome": "COMPLETED"})
        await self._act("procurator", "close", case_id, {"closing_reason": "HANDLED"})
        self._say("检察机关办结，案件封存 closed and sealed")
        for who in ("doctor", "police", "procurator", "supervisor"):
            data = await self._ask(
                who, "query($id: ID!) { case(id: $id) { id } }", {"id": case_id}, errors=True
            )
            if data.get("case") is not None:
                raise Unexpected(f"{who} still reads the sealed case")

    async def elsewhere(self) -> None:
        """A county where the scene is not enabled sees neither the scene in its schema nor the intake."""
        reply = await self._clients["yiwu-clinic"].get(f"/r/{OTHER_REGION}/cds-services")
        sdl = await self._clients["yiwu-police"].get(f"/graphql/{OTHER_REGION}/schema.graphql")
        if reply.status_code != 404 or "inorProtection" in sdl.text:
            raise Unexpected("Yiwu sees a scene that is not enabled there")
        self._say(
            f"义乌未启用 not enabled in Yiwu: intake {reply.status_code}, 模式中没有该场景 absent from its schema"
        )

    async def _sign(self, who: str, case_id: str, kind: str) -> None:
        case = await self._case(who, case_id)
        letter = next(item for item in case["letters"] if item["kind"] == kind and item["maySign"])
        data = await self._ask(
            who,
            "mutation($letter: ID!, $key: String!) { letters { sign(letter: $letter, key: $key)"
            " { case { states { title track } } } } }",
            {"letter": letter["id"], "key": str(uuid.uuid4())},
        )
        self.counts.signed_for += 1
        self._say(f"{who} 签收 signed for {letter['title']}：{self._states(data['letters']['sign']['case'])}")

    async def _act(self, who: str, action: str, case_id: str, given: dict[str, Any]) -> None:
        kind = action[0].upper() + action[1:]
        data = await self._ask(
            who,
            f"mutation($case: ID!, $input: MinorProtection{kind}Input!, $key: String!) {{ minorProtection"
            f" {{ {action}(case: $case, input: $input, key: $key) {{ case {{ states {{ title track }} }} }} }} }}",
            {"case": case_id, "input": given, "key": str(uuid.uuid4())},
        )
        case = data["minorProtection"][action]["case"]
        if case is not None:
            self._say(f"{who} {action}: {self._states(case)}")

    async def _dismiss(self, card: str, reason: str) -> None:
        overridden = {
            "feedback": [
                {
                    "card": card,
                    "outcome": "overridden",
                    "overrideReason": {
                        "reason": {"code": reason, "system": "urn:gongzhi:minor-protection:dismissal-reason"}
                    },
                    "outcomeTimestamp": "2026-03-04T01:02:00Z",
                }
            ]
        }
        await self._post("clinic", f"/r/{HOSPITAL_REGION}/cds-services/{PATIENT_VIEW}/feedback", overridden)
        self.counts.dismissals += 1

    async def _situations(self, card: str) -> list[str]:
        data = await self._ask(
            "doctor",
            "query($id: ID!) { case(id: $id) { detail { ... on MinorProtectionCase { situations } } } }",
            {"id": f"Case:{card}"},
        )
        found: list[str] = data["case"]["detail"]["situations"]
        return found

    async def _case(self, who: str, case_id: str) -> dict[str, Any]:
        identity = case_id if case_id.startswith("Case:") else f"Case:{case_id}"
        data = await self._ask(
            who,
            "query($id: ID!) { case(id: $id) { id region { name } states { title track } masked revealable { pointer }"
            " letters { id kind title maySign from { name } state }"
            " deadlines { kind state dueAt metAt explanation } } }",
            {"id": identity},
        )
        if data["case"] is None:
            raise Unexpected(f"{who} does not see {identity}")
        case: dict[str, Any] = data["case"]
        return case

    async def _ask(
        self, who: str, query: str, variables: dict[str, Any], *, errors: bool = False
    ) -> dict[str, Any]:
        region = REGION
        answer = await self._post(who, f"/graphql/{region}", {"query": query, "variables": variables})
        if answer.get("errors") and not errors:
            raise Unexpected(f"{who}: {answer['errors']}")
        data: dict[str, Any] = answer.get("data") or {}
        return data

    async def _post(self, who: str, path: str, body: Any) -> dict[str, Any]:
        reply = await self._clients[who].post(path, json=body)
        if reply.status_code not in (200, 201):
            raise Unexpected(f"{who} {path}: {reply.status_code} {reply.text[:300]}")
        answer: dict[str, Any] = reply.json() if reply.content else {}
        return answer

    @staticmethod
    def _states(case: Mapping[str, Any]) -> str:
        return " / ".join(
            f"{state['track']}：{state['title']}" if state["track"] else state["title"]
            for state in case["states"]
        )
