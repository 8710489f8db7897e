"""FHIR R4 resources of a CDS Hooks prefetch, read into the input of the action `prompt`. Pure.

Reads Patient, Condition (searchset Bundle) and Encounter; takes what it needs and leaves the rest. Resources
that are not what FHIR says raise `Unreadable` with a JSON pointer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from gongzhi.plugin import Json

from .age import day_of
from .codes import System

CODE_SYSTEMS: Mapping[str, System] = {
    "http://snomed.info/sct": "SNOMED_CT",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED_CT",
    "http://hl7.org/fhir/sid/icd-10": "ICD_10",
    "urn:oid:2.16.840.1.113883.6.3": "ICD_10",
}
"""Code systems that are read. ICD-10-CM and other national editions differ in codes and are left out."""

SEX: Mapping[str, str] = {"female": "FEMALE", "male": "MALE"}
NOT_PRESENT = frozenset({"refuted", "entered-in-error"})


class Unreadable(Exception):
    """A resource is not of the form that FHIR gives it; `where` is a JSON pointer into the prefetch, `kind` what
    JSON has to stand there."""

    def __init__(self, where: str, kind: str) -> None:
        super().__init__(f"{where}: {kind}")
        self.where, self.kind = where, kind


@dataclass(frozen=True, kw_only=True)
class Visit:
    """The encounter in view. `id` is empty when the request names none; `day` is in Asia/Shanghai."""

    id: str
    day: date


def visit(context: Mapping[str, Json], encounter: Json, today: date) -> Visit:
    """The encounter in view, on the day that it began; today where the record does not say."""
    period = _object(encounter, "/encounter").get("period") or {}
    began = day_of(_object(period, "/encounter/period").get("start"))
    return Visit(id=str(context.get("encounterId") or ""), day=began or today)


def patient_input(patient: Json, context: Mapping[str, Json], server: str) -> dict[str, Json]:
    """The `child` of a prompt without the birth date: what the record says, absent fields left out."""
    resource = _object(patient, "/patient")
    child = {
        "name": _name(resource),
        "sex": SEX.get(str(resource.get("gender")), "UNKNOWN"),
        "residence_division": _division(resource),
        "patient_ref": f"{server.rstrip('/')}/Patient/{context.get('patientId', '')}".lstrip("/")[:300],
    }
    return {key: value for key, value in child.items() if value}


def birth_text(patient: Json) -> str:
    """`Patient.birthDate` as it stands: a date, a year and month, a year, or empty."""
    return str(_object(patient, "/patient").get("birthDate") or "")


def conditions_input(
    bundle: Json, seen: Visit, *, recent_days: int, reads_text: bool
) -> tuple[list[dict[str, str]], str]:
    """Codes and text of the conditions that belong to the encounter in view, in order, without repeats.

    With an encounter: conditions that refer to it, and those that refer to none and are undated or of its
    day. Without: undated ones and those of the last `recent_days`. Refuted and mistaken entries are left
    out.
    """
    findings: list[dict[str, str]] = []
    texts: list[str] = []
    for resource, where in _conditions(bundle):
        if not _present(resource) or not _belongs(resource, seen, recent_days):
            continue
        code = _object(resource.get("code") or {}, f"{where}/code")
        for coding in _list(code.get("coding") or [], f"{where}/code/coding"):
            found = _object(coding, f"{where}/code/coding")
            system = CODE_SYSTEMS.get(str(found.get("system")))
            if system and found.get("code"):
                finding = {"system": system, "code": str(found["code"])[:40]}
                if finding not in findings:
                    findings.append(finding)
        texts.append(str(code.get("text") or ""))
        texts += [str(_object(n, f"{where}/note").get("text") or "") for n in resource.get("note") or []]
    text = "；".join(dict.fromkeys(t.strip() for t in texts if t.strip())) if reads_text else ""
    return findings[:100], text[:4000]


def _conditions(bundle: Json) -> Iterator[tuple[Mapping[str, Any], str]]:
    if bundle is None:
        return
    entries = _list(_object(bundle, "/conditions").get("entry") or [], "/conditions/entry")
    for index, entry in enumerate(entries):
        where = f"/conditions/entry/{index}/resource"
        resource = _object(_object(entry, where).get("resource") or {}, where)
        if resource.get("resourceType") == "Condition":
            yield resource, where


def _present(resource: Mapping[str, Any]) -> bool:
    status = resource.get("verificationStatus") or {}
    codings = status.get("coding") or [] if isinstance(status, dict) else []
    return not any(isinstance(c, dict) and c.get("code") in NOT_PRESENT for c in codings)


def _belongs(resource: Mapping[str, Any], seen: Visit, recent_days: int) -> bool:
    encounter = resource.get("encounter")
    reference = str(encounter.get("reference") or "") if isinstance(encounter, dict) else ""
    day = day_of(str(resource.get("onsetDateTime") or resource.get("recordedDate") or ""))
    if seen.id:
        if reference:
            return reference.rsplit("/", 1)[-1] == seen.id
        return day is None or day == seen.day
    return day is None or timedelta(0) <= seen.day - day <= timedelta(days=recent_days)


def _name(patient: Mapping[str, Any]) -> str:
    for one in patient.get("name") or []:
        if isinstance(one, dict):
            given = "".join(str(part) for part in one.get("given") or [])
            name = str(one.get("text") or f"{one.get('family') or ''}{given}")
            if name:
                return name[:60]
    return ""


def _division(patient: Mapping[str, Any]) -> str:
    """A county code where the address gives one as its district (GB/T 2260), as Chinese profiles do."""
    for address in patient.get("address") or []:
        district = str(address.get("district") or "") if isinstance(address, dict) else ""
        if len(district) == 6 and district.isdigit():
            return district
    return ""


def _object(value: Json, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(where, "object")
    return value


def _list(value: Json, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise Unreadable(where, "array")
    return value
