"""Where a scene is enabled, with which configuration and which organs: stored rows and how they add up.

A region takes its state from the nearest ancestor that has a row, its configuration field by field from all of
them, and each role from the nearest ancestor that binds it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from gongzhi.declarations import Json
from gongzhi.identity.regions import RegionTree
from gongzhi.store import UnitOfWork


@dataclass(frozen=True, kw_only=True)
class ConfigField:
    """One field of an effective configuration; `region` is the ancestor it comes from, None for the default."""

    name: str
    value: Json
    region: str | None


@dataclass(frozen=True, kw_only=True)
class Binding:
    """The organ that plays a role, and the department within it ('' = the whole organ)."""

    organ_id: UUID
    department: str
    region: str


@dataclass(frozen=True, kw_only=True)
class Enablement:
    """What holds for one scene in one region. `decided_by` is the region whose row decides the state."""

    scene: str
    version: str
    region: str
    state: str
    decided_by: str
    config: Sequence[ConfigField]
    bindings: Mapping[str, Binding]

    @property
    def values(self) -> dict[str, Json]:
        """The configuration without its explanation."""
        return {field.name: field.value for field in self.config}


async def enablement_of(
    uow: UnitOfWork, tree: RegionTree, scene: str, region: str, defaults: Mapping[str, Any]
) -> Enablement | None:
    """What is enabled for `scene` in `region`, or None. `defaults` is the configuration schema's `properties`."""
    lineage = [r.code for r in tree.ancestors(region)]
    rows = await uow.fetch(
        "SELECT version, region, state, config FROM enablement WHERE scene = $1 AND region = ANY($2)",
        scene,
        lineage,
    )
    if not rows:
        return None
    by_region = {row["region"]: row for row in rows}
    nearest = next(by_region[code] for code in lineage if code in by_region)
    fields: dict[str, ConfigField] = {
        name: ConfigField(name=name, value=schema["default"], region=None)
        for name, schema in defaults.items()
        if "default" in schema
    }
    for code in reversed(lineage):
        for name, value in (by_region[code]["config"] if code in by_region else {}).items():
            fields[name] = ConfigField(name=name, value=value, region=code)
    bound = await uow.fetch(
        "SELECT role, region, organ_id, department FROM role_binding WHERE scene = $1 AND region = ANY($2)",
        scene,
        lineage,
    )
    bindings: dict[str, Binding] = {}
    for row in sorted(bound, key=lambda r: lineage.index(r["region"]), reverse=True):
        bindings[row["role"]] = Binding(
            organ_id=row["organ_id"], department=row["department"], region=row["region"]
        )
    return Enablement(
        scene=scene,
        version=nearest["version"],
        region=region,
        state=nearest["state"],
        decided_by=nearest["region"],
        config=[fields[name] for name in sorted(fields)],
        bindings=bindings,
    )


WORKING = frozenset({"enabled", "closing"})
"""States of a scene in a region in which its running cases are acted on."""


async def working(
    uow: UnitOfWork, tree: RegionTree, places: Collection[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Of these (scene, region) pairs those where running cases are acted on."""
    lineages = {region: [r.code for r in tree.ancestors(region)] for _, region in places}
    rows = await uow.fetch(
        "SELECT scene, region, state FROM enablement WHERE scene = ANY($1) AND region = ANY($2)",
        list({scene for scene, _ in places}),
        list({code for lineage in lineages.values() for code in lineage}),
    )
    states = {(row["scene"], row["region"]): row["state"] for row in rows}

    def state(scene: str, region: str) -> str | None:
        return next((states[scene, code] for code in lineages[region] if (scene, code) in states), None)

    return {place for place in places if state(*place) in WORKING}


async def scenes_in_view(uow: UnitOfWork, tree: RegionTree, region: str) -> set[str]:
    """Scenes that a region's view holds: those that are or were enabled there, above or below.

    Not a word about cases: whether a scene has any somewhere is not for everybody to read from a schema. Since each
    case lies where its scene was enabled, its handlers and those above them find the scene in their views.
    """
    lineage = [r.code for r in tree.ancestors(region)]
    rows = await uow.fetch(
        "SELECT DISTINCT scene FROM enablement WHERE region = ANY($1) OR region LIKE $2",
        lineage,
        tree.prefix(region),
    )
    return {row["scene"] for row in rows}


def regions_served(tree: RegionTree, level: str, region: str, today: date) -> list[str]:
    """The divisions in `region`, itself included, to which routing lifts cases at `level`; valid ones, by code."""
    found = tree.get(region)
    if found.level == level or (level == "county" and tree.county_of(region) is not None):
        return [region]
    below = tree.children(region, on=today)
    return [code for child in below for code in regions_served(tree, level, child.code, today)]


async def unbound_roles(
    uow: UnitOfWork,
    tree: RegionTree,
    scene: str,
    regions: Sequence[str],
    types: Mapping[str, Sequence[str]],
    today: date,
) -> dict[str, list[str]]:
    """Roles that no valid organ of a fitting type plays, by region; complete regions are left out.

    `types` are the organ types that may play each role. Regions that take no new cases need no organ.
    """
    lineages = {code: [r.code for r in tree.ancestors(code)] for code in regions}
    codes = sorted({above for lineage in lineages.values() for above in lineage})
    rows = await uow.fetch(
        "SELECT region, state FROM enablement WHERE scene = $1 AND region = ANY($2)", scene, codes
    )
    states: dict[str, str] = {row["region"]: row["state"] for row in rows}
    rows = await uow.fetch(
        "SELECT b.region, b.role, o.type, o.valid_from <= $3 AND (o.valid_to IS NULL OR $3 < o.valid_to) AS valid"
        " FROM role_binding b JOIN organ o ON o.id = b.organ_id WHERE b.scene = $1 AND b.region = ANY($2)",
        scene,
        codes,
        today,
    )
    plays = {(r["region"], r["role"]): r["valid"] and r["type"] in types.get(r["role"], ()) for r in rows}

    def missing(lineage: Sequence[str]) -> list[str]:
        if next((states[code] for code in lineage if code in states), None) != "enabled":
            return []
        return [
            role
            for role in sorted(types)
            if not next((plays[code, role] for code in lineage if (code, role) in plays), False)
        ]

    found = {code: missing(lineage) for code, lineage in lineages.items()}
    return {code: roles for code, roles in found.items() if roles}


async def enabled_beside(uow: UnitOfWork, tree: RegionTree, scene: str, region: str) -> set[str]:
    """Other scenes that take new cases in `region` or somewhere below it."""
    lineage = [r.code for r in tree.ancestors(region)]
    rows = await uow.fetch(
        "SELECT scene, region, state FROM enablement WHERE scene <> $1 AND (region = ANY($2) OR region LIKE $3)",
        scene,
        lineage,
        tree.prefix(region),
    )
    nearest: dict[str, str] = {}
    for code in lineage:
        for row in rows:
            if row["region"] == code:
                nearest.setdefault(row["scene"], row["state"])
    below = {row["scene"] for row in rows if row["region"] not in lineage and row["state"] == "enabled"}
    return below | {name for name, state in nearest.items() if state == "enabled"}


async def generation(uow: UnitOfWork) -> int:
    """The number that changes with every enablement, configuration and grant."""
    value = await uow.fetchval("SELECT value FROM generation")
    return int(value)


async def bump_generation(uow: UnitOfWork) -> None:
    """Tell every process that enablement, configuration or grants have changed."""
    await uow.execute("UPDATE generation SET value = value + 1")
