"""The SQL of lists: newest first, a page or a count at a time, the policy in each query.

Every way in which an actor sees cases is a query of its own, with an index that gives its rows in order, and what they
find is put together; a page then takes as long on a million cases as on a thousand. A search first looks through the
newest cases, where a common word fills its page, and only then asks the index of words, where a rare one is quick.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from gongzhi.cases.views import Waits
from gongzhi.identity.actors import Actor
from gongzhi.identity.policy import SceneReaders, Way, visible_cases, ways_to_see
from gongzhi.identity.regions import RegionTree

COUNTED: Final = 10_000
"""How far cases are counted."""

COUNTED_WAITING: Final = 1_000
"""How far each kind of what waits is counted, and what a search finds."""

NEWEST_SEARCHED: Final = 2_000
"""How many of the newest cases a search looks through before it asks the index of words."""

NOT_COMPILED: Final = "SET LOCAL jit = off"
"""Compiling a plan takes longer than any page."""

PLANNED_ANEW: Final = (
    f"{NOT_COMPILED}; SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = off;"
    " SET LOCAL max_parallel_workers_per_gather = 0"
)
"""A plan for the actor at hand: what suits a county with twenty cases is wrong for a province with a million. No reading
of whole tables, which looks cheap until statistics are gathered, and no processes for what is done before they start."""

FEW: Final = 1_500
"""An organ in so many cases or fewer is looked up case by case, however far back they lie."""

SUMMARY = (
    "c.id, c.scene, c.version, c.region, c.title, c.state, c.created_at, c.updated_at, c.closed_at, c.row_version,"
    " (SELECT min(d.due_at) FROM deadline d WHERE d.case_id = c.id AND d.state IN ('running', 'overdue')"
    " AND c.closed_at IS NULL) AS next_due_at"
)
"""What a list shows of a case `c`."""

_NEWEST = "ORDER BY c.updated_at DESC, c.id DESC"


@dataclass(frozen=True, kw_only=True)
class Query:
    """A statement and its arguments."""

    sql: str
    args: Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class CaseQueries:
    """The queries of one list of cases: `scenes` None means all, `words` is a tsquery or None, `open` None is both."""

    actor: Actor
    tree: RegionTree
    readers: Sequence[SceneReaders]
    region: str
    scenes: Collection[str] | None = None
    words: str | None = None
    open: bool | None = None
    after: tuple[datetime, UUID] | None = None

    def page(self, limit: int) -> Query | None:
        """The first `limit` cases; None where the actor can see none at all, whatever there is.

        Words are left out of account, see `newest_found` and `all_found`.
        """
        values = _Values()
        ways = self._ways(values)
        if not ways:
            return None
        wanted = self._wanted(values)
        lists = [
            f"(SELECT c.id, c.updated_at FROM cases c"
            f" WHERE {_many(n, way)}{wanted} AND {way.condition} {_NEWEST} LIMIT {limit})"
            for n, way in enumerate(ways)
        ]
        lists += [
            f"(SELECT c.id, c.updated_at FROM {_looked_up(n, way, wanted)} {_NEWEST} LIMIT {limit})"
            for n, way in enumerate(ways)
            if way.organs
        ]
        sql = (
            f"WITH {_parts(ways)} SELECT {SUMMARY} FROM"
            f" (SELECT * FROM ({' UNION '.join(lists)}) seen ORDER BY updated_at DESC, id DESC LIMIT {limit}) seen"
            f" JOIN cases c ON c.id = seen.id {_NEWEST}"
        )
        return Query(sql=sql, args=values.all)

    def newest_found(self, limit: int) -> Query | None:
        """The first `limit` cases with the words among the newest ones; fewer mean that there may be more beyond."""
        values = _Values()
        visible, args = visible_cases(self.actor, self.tree, 1, scenes=self.readers)
        values.all += args
        if visible == "(false)":
            return None
        sql = (
            f"SELECT {SUMMARY} FROM"
            f" (SELECT * FROM cases c WHERE {self._wanted(values)} {_NEWEST} LIMIT {NEWEST_SEARCHED}) c"
            # One look at a time: the planner would rather fetch every case that has the words, to join a few of them.
            " WHERE (SELECT s.tokens FROM case_search s WHERE s.case_id = c.id)"
            f" @@ {values.bind(self.words)}::tsquery AND {visible} {_NEWEST} LIMIT {limit}"
        )
        return Query(sql=sql, args=values.all)

    def all_found(self, limit: int) -> Query | None:
        """The first `limit` cases with the words, by the index of words or the cases of the actor's organ."""
        values = _Values()
        ways = self._ways(values)
        if not ways:
            return None
        found = self._found(values, ways, limit)
        sql = (
            f"WITH {found} SELECT {SUMMARY} FROM"
            f" (SELECT id FROM found ORDER BY updated_at DESC, id DESC LIMIT {limit}) shown"
            f" JOIN cases c ON c.id = shown.id {_NEWEST}"
        )
        return Query(sql=sql, args=values.all)

    def count(self, at_most: int) -> Query | None:
        """How many cases there are, up to one more than `at_most`; the page's place is left out of account."""
        values = _Values()
        ways = self._ways(values)
        if not ways:
            return None
        bound = at_most + 1
        if self.words is not None:
            return Query(
                sql=f"WITH {self._found(values, ways, bound)}"
                f" SELECT count(*) FROM (SELECT FROM found LIMIT {bound}) _",
                args=values.all,
            )
        wanted = self._wanted(values, paged=False)

        def counted(n: int, way: Way) -> str:
            if not way.own:
                return f"(SELECT c.id FROM cases c WHERE {_many(n, way)}{wanted} AND {way.condition} LIMIT {bound})"
            own = f"(SELECT DISTINCT case_id FROM case_organ WHERE organ_id {way.organs} AND until IS NULL) m"
            return f"(SELECT c.id FROM {_case_of(own, wanted, way)} LIMIT {bound})"

        lists = [counted(n, way) for n, way in enumerate(ways)]
        lists += [
            f"(SELECT c.id FROM {_looked_up(n, way, wanted)} LIMIT {bound})"
            for n, way in enumerate(ways)
            if way.organs and not way.own
        ]
        sql = f"WITH {_parts(ways)} SELECT least(count(*), {bound}) FROM ({' UNION '.join(lists)}) _"
        return Query(sql=sql, args=values.all)

    def _found(self, values: _Values, ways: Sequence[Way], limit: int) -> str:
        wanted = self._wanted(values)
        place, code = self.tree.within("s.region", self.region)
        words = f"s.tokens @@ {values.bind(self.words)}::tsquery AND {place} = {values.bind(code)}"

        def by_their_parts(way: Way) -> str:
            # No limit: with one the planner walks from the newest on, and meets a rare word after a million cases.
            return (
                "SELECT c.id, c.updated_at FROM case_search s JOIN cases c ON c.id = s.case_id"
                f" WHERE {words} AND {wanted} AND {way.condition} AND s.case_id IN"
                f" (SELECT case_id FROM case_organ WHERE organ_id {way.organs} AND until IS NULL)"
            )

        def among_all(way: Way) -> str:
            # Newest first by what the search row itself knows, and one look at a case after the other until it is enough.
            return (
                f"(SELECT c.id, c.updated_at FROM (SELECT s.case_id FROM case_search s WHERE {words}"
                " ORDER BY s.updated_at DESC, s.case_id DESC OFFSET 0) s"
                " JOIN LATERAL (SELECT c.id, c.updated_at FROM cases c"
                f" WHERE c.id = s.case_id AND {wanted} AND {way.condition} LIMIT 1) c ON true LIMIT {limit})"
            )

        seen = " UNION ".join(by_their_parts(way) if way.organs else among_all(way) for way in ways)
        return f"found AS MATERIALIZED ({seen})"

    def _ways(self, values: _Values) -> list[Way]:
        """The ways to see cases, each asked of one case after the other."""
        ways, args = ways_to_see(self.actor, self.tree, 1, scenes=self.readers)
        values.all += args
        return ways

    def _wanted(self, values: _Values, *, paged: bool = True) -> str:
        place, code = self.tree.within("c.region", self.region)
        where = [f"{place} = {values.bind(code)}"]
        if self.scenes is not None:
            where.append(f"c.scene = ANY({values.bind(list(self.scenes))}::text[])")
        if self.open is not None:
            where.append(f"c.closed_at IS {'' if self.open else 'NOT '}NULL")
        if self.after is not None and paged:
            at, row_id = self.after
            where.append(f"(c.updated_at, c.id) < ({values.bind(at)}, {values.bind(row_id)})")
        return " AND ".join(where)


