"""How far an administrator reaches: which posts, with which duties, in which organs, they may give and take.

Pure. The region administrator administers the organs of their organ's division and below, the organ administrator
their own organ; the security administrator alone gives and takes the duties of the three administrators (三员), in
their division and below. Nobody reaches their own person, and nobody gives what reaches further than they do.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from gongzhi.declarations import Text
from gongzhi.errors import ActionNotAllowed, NoSuchRegion
from gongzhi.identity.actors import ADMINISTRATOR_DUTIES, PLATFORM, Actor, Organ
from gongzhi.identity.regions import RegionTree

DIRECTORY_DUTIES: Final = frozenset({"region_admin", "organ_admin", "security_admin"})
"""Whoever has one of these administers a part of the directory."""

NO_REACH: Final = Text(zh="该单位不在您的管理范围内", en="that organ is beyond what you administer")
BEYOND: Final = Text(zh="该职责超出您可以授予的范围", en="that duty is beyond what you may grant")
ONESELF: Final = Text(
    zh="不能管理本人的岗位和账号，请由另一名管理员办理", en="nobody administers their own posts and accounts"
)
PLATFORM_ORGAN: Final = Text(
    zh="平台单位只能由运维人员登记", en="only the operators register organs of the platform"
)


def reaches(actor: Actor, organ: Organ, tree: RegionTree) -> bool:
    """Whether the actor administers the organ's posts and departments at all."""
    if "region_admin" in actor.duties and _holds(tree, actor.organ.region, organ.region):
        return True
    return "organ_admin" in actor.duties and organ.id == actor.organ.id


def may_give(actor: Actor, organ: Organ, duty: str, tree: RegionTree) -> bool:
    """Whether the actor may give, change or take a post with this duty in the organ."""
    if duty in ADMINISTRATOR_DUTIES:
        return "security_admin" in actor.duties and _holds(tree, actor.organ.region, organ.region)
    if duty == "region_admin":
        return "region_admin" in actor.duties and _holds(tree, actor.organ.region, organ.region)
    return reaches(actor, organ, tree)


def refuse_beyond(
    actor: Actor, organ: Organ, duties: Collection[str], tree: RegionTree, *, action: Text
) -> None:
    """Raises `ActionNotAllowed` unless the actor may give every one of these duties in the organ."""
    for duty in sorted(duties):
        if not may_give(actor, organ, duty, tree):
            known = reaches(actor, organ, tree)
            raise not_allowed(action, BEYOND if known else NO_REACH)


def may_register(actor: Actor, region: str, organ_type: str, tree: RegionTree) -> Text | None:
    """Why the actor may not register an organ of this type in the division, or None."""
    if "region_admin" not in actor.duties or not _holds(tree, actor.organ.region, region):
        return NO_REACH
    return PLATFORM_ORGAN if organ_type == PLATFORM else None


def not_allowed(action: Text, reason: Text) -> ActionNotAllowed:
    """The refusal of an act of administration."""
    return ActionNotAllowed(action=action, reason_zh=reason.zh, reason_en=reason.en)


def _holds(tree: RegionTree, above: str, region: str) -> bool:
    try:
        return tree.contains(above, region)
    except NoSuchRegion:
        return False
