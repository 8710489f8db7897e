"""Organs and actors as values, and the vocabulary they are written in: types, lines (条线), duties.

Values only; who stores and finds them is `gongzhi.identity.directory`. Anybody may import this.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal
from uuid import UUID

from gongzhi.declarations import Text

ORGAN_TYPES: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "police": Text(zh="公安机关", en="Police"),
        "procuratorate": Text(zh="人民检察院", en="Procuratorate"),
        "health_commission": Text(zh="卫生健康部门", en="Health commission"),
        "education_bureau": Text(zh="教育部门", en="Education bureau"),
        "civil_affairs": Text(zh="民政部门", en="Civil affairs bureau"),
        "justice_bureau": Text(zh="司法行政机关", en="Justice bureau"),
        "hospital": Text(zh="医疗机构", en="Hospital"),
        "school": Text(zh="学校", en="School"),
        "social_work": Text(zh="社会工作服务机构", en="Social work organisation"),
        "platform": Text(zh="平台", en="Platform"),
    }
)
"""What an organ is, by code; scenes name these in their manifests."""

LINES: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "public_security": Text(zh="公安", en="Public security"),
        "procuratorial": Text(zh="检察", en="Procuratorial"),
        "health": Text(zh="卫健", en="Health"),
        "education": Text(zh="教育", en="Education"),
        "civil_affairs": Text(zh="民政", en="Civil affairs"),
        "justice_administration": Text(zh="司法行政", en="Justice administration"),
        "medical": Text(zh="医疗", en="Medical"),
        "social_work": Text(zh="社工", en="Social work"),
        "platform": Text(zh="平台运行", en="Platform operation"),
    }
)
"""The line (条线) that an organ belongs to, by code: the column of government above it."""

LINE_OF_TYPE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "police": "public_security",
        "procuratorate": "procuratorial",
        "health_commission": "health",
        "education_bureau": "education",
        "civil_affairs": "civil_affairs",
        "justice_bureau": "justice_administration",
        "hospital": "medical",
        "school": "education",
        "social_work": "social_work",
        "platform": "platform",
    }
)
"""The line that an organ of a type has unless its registration says otherwise."""

LEVELS: Final = ("province", "city", "county", "township")
"""The rank of an organ, highest first; an organ may rank below the division it sits in."""

HANDLING_DUTIES: Final = frozenset({"clerk", "handler", "approver"})
"""Whoever has one of these may act on cases: registration (登记), handling (承办), signing off (签发)."""

ADMINISTRATOR_DUTIES: Final = frozenset({"system_admin", "security_admin", "audit_admin"})
"""The three administrators (三员): mutually exclusive, and shown no case by virtue of the post."""

DUTIES: Final = HANDLING_DUTIES | ADMINISTRATOR_DUTIES | {"region_admin", "organ_admin"}
"""Every duty that a post may carry; `region_admin` enables scenes, and administers organs and people, in its region;
`organ_admin` administers the people of its own organ."""


def mixed_duties(duties: Collection[str]) -> tuple[str, str] | None:
    """An administrator's duty and another one among `duties`, which nobody may hold at one time, or None.

    Three administrators are three people, and none of them handles cases (GB/T 22239-2019, 三员分立).
    """
    for administrator in sorted(ADMINISTRATOR_DUTIES & set(duties)):
        for other in sorted(set(duties) - {administrator}):
            return administrator, other
    return None


PLATFORM: Final = "platform"
"""The organ type of the platform itself, and the role its own service acts in when a clock runs out."""


@dataclass(frozen=True, kw_only=True)
class Organ:
    """A public body (单位). `region` is a GB/T 2260 code; `code_word` (代字) begins its document numbers."""

    id: UUID
    name: str
    name_en: str
    type: str
    line: str
    level: str
    region: str
    code_word: str


@dataclass(frozen=True, kw_only=True)
class InPlaceOf:
    """The absent colleague in whose place (代) somebody acts, and the deputyship that is the ground for it."""

    deputyship_id: UUID
    post_id: UUID
    account_id: UUID
    name: str


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts: an account at its one acting post in one organ.

    A service account (`kind` service) has no post; it stands for its organ, with the duty of a handler, no
    department and no title. `department` is empty for the organ as a whole.

    With an `app_id` it is a registered app that acts in the person's name, and `scopes` bound it (see
    `gongzhi.identity.scopes`); None bounds nothing. `practice` acts are checked and undone, and see no case.

    With `in_place_of` the account acts for an absent colleague of its organ: department, title and duties are those of
    the absent post, the duties those of handling alone (see `gongzhi.identity.deputies`).
    """

    account_id: UUID
    login: str
    name: str
    kind: Literal["person", "service"]
    organ: Organ
    department: str
    title: str
    duties: frozenset[str]
    language: Literal["zh", "en"]
    scopes: frozenset[str] | None = None
    app_id: UUID | None = None
    practice: bool = False
    in_place_of: InPlaceOf | None = None


def administers(actor: Actor) -> bool:
    """Whether the actor's post is that of an administrator, of the platform, a region or an organ."""
    return bool(actor.duties - HANDLING_DUTIES)