def _parts(ways: Sequence[Way]) -> str:
    """For each way that goes by organs, the parts that these play in cases, as far as tells whether there are few."""
    return ", ".join(
        f"parts{n} AS MATERIALIZED"
        f" (SELECT case_id FROM case_organ WHERE organ_id {way.organs} AND until IS NULL LIMIT {FEW + 1})"
        for n, way in enumerate(ways)
        if way.organs
    )


def _few(n: int) -> str:
    return f"(SELECT count(*) <= {FEW} FROM parts{n})"


def _many(n: int, way: Way) -> str:
    """That a way is asked of one case after the other in order of time, since its organs play many parts."""
    return f"NOT {_few(n)} AND " if way.organs else ""


def _looked_up(n: int, way: Way, wanted: str) -> str:
    """The cases in which the organs of a way play parts, one by one, where these are few."""
    return f"{_case_of(f'(SELECT DISTINCT case_id FROM parts{n} WHERE {_few(n)}) m', wanted, way)}"


def _case_of(parts: str, wanted: str, way: Way) -> str:
    # LIMIT keeps it one look per case; the planner would rather join the table.
    return (
        f"{parts} JOIN LATERAL (SELECT c.id, c.updated_at FROM cases c"
        f" WHERE c.id = m.case_id AND {wanted} AND {way.condition} LIMIT 1) c ON true"
    )


