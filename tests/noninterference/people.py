"""Who asks, and which cases may not be known to them: each group is asked in two worlds that differ in nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .worlds import ANJI, DEQING, HUZHOU, YIWU, ZHEJIANG


@dataclass(frozen=True, kw_only=True)
class Group:
    """People of whom none may know a case of the later stages. `asks` is who, and at which address; `acts` is who also
    tries every mutation, where one stands for others of the same kind. `make slow` lets everybody act."""

    name: str
    why: str
    stage: int
    asks: Sequence[tuple[str | None, str]]
    acts: Sequence[str | None] | None = None


LAST = 5

GROUPS = (
    Group(
        name="outsiders",
        why="no organ of theirs has a part in any case and none of their posts works on cases or supervises",
        stage=0,
        asks=(
            (None, ANJI),
            ("yiwu-procurator", YIWU),
            ("province-twin", ZHEJIANG),  # as the provincial supervisor, but of another department
            ("anji-twin", ANJI),
            ("system-admin", ZHEJIANG),
            ("security-admin", ZHEJIANG),
            ("auditor", ZHEJIANG),
            ("admin", ZHEJIANG),
            ("operator", ZHEJIANG),
        ),
        acts=(None, "province-twin", "security-admin", "admin"),
    ),
    Group(
        name="another county",
        why="Deqing's procurator knows Deqing's case; Anji's and Changxing's are other counties', drafts are nobody's",
        stage=1,
        asks=(("deqing-procurator", DEQING),),
    ),
    Group(
        name="reporters and social workers",
        why="they know what their organ reports or was asked to help with, not what a school reports, nor a sealed case",
        stage=2,
        asks=(("doctor", HUZHOU), ("clinic", HUZHOU), ("social", ANJI)),
        acts=("doctor", "social"),
    ),
    Group(
        name="the county's organs",
        why="Anji's organs know Anji's cases; drafts are their author's, and nobody reads a sealed case again",
        stage=3,
        asks=(("police", ANJI), ("procurator", ANJI), ("health", ANJI)),
        acts=("police", "procurator"),
    ),
    Group(
        name="supervisors above",
        why="they read their subtree, but neither drafts nor what is sealed",
        stage=4,
        asks=(("supervisor", HUZHOU), ("province", ZHEJIANG)),
        acts=("supervisor",),
    ),
)
