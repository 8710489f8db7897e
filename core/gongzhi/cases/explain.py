"""Why an actor may, or may not, read a case or act on it: the rules that `decide` asked, in words.

Nothing here judges. The verdict and its steps are the policy's own, what the case's state and the scene's enablement
add is asked of the code that serves acts, and texts name duties, roles, divisions and states, never a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from gongzhi.audit.leaf import Leaf
from gongzhi.audit.log import AuditLog
from gongzhi.cases.records import CaseRecord, load_case
from gongzhi.cases.shaping import role_title
from gongzhi.cases.targets import target_of
from gongzhi.declarations import Text
from gongzhi.errors import InvalidArgument
from gongzhi.identity.actors import Actor
from gongzhi.identity.deputies import offered
from gongzhi.identity.policy import Rule, Step, Verdict, decide
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.enablement import WORKING, working
from gongzhi.scenes.host import SceneHost
from gongzhi.scenes.loading import LoadedScene
from gongzhi.store import UnitOfWork

READ: Final = "read"
OF_CORE: Final = (READ, "nudge")
"""What one asks about besides the actions of the case's scene."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One rule that was asked: its name, whether it was met, and what it says here."""

    rule: str
    met: bool
    text: Text


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The answer and the rules that led to it, in the order in which they were asked.

    `allowed` is the answer to the request as it would be served now, but for what the act itself looks at: its input,
    the scene's rule and guards, and letters. `verdict` is the policy's part of it. `otherwise` are the deputyships, by
    id, under which the actor would be given the other answer, by the day on which they end.
    """

    allowed: bool
    verdict: Verdict
    reasons: Sequence[Reason]
    otherwise: Sequence[UUID] = ()


@dataclass(frozen=True, kw_only=True)
class Explainer:
    """Explains verdicts on stored cases. Keeps no state."""

    tree: RegionTree
    scenes: SceneHost
    audit: AuditLog

    async def explain(
        self, uow: UnitOfWork, actor: Actor, action: str, case_id: UUID, now: datetime
    ) -> Explanation:
        """Say whether `actor`, at the own post or in an absent colleague's place, may take `action`, an action of the
        case's scene, `read` or `nudge`, and why.

        Leaves a leaf that the case was looked at; what is personal in it stays closed.

        Raises `NoSuchThing` for no such case, `InvalidArgument` for an action that the scene does not have, and
        `SceneFault` where the scene's version can't be used.
        """
        case = await load_case(uow, None, case_id, lock=False, at=now)
        scene = self.scenes.scene(case.row["scene"], case.row["version"])
        if action not in scene.workflow.actions and action not in OF_CORE:
            known = ", ".join([*OF_CORE, *scene.workflow.actions])
            raise InvalidArgument(
                where="action",
                problem=Text(
                    zh=f"场景 {scene.id} 没有此操作；有 {known}",
                    en=f"{scene.id} has none of it; it has {known}",
                ),
            )
        explanation = await self._judged(uow, actor, action, scene, case)
        otherwise = []
        for one in await offered(uow, actor, now):
            as_deputy = await self._judged(uow, one.actor, action, scene, case)
            if as_deputy.allowed != explanation.allowed:
                otherwise.append(one.ground.deputyship_id)
        await self._leave_trace(uow, case, now)
        return replace(explanation, otherwise=otherwise)

    async def _judged(
        self, uow: UnitOfWork, actor: Actor, action: str, scene: LoadedScene, case: CaseRecord
    ) -> Explanation:
        spec = scene.workflow.actions.get(action)
        steps: list[Step] = []
        verb = action if spec is None else "act"
        verdict = decide(actor, verb, target_of(scene, case, action, spec), self.tree, steps)
        reasons = [_said(step, scene, self.tree) for step in steps]
        if verdict.allowed:
            reasons += (
                [_level(scene, verdict)]
                if spec is None
                else [_state(scene, case, action), await self._enabled(uow, case, verdict)]
            )
        allowed = verdict.allowed and all(reason.met for reason in reasons if reason.rule in _LATER)
        return Explanation(allowed=allowed, verdict=verdict, reasons=reasons)

    async def _enabled(self, uow: UnitOfWork, case: CaseRecord, verdict: Verdict) -> Reason:
        place = (case.row["scene"], case.row["region"])
        at_work = bool(await working(uow, self.tree, {place})) or verdict.role == "platform"
        where = f"{place[1]} {self.tree.full_name(place[1])}"
        states = ", ".join(sorted(WORKING))
        return Reason(
            rule="enabled",
            met=at_work,
            text=Text(
                zh=f"场景在{where}{'接受' if at_work else '不接受'}办理（启用状态须为 {states}）",
                en=f"the scene {'takes' if at_work else 'does not take'} acts in {where} (it must be {states})",
            ),
        )

    async def _leave_trace(self, uow: UnitOfWork, case: CaseRecord, now: datetime) -> None:
        await self.audit.append(
            uow,
            Leaf(
                at=now,
                actor=None,
                organ=None,
                namespace=case.row["scene"],
                version=case.row["version"],
                action="explain_policy",
                region=case.row["region"],
                case_id=case.id,
                outcome="read",
            ),
        )


_LATER: Final = frozenset({"workflow", "enabled"})
"""What serving an act asks after the policy; each of them must hold."""


def _state(scene: LoadedScene, case: CaseRecord, action: str) -> Reason:
    possible = action in scene.workflow.possible(case.state) or action in scene.workflow.file.automatic
    titles = [scene.workflow.state_view(leaf).title for leaf in sorted(case.state)]
    zh, en = "、".join(title.zh for title in titles), ", ".join(title.en for title in titles)
    return Reason(
        rule="workflow",
        met=possible,
        text=Text(
            zh=f"案件状态为{zh}，{'可以' if possible else '不能'}办理此事项",
            en=f"the case is in the state {en}, which {'lets' if possible else 'does not let'} this be done",
        ),
    )


def _level(scene: LoadedScene, verdict: Verdict) -> Reason:
    levels = max(scene.manifest.roles[role].reads for role in verdict.roles)
    return Reason(
        rule="level",
        met=True,
        text=Text(
            zh=f"可见级别为 {levels}，更高级别和只限其他角色的字段被遮蔽",
            en=f"it reads up to {levels}; fields above it, and those for other roles only, are masked",
        ),
    )


def _said(step: Step, scene: LoadedScene, tree: RegionTree) -> Reason:
    titles = [role_title(scene, code) for code in step.codes]
    text = _TEXTS[step.rule, step.met]
    if step.rule in ("duty", "scope"):
        titles = [Text(zh=code, en=code) for code in step.codes]
    elif step.rule == "region":
        names = [f"{code} {tree.full_name(code) if code in tree else ''}".strip() for code in step.codes]
        titles = [Text(zh=name, en=name) for name in names]
    zh, en = (
        _listed((title.zh for title in titles), "、", "无"),
        _listed((t.en for t in titles), ", ", "none"),
    )
    return Reason(
        rule=step.rule, met=step.met, text=Text(zh=text.zh.format(codes=zh), en=text.en.format(codes=en))
    )


def _listed(names: Iterable[str], mark: str, nothing: str) -> str:
    return mark.join(names) or nothing


_TEXTS: Final[dict[tuple[Rule, bool], Text]] = {
    ("verb", False): Text(zh="没有这种操作", en="there is no such operation"),
    ("verb", True): Text(zh="有这种操作", en="there is such an operation"),
    ("scope", True): Text(zh="在应用的授权范围内", en="it lies within the app's scopes"),
    ("scope", False): Text(
        zh="不在应用的授权范围内；范围：{codes}", en="it lies outside the app's scopes, which are: {codes}"
    ),
    ("duty", True): Text(zh="岗位职责为{codes}，可以", en="the post's duties are {codes}, which suffices"),
    ("duty", False): Text(
        zh="岗位职责为{codes}，不办案（三员岗位无论另有何职责都不看案件）",
        en="the post's duties are {codes}: no handling duty, or one of the three administrators', who see no case",
    ),
    ("organ", True): Text(
        zh="本单位在案中，角色为{codes}", en="the organ is involved in the case, in the role of {codes}"
    ),
    ("organ", False): Text(zh="本单位未参与该案", en="the organ is not involved in the case"),
    ("department", True): Text(
        zh="本部门适用，角色为{codes}", en="the department fits, in the role of {codes}"
    ),
    ("department", False): Text(
        zh="参与的是本单位另一部门", en="another department of the organ is the one involved"
    ),
    ("grant", True): Text(
        zh="凭限时的特别授权查阅，角色为{codes}",
        en="a grant for a time lets it be read, in the role of {codes}",
    ),
    ("grant", False): Text(zh="没有限时的特别授权", en="there is no grant for a time"),
    ("sealed", True): Text(
        zh="案件已封存，{codes}仍可查阅", en="the case is sealed, and still read by {codes}"
    ),
    ("sealed", False): Text(
        zh="案件已封存，仍可查阅的参与角色：{codes}",
        en="the case is sealed; roles that still read it, where involved: {codes}",
    ),
    ("supervisor", True): Text(
        zh="本单位类型和部门以{codes}的身份监督此场景",
        en="organs of its type and department supervise the scene, as {codes}",
    ),
    ("supervisor", False): Text(
        zh="本单位类型或部门不监督此场景；监督者：{codes}",
        en="organs of its type and department do not supervise the scene; these do: {codes}",
    ),
    ("line", True): Text(
        zh="本条线的下级单位在案中，角色为{codes}",
        en="an organ of its line below it is involved, in the role of {codes}",
    ),
    ("line", False): Text(
        zh="本条线没有下级单位在案中承担{codes}",
        en="no organ of its line below it is involved in the role of {codes}",
    ),
    ("state", True): Text(zh="案件所处状态可以监督", en="the case is in a state that is supervised"),
    ("state", False): Text(
        zh="案件所处状态仅参与单位可知悉",
        en="the case is in a state that only the organs involved may know of",
    ),
    ("region", True): Text(
        zh="单位所在地和案件所在地：{codes}，在辖区内", en="its division and the case's, {codes}: within"
    ),
    ("region", False): Text(
        zh="单位所在地和案件所在地：{codes}，不在辖区内",
        en="its division and the case's, {codes}: not within",
    ),
    ("opener", True): Text(
        zh="本单位类型可以{codes}的身份立案", en="organs of its type may open one, as {codes}"
    ),
    ("opener", False): Text(
        zh="本单位类型不能立案；可以立案的：{codes}",
        en="organs of its type may not open one; these may: {codes}",
    ),
    ("role", True): Text(zh="{codes}可以办理此事项", en="{codes} may take this action"),
    ("role", False): Text(
        zh="此事项由{codes}办理，参与该案的本单位不是",
        en="this action is taken by {codes}, which the organ is not in this case",
    ),
    ("nudge", True): Text(
        zh="以{codes}的身份监督该案，可以催办", en="it supervises the case as {codes}, and may nudge"
    ),
    ("nudge", False): Text(
        zh="催办只限监督该案的{codes}，本单位或本部门现在不是",
        en="{codes} alone nudge, while they supervise the case; the organ or department does not now",
    ),
    ("platform", True): Text(zh="平台自动办理", en="the platform itself takes it"),
    ("platform", False): Text(zh="不是平台自动办理", en="the platform itself does not take it"),
}
"""What each rule says when it was met and when it was not."""