@dataclass(kw_only=True)
class _Values:
    """The arguments of a statement, in order."""

    all: list[Any] = field(default_factory=list)

    def bind(self, value: Any) -> str:
        self.all.append(value)
        return f"${len(self.all)}"


_ARMS: Final[Mapping[Waits, str]] = {
    "sign": """
SELECT l.id, l.case_id, l.accepted_at AS at, l.id AS letter_id, NULL::uuid AS deadline_id, 'sign' AS waits
FROM letter l {seen_open} ON true
WHERE l.to_organ = $1 AND l.to_department IN ('', $2) AND l.state = 'delivered' AND l.copy_of IS NULL {after_letter}
ORDER BY l.accepted_at DESC, l.id DESC LIMIT {limit}""",
    "read": """
SELECT l.id, l.case_id, l.accepted_at, l.id, NULL::uuid, 'read'
FROM letter l {seen_open} ON true
WHERE l.to_organ = $1 AND l.to_department IN ('', $2) AND l.state = 'delivered' AND l.copy_of IS NOT NULL {after_letter}
ORDER BY l.accepted_at DESC, l.id DESC LIMIT {limit}""",
    "answer": """
SELECT l.id, l.case_id, l.accepted_at, l.id, NULL::uuid, 'answer'
FROM letter l {seen_open} ON true
WHERE l.to_organ = $1 AND l.to_department IN ('', $2) AND l.state = 'signed' AND l.copy_of IS NULL
    AND l.kind = ANY($3) {after_letter}
ORDER BY l.accepted_at DESC, l.id DESC LIMIT {limit}""",
    "overdue": """
SELECT n.id, n.case_id, n.at, n.letter_id, n.deadline_id, 'overdue'
FROM notice n JOIN deadline d ON d.id = n.deadline_id {seen} ON true
WHERE n.organ_id = $1 AND n.department IN ('', $2) AND n.kind = 'overdue' AND n.read_at IS NULL
    AND d.state = 'overdue' {after_notice}
ORDER BY n.at DESC, n.id DESC LIMIT {limit}""",
    "act": """
SELECT d.id, d.case_id, d.started_at, NULL::uuid, d.id, 'act'
FROM deadline d {seen_open} ON true
WHERE d.organ_id = $1 AND d.state = 'running' {after_deadline}
    AND EXISTS (SELECT 1 FROM case_organ p WHERE p.case_id = d.case_id AND p.organ_id = $1 AND p.role = d.role
        AND p.department IN ('', $2) AND p.until IS NULL OFFSET 0)
    AND NOT EXISTS (SELECT 1 FROM letter l WHERE l.case_id = d.case_id AND l.to_organ = $1
        AND (l.state = 'delivered' OR (l.state = 'signed' AND l.copy_of IS NULL AND l.kind = ANY($3))) OFFSET 0)
ORDER BY d.started_at DESC, d.id DESC LIMIT {limit}""",
    "undelivered": """
SELECT n.id, n.case_id, n.at, n.letter_id, NULL::uuid, 'undelivered'
FROM notice n JOIN letter l ON l.id = n.letter_id {seen} ON true
WHERE n.organ_id = $1 AND n.department IN ('', $2) AND n.kind = 'undelivered' AND n.read_at IS NULL
    AND l.state = 'accepted' {after_notice}
ORDER BY n.at DESC, n.id DESC LIMIT {limit}""",
    "nudged": """
SELECT n.id, n.case_id, n.at, n.letter_id, n.deadline_id, 'nudged'
FROM notice n {seen_open} ON true
WHERE n.organ_id = $1 AND n.department IN ('', $2) AND n.kind = 'nudge' AND n.read_at IS NULL {after_notice}
ORDER BY n.at DESC, n.id DESC LIMIT {limit}""",
    "break_glass": """
SELECT n.id, n.case_id, n.at, NULL::uuid, NULL::uuid, 'break_glass'
FROM notice n {seen} ON true
WHERE n.organ_id = $1 AND n.department IN ('', $2) AND n.kind = 'break_glass' AND n.read_at IS NULL {after_notice}
ORDER BY n.at DESC, n.id DESC LIMIT {limit}""",
    "unsealed": """
SELECT n.id, n.case_id, n.at, NULL::uuid, NULL::uuid, 'unsealed'
FROM notice n {seen_granted} ON true
WHERE n.organ_id = $1 AND n.department IN ('', $2) AND n.kind = 'unsealing' AND n.read_at IS NULL {after_notice}
ORDER BY n.at DESC, n.id DESC LIMIT {limit}""",
}
"""What may wait, by kind, each newest first by an index of its own."""

