"""Finding one case for an actor: the policy is in the query that finds it, so a case that they may not know of is not
found at all.

A sealed case and no case take the same statements and the same work, which is what keeps their answers equally long;
only what is found is decrypted, and only then its scene is asked for. Nobody else loads a case for an actor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from gongzhi.cases.records import CaseRecord, record_of
from gongzhi.cases.targets import readers_of, target_of
from gongzhi.errors import NoSuchThing
from gongzhi.identity.actors import Actor
from gongzhi.identity.policy import Verdict, decide, visible_cases
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.host import SceneHost
from gongzhi.scenes.loading import LoadedScene
from gongzhi.store import SubjectVault, UnitOfWork

By = Literal["case", "letter", "notice", "grant"]

_JOINS: Final[Mapping[By, str]] = {
    "case": "WHERE c.id = $1",
    "letter": "JOIN letter l ON l.case_id = c.id WHERE l.id = $1",
    "grant": "JOIN case_grant own ON own.case_id = c.id WHERE own.id = $1",
    "notice": "JOIN notice n ON n.case_id = c.id WHERE n.id = $1",
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """A case that an actor may read, its scene, and under which roles they may."""

    scene: LoadedScene
    case: CaseRecord
    verdict: Verdict


class CaseFinder:
    """Finds cases for actors. One instance serves every request; it keeps no state."""

    def __init__(self, tree: RegionTree, scenes: SceneHost, vault: SubjectVault) -> None:
        self._tree, self._scenes, self._vault = tree, scenes, vault

    async def find(
        self,
        uow: UnitOfWork,
        actor: Actor,
        wanted: UUID,
        *,
        at: datetime,
        by: By = "case",
        lock: bool = False,
    ) -> Found:
        """The case with this id, or that of the letter, notice or grant with it, by the grants that hold `at` an
        instant; `lock` takes the case's row for update.

        Raises `NoSuchThing` where there is none that the actor may read, and `SceneFault` or `SceneIncompatible` for one
        that they may and whose scene can't be used.
        """
        seen, args = visible_cases(actor, self._tree, 2, scenes=readers_of(self._scenes), at=at)
        row = await uow.fetchrow(
            f"SELECT c.* FROM cases c {_JOINS[by]} AND {seen}{' FOR UPDATE OF c' if lock else ''}",
            wanted,
            *args,
        )
        if row is None:
            raise NoSuchThing()
        scene = self._scenes.scene(row["scene"], row["version"])
        case = await record_of(uow, self._vault, row, at)
        verdict = decide(actor, "read", target_of(scene, case, "read", None), self._tree)
        if not verdict.allowed:
            raise verdict.refusal("read")
        return Found(scene=scene, case=case, verdict=verdict)
