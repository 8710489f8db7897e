"""Everything a scene may import, and nothing else.

A scene package implements any of the hooks below with `@hookimpl`, in its `__init__.py`. Hooks are synchronous and
return declarations; the host calls them on one scene version at a time, never by broadcast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pluggy

from gongzhi.declarations import (
    Act,
    ActResult,
    CaseValues,
    Command,
    Decision,
    Document,
    Fact,
    Intake,
    IntakeReply,
    IntakeRequest,
    Json,
    Language,
    Refusal,
    Rule,
    Schema,
    Text,
)

__all__ = [
    "Act",
    "ActResult",
    "CaseValues",
    "Command",
    "Decision",
    "Document",
    "Fact",
    "Intake",
    "IntakeReply",
    "IntakeRequest",
    "Json",
    "Language",
    "Refusal",
    "Rule",
    "SceneHooks",
    "Schema",
    "Text",
    "hookimpl",
    "hookspec",
]

hookspec = pluggy.HookspecMarker("gongzhi")
hookimpl = pluggy.HookimplMarker("gongzhi")


class SceneHooks:
    """The seam. Each hook may be left out; a name that is not here is refused when the scene loads."""

    @hookspec(firstresult=True)
    def gongzhi_rules(self) -> Mapping[str, Rule]:  # type: ignore[empty-body]
        """Rules by the name that `workflow.json` gives them."""

    @hookspec(firstresult=True)
    def gongzhi_facts(self) -> Sequence[Fact]:  # type: ignore[empty-body]
        """Read-only queries by name."""

    @hookspec(firstresult=True)
    def gongzhi_intakes(self) -> Sequence[Intake]:  # type: ignore[empty-body]
        """HTTP doors below `/r/<division code>/`."""

    @hookspec(firstresult=True)
    def gongzhi_documents(self) -> Sequence[Document]:  # type: ignore[empty-body]
        """Legal documents that letters of the workflow name."""

    @hookspec(firstresult=True)
    def gongzhi_types(self) -> Mapping[str, type]:  # type: ignore[empty-body]
        """Strawberry types that extend the generated ones: `{"Case": MinorProtectionCaseExtra}`.

        Each is a `@strawberry.type` whose resolvers take `root` (the masked case data, a dict).
        """
