"""`gongzhi policy …`: why an account may, or may not, do something with a case.

Exit codes: 0 it may; 3 it may not; 1 the question can't be answered.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Final, TypeAlias
from uuid import UUID

from gongzhi.audit.log import AuditLog
from gongzhi.cases.explain import Explainer, Explanation
from gongzhi.clock import SystemClock
from gongzhi.declarations import Text
from gongzhi.errors import InvalidArgument, NoSuchThing
from gongzhi.identity.deputies import in_place
from gongzhi.identity.directory import Directory
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.host import SceneHost
from gongzhi.settings import Settings
from gongzhi.store import Store

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

MAY_NOT: Final = 3


def add_policy_commands(subparsers: Subparsers, scenes: SceneHost | None = None) -> None:
    """Add `policy` to the parser of `gongzhi`; `scenes` replaces those found on this machine."""
    policy = subparsers.add_parser("policy", help="who may do what with a case, and why")
    topics = policy.add_subparsers(dest="topic", required=True, metavar="topic")
    explaining = topics.add_parser(
        "explain", help="whether an account may do something with a case, rule by rule"
    )
    explaining.add_argument("login", help="the account's login")
    explaining.add_argument(
        "action", help="`read`, `nudge`, or an action of the case's scene such as `receive`"
    )
    explaining.add_argument("case", help="the case's id, with or without `Case:`")
    explaining.add_argument(
        "--as-deputy",
        dest="deputyship",
        metavar="ID",
        help="in the place of somebody absent: the deputyship's id, as `gongzhi deputy list` shows it",
    )
    explaining.set_defaults(run=lambda parsed: asyncio.run(_explain(parsed, scenes or SceneHost())))


async def _explain(parsed: argparse.Namespace, scenes: SceneHost) -> int:
    case_id = _case_id(parsed.case)
    settings, now = Settings.from_environment(), SystemClock().now()
    store = await Store.open(home=settings.home, database_url=settings.database_url, pool_size=2)
    try:
        await store.migrate()
        for app, problem in store.migration_faults.items():
            scenes.fail_app(app, problem)
        tree = RegionTree.load()
        explainer = Explainer(tree=tree, scenes=scenes, audit=AuditLog(store, origin=settings.audit_origin))
        async with store.unit_of_work() as uow:
            try:
                actor = await Directory(tree).actor(uow, parsed.login, now)
            except NoSuchThing as error:
                raise InvalidArgument(where="login", problem=NO_ACTOR) from error
            if parsed.deputyship is not None:
                deputy = await in_place(uow, actor, parsed.deputyship.strip().lower(), now)
                if deputy is None:
                    raise InvalidArgument(where="--as-deputy", problem=NO_DEPUTY)
                actor = deputy
            try:
                explanation = await explainer.explain(uow, actor, parsed.action, case_id, now)
            except NoSuchThing as error:
                raise InvalidArgument(where="case", problem=NO_CASE) from error
    finally:
        await store.close()
    _print(explanation)
    return 0 if explanation.allowed else MAY_NOT


NO_ACTOR: Final = Text(
    zh="没有这个登录名的账号，或其账号、岗位、单位现已停用",
    en="no account has this login, or the account, its post or its organ is not in use now",
)
NO_DEPUTY: Final = Text(
    zh="此账号现在没有这个编号的代理；编号见 gongzhi deputy list",
    en="the account holds no deputyship with this id now; `gongzhi deputy list` shows them",
)
NO_CASE: Final = Text(zh="没有这个编号的案件", en="no case has this id")


def _case_id(text: str) -> UUID:
    try:
        return UUID(text.removeprefix("Case:"))
    except ValueError as error:
        problem = Text(zh="应为案件编号（UUID）", en="it must be a case's id, a UUID")
        raise InvalidArgument(where="case", problem=problem) from error


def _print(explanation: Explanation) -> None:
    lines = ["可以 · yes" if explanation.allowed else "不可以 · no"]
    for reason in explanation.reasons:
        mark = "+" if reason.met else "-"
        lines += [f"{mark} {reason.rule:<11} {reason.text.zh}", f"  {'':<11} {reason.text.en}"]
    if not explanation.verdict.allowed:
        why = explanation.verdict.reason
        lines += [f"= {why.zh}", f"  {why.en}"]
    other = Text(zh="不可以", en="no") if explanation.allowed else Text(zh="可以", en="yes")
    for deputyship in explanation.otherwise:
        lines += [
            f"* 若代他人办理（--as-deputy {deputyship}）：{other.zh}",
            f"  in somebody's place by that deputyship: {other.en}",
        ]
    sys.stdout.write("\n".join(lines) + "\n")
