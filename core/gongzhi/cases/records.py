"""A case as a record: loading it with its organs, splitting what is personal from what is not, saving it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from gongzhi.cases.masking import personal_names
from gongzhi.declarations import CaseValues, Json, Text
from gongzhi.errors import NoSuchThing, SubjectErased
from gongzhi.identity.policy import Grant
from gongzhi.scenes.loading import LoadedScene
from gongzhi.store import Subject, SubjectVault, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class Involvement:
    """An organ's part in a case, not ended; `department` '' means the whole organ.

    `line`, `level` and `region` are the organ's; empty in a part that an act is about to store.
    """

    organ_id: UUID
    role: str
    department: str
    line: str = ""
    level: str = ""
    region: str = ""


@dataclass(frozen=True, kw_only=True)
class CaseRecord:
    """A case row with its data in clear (`data` holds plain and personal fields together) and its organs.

    `subject` opens what was sealed for the case; None where nothing personal was kept, or where it is erased.
    `grants` are rights to read it for a time, where they were asked for.
    """

    row: Mapping[str, Any]
    data: Mapping[str, Json]
    subject: Subject | None
    organs: tuple[Involvement, ...]
    grants: tuple[Grant, ...] = ()

    @property
    def id(self) -> UUID:
        case_id: UUID = self.row["id"]
        return case_id

    @property
    def state(self) -> frozenset[str]:
        return frozenset(self.row["state"])

    @property
    def values(self) -> CaseValues:
        """The case as a rule sees it."""
        return CaseValues(
            id=self.id,
            region=self.row["region"],
            state=self.state,
            data=self.data,
            created_at=self.row["created_at"],
        )

    def organ_of(self, role: str) -> Involvement | None:
        """Who plays `role` in this case, if anybody."""
        return next((i for i in self.organs if i.role == role), None)


async def load_case(
    uow: UnitOfWork, vault: SubjectVault | None, case_id: UUID, *, lock: bool, at: datetime | None = None
) -> CaseRecord:
    """The case, whoever asks; `lock` takes the row for update. Without a vault what is personal stays closed. `at` as in
    `record_of`.

    For the platform's own work. What an actor asks for is found by `gongzhi.cases.finding`.

    Raises `NoSuchThing`.
    """
    suffix = " FOR UPDATE" if lock else ""
    row = await uow.fetchrow(f"SELECT * FROM cases WHERE id = $1{suffix}", case_id)
    if row is None:
        raise NoSuchThing()
    return await record_of(uow, vault, row, at)


async def record_of(
    uow: UnitOfWork, vault: SubjectVault | None, row: Mapping[str, Any], at: datetime | None = None
) -> CaseRecord:
    """The case of a row, with its organs and, where there is a vault, what is personal in clear; with the grants that
    hold `at` an instant."""
    data = dict(row["data"])
    subject = await vault.open(uow, row["subject_id"]) if vault and row["subject_id"] is not None else None
    if subject is not None and row["personal"] is not None:
        data.update(subject.unseal(row["personal"]))
    organs = await uow.fetch(
        "SELECT p.organ_id, p.role, p.department, o.line, o.level, o.region"
        " FROM case_organ p JOIN organ o ON o.id = p.organ_id"
        " WHERE p.case_id = $1 AND p.until IS NULL ORDER BY p.since, p.role",
        row["id"],
    )
    grants = await _grants(uow, row["id"], at) if at is not None else ()
    return CaseRecord(
        row=row,
        data=data,
        subject=subject,
        organs=tuple(Involvement(**organ) for organ in organs),
        grants=grants,
    )


async def _grants(uow: UnitOfWork, case_id: UUID, at: datetime) -> tuple[Grant, ...]:
    rows = await uow.fetch(
        "SELECT role, organ_id, department, account_id, sealed, until FROM case_grant"
        " WHERE case_id = $1 AND until > $2 AND ended_at IS NULL",
        case_id,
        at,
    )
    return tuple(Grant(**row) for row in rows)


@dataclass(frozen=True, kw_only=True)
class CaseChange:
    """What an act does to a case's row."""

    region: str
    state: tuple[str, ...]
    data: Mapping[str, Json]
    title: Text
    now: datetime
    erases_personal: bool = False
    seals: bool = False
    closes: bool = False


async def open_case(
    uow: UnitOfWork, vault: SubjectVault, scene: LoadedScene, change: CaseChange
) -> CaseRecord:
    """Insert the case; its personal fields go under a fresh subject key. No organ is in it yet."""
    plain, personal = _split(scene, change.data)
    subject = await vault.create(uow, change.now) if personal else None
    rows = await uow.insert(
        "cases",
        {
            "id": uuid4(),
            "scene": scene.id,
            "version": scene.version,
            "region": change.region,
            "title": {"zh": change.title.zh, "en": change.title.en},
            "state": list(change.state),
            "data": plain,
            "personal": subject.seal(personal) if subject else None,
            "subject_id": subject.id if subject else None,
            "minor": scene.manifest.minor,
            "sealed_at": change.now if change.seals else None,
            "closed_at": change.now if change.closes else None,
            "created_at": change.now,
            "updated_at": change.now,
            "row_version": 1,
        },
    )
    return CaseRecord(row=rows[0], data=change.data, subject=subject, organs=())


async def save_case(
    uow: UnitOfWork, vault: SubjectVault, scene: LoadedScene, case: CaseRecord, change: CaseChange
) -> CaseRecord:
    """Update the case row.

    Raises `RowChanged` when somebody was faster, `SubjectErased` for personal fields of a case whose key is gone.
    """
    plain, personal = _split(scene, change.data)
    row, subject = case.row, case.subject
    changes: dict[str, Any] = {
        "region": change.region,
        "state": list(change.state),
        "title": {"zh": change.title.zh, "en": change.title.en},
        "data": plain,
        "updated_at": change.now,
    }
    if change.erases_personal and row["subject_id"] is not None:
        await vault.erase(uow, row["subject_id"], change.now)
        subject = None
        changes["personal"] = None
    elif personal != _split(scene, case.data)[1]:
        if subject is None:
            if row["subject_id"] is not None:
                raise SubjectErased
            subject = await vault.create(uow, change.now)
            changes["subject_id"] = subject.id
        changes["personal"] = subject.seal(personal)
    if change.seals:
        changes["sealed_at"] = change.now
    if change.closes:
        changes["closed_at"] = change.now
    data = plain if change.erases_personal else change.data
    return CaseRecord(
        row=await uow.update("cases", row, **changes), data=data, subject=subject, organs=case.organs
    )


def _split(scene: LoadedScene, data: Mapping[str, Json]) -> tuple[dict[str, Json], dict[str, Json]]:
    names = personal_names(scene.case_schema)
    plain = {k: v for k, v in data.items() if k not in names}
    personal = {k: v for k, v in data.items() if k in names}
    return plain, personal


def merged(data: Mapping[str, Json], patch: Mapping[str, Json]) -> dict[str, Json]:
    """`patch` laid over `data`, key by key; None deletes."""
    joined = {**data, **patch}
    return {key: value for key, value in joined.items() if value is not None}
