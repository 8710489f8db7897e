"""Zhejiang for the demo: the organs of Huzhou's counties and of Yiwu, people, accounts, one scene enabled in Huzhou.

Yiwu has organs but no scene, so that the demo can show what a county sees where nothing is enabled.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from gongzhi.audit.leaf import Leaf
from gongzhi.declarations import Command
from gongzhi.host import Host
from gongzhi.identity.actors import Actor, Organ
from gongzhi.store import UnitOfWork

SINCE = date(2024, 12, 2)
"""The day on which Zhejiang's platform went live; the demo's posts are valid from then."""

SCENE = "minor_protection"
ENABLED = "330500"
NOT_ENABLED = "330782"

_TYPES = {
    # type: (name after the county's, English, 机关代字, role in the scene, department that plays it)
    "police": ("公安局", "Public Security Bureau", "公", "police", ""),
    "procuratorate": ("人民检察院", "People's Procuratorate", "检", "procuratorate", "未成年人检察部门"),
    "health_commission": ("卫生健康局", "Health Bureau", "卫", "health", ""),
    "education_bureau": ("教育局", "Education Bureau", "教", "education", ""),
    "civil_affairs": ("民政局", "Civil Affairs Bureau", "民", "civil_affairs", ""),
    "social_work": ("社会工作服务中心", "Social Work Centre", "社工", "social_work", ""),
}


@dataclass(frozen=True, kw_only=True)
class _Account:
    login: str
    name: str
    organ: str
    title: str
    duties: tuple[str, ...]
    department: str = ""


_PEOPLE = (
    _Account(
        login="doctor",
        name="陈静",
        organ="hospital",
        title="急诊科医师",
        duties=("handler",),
        department="急诊科",
    ),
    _Account(login="police", name="王建国", organ="330523/police", title="民警", duties=("handler",)),
    _Account(
        login="procurator",
        name="林晓",
        organ="330523/procuratorate",
        title="检察官",
        duties=("handler",),
        department="未成年人检察部门",
    ),
    _Account(login="health", name="周敏", organ="330523/health_commission", title="科员", duties=("clerk",)),
    _Account(
        login="education", name="吴芳", organ="330523/education_bureau", title="科员", duties=("clerk",)
    ),
    _Account(login="civil", name="郑华", organ="330523/civil_affairs", title="科员", duties=("clerk",)),
    _Account(login="social", name="沈悦", organ="330523/social_work", title="社工", duties=("handler",)),
    _Account(
        login="supervisor",
        name="徐正",
        organ="330500/procuratorate",
        title="检察官",
        duties=("handler",),
        department="未成年人检察部门",
    ),
    _Account(login="teacher", name="何老师", organ="school", title="教师", duties=("handler",)),
    _Account(login="yiwu-police", name="朱强", organ="330782/police", title="民警", duties=("handler",)),
    _Account(login="yiwu-doctor", name="赵宁", organ="yiwu-hospital", title="医师", duties=("handler",)),
    _Account(login="admin", name="方平", organ="province", title="平台管理员", duties=("region_admin",)),
    _Account(login="auditor", name="韩清", organ="platform", title="审计管理员", duties=("audit_admin",)),
)


async def seed(host: Host) -> str:
    """Fill an empty store; a store that has organs keeps them as they are. Returns what to print.

    Two transactions: a process killed between them leaves organs without the scene, which the next start enables.
    """
    async with host.store.unit_of_work() as uow:
        filled = await uow.fetchval("SELECT EXISTS (TABLE organ)")
    if not filled:
        await _fill(host)
    async with host.store.unit_of_work() as uow:
        enabled = await uow.fetchval("SELECT EXISTS (SELECT FROM enablement WHERE scene = $1)", SCENE)
        bound = {} if enabled else await _bound(host, uow)
        administrator = await host.directory.actor(uow, "admin", host.clock.now()) if bound else None
    if administrator is not None:
        await _enable(host, administrator, bound)
    return _welcome(host)


async def _fill(host: Host) -> None:
    async with host.store.unit_of_work() as uow:
        now = host.clock.now()
        organs = await _organs(host, uow)
        for key, department in _departments(organs):
            await host.directory.department_add(
                uow, organ_id=organs[key].id, name=department, valid_from=SINCE
            )
        for person in _PEOPLE:
            await _account(host, uow, person, organs[person.organ])
        await host.directory.account_add(
            uow, login="clinic", organ_id=organs["hospital"].id, language="zh", demo=False
        )
        await host.directory.account_add(
            uow, login="yiwu-clinic", organ_id=organs["yiwu-hospital"].id, language="zh", demo=False
        )
        administrator = await host.directory.actor(uow, "admin", now)
        await _leaf(host, uow, administrator, now)


_ENGLISH = {
    "330500": "Huzhou",
    "330502": "Wuxing",
    "330503": "Nanxun",
    "330521": "Deqing",
    "330522": "Changxing",
    "330523": "Anji",
    "330782": "Yiwu",
}


async def _organs(host: Host, uow: UnitOfWork) -> dict[str, Organ]:
    organs: dict[str, Organ] = {}
    counties = [region.code for region in host.tree.children(ENABLED)]
    for code in (*counties, NOT_ENABLED, ENABLED):
        place = host.tree.get(code)
        for organ_type, (suffix, english, word, _, _) in _TYPES.items():
            organs[f"{code}/{organ_type}"] = await host.directory.organ_add(
                uow,
                name=f"{place.name}{suffix}",
                name_en=f"{english} of {_ENGLISH[code]}",
                type=organ_type,
                level=place.level,
                region=code,
                valid_from=SINCE,
                code_word=f"{place.name[:1]}{word}",
            )
    others = {
        "hospital": (
            "湖州市第一人民医院",
            "First People's Hospital of Huzhou",
            "hospital",
            "city",
            ENABLED,
            "湖医",
        ),
        "yiwu-hospital": (
            "义乌市中心医院",
            "Central Hospital of Yiwu",
            "hospital",
            "county",
            NOT_ENABLED,
            "义医",
        ),
        "school": (
            "安吉县实验小学",
            "Anji Experimental Primary School",
            "school",
            "county",
            "330523",
            "安校",
        ),
        "province": (
            "浙江省人民检察院",
            "People's Procuratorate of Zhejiang",
            "procuratorate",
            "province",
            "330000",
            "浙检",
        ),
        "platform": (
            "浙江省共治平台运行中心",
            "Platform Operations of Zhejiang",
            "platform",
            "province",
            "330000",
            "浙共",
        ),
    }
    for key, (name, name_en, organ_type, level, region, word) in others.items():
        organs[key] = await host.directory.organ_add(
            uow,
            name=name,
            name_en=name_en,
            type=organ_type,
            level=level,
            region=region,
            valid_from=SINCE,
            code_word=word,
        )
    return organs


def _departments(organs: Collection[str]) -> list[tuple[str, str]]:
    """The departments that posts are in and that play a role in the scene, each once, with its organ's key."""
    of_people = {(person.organ, person.department) for person in _PEOPLE}
    of_roles = {(key, _TYPES[kind][4]) for key in organs for kind in key.split("/")[1:]}
    return sorted((key, department) for key, department in of_people | of_roles if department)


