"""A scene for tests of the API: an elder is missed, the police are told, the elder is found."""

from __future__ import annotations

import strawberry

from gongzhi.plugin import Act, Decision, hookimpl


@strawberry.type
class LostElderHint:
    """Where to look."""

    text: str


@strawberry.type
class CaseExtra:
    """Computed fields of a case."""

    @strawberry.field
    def shout(self, root: strawberry.Parent[dict[str, object]]) -> str:
        return str(root.get("about")).upper()

    @strawberry.field
    def hints(self, root: strawberry.Parent[dict[str, object]]) -> list[LostElderHint]:
        return [LostElderHint(text=f"near {root.get('place')}")]

    @strawberry.field
    def broken(self) -> str | None:
        raise ZeroDivisionError("张三的电话 13800000000")


def report(act: Act) -> Decision:
    if act.input["about"] == "raise":
        raise ZeroDivisionError("张三的电话 13800000000")
    return Decision(data=dict(act.input))


@hookimpl
def gongzhi_rules() -> dict[str, object]:
    return {"report": report}


@hookimpl
def gongzhi_types() -> dict[str, type]:
    return {"Case": CaseExtra}