_AFTER: Final = {
    "after_letter": "(l.accepted_at, l.id)",
    "after_notice": "(n.at, n.id)",
    "after_deadline": "(d.started_at, d.id)",
}
_CASE_OF: Final[Mapping[Waits, str]] = {
    "sign": "l",
    "read": "l",
    "answer": "l",
    "overdue": "n",
    "act": "d",
    "undelivered": "n",
    "nudged": "n",
    "break_glass": "n",
    "unsealed": "n",
}


@dataclass(frozen=True, kw_only=True)
class InboxQueries:
    """The queries of what waits for an actor's organ. `answerable` are kinds of letters that some action answers."""

    actor: Actor
    tree: RegionTree
    readers: Sequence[SceneReaders]
    answerable: Sequence[str]
    now: datetime
    waits: Waits | None = None
    """The one kind wanted; None means all."""

    def page(self, limit: int, after: tuple[datetime, UUID] | None) -> Query:
        """The first `limit` items after a place, and until when each waits."""
        values, arms = self._arms(limit, after)
        sql = (
            "SELECT w.*, CASE w.waits WHEN 'undelivered' THEN NULL WHEN 'overdue' THEN d.due_at WHEN 'act' THEN d.due_at"
            " ELSE coalesce(l.reply_by, (SELECT min(r.due_at) FROM deadline r WHERE r.case_id = w.case_id"
            " AND r.organ_id = $1 AND r.state IN ('running', 'overdue'))) END AS due_at"
            f" FROM (SELECT * FROM ({' UNION ALL '.join(f'({arm})' for arm in arms)}) waiting"
            f" ORDER BY at DESC, id DESC LIMIT {limit}) w"
            " LEFT JOIN letter l ON l.id = w.letter_id LEFT JOIN deadline d ON d.id = w.deadline_id"
            " ORDER BY w.at DESC, w.id DESC"
        )
        return Query(sql=sql, args=values.all)

    def counts(self) -> Query:
        """How many items of each kind there are, up to one more than `COUNTED_WAITING` of each."""
        values, arms = self._arms(COUNTED_WAITING + 1, None)
        waiting = " UNION ALL ".join(f"({arm})" for arm in arms)
        return Query(
            sql=f"SELECT waits, count(*) AS count FROM ({waiting}) waiting GROUP BY waits", args=values.all
        )

    def _arms(self, limit: int, after: tuple[datetime, UUID] | None) -> tuple[_Values, list[str]]:
        visible, args = visible_cases(self.actor, self.tree, 4, scenes=self.readers)
        values = _Values(all=[self.actor.organ.id, self.actor.department, list(self.answerable), *args])
        # Notices alone tell of a case that is open by a grant, and only as long as that holds.
        granted, more = visible_cases(self.actor, self.tree, 4 + len(args), scenes=self.readers, at=self.now)
        values.all.extend(more)
        later = dict.fromkeys(_AFTER, "")
        if after is not None:
            at, row_id = values.bind(after[0]), values.bind(after[1])
            later = {name: f"AND {columns} < ({at}, {row_id})" for name, columns in _AFTER.items()}

        def case_of(row: str, condition: str, visible: str = visible) -> str:
            # LIMIT keeps it a look at one case per row: an inbox is short, the table of cases is not.
            return f"JOIN LATERAL (SELECT 1 FROM cases c WHERE c.id = {row}.case_id AND {condition}{visible} LIMIT 1) seen"

        arms = [
            arm.format(
                limit=limit,
                seen=case_of(_CASE_OF[name], ""),
                seen_granted=case_of(_CASE_OF[name], "", granted),
                seen_open=case_of(_CASE_OF[name], "c.closed_at IS NULL AND "),
                **later,
            )
            for name, arm in _ARMS.items()
        ]
        wanted = [self.waits in (None, name) for name in _ARMS]
        # What isn't wanted stays in the statement, which needs every argument, and is planned away.
        return values, [
            arm if wants else f"SELECT * FROM ({arm}) unwanted WHERE false"
            for arm, wants in zip(arms, wanted, strict=True)
        ]
