"""What an actor may see and do: one function for one case, and the same rule as an SQL condition for lists.

Pure: values in, verdict out. Everything that is not said to be allowed is denied, an unknown verb or role
included. Whether the *address* of a request suits the actor's organ is `outside_region`; whether a field of a
readable case is masked follows from the verdict's roles, and is decided where cases are read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from gongzhi.declarations import Text
from gongzhi.errors import ActionNotAllowed, NoSuchRegion, NoSuchThing, OrganOutsideRegion, Refused
from gongzhi.identity.actors import ADMINISTRATOR_DUTIES, HANDLING_DUTIES, LEVELS, PLATFORM, Actor
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.scopes import may_read, readable_scenes


@dataclass(frozen=True, kw_only=True)
class RoleByType:
    """A role that an organ plays through its type; with a `department`, only that department's people do."""

    role: str
    organ_type: str
    department: str = ""


@dataclass(frozen=True, kw_only=True)
class LinePart:
    """A part in a case that is read from above in its line (条线): the role, and the line, level and division of the
    organ that plays it."""

    role: str
    line: str
    level: str
    region: str


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A right to read one case for a time, beside those that posts give: an account's that broke the glass (紧急查阅), or,
    with no account, an organ's or department's that a sealed case was opened to by law (依法开放).

    It holds `until` an instant, and as long as the case is as it was given for: `sealed`, or not.
    """

    role: str
    organ_id: UUID
    until: datetime
    department: str = ""
    account_id: UUID | None = None
    sealed: bool = False


@dataclass(frozen=True, kw_only=True)
class Target:
    """What an actor wants to see or do.

    `region` is the case's, or where something is administered. `organs` maps each organ involved to its
    (role, department) pairs: the case's own, or, to open a case, the region's role bindings. `action_roles`
    may take the action. `openers` are roles that any organ of a type takes by opening a case. `supervisors`
    read the cases of their organ's subtree, and `line_readers` those in which an organ of their own line, below them,
    plays their role (`line_parts`); neither does while its state is `withheld`: known to the organs involved only.
    `sealed_readers` are the roles that still read a sealed case, `sealers` those that seal. `grants` are those that
    hold now.
    """

    scene: str
    action: str
    region: str
    organs: Mapping[UUID, Collection[tuple[str, str]]] = field(default_factory=dict)
    action_roles: frozenset[str] = frozenset()
    openers: frozenset[RoleByType] = frozenset()
    supervisors: frozenset[RoleByType] = frozenset()
    line_readers: frozenset[RoleByType] = frozenset()
    line_parts: Collection[LinePart] = ()
    withheld: bool = False
    sealed: bool = False
    sealed_readers: frozenset[str] = frozenset()
    sealers: frozenset[str] = frozenset()
    grants: Collection[Grant] = ()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer. `roles` are those under which it is yes, in alphabetical order, the case's own before those
    of supervision; none for administration. `hidden` says that they may not even know of the case."""

    allowed: bool
    roles: tuple[str, ...] = ()
    reason: Text
    hidden: bool = False

    @property
    def role(self) -> str | None:
        """The first of `roles`."""
        return self.roles[0] if self.roles else None

    def refusal(self, action: Text | str) -> Refused:
        """What to raise when the verdict is no: `NoSuchThing` when hidden, else `ActionNotAllowed`."""
        if self.hidden:
            return NoSuchThing()
        return ActionNotAllowed(action=action, reason_zh=self.reason.zh, reason_en=self.reason.en)


