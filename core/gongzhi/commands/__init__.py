"""Core's own commands and queries, dispatched and shown like a scene's: access to cases, letters, administering scenes."""

from __future__ import annotations

from gongzhi.cases.acting import CaseActing
from gongzhi.clock import HolidayCalendar
from gongzhi.commands.access import AccessCommands
from gongzhi.commands.accounts import AccountCommands
from gongzhi.commands.administration import AdministrationCommands
from gongzhi.commands.apps import AppCommands
from gongzhi.commands.directory import DirectoryCommands
from gongzhi.commands.letters import LetterCommands
from gongzhi.commands.supervision import SupervisionCommands
from gongzhi.dispatch import CoreNamespace
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.host import SceneHost
from gongzhi.settings import DEFAULT_TERMS, AccessTerms
from gongzhi.store import Store


def core_namespaces(
    store: Store,
    tree: RegionTree,
    scenes: SceneHost,
    acting: CaseActing,
    terms: AccessTerms = DEFAULT_TERMS,
) -> dict[str, CoreNamespace]:
    """Core's namespaces by id."""
    apps = AppCommands(store, tree, scenes)
    namespaces = (
        AccessCommands(store, tree, scenes, acting, terms).namespace(),
        LetterCommands(store, tree, scenes, acting).namespace(),
        SupervisionCommands(tree, acting, HolidayCalendar.load()).namespace(),
        AdministrationCommands(store, tree, scenes).namespace(),
        AccountCommands(tree).namespace(),
        apps.apps(),
        apps.delegations(),
        DirectoryCommands(store, tree).namespace(),
    )
    return {namespace.id: namespace for namespace in namespaces}
