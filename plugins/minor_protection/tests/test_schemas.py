"""The schemas: annotated throughout, and what each role sees through them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gongzhi.cases.masking import Sight, masked_view
from gongzhi.plugin import Act
from gongzhi.scenes.discovery import discover
from gongzhi.scenes.loading import LoadedScene, load

LEVELS = {"L1", "L2", "L3", "L4"}

WHOLE: dict[str, Any] = {
    "channel": "CDS_HOOKS",
    "situations": ["SEVERAL_INJURIES"],
    "age_years": 14,
    "urgent": False,
    "incident_division": "330523",
    "reporter_division": "330502",
    "child": {
        "name": "陈小雨",
        "sex": "FEMALE",
        "birth_date": "2012-05-06",
        "id_number": "000000201205060027",
        "residence_division": "330523",
        "address": "递铺街道",
        "guardian_name": "陈某",
        "guardian_phone": "13800000000",
        "guardian_present": True,
        "patient_ref": "https://his.example.org/fhir/Patient/p-1",
    },
    "encounter": {"date": "2026-11-20", "ref": "e-1"},
    "facts": "多处瘀青",
    "findings": [{"system": "ICD_10", "code": "S40.0"}],
    "signs": ["ICD-10 S40.0 肩和上臂损伤"],
    "evidence_kept": ["PHOTO"],
    "reporter": {
        "name": "王医生",
        "phone": "0572-0000000",
        "position": "急诊科",
        "user_ref": "Practitioner/d-17",
    },
    "code_map_date": "2026-11-22",
    "triage_category": "POLICE",
    "acceptance": "CRIMINAL",
    "acceptance_no": "12号",
    "feedback_outcome": "UNDER_INVESTIGATION",
    "feedback_text": "已立案",
    "prosecution_date": "2026-12-30",
    "support_needs": ["PSYCHOLOGICAL"],
    "support_note": "由女性社工首次接触",
    "support_outcome": "COMPLETED",
    "support_text": "已完成六次会谈",
    "closing_reason": "HANDLED",
    "closing_note": "已办结",
}
IDENTITY = ("陈小雨", "2012-05-06", "000000201205060027", "递铺街道", "陈某", "13800000000", "p-1")
REPORTER = ("王医生", "0572-0000000", "急诊科", "d-17", "330502")


@pytest.fixture(scope="module")
def scene() -> LoadedScene:
    """The scene as the host loads it."""
    return load(next(one for one in discover() if one.id == "minor_protection"))


def properties(schema: Any, path: str = "") -> Iterator[tuple[str, Any, bool]]:
    """Every property with its path, and whether it lies in a personal container."""
    for name, part in schema.get("properties", {}).items():
        personal = bool(part.get("x-gongzhi-personal"))
        yield f"{path}/{name}", part, personal
        inner = part.get("items", part) if part.get("type") == "array" else part
        for sub, schema_of_sub, _ in properties(inner, f"{path}/{name}"):
            yield sub, schema_of_sub, personal


def seen(scene: LoadedScene, role: str) -> str:
    """All that a role sees of the whole case, as one text."""
    reads = scene.manifest.roles[role].reads
    sight = Sight(role=role, reads=reads, at_once=reads)
    shown = masked_view(scene.case_schema, WHOLE, sight, minor=scene.manifest.minor)
    return json.dumps(shown.data, ensure_ascii=False)


def test_every_property_has_titles_and_a_description(scene: LoadedScene) -> None:
    """In Chinese and in English; no floats; every text has a length."""
    for schema in (scene.case_schema, *scene.inputs.values()):
        for path, part, _ in properties(schema):
            assert part["title"] and part["x-gongzhi-title-en"], path
            assert part["description"] and part["x-gongzhi-description-en"], path
            assert part.get("type") != "number", path
            if part.get("type") == "string" and "oneOf" not in part:
                assert part["maxLength"] > 0, path


def test_everything_personal_has_a_level_on_every_leaf(scene: LoadedScene) -> None:
    """Containers may go without one; what can be shown may not."""
    for path, part, personal in properties(scene.case_schema):
        if personal and part.get("type") != "object":
            assert part["x-gongzhi-level"] in LEVELS, path
        if part.get("type") == "object":
            assert part["additionalProperties"] is False, path


def test_personal_data_lies_in_top_level_properties_that_are_encrypted(scene: LoadedScene) -> None:
    """The list is short enough to be read."""
    personal = {n for n, part in scene.case_schema["properties"].items() if part.get("x-gongzhi-personal")}
    assert personal == {
        "child",
        "closing_note",
        "encounter",
        "facts",
        "feedback_text",
        "findings",
        "reporter",
        "signs",
        "support_note",
        "support_text",
    }


def test_an_input_property_is_the_same_in_the_case(scene: LoadedScene) -> None:
    """One definition each, so that masks can't differ between form and case."""
    for action, schema in scene.inputs.items():
        for name, part in schema["properties"].items():
            assert part == scene.case_schema["properties"][name], (action, name)


