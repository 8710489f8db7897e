"""How far an administrator reaches: which posts, with which duties, in which organs, they may give and take.

Pure. The region administrator administers the organs of their organ's division and below, the organ administrator
their own organ; the security administrator alone gives and takes the duties of the three administrators (三员), in
their division and below. Nobody reaches their own person, and nobody gives what reaches further than they do.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from gongzhi.declarations import Text
from gongzhi.errors import ActionNotAllowed, NoSuchRegion
from gongzhi.identity.actors import ADMINISTRATOR_DUTIES, PLATFORM, Actor, Organ
from gongzhi.identity.regions import RegionTree

DIRECTORY_DUTIES: Final = frozenset({"region_admin", "organ_admin", "security_admin"})
"""Whoever has one of these administers a part of the directory."""


@dataclass(frozen=True, kw_only=True)
class Beyond:
    """Why an act is beyond an administrator, and who can do it instead."""

    reason: Text
    advice: Text


_ASK_EITHER: Final = Text(
    zh="请由该单位的单位管理员或其所在区划的区域管理员办理",
    en="Ask that organ's organ administrator, or the region administrator of its division",
)
_ASK_REGION: Final = Text(
    zh="请由该区划或其上级的区域管理员办理", en="Ask a region administrator of that division or one above"
)
_ASK_SECURITY: Final = Text(
    zh="请由该区划或其上级的安全管理员办理",
    en="Ask a security administrator of that division or one above",
)
_ASK_ANOTHER: Final = Text(zh="请由另一名管理员办理", en="Ask another administrator")

NO_DIRECTORY_DUTY: Final = Beyond(
    reason=Text(
        zh="您的岗位没有管理单位和人员的职责", en="your post has no duty to administer organs and people"
    ),
    advice=_ASK_EITHER,
)
OTHER_ORGAN: Final = Beyond(
    reason=Text(
        zh="该单位不是您所在的单位，单位管理员只管本单位",
        en="that organ is not yours, and an organ administrator administers their own alone",
    ),
    advice=_ASK_EITHER,
)
OTHER_REGION: Final = Beyond(
    reason=Text(
        zh="该单位所在区划不在您单位的区划之内", en="that organ's division does not lie within your organ's"
    ),
    advice=_ASK_REGION,
)
SECURITY_ONLY: Final = Beyond(
    reason=Text(
        zh="安全管理员的职责只及于三员，不及于单位的其他岗位、部门和代理",
        en="the security administrator's duty reaches the three administrators alone, and no other post, department or"
        " deputyship",
    ),
    advice=_ASK_EITHER,
)
REGISTERING: Final = Beyond(
    reason=Text(
        zh="登记和继受单位是区域管理员的职责",
        en="registering organs, and letting one succeed another, is the region administrator's duty",
    ),
    advice=_ASK_REGION,
)
ONESELF: Final = Beyond(
    reason=Text(zh="不能管理本人的岗位和账号", en="nobody administers their own posts and accounts"),
    advice=_ASK_ANOTHER,
)
OWN_DEPUTYSHIP: Final = Beyond(
    reason=Text(zh="不能指定本人代理他人", en="nobody names themselves a deputy"), advice=_ASK_ANOTHER
)
OWN_ORGAN: Final = Beyond(
    reason=Text(
        zh="不能办理本人所在单位的继受",
        en="nobody lets their own organ take another's place, nor another take its",
    ),
    advice=Text(
        zh="请由其他单位的区域管理员办理，其区划须包含两个单位",
        en="Ask a region administrator of another organ, whose division holds both",
    ),
)
PLATFORM_ORGAN: Final = Beyond(
    reason=Text(zh="平台单位只能由运维人员登记", en="only the operators register organs of the platform"),
    advice=Text(zh="请由运维人员在命令行上登记", en="Ask the operators, who do it on the command line"),
)

_GIVEN_BY: Final = {
    **dict.fromkeys(ADMINISTRATOR_DUTIES, _ASK_SECURITY),
    "region_admin": _ASK_REGION,
}
"""Whom to ask for the duties that not every administrator gives."""


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
            inside = reaches(actor, organ, tree) or secures(actor, organ, tree)
            beyond = _not_given(duty) if inside else no_reach(actor)
            # Who gives a duty gives it wherever they reach: whom to ask doesn't depend on why this actor may not.
            raise not_allowed(action, replace(beyond, advice=_GIVEN_BY.get(duty, beyond.advice)))


def secures(actor: Actor, organ: Organ, tree: RegionTree) -> bool:
    """Whether the actor gives and takes the duties of the three administrators in the organ."""
    return may_give(actor, organ, "security_admin", tree)


def refuse_no_reach(actor: Actor, organ: Organ, tree: RegionTree, *, action: Text) -> None:
    """Raises `ActionNotAllowed` unless the actor administers the organ's posts and departments."""
    if not reaches(actor, organ, tree):
        security = secures(actor, organ, tree)
        raise not_allowed(action, SECURITY_ONLY if security else no_reach(actor))


def no_reach(actor: Actor) -> Beyond:
    """Why the actor administers nothing of an organ: the duty, the organ or its division is wrong."""
    if not actor.duties & DIRECTORY_DUTIES:
        return NO_DIRECTORY_DUTY
    of_region = actor.duties & {"region_admin", "security_admin"}
    return OTHER_REGION if of_region else OTHER_ORGAN


def may_register(actor: Actor, region: str, organ_type: str, tree: RegionTree) -> Beyond | None:
    """Why the actor may not register an organ of this type in the division, or None."""
    if "region_admin" not in actor.duties:
        return REGISTERING
    if not _holds(tree, actor.organ.region, region):
        return OTHER_REGION
    return PLATFORM_ORGAN if organ_type == PLATFORM else None


def not_allowed(action: Text, beyond: Beyond) -> ActionNotAllowed:
    """The refusal of an act of administration."""
    reason = beyond.reason
    return ActionNotAllowed(action=action, reason_zh=reason.zh, reason_en=reason.en, advice=beyond.advice)


def _not_given(duty: str) -> Beyond:
    reason = Text(zh=f"职责 {duty} 不由您授予或收回", en=f"the duty {duty} is not yours to give or take")
    return Beyond(reason=reason, advice=_ASK_EITHER)


def _holds(tree: RegionTree, above: str, region: str) -> bool:
    try:
        return tree.contains(above, region)
    except NoSuchRegion:
        return False
