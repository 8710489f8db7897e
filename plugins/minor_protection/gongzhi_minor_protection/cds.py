"""CDS Hooks 2.0 (https://cds-hooks.hl7.org/2.0/): discovery, two services and their feedback.

Requests are translated to the commands `prompt`, `report` and `dismiss`; this module keeps nothing and
fetches nothing, so data that was not prefetched is answered with 412.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

from gongzhi.plugin import ActResult, Command, Intake, IntakeReply, IntakeRequest, Json, Refusal

from . import fhir, replies
from .age import local_day
from .cards import REASON_SYSTEM, by_telephone_card, expired_card, report_card, reported_card, suggestion_id
from .labels import choices
from .screening import NAMESPACE, Screening, command, division_of, key_of, screened
from .texts import say

TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "conditions": "Condition?patient={{context.patientId}}",
    "encounter": "Encounter/{{context.encounterId}}",
}
SERVICES: Mapping[str, str] = {
    "mandatory-report-patient-view": "patient-view",
    "mandatory-report-encounter-discharge": "encounter-discharge",
}
NEEDED: Mapping[str, Sequence[str]] = {
    # encounterId is optional for patient-view, so a client may be unable to prefetch the encounter.
    "patient-view": ("patient", "conditions"),
    "encounter-discharge": ("patient", "conditions", "encounter"),
}
FEEDBACK_ITEMS = 50
DECIDED = frozenset({"dismissed", "closed"})


def discovery(request: IntakeRequest) -> IntakeReply:
    """What services there are, with their hooks and prefetch templates."""
    services = [
        {
            "hook": hook,
            "title": say(request.language, "service.title"),
            "description": say(request.language, f"service.description.{hook}"),
            "id": service,
            "prefetch": TEMPLATES,
        }
        for service, hook in SERVICES.items()
    ]
    return IntakeReply(body={"services": services})


def call(request: IntakeRequest, *, hook: str) -> IntakeReply | Sequence[Command]:
    """A record was opened or a patient is discharged: prompt where a minor's record meets a situation."""
    found = _screening(request, hook)
    if isinstance(found, IntakeReply):
        return found
    if found is None or not found.matches:
        return IntakeReply(body={"cards": []})
    return [command("prompt", found.input, key_of("cds", request.body["hookInstance"], found.input))]


def answer(request: IntakeRequest, results: Sequence[ActResult], *, hook: str) -> IntakeReply:
    """The card of the case that the prompt opened or found; none where somebody has decided already."""
    found, result = _screening(request, hook), results[0]
    if not isinstance(found, Screening) or result.case_id is None or DECIDED & set(result.state):
        return IntakeReply(body={"cards": []})
    base_url, language = request.base_url, request.language
    if "prompted" in result.state:
        card = report_card(result.case_id, found.matches, base_url=base_url, language=language)
    elif "expired" in result.state:
        card = expired_card(result.case_id, found.matches, base_url=base_url, language=language)
    else:
        card = reported_card(result.case_id, base_url=base_url, language=language)
    return IntakeReply(body={"cards": [card]})


def refused(request: IntakeRequest, code: str) -> IntakeReply | None:
    """A clinical system drops a failed call, so a county without the scene gets a card too: what to do instead."""
    if code != "scene_not_enabled":
        return None
    return IntakeReply(body={"cards": [by_telephone_card(request.language)]})


def feedback(request: IntakeRequest) -> IntakeReply | Sequence[Command]:
    """Accepted suggestions become reports, overridden cards with one of our reasons dismissals.

    An override without a reason, or with one of the client's own code system, leaves the prompt open: not reporting
    takes a coded reason (MP-15). A code that ours lacks is refused, lest a misspelt decision be lost.
    """
    body = replies.object_body(request)
    items = body.get("feedback") if body else None
    if not isinstance(items, list) or not 0 < len(items) <= FEEDBACK_ITEMS:
        return replies.invalid(request, "/feedback", "entries", most=FEEDBACK_ITEMS)
    commands: list[Command] = []
    for index, item in enumerate(items):
        made = _decided(request, item, f"/feedback/{index}")
        if isinstance(made, IntakeReply):
            return made
        commands += made
    return commands or IntakeReply(body={})


def acknowledged(request: IntakeRequest, results: Sequence[ActResult]) -> IntakeReply:
    """Feedback asks for no content."""
    return IntakeReply(body={})


def intakes() -> list[Intake]:
    """The doors of this module."""
    doors = [
        Intake(
            method="GET",
            path="cds-services",
            authentication="none",
            translate=discovery,
            description="CDS Hooks 2.0 discovery",
        )
    ]
    for service, hook in SERVICES.items():
        doors += [
            Intake(
                method="POST",
                path=f"cds-services/{service}",
                authentication="service",
                translate=partial(call, hook=hook),
                respond=partial(answer, hook=hook),
                refused=refused,
                description=f"CDS Hooks 2.0 service for the hook {hook}",
            ),
            Intake(
                method="POST",
                path=f"cds-services/{service}/feedback",
                authentication="service",
                translate=feedback,
                respond=acknowledged,
                body_limit_bytes=100_000,
                description=f"CDS Hooks 2.0 feedback for the hook {hook}",
            ),
        ]
    return doors


