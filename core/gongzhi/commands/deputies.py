"""Deputies (AB角) in the namespace `directory`: naming one, ending it, listing them; see `gongzhi.identity.deputies`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from gongzhi.cases.scope import Trail
from gongzhi.commands import directory_forms as forms
from gongzhi.declarations import ActResult, Command, Json, QueryDeclaration, Text
from gongzhi.errors import NoSuchThing
from gongzhi.identity.acting import legal_day
from gongzhi.identity.actors import Actor
from gongzhi.identity.deputies import LISTED, deputise, end_deputyship, holder_of
from gongzhi.identity.directory import Directory
from gongzhi.identity.reach import OWN_DEPUTYSHIP, not_allowed, reaches, refuse_no_reach
from gongzhi.identity.regions import RegionTree
from gongzhi.store import Store, UnitOfWork

DEPUTISE: Final = Text(zh="登记代理人", en="name a deputy")


class DeputyCommands:
    """What delegated administrators do about deputies. One instance serves every request; it keeps no state."""

    def __init__(self, store: Store, tree: RegionTree) -> None:
        self._store, self._tree, self._directory = store, tree, Directory(tree)

    def query(self) -> QueryDeclaration:
        """The list of an organ's deputyships, for the namespace."""
        return QueryDeclaration(
            name="deputyships",
            title=Text(zh="单位的代理", en="Deputyships of an organ"),
            input_schema=forms.OF_ORGAN,
            output_schema=forms.DEPUTYSHIPS,
            read=self.deputyships,
        )

    async def deputyships(self, actor: Actor, region: str, value: Mapping[str, Json]) -> Json:
        """Every deputyship of an organ, past ones too. Raises `ActionNotAllowed` beyond the actor's reach."""
        async with self._store.unit_of_work() as uow:
            organ = await self._directory.organ(uow, UUID(value["organ"].removeprefix("Organ:")))
            refuse_no_reach(actor, organ, self._tree, action=DEPUTISE)
            rows = await uow.fetch(LISTED, organ.id)
        return {
            "deputyships": [
                {
                    "id": str(row["id"]),
                    **{name: row[name] for name in ("absent", "deputy", "reason")},
                    "valid_from": row["valid_from"].isoformat(),
                    "valid_to": row["valid_to"].isoformat(),
                    "ended": row["ended_at"] is not None,
                }
                for row in rows
            ]
        }

    async def deputise(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Let somebody act in the place of an absent colleague, in an organ in reach; never the administrator.

        Raises `NoSuchThing` for a login beyond reach, `ActionNotAllowed` for oneself, `InvalidInput` as `deputise`.
        """
        value = command.input
        # Both in the order of their logins, as `deputise` locks them.
        held = {login: await holder_of(uow, login) for login in sorted({value["absent"], value["deputy"]})}
        for where in ("absent", "deputy"):
            await self._refuse_beyond(uow, actor, held[value[where]], f"/{where}", trail)
        own = await uow.fetchval("SELECT person_id FROM account WHERE id = $1", actor.account_id)
        if own == held[value["deputy"]]["person_id"]:
            raise not_allowed(DEPUTISE, OWN_DEPUTYSHIP)
        first = value.get("valid_from")
        deputyship_id = await deputise(
            uow,
            absent=value["absent"],
            deputy=value["deputy"],
            valid_from=legal_day(now) if first is None else date.fromisoformat(first),
            valid_to=date.fromisoformat(value["valid_to"]),
            reason=value["reason"],
            decided_by=actor.account_id,
            now=now,
        )
        return ActResult(case_id=None, output={"deputyship": str(deputyship_id)})

    async def end_deputyship(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """End a deputyship of an organ in reach at once. Raises `NoSuchThing` for any other."""
        deputyship_id = UUID(command.input["deputyship"])
        row = await uow.fetchrow(
            "SELECT w.organ_id FROM deputyship d JOIN post w ON w.id = d.post_id WHERE d.id = $1",
            deputyship_id,
        )
        if row is None:
            raise NoSuchThing(where="/deputyship")
        await self._refuse_beyond(uow, actor, row, "/deputyship", trail)
        await end_deputyship(uow, deputyship_id, now)
        return ActResult(case_id=None, output={})

    async def _refuse_beyond(
        self, uow: UnitOfWork, actor: Actor, row: Mapping[str, Any], where: str, trail: Trail
    ) -> None:
        organ = await self._directory.organ(uow, row["organ_id"])
        trail.region = organ.region
        if not reaches(actor, organ, self._tree):
            raise NoSuchThing(where=where)