Rule: TypeAlias = Literal[
    "verb",
    "scope",
    "duty",
    "organ",
    "department",
    "sealed",
    "supervisor",
    "line",
    "state",
    "region",
    "opener",
    "role",
    "platform",
    "grant",
    "nudge",
]
"""What one rule looks at; see `decide`."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One rule on the way to a verdict: whether it was met, and by which codes.

    The codes are duties (`duty`), the actor's division and the case's (`region`), and roles with every other rule:
    those that the rule gives when it is met, those that it wants when it is not.
    """

    rule: Rule
    met: bool
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SceneReaders:
    """Who reads the cases of one scene version without being involved, and who reads its sealed ones.

    In a state of `unsupervised` a case is known to the organs involved only.
    """

    scene: str
    version: str
    supervisors: frozenset[RoleByType] = frozenset()
    line_readers: frozenset[RoleByType] = frozenset()
    unsupervised: frozenset[str] = frozenset()
    sealed_readers: frozenset[str] = frozenset()


ALLOWED: Final = Text(zh="允许", en="allowed")
UNKNOWN_VERB: Final = Text(zh="没有这种操作", en="there is no such operation")
NOT_INVOLVED: Final = Text(
    zh="本单位或本部门未参与该案", en="your organ or department is not involved in the case"
)
SEALED: Final = Text(zh="案件已封存", en="the case is sealed")
NO_HANDLING_DUTY: Final = Text(zh="本岗位没有办案职责", en="your post has no handling duty")
NO_ROLE: Final = Text(
    zh="本单位或本部门不承担可以办理此事项的角色",
    en="your organ or department holds no role that may take it",
)
OUTSIDE_SCOPES: Final = Text(
    zh="超出本人授予应用的范围", en="it lies outside what the person lets the app do"
)
NOT_SUPERVISING: Final = Text(
    zh="本单位或本部门不监督该案；催办只限监督者",
    en="your organ or department does not supervise the case, and supervisors alone nudge",
)
NO_DUTY: Final = Text(zh="本岗位没有相应的管理职责", en="your post lacks the administrative duty")
NOT_YOUR_REGION: Final = Text(zh="该地区不在本单位辖区内", en="that region is not within your organ's")


class _Asking:
    """The rules asked of one verdict, in order, for whoever wants to know why."""

    def __init__(self, steps: list[Step] | None) -> None:
        self._steps = steps

    def __call__(self, rule: Rule, met: object, codes: Iterable[str] = ()) -> bool:
        """Note that `rule` was or was not met, and say which."""
        if self._steps is not None:
            self._steps.append(Step(rule=rule, met=bool(met), codes=tuple(codes)))
        return bool(met)


def decide(
    actor: Actor, verb: str, target: Target, tree: RegionTree, steps: list[Step] | None = None
) -> Verdict:
    """Say whether `actor` may `verb` the `target`.

    Verbs: `read` a case, `act` on a case, `nudge` those who must act in it, `create` (open) a case, `unseal` one for
    others, `administer` scenes in a region, `audit`.
    Where `steps` is given, the rules that were asked are added to it in order, so that an explanation is never
    another rule than the one that serves.
    """
    asking = _Asking(steps)
    rule = _RULES.get(verb)
    if rule is None:
        asking("verb", False)
        return Verdict(allowed=False, reason=UNKNOWN_VERB)
    if (narrowed := _narrowed(actor, verb, target)) is not None:
        asking("scope", False, sorted(actor.scopes or ()))
        return narrowed
    return rule(actor, target, tree, asking)