def test_coded_values_are_ascii_names_with_titles(scene: LoadedScene) -> None:
    """GraphQL enums are made of them."""
    for path, part, _ in properties(scene.case_schema):
        for one in part.get("items", part).get("oneOf", ()):
            assert one["const"].isascii() and one["const"].upper() == one["const"], path
            assert one["title"] and one["x-gongzhi-title-en"], path


def test_a_whole_case_fits_its_schema(scene: LoadedScene) -> None:
    """By the reference validator, formats included."""
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator.check_schema(dict(scene.case_schema))
    jsonschema.Draft202012Validator(dict(scene.case_schema), format_checker=checker).validate(WHOLE)


@pytest.mark.parametrize("action", ["prompt", "report", "triage", "feedback", "request_support", "close"])
def test_inputs_accept_what_the_case_holds_and_nothing_unknown(scene: LoadedScene, action: str) -> None:
    """And 31 February is no date."""
    given = {n: WHOLE[n] for n in scene.inputs[action]["properties"] if n in WHOLE}
    scene.checks[action](given)
    with pytest.raises(Exception, match="no field named"):
        scene.checks[action]({**given, "shoe_size": 38})


def test_mp_1_a_day_that_is_not_in_the_calendar_is_no_date(scene: LoadedScene) -> None:
    """The schema's format refuses it before any rule runs."""
    with pytest.raises(Exception, match="does not exist or is impossible"):
        scene.checks["report"]({"child": {"birth_date": "2012-02-31"}})


def test_mp_17_only_the_police_see_who_reported(scene: LoadedScene) -> None:
    """Not the procuratorate, not the reporter's own form, nobody's copy; nor which organ it was."""
    assert all(part in seen(scene, "police") for part in REPORTER)
    for role in set(scene.manifest.roles) - {"police"}:
        view = seen(scene, role)
        assert not [part for part in REPORTER if part in view], role
    assert scene.manifest.roles["reporter"].known_to == ["police"]


@pytest.mark.parametrize("role", ["health", "education", "civil_affairs"])
def test_triage_level_roles_see_no_identity_and_no_facts(scene: LoadedScene, role: str) -> None:
    """Situation, age, sex, urgency, triage: what they need to stand ready."""
    view = seen(scene, role)
    assert not [part for part in (*IDENTITY, "多处瘀青", "S40.0", "已立案", "会谈") if part in view]
    assert all(part in view for part in ("SEVERAL_INJURIES", "14", "FEMALE", "POLICE"))


def test_the_procuratorate_sees_the_child_and_every_step(scene: LoadedScene) -> None:
    """All but the reporter."""
    view = seen(scene, "procuratorate")
    assert all(part in view for part in ("陈小雨", "13800000000", "多处瘀青", "已立案", "会谈", "已办结"))


def test_social_workers_see_whom_to_help_and_not_the_evidence(scene: LoadedScene) -> None:
    """Name and contact, needs and note; no record, no number of a document."""
    view = seen(scene, "social_work")
    assert all(part in view for part in ("陈小雨", "13800000000", "PSYCHOLOGICAL", "由女性社工首次接触"))
    assert not [p for p in ("多处瘀青", "S40.0", "000000201205060027", "已立案", "12号") if p in view]


def test_the_reporter_sees_the_draft_with_the_identity_masked(scene: LoadedScene) -> None:
    """What was found in clear; the child's name by its first character."""
    view = seen(scene, "reporter")
    assert "多处瘀青" in view and "陈**" in view
    assert not [part for part in IDENTITY if part in view]


def test_the_rules_write_only_what_the_case_schema_knows(scene: LoadedScene, act: Callable[..., Act]) -> None:
    """A draft made by the rule fits the case."""
    given = {n: WHOLE[n] for n in scene.inputs["prompt"]["properties"] if n in WHOLE and n != "age_years"}
    given["findings"] = [*WHOLE["findings"], {"system": "ICD_10", "code": "S70.1"}]
    data = scene.rules["prompt"](act(given)).data
    data = {**data, **scene.rules["report"](act({}, data=data, state=["prompted"])).data}
    jsonschema.Draft202012Validator(dict(scene.case_schema)).validate(data)


def test_the_reference_page_names_every_action_rule_and_document(scene: LoadedScene) -> None:
    """A page that forgets one would send its reader to the source."""
    page = Path(__file__).parents[3] / "docs" / "reference" / "minor-protection.md"
    text = page.read_text(encoding="utf-8")
    names = [*scene.workflow.actions, *scene.documents, *scene.manifest.roles, *scene.workflow.deadlines]
    names += [*scene.manifest.configuration["properties"], *(door.path for door in scene.intakes)]
    names = [name.replace("mandatory-report-patient-view/feedback", "<服务>/feedback") for name in names]
    names = [
        name.replace("mandatory-report-encounter-discharge/feedback", "<服务>/feedback") for name in names
    ]
    assert [name for name in names if name not in text] == []


def test_intake_forms_are_schemas_too(package: Path) -> None:
    """They are what a clinic system's developer reads."""
    for name in ("screening", "report", "dismissal"):
        path = package / "schemas" / f"intake_{name}.json"
        jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))