async def _account(host: Host, uow: UnitOfWork, person: _Account, organ: Organ) -> None:
    person_id = await host.directory.person_add(uow, name=person.name)
    post_id = await host.directory.post_add(
        uow,
        person_id=person_id,
        organ_id=organ.id,
        title=person.title,
        duties=person.duties,
        valid_from=SINCE,
        department=person.department,
    )
    await host.directory.account_add(uow, login=person.login, post_id=post_id, demo=True)


async def _bound(host: Host, uow: UnitOfWork) -> dict[tuple[str, str], UUID]:
    """The organs that play a role, by county and type; none in a store that this demo did not fill."""
    counties = [region.code for region in host.tree.children(ENABLED)]
    rows = await uow.fetch(
        "SELECT id, region, type FROM organ WHERE region = ANY ($1) AND type = ANY ($2)", counties, [*_TYPES]
    )
    found: dict[tuple[str, str], UUID] = {(row["region"], row["type"]): row["id"] for row in rows}
    return found if len(found) == len(counties) * len(_TYPES) else {}


async def _enable(host: Host, administrator: Actor, bound: dict[tuple[str, str], UUID]) -> None:
    """The province enables the scene for Huzhou, with each county's own organs in the roles."""
    roles = [
        {
            "role": role,
            "region": region.code,
            "organ": str(bound[region.code, kind]),
            "department": department,
        }
        for region in host.tree.children(ENABLED)
        for kind, (_, _, _, role, department) in _TYPES.items()
    ]
    command = Command(
        namespace="administration",
        action="enable_scene",
        input={"scene": SCENE, "region": ENABLED, "roles": roles},
        key=f"demo-{uuid4()}",
    )
    await host.dispatch.act(administrator, command, administrator.organ.region)


async def _leaf(host: Host, uow: UnitOfWork, administrator: Actor, now: datetime) -> None:
    await host.audit.append(
        uow,
        Leaf(
            at=now,
            actor=administrator.account_id,
            organ=administrator.organ.id,
            namespace="administration",
            version="",
            action="fill_demo",
            region=administrator.organ.region,
            case_id=None,
            outcome="done",
            rows=tuple(uow.changes),
        ),
    )


def _welcome(host: Host) -> str:
    base = host.settings.public_url
    lines = [
        f"控制台 console: {base}/console/",
        f"GraphiQL: {base}/graphiql",
        "演示账号 demo accounts (no password):",
    ]
    lines += [f"  {person.login:<12} {person.name} {person.title}" for person in _PEOPLE]
    return "\n".join(lines)