def visible_cases(
    actor: Actor,
    tree: RegionTree,
    first_parameter: int,
    *,
    scenes: Iterable[SceneReaders] = (),
    at: datetime | None = None,
) -> tuple[str, tuple[Any, ...]]:
    """The rule of `read` as an SQL condition on `cases c`, and its arguments from `$first_parameter` on.

    Grants count where `at` says by which instant: for one case. Lists know none.

    A case whose scene version is not among `scenes` is seen by the organs involved only, and not once sealed.
    Made to be asked of one row after the other.
    """
    ways, arguments = ways_to_see(actor, tree, first_parameter, scenes=scenes)
    conditions = [way.condition for way in ways]
    if at is not None and ways:
        condition, given = _granted(actor, at, first_parameter + len(arguments))
        conditions.append(condition)
        arguments += given
    return f"({' OR '.join(conditions) or 'false'})", arguments


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way in which an actor sees cases, as a condition on `cases c`.

    `organs` is what `case_organ.organ_id` is compared with for the organs by whose part in a case it is seen, None where
    it is seen whoever plays a part in it; `own` says that it is the actor's own organ alone.
    """

    condition: str
    organs: str | None = None
    own: bool = False


def ways_to_see(
    actor: Actor, tree: RegionTree, first_parameter: int, *, scenes: Iterable[SceneReaders] = ()
) -> tuple[list[Way], tuple[Any, ...]]:
    """The parts of `visible_cases`, of which a case must meet one, and the arguments of all; none for nobody's cases.

    Made to be asked one by one, each in a query of its own with an index of its own: joined by OR no index serves.
    """
    if not _handles_cases(actor):
        return [], ()
    arguments: list[Any] = []

    def bind(value: Any) -> str:
        arguments.append(value)
        return f"${first_parameter + len(arguments) - 1}"

    scenes, organ = list(scenes), bind(actor.organ.id)
    # OFFSET 0 keeps the planner from gathering all cases of the organ first, however few rows it then asks about.
    involved = (
        f"SELECT 1 FROM case_organ co WHERE co.case_id = c.id AND co.organ_id = {organ}"
        f" AND co.until IS NULL AND co.role <> '{PLATFORM}' AND co.department IN ('', {bind(actor.department)})"
    )
    ways = [
        Way(
            condition=f"(c.sealed_at IS NULL AND EXISTS ({involved} OFFSET 0))", organs=f"= {organ}", own=True
        )
    ]
    supervised = [s for s in scenes if _by_type(actor, s.supervisors)]
    if supervised:
        place, code = tree.within("c.region", actor.organ.region)
        below = (
            f"c.sealed_at IS NULL AND {place} = {bind(code)}"
            f" AND {_of_versions(supervised, bind)}{_not_withheld(supervised, bind)}"
        )
        ways.append(Way(condition=f"({below})"))
    read_from_above = [
        (s.scene, s.version, role) for s in scenes for role in sorted(_by_type(actor, s.line_readers))
    ]
    if read_from_above:
        place, code = tree.within("o.region", actor.organ.region)
        organs = (
            f"= ANY(ARRAY(SELECT o.id FROM organ o WHERE o.line = {bind(actor.organ.line)}"
            f" AND o.level = ANY({bind(sorted(levels_below(actor.organ.level)))}::text[]) AND {place} = {bind(code)}))"
        )
        columns = ", ".join(f"{bind(list(column))}::text[]" for column in zip(*read_from_above, strict=True))
        in_line = (
            "SELECT 1 FROM case_organ co WHERE co.case_id = c.id AND co.until IS NULL"
            f" AND co.organ_id {organs}"
            f" AND (c.scene, c.version, co.role) IN (SELECT * FROM unnest({columns})) OFFSET 0"
        )
        above = f"c.sealed_at IS NULL AND EXISTS ({in_line}){_not_withheld(scenes, bind)}"
        ways.append(Way(condition=f"({above})", organs=organs))
    unsealing = [(s.scene, s.version, role) for s in scenes for role in s.sealed_readers]
    if unsealing:
        columns = ", ".join(f"{bind(list(column))}::text[]" for column in zip(*unsealing, strict=True))
        sealed = (
            f"(c.sealed_at IS NOT NULL AND EXISTS ({involved}"
            f" AND (c.scene, c.version, co.role) IN (SELECT * FROM unnest({columns})) OFFSET 0))"
        )
        ways.append(Way(condition=sealed, organs=f"= {organ}", own=True))
    readable = readable_scenes(actor)
    if readable is not None:
        within = f"c.scene = ANY ({bind(readable)}::text[])"
        ways = [replace(way, condition=f"({way.condition} AND {within})") for way in ways]
    return ways, tuple(arguments)


def _of_versions(scenes: Sequence[SceneReaders], bind: Callable[[Any], str]) -> str:
    names, versions = bind([s.scene for s in scenes]), bind([s.version for s in scenes])
    return f"(c.scene, c.version) IN (SELECT * FROM unnest({names}::text[], {versions}::text[]))"


def _not_withheld(scenes: Sequence[SceneReaders], bind: Callable[[Any], str]) -> str:
    """That the case is in no state that its scene version withholds from all but the organs involved."""
    withheld = [(s.scene, s.version, state) for s in scenes for state in sorted(s.unsupervised)]
    if not withheld:
        return ""
    columns = ", ".join(f"{bind(list(column))}::text[]" for column in zip(*withheld, strict=True))
    states = bind(sorted({state for _, _, state in withheld}))
    # A state that no scene withholds is the rule, and tells so without a look at the scenes.
    return (
        f" AND (NOT c.state && {states}::text[]"
        f" OR NOT EXISTS (SELECT 1 FROM unnest({columns}) AS withheld (scene, version, state)"
        " WHERE (withheld.scene, withheld.version) = (c.scene, c.version) AND withheld.state = ANY (c.state)))"
    )


def _granted(actor: Actor, at: datetime, first_parameter: int) -> tuple[str, tuple[Any, ...]]:
    """That the case is open to the actor by a grant that holds at an instant, as an SQL condition."""
    organ, department, account, instant = (f"${first_parameter + place}" for place in range(4))
    condition = (
        f"EXISTS (SELECT 1 FROM case_grant g WHERE g.case_id = c.id AND g.organ_id = {organ}"
        f" AND g.department IN ('', {department}) AND (g.account_id IS NULL OR g.account_id = {account})"
        f" AND g.until > {instant} AND g.ended_at IS NULL AND g.sealed = (c.sealed_at IS NOT NULL) OFFSET 0)"
    )
    arguments: tuple[Any, ...] = (actor.organ.id, actor.department, actor.account_id, at)
    readable = readable_scenes(actor)
    if readable is None:
        return condition, arguments
    within = f"c.scene = ANY (${first_parameter + len(arguments)}::text[])"
    return f"({condition} AND {within})", (*arguments, readable)


def outside_region(actor: Actor, region: str, tree: RegionTree, role: str = "") -> None:
    """Refuse an address `region` that is neither the organ's own, nor above it, nor below it.

    The platform's own service is exempt where it acts in the role `platform`; its people never are.

    Raises `OrganOutsideRegion`, and `NoSuchRegion` for a code that is in no division.
    """
    tree.get(region)
    if role == PLATFORM and is_platform_service(actor):
        return
    own = actor.organ.region
    if not (_contains(tree, own, region) or _contains(tree, region, own)):
        raise OrganOutsideRegion(region=region)


def _narrowed(actor: Actor, verb: str, target: Target) -> Verdict | None:
    """The no to an app that acts in somebody's name, where its scopes don't reach; which acts they hold, dispatch asks."""
    if actor.scopes is None:
        return None
    if verb in ("administer", "audit", "nudge"):
        return Verdict(allowed=False, reason=OUTSIDE_SCOPES)
    if (verb == "read" and not may_read(actor, target.scene)) or (verb == "act" and actor.practice):
        return Verdict(allowed=False, reason=OUTSIDE_SCOPES, hidden=True)
    return None


def _read(actor: Actor, target: Target, tree: RegionTree, asking: _Asking) -> Verdict:
    if not asking("duty", _handles_cases(actor), sorted(actor.duties)):
        return Verdict(allowed=False, reason=NO_HANDLING_DUTY, hidden=True)
    involved = _involved(actor, target, asking)
    granted = _holds(actor, target)
    if target.sealed:
        unsealing = involved & target.sealed_readers
        reads = asking("sealed", unsealing, sorted(unsealing or target.sealed_readers))
        if not (reads or (granted and asking("grant", granted, sorted(granted)))):
            return Verdict(allowed=False, reason=SEALED, hidden=True)
        return _allowed(unsealing, granted)
    outside = _supervising(actor, target, tree, asking) | _above_in_line(actor, target, tree, asking)
    if outside and not asking("state", not target.withheld):
        outside = frozenset()
    if involved or outside:
        return _allowed(involved, outside)
    if granted and asking("grant", granted, sorted(granted)):
        return _allowed(granted)
    return Verdict(allowed=False, reason=NOT_INVOLVED, hidden=True)


def _holds(actor: Actor, target: Target) -> frozenset[str]:
    """The roles that grants give the actor in the case as it is."""
    return frozenset(grant.role for grant in grants_held(actor, target))


def grants_held(actor: Actor, target: Target) -> tuple[Grant, ...]:
    """Those of the case's grants that are the actor's in the case as it is."""
    return tuple(
        grant
        for grant in target.grants
        if grant.organ_id == actor.organ.id
        and grant.department in ("", actor.department)
        and grant.account_id in (None, actor.account_id)
        and grant.sealed == target.sealed
    )


def _unseal(actor: Actor, target: Target, tree: RegionTree, asking: _Asking) -> Verdict:
    """Opening a sealed case to others: an approver of an organ that holds a role that seals. Whoever may not is not told
    that there is a case."""
    approves = _handles_cases(actor) and "approver" in actor.duties
    if not asking("duty", approves, sorted(actor.duties)):
        return Verdict(allowed=False, reason=NO_DUTY, hidden=True)
    roles = _involved(actor, target, asking) & target.sealers
    if not target.sealed or not asking("role", roles, sorted(roles or target.sealers)):
        return Verdict(allowed=False, reason=NO_ROLE, hidden=True)
    return _allowed(roles)


def _supervising(actor: Actor, target: Target, tree: RegionTree, asking: _Asking) -> frozenset[str]:
    """The roles under which the actor's organ reads the cases of its subtree."""
    roles = _by_type(actor, target.supervisors)
    wanted = sorted(roles or {supervisor.role for supervisor in target.supervisors})
    within = _contains(tree, actor.organ.region, target.region)
    allowed = asking("supervisor", roles, wanted) and asking(
        "region", within, (actor.organ.region, target.region)
    )
    return roles if allowed else frozenset()


