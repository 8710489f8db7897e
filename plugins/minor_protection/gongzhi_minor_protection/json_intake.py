"""A plain JSON door for clinic and school systems that speak no FHIR: screenings, reports, dismissals.

The forms are `schemas/intake_*.json`. The same three commands as through CDS Hooks and the web form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from gongzhi.plugin import ActResult, Command, Intake, IntakeReply, IntakeRequest, Json, Refusal

from . import replies
from .age import day_of, local_day
from .articles import OPINION, SITUATIONS
from .labels import choices
from .screening import NAMESPACE, Screening, command, division_of, key_of, screened


def screening(request: IntakeRequest) -> IntakeReply | Sequence[Command]:
    """Screen a record; a match opens a prompt, or with `report: true` sends the report at once."""
    found = _screening(request)
    if isinstance(found, IntakeReply):
        return found
    if found is None or not found.matches:
        return IntakeReply(body={"minor": found is not None, "situations": [], "case": None})
    if not request.body.get("report"):
        return [command("prompt", found.input, _key(request, "screening", found.input))]
    names = [match.situation for match in found.matches]
    facts = found.input.get("facts") or "；".join(
        dict.fromkeys(sign.label.zh for match in found.matches for sign in match.signs)
    )
    given = {**found.input, "situations": names, "facts": facts}
    return [command("report", given, _key(request, "screening-report", given))]


def screening_answer(request: IntakeRequest, results: Sequence[ActResult]) -> IntakeReply:
    """The situations met, the case, what to do next."""
    found = _screening(request)
    if not isinstance(found, Screening):
        return IntakeReply(body={"minor": False, "situations": [], "case": None})
    return IntakeReply(
        status=200 if results[0].existing or results[0].replayed else 201,
        body={
            "minor": True,
            "situations": [
                {
                    "code": match.situation,
                    "number": SITUATIONS[match.situation].number,
                    "text": SITUATIONS[match.situation].quote[request.language],
                    "signs": [sign.label[request.language] for sign in match.signs],
                }
                for match in found.matches
            ],
            "basis": OPINION[request.language],
            **_case(request, results[0]),
            "dismissal_reasons": [
                {"code": code, "display": en if request.language == "en" else zh}
                for code, zh, en in choices("dismissal_reason")
            ],
        },
    )


def report(request: IntakeRequest) -> IntakeReply | Sequence[Command]:
    """Report directly, or report a prompted case with what the body adds to its draft."""
    problem = replies.checked(request, "intake_report")
    if problem is not None:
        return problem
    given = {name: value for name, value in request.body.items() if name != "case"}
    case = request.body.get("case")
    if case is None:
        given["channel"] = "JSON_INTAKE"
        if division := division_of(request.region):
            given["reporter_division"] = division
    key = _key(request, "report", request.body)
    case_id = UUID(case) if case else None
    return [Command(namespace=NAMESPACE, action="report", input=given, key=key, case_id=case_id)]


def report_answer(request: IntakeRequest, results: Sequence[ActResult]) -> IntakeReply:
    """The case that now exists."""
    return IntakeReply(status=200 if results[0].replayed else 201, body=_case(request, results[0]))


def dismissal(request: IntakeRequest) -> IntakeReply | Sequence[Command]:
    """Dismiss a prompted case for a coded reason."""
    problem = replies.checked(request, "intake_dismissal")
    if problem is not None:
        return problem
    return [
        Command(
            namespace=NAMESPACE,
            action="dismiss",
            input={"dismissal_reason": request.body["dismissal_reason"]},
            key=_key(request, "dismissal", request.body),
            case_id=UUID(request.body["case"]),
        )
    ]


def dismissal_answer(request: IntakeRequest, results: Sequence[ActResult]) -> IntakeReply:
    """The case as it now stands."""
    return IntakeReply(body=_case(request, results[0]))


def intakes() -> list[Intake]:
    """The doors of this module."""
    doors: list[tuple[str, Any, Any, str]] = [
        ("screenings", screening, screening_answer, "Screen a record (JSON)"),
        ("reports", report, report_answer, "Report (JSON)"),
        ("dismissals", dismissal, dismissal_answer, "Dismiss a prompt (JSON)"),
    ]
    return [
        Intake(
            method="POST",
            path=f"minor-protection/{name}",
            authentication="service",
            translate=translate,
            respond=respond,
            body_limit_bytes=200_000,
            description=description,
        )
        for name, translate, respond, description in doors
    ]


def _screening(request: IntakeRequest) -> IntakeReply | Screening | None:
    problem = replies.checked(request, "intake_screening")
    if problem is not None:
        return problem
    body: Mapping[str, Json] = request.body
    today = local_day(request.now)
    day = day_of(body.get("encounter_date")) or today
    if day > today:
        return replies.invalid(request, "/encounter_date", "future", "impossible_date")
    child = {
        "name": body.get("patient_name"),
        "sex": body.get("sex", "UNKNOWN"),
        "residence_division": body.get("residence_division"),
        "patient_ref": body["patient_ref"],
    }
    given = {
        "channel": "JSON_INTAKE",
        "reporter_division": division_of(request.region),
        "incident_division": body.get("incident_division"),
        "child": {name: value for name, value in child.items() if value},
        "encounter": {"date": day.isoformat(), "ref": body.get("encounter_ref", "")},
        "findings": [
            *({"system": "ICD_10", "code": code} for code in body.get("icd10", ())),
            *({"system": "SNOMED_CT", "code": code} for code in body.get("snomed", ())),
        ][:100],
        "facts": body.get("text", "") if request.config.get("reads_text", True) else "",
        "reporter": body.get("reporter", {}),
    }
    try:
        return screened(given, body["birth_date"], day, "/birth_date")
    except Refusal as no:
        return replies.impossible_date(request, no, "/birth_date")


def _case(request: IntakeRequest, result: ActResult) -> dict[str, Json]:
    case = str(result.case_id) if result.case_id else None
    return {
        "case": case,
        "state": list(result.state),
        "form": f"{request.base_url}/console/cases/{case}" if case else None,
    }


def _key(request: IntakeRequest, kind: str, body: Json) -> str:
    """The client's Idempotency-Key, or one made from the body."""
    return request.headers.get("idempotency-key") or key_of(kind, request.region, body)
