"""Which organ plays which role where: binding one, refusing to enable a scene while one is missing, and telling of one
where nobody works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput, NoSuchThing, RolesUnbound
from gongzhi.identity.acting import actor_joins, legal_day
from gongzhi.identity.actors import ADMINISTRATOR_DUTIES, HANDLING_DUTIES
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.enablement import Binding, enablement_of, regions_served, unbound_roles
from gongzhi.scenes.loading import LoadedScene
from gongzhi.store import UnitOfWork

_NAMED = 10
"""What a refusal or a finding names; a province has more than anybody reads."""

_NO_ROLE = Text(zh="场景没有这个须绑定的角色", en="the scene has no such role to bind")
_OUTSIDE = Text(zh="绑定地区不在启用范围内", en="the binding's region is outside the one that is enabled")
_CLOSED = Text(zh="该单位今天不在有效期内", en="the organ is not valid today")
_WRONG_TYPE = Text(zh="该类单位不能承担这个角色", en="an organ of this type may not play the role")
_ELSEWHERE = Text(
    zh="该单位既不在绑定地区内，也不在其上级",
    en="the organ lies neither in the binding's region nor above it",
)


async def bind(
    uow: UnitOfWork,
    tree: RegionTree,
    scene: LoadedScene,
    where: str,
    bindings: Sequence[Mapping[str, Any]],
    now: datetime,
) -> None:
    """Store role bindings at or below the region `where`, each in place of the one that stood there.

    Raises `InvalidInput` that says which binding and why, `NoSuchThing` for an organ that is not there.
    """
    for index, binding in enumerate(bindings):
        place = f"/roles/{index}"
        role = scene.manifest.roles.get(binding["role"])
        if role is None or not role.bound:
            raise InvalidInput(where=f"{place}/role", problem=_NO_ROLE)
        if not tree.contains(where, binding["region"]):
            raise InvalidInput(where=f"{place}/region", problem=_OUTSIDE)
        organ_id = UUID(binding["organ"].removeprefix("Organ:"))
        organ = await uow.fetchrow("SELECT * FROM organ WHERE id = $1", organ_id)
        if organ is None:
            raise NoSuchThing(where=f"{place}/organ")
        if problem := _unfit(tree, organ, role.organ_types, binding["region"], now):
            raise InvalidInput(where=f"{place}/organ", problem=problem)
        row = {
            "scene": scene.id,
            "region": binding["region"],
            "role": binding["role"],
            "organ_id": organ_id,
            "department": binding.get("department", ""),
        }
        known = await uow.fetchrow(
            "SELECT * FROM role_binding WHERE scene = $1 AND region = $2 AND role = $3 FOR UPDATE",
            scene.id,
            row["region"],
            row["role"],
        )
        if known is None:
            await uow.insert("role_binding", {"id": uuid4(), **row})
        else:
            await uow.update("role_binding", known, **row)


def _unfit(
    tree: RegionTree, organ: Mapping[str, Any], types: Sequence[str], region: str, now: datetime
) -> Text | None:
    """Why the organ can't play a role of these types in the region, or None."""
    today = legal_day(now)
    if today < organ["valid_from"] or (organ["valid_to"] is not None and today >= organ["valid_to"]):
        return _CLOSED
    if organ["type"] not in types:
        return _WRONG_TYPE
    near = tree.contains(region, organ["region"]) or tree.contains(organ["region"], region)
    return None if near else _ELSEWHERE


async def check_bound(
    uow: UnitOfWork, tree: RegionTree, scene: LoadedScene, where: str, now: datetime
) -> None:
    """Every division in `where` that takes new cases must have an organ for each role.

    Raises `RolesUnbound` that names what is missing where, `InvalidInput` for a region too small to get any case.
    """
    level, today = scene.manifest.routing.level, legal_day(now)
    regions = regions_served(tree, level, where, today)
    if not regions:
        raise InvalidInput(
            where="/region",
            problem=Text(
                zh=f"场景的案件归 {level} 一级，请在该级或其上级启用",
                en=f"the scene's cases belong to the {level} level; enable it there or above",
            ),
        )
    types = {name: role.organ_types for name, role in scene.manifest.roles.items() if role.bound}
    missing = await unbound_roles(uow, tree, scene.id, regions, types, today)
    if missing:
        raise RolesUnbound(where="/roles", scene=scene.id, region=where, roles=_told(tree, missing))


async def unmanned_roles(
    uow: UnitOfWork, tree: RegionTree, scene: LoadedScene, where: str, now: datetime
) -> list[dict[str, str]]:
    """The bindings in `where` under which nobody can sign for a letter now: an organ, or the one department of it, without
    an open account that handles cases. Each division and role once; the first `_NAMED` of them."""
    bound: list[tuple[str, str, Binding]] = []
    for region in regions_served(tree, scene.manifest.routing.level, where, legal_day(now)):
        held = await enablement_of(uow, tree, scene.id, region, {})
        if held is not None and held.state == "enabled":
            bound += [(region, role, binding) for role, binding in sorted(held.bindings.items())]
    rows = await uow.fetch(
        f"SELECT DISTINCT o.id, coalesce(w.department, '') AS department FROM account a {actor_joins('$2')}"
        " WHERE o.id = ANY($1) AND (a.kind = 'service' OR w.duties && $3::text[] AND NOT w.duties && $4::text[])",
        list({binding.organ_id for _, _, binding in bound}),
        legal_day(now),
        sorted(HANDLING_DUTIES),
        sorted(ADMINISTRATOR_DUTIES),
    )
    manned = {(row["id"], row["department"]) for row in rows} | {(row["id"], "") for row in rows}
    return [
        {
            "region": region,
            "role": role,
            "organ": str(binding.organ_id),
            "department": binding.department,
        }
        for region, role, binding in bound
        if (binding.organ_id, binding.department) not in manned
    ][:_NAMED]


def _told(tree: RegionTree, missing: Mapping[str, Sequence[str]]) -> Text:
    named = list(missing.items())[:_NAMED]
    zh = "；".join(f"{tree.get(code).name} {code}（{'、'.join(roles)}）" for code, roles in named)
    en = "; ".join(f"{code} ({', '.join(roles)})" for code, roles in named)
    if more := len(missing) - len(named):
        return Text(zh=f"{zh}；另有 {more} 处", en=f"{en}; and {more} more")
    return Text(zh=zh, en=en)