def _above_in_line(actor: Actor, target: Target, tree: RegionTree, asking: _Asking) -> frozenset[str]:
    """The roles that organs of the actor's line play below it, where the scene lets them be read from above."""
    wanted = _by_type(actor, target.line_readers)
    if not wanted:
        return frozenset()
    below = levels_below(actor.organ.level)
    roles = frozenset(
        part.role
        for part in target.line_parts
        if part.role in wanted
        and part.line == actor.organ.line
        and part.level in below
        and _contains(tree, actor.organ.region, part.region)
    )
    asking("line", roles, sorted(roles or wanted))
    return roles


def _act(actor: Actor, target: Target, tree: RegionTree, asking: _Asking) -> Verdict:
    if is_platform_service(actor) and PLATFORM in target.action_roles and not target.sealed:
        asking("platform", True, (PLATFORM,))
        return _allowed({PLATFORM})
    reading = _read(actor, target, tree, asking)
    if not reading.allowed:
        return reading
    # A grant reads and nothing more: once sealed, those of its roles act that read it then without one.
    held = _involved(actor, target)
    return _take(target, held & target.sealed_readers if target.sealed else held, asking)


def _nudge(actor: Actor, target: Target, tree: RegionTree, asking: _Asking) -> Verdict:
    reading = _read(actor, target, tree, asking)
    if not reading.allowed:
        return reading
    supervising = frozenset[str]()
    if not target.sealed and not target.withheld:
        supervising = _supervising(actor, target, tree, _Asking(None))
    wanted = {supervisor.role for supervisor in target.supervisors}
    if not asking("nudge", supervising, sorted(supervising or wanted)):
        return Verdict(allowed=False, reason=NOT_SUPERVISING)
    return _allowed(supervising)