def _screening(request: IntakeRequest, hook: str) -> IntakeReply | Screening | None:
    """The request's record screened, or the reply that refuses it; None for somebody who is no minor."""
    problem = _misfit(request, hook)
    if problem is not None:
        return problem
    context, prefetch = request.body["context"], request.body.get("prefetch") or {}
    missing = [key for key in NEEDED[hook] if key not in prefetch]
    if "patient" not in missing and prefetch["patient"] is None:
        missing.append("patient")
    if missing:
        return replies.missing_prefetch(request, missing)
    today = local_day(request.now)
    try:
        seen = fhir.visit(context, prefetch.get("encounter"), today)
        findings, text = fhir.conditions_input(
            prefetch["conditions"],
            seen,
            recent_days=request.config.get("recent_days", 3),
            reads_text=request.config.get("reads_text", True),
        )
        birth = fhir.birth_text(prefetch["patient"])
        given = {
            "channel": "CDS_HOOKS",
            "reporter_division": division_of(request.region),
            "child": fhir.patient_input(
                prefetch["patient"], context, str(request.body.get("fhirServer") or "")
            ),
            "encounter": {"date": min(seen.day, today).isoformat(), "ref": seen.id[:200]},
            "findings": findings,
            "facts": text,
            "reporter": {"user_ref": str(context.get("userId") or "")[:200]},
        }
    except fhir.Unreadable as error:
        return replies.expected(request, f"/prefetch{error.where}", error.kind)
    if not birth:
        return None
    try:
        return screened(given, birth, min(seen.day, today), "/prefetch/patient/birthDate")
    except Refusal as no:
        return replies.impossible_date(request, no, "/prefetch/patient/birthDate")


def _misfit(request: IntakeRequest, hook: str) -> IntakeReply | None:
    """What CDS Hooks requires of every call: hook, hookInstance and the hook's context."""
    body = replies.object_body(request)
    if body is None:
        return replies.expected(request, "/", "object")
    context = body.get("context")
    fields = ("patientId", "encounterId") if hook == "encounter-discharge" else ("patientId",)
    if body.get("hook") != hook:
        return replies.invalid(request, "/hook", "hook", hook=hook)
    if not _is_text(body.get("hookInstance")):
        return replies.invalid(request, "/hookInstance", "text200")
    if not isinstance(context, dict):
        return replies.expected(request, "/context", "object")
    if not isinstance(body.get("prefetch") or {}, dict):
        return replies.expected(request, "/prefetch", "object")
    absent = [field for field in fields if not _is_text(context.get(field))]
    return replies.invalid(request, f"/context/{absent[0]}", "text200") if absent else None


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 200


def _decided(request: IntakeRequest, item: Json, where: str) -> list[Command] | IntakeReply:
    """The command that one feedback entry asks for, none, or the reply that refuses it."""
    if not isinstance(item, dict):
        return replies.expected(request, where, "object")
    try:
        case_id = UUID(str(item.get("card")))
    except ValueError:
        return replies.invalid(request, f"{where}/card", "card")
    if item.get("outcome") == "accepted":
        return _accepted(request, item, case_id, where)
    if item.get("outcome") == "overridden":
        return _overridden(request, item, case_id, where)
    return replies.invalid(request, f"{where}/outcome", "choice", choices="accepted, overridden")


def _accepted(
    request: IntakeRequest, item: Mapping[str, Json], case_id: UUID, where: str
) -> list[Command] | IntakeReply:
    accepted = item.get("acceptedSuggestions")
    ids = [one.get("id") for one in accepted if isinstance(one, dict)] if isinstance(accepted, list) else []
    if suggestion_id(case_id) not in ids:
        return replies.invalid(request, f"{where}/acceptedSuggestions", "suggestion")
    return [_command("report", {}, case_id)]


def _overridden(
    request: IntakeRequest, item: Mapping[str, Json], case_id: UUID, where: str
) -> list[Command] | IntakeReply:
    reason = item.get("overrideReason")
    coding = reason.get("reason") if isinstance(reason, dict) else None
    if not isinstance(coding, dict) or coding.get("system", REASON_SYSTEM) != REASON_SYSTEM:
        return []
    codes = [code for code, _, _ in choices("dismissal_reason")]
    if coding.get("code") not in codes:
        place = f"{where}/overrideReason/reason/code"
        return replies.invalid(request, place, "choice", choices=", ".join(codes))
    return [_command("dismiss", {"dismissal_reason": coding["code"]}, case_id)]


def _command(action: str, given: Mapping[str, Json], case_id: UUID) -> Command:
    # Clients may tell the same decision several times, so the key leaves its timestamp out.
    key = key_of("cds-feedback", str(case_id), action, given)
    return Command(namespace=NAMESPACE, action=action, input=given, key=key, case_id=case_id)