def _create(actor: Actor, target: Target, tree: RegionTree, asking: _Asking) -> Verdict:
    if not asking("duty", _handles_cases(actor), sorted(actor.duties)):
        return Verdict(allowed=False, reason=NO_HANDLING_DUTY)
    if is_platform_service(actor) and PLATFORM in target.action_roles:
        asking("platform", True, (PLATFORM,))
        return _allowed({PLATFORM})
    opening = _by_type(actor, target.openers)
    asking("opener", opening, sorted(opening or {opener.role for opener in target.openers}))
    return _take(target, _involved(actor, target, asking) | opening, asking)


def _take(target: Target, held: frozenset[str], asking: _Asking) -> Verdict:
    roles = held & target.action_roles
    if not asking("role", roles, sorted(roles or target.action_roles)):
        return Verdict(allowed=False, reason=NO_ROLE)
    return _allowed(roles)


def _administer(actor: Actor, target: Target, tree: RegionTree, asking: _Asking) -> Verdict:
    if not asking("duty", "region_admin" in actor.duties, sorted(actor.duties)):
        return Verdict(allowed=False, reason=NO_DUTY)
    within = _contains(tree, actor.organ.region, target.region)
    if not asking("region", within, (actor.organ.region, target.region)):
        return Verdict(allowed=False, reason=NOT_YOUR_REGION)
    return Verdict(allowed=True, reason=ALLOWED)


def _audit(actor: Actor, target: Target, tree: RegionTree, asking: _Asking) -> Verdict:
    if not asking("duty", "audit_admin" in actor.duties, sorted(actor.duties)):
        return Verdict(allowed=False, reason=NO_DUTY)
    return Verdict(allowed=True, reason=ALLOWED)


_RULES: Final[Mapping[str, Callable[[Actor, Target, RegionTree, _Asking], Verdict]]] = {
    "read": _read,
    "act": _act,
    "nudge": _nudge,
    "unseal": _unseal,
    "create": _create,
    "administer": _administer,
    "audit": _audit,
}


def _handles_cases(actor: Actor) -> bool:
    """Whether the post works on cases at all; an administrator's never does, whatever else it carries."""
    return bool(actor.duties & HANDLING_DUTIES) and not actor.duties & ADMINISTRATOR_DUTIES


def _involved(actor: Actor, target: Target, asking: _Asking | None = None) -> frozenset[str]:
    """The roles that the actor's organ holds in the case, where the department fits."""
    parts = [part for part in target.organs.get(actor.organ.id, ()) if part[0] != PLATFORM]
    roles = frozenset(role for role, department in parts if department in ("", actor.department))
    if asking is not None and asking("organ", parts, sorted({role for role, _ in parts})):
        asking("department", roles, sorted(roles))
    return roles


def levels_below(level: str) -> frozenset[str]:
    """The ranks of organs below one of this rank; none below a rank that is unknown."""
    return frozenset(LEVELS[LEVELS.index(level) + 1 :]) if level in LEVELS else frozenset()


def _by_type(actor: Actor, roles: Iterable[RoleByType]) -> frozenset[str]:
    return frozenset(
        r.role
        for r in roles
        if r.organ_type == actor.organ.type and r.role != PLATFORM and r.department in ("", actor.department)
    )


def is_platform_service(actor: Actor) -> bool:
    """Clocks act through the platform's service account; the people of its organ never do."""
    return actor.kind == "service" and actor.organ.type == PLATFORM


def _contains(tree: RegionTree, ancestor: str, region: str) -> bool:
    try:
        return tree.contains(ancestor, region)
    except NoSuchRegion:
        return False


def _allowed(first: Collection[str], then: Collection[str] = ()) -> Verdict:
    roles = (*sorted(first), *sorted(set(then) - set(first)))
    return Verdict(allowed=True, roles=roles, reason=ALLOWED)
