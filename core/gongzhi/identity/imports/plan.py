"""What an import would do: every row checked against the file, the divisions and the store. Pure.

An empty cell changes nothing of what is registered, and who is not in the file stays as they are: a file may hold
one county. A day in 截止日期 ends. An organ is known by its credit code, or by name and division; a department by
organ and name; a person's post by the login of its account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import combinations
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID, uuid4

from gongzhi.declarations import Text
from gongzhi.errors import AlreadyExists, DutiesExclude, InvalidInput, NoSuchRegion
from gongzhi.identity import codes
from gongzhi.identity.actors import LEVELS, LINE_OF_TYPE, mixed_duties
from gongzhi.identity.imports.cells import Cells, refusal_of
from gongzhi.identity.imports.known import Known, Row
from gongzhi.identity.imports.sheets import Book, Fault
from gongzhi.identity.imports.words import DEPARTMENTS, ORGANS, PEOPLE
from gongzhi.identity.passwords import check_login
from gongzhi.identity.region_successors import present_divisions
from gongzhi.identity.regions import RegionTree

Table: TypeAlias = Literal["organ", "department", "person", "post", "account"]
TABLES: Final[tuple[Table, ...]] = ("organ", "department", "person", "post", "account")
"""In the order in which rows may be added; they go the other way round."""

Verb: TypeAlias = Literal["add", "change", "end"]

NOTHING_REGISTERED: Final = Text(
    zh="没有此单位；请先列入单位表，或核对名称、代码和区划",
    en="there is no such organ; list it among the organs, or check name, code and division",
)
SEVERAL: Final = Text(
    zh="有几个单位同名；请改填统一社会信用代码，或填行政区划代码",
    en="several organs have this name; give the credit code, or the division code beside it",
)
ABOLISHED: Final = Text(zh="该区划已撤销", en="the division has been abolished")
FIXED_TYPE: Final = Text(
    zh="已登记单位的类型不能改；请登记新单位，以旧单位的继受单位办理",
    en="the type of a registered organ stays; register a new organ as its successor",
)
FIXED_REGION: Final = Text(
    zh="已登记单位的区划不能改；请登记新单位，以旧单位的继受单位办理",
    en="the division of a registered organ stays; register a new organ as its successor",
)
FIXED_ORGAN: Final = Text(
    zh="该登录名属于另一单位的岗位；换岗请截止原岗位，用新的登录名登记",
    en="this login is of a post in another organ; end that post, and register the new one with a new login",
)
FIXED_PERSON: Final = Text(zh="该登录名属于另一人员编号", en="this login belongs to another staff code")
SERVICE: Final = Text(zh="该登录名是服务账号", en="this login is a service account's")
ENDS_BEFORE: Final = Text(zh="截止日期须晚于启用日期", en="it must be after the day on which it begins")
BEGINS_LATER: Final = Text(zh="启用日期不能改到另一天", en="the day on which it began can't be changed")
ORGAN_OVER: Final = Text(zh="单位在该日之前已截止", en="the organ has ended by that day")
PARENT_ITSELF: Final = Text(zh="不能是本单位或其下级", en="it can't be the organ itself, nor one below it")
PARENT_LOWER: Final = Text(zh="上级单位的层级低于本单位", en="the parent ranks below the organ")
PARENT_ELSEWHERE: Final = Text(
    zh="上级单位的区划不包含本单位的区划", en="the parent's division does not hold that of the organ"
)
NO_DEPARTMENT: Final = Text(
    zh="该单位没有此部门；请先列入部门表",
    en="the organ has no such department; list it among the departments",
)
OTHER_NAME: Final = Text(zh="同一人员编号的姓名不一致", en="the names beside one staff code differ")
CITIZEN_NUMBER: Final = Text(zh="不得使用公民身份号码", en="it must not be a citizen number")
USCC: Final = Text(zh="统一社会信用代码", en="unified social credit code")
NAME_THERE: Final = Text(zh="单位名称（同一区划）", en="organ's name in the division")
DEPARTMENT_NAME: Final = Text(zh="部门名称（同一单位）", en="department's name in the organ")
LOGIN: Final = Text(zh="登录名", en="login")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that an import does, for people to read: `what` names it, `changes` holds headings and values."""

    verb: Verb
    sheet: str
    row: int
    what: str
    changes: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Plan:
    """All of what an import does. With any fault nothing of it may be done."""

    added: dict[Table, list[Row]] = field(default_factory=lambda: {table: [] for table in TABLES})
    changed: dict[Table, list[tuple[Row, Row]]] = field(
        default_factory=lambda: {table: [] for table in TABLES}
    )
    lines: list[Line] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def count(self, verb: Verb) -> int:
        """How many rows of the file do this."""
        return sum(line.verb == verb for line in self.lines)


class Planner:
    """Makes one plan. `today` is the legal day, `now` the instant at which accounts are opened."""

    def __init__(self, tree: RegionTree, known: Known, *, today: date, now: datetime) -> None:
        self._tree, self._known, self._today, self._now = tree, known, today, now
        self._plan = Plan()
        self._organs: dict[UUID, Row] = {id: dict(row) for id, row in known.organs.items()}
        self._by_uscc = {row["uscc"]: row for row in self._organs.values() if row["uscc"]}
        self._by_name: dict[str, list[Row]] = defaultdict(list)
        for row in self._organs.values():
            if row["valid_to"] is None or row["valid_to"] > today:
                self._by_name[row["name"]].append(row)
        self._departments = {key: dict(row) for key, row in known.departments.items()}
        self._people = {id: dict(row) for id, row in known.people.items()}
        self._by_staff_code = {row["staff_code"]: row for row in self._people.values() if row["staff_code"]}
        self._posts: dict[UUID, list[Row]] = defaultdict(list)
        for row in known.posts.values():
            self._posts[row["person_id"]].append(dict(row))
        self._seen: dict[tuple[str, object], int] = {}

    def plan(self, book: Book) -> Plan:
        """Everything that the book asks for, and everything that is wrong with it, in order of its rows."""
        plan = self._plan
        plan.faults += book.faults
        organs = [Cells(ORGANS, sheet, row, plan.faults) for sheet, row in book.rows["organs"]]
        registered = [(cells, self._organ(cells)) for cells in organs]
        for cells, organ in registered:
            self._parent(cells, organ)
        for sheet, row in book.rows["departments"]:
            self._department(Cells(DEPARTMENTS, sheet, row, plan.faults))
        people = [
            (cells, self._person(cells))
            for cells in (Cells(PEOPLE, sheet, row, plan.faults) for sheet, row in book.rows["people"])
        ]
        self._exclusive(people)
        self._settle()
        order = {form: place for place, form in enumerate(("organs", "departments", "people"))}
        sheets = {sheet: order[kind] for kind, rows in book.rows.items() for sheet, _ in rows}
        plan.faults.sort(key=lambda fault: (sheets.get(fault.sheet, -1), fault.row))
        return plan

    def _organ(self, cells: Cells) -> Row:
        name, region = cells.text("name"), self._region(cells)
        type, uscc = cells.word("type"), self._uscc(cells)
        self._once(cells, "name", ("organ", (region, name)), NAME_THERE)
        if uscc:
            self._once(cells, "uscc", ("uscc", uscc), USCC)
        found = self._by_uscc.get(uscc) if uscc else None
        if found is None:
            found = next((row for row in self._by_name[name] if row["region"] == region), None)
            if found is not None and uscc and found["uscc"] not in (None, uscc):
                found = None
        said = {
            "name": name,
            "name_en": cells.text("name_en"),
            "level": cells.word("level"),
            "line": cells.word("line"),
            "uscc": uscc,
            "code_word": cells.text("code_word"),
            "valid_from": cells.day("valid_from"),
            "valid_to": cells.day("valid_to"),
        }
        if found is not None and found["id"] not in self._known.organs:
            return found  # listed twice, which has been told
        if found is not None:
            if type is not None and type != found["type"]:
                cells.refuse("type", FIXED_TYPE)
            if region != found["region"]:
                cells.refuse("region", FIXED_REGION)
            self._dates(cells, said, found)
            self._change(cells, found, said, f"{found['region']} {found['name']}")
            if uscc:
                self._by_uscc[uscc] = found
            if found not in self._by_name[name]:
                self._by_name[name].append(found)
            return found
        level = self._tree.get(region).level if region in self._tree else "county"
        self._dates(cells, said, None)
        row: Row = {
            **said,
            "id": uuid4(),
            "type": type,
            "region": region,
            "name_en": said["name_en"] or name,
            "level": said["level"] or level,
            "line": said["line"] or LINE_OF_TYPE.get(type or "", ""),
            "parent_id": None,
        }
        self._organs[row["id"]] = row
        if uscc:
            self._by_uscc[uscc] = row
        self._by_name[name].append(row)
        self._add(cells, "organ", row, f"{region} {name}")
        return row

    def _parent(self, cells: Cells, organ: Row) -> None:
        said = cells.text("parent")
        if not said:
            return
        parent = self._find_organ(cells, "parent", said, "")
        if parent is None:
            return
        if any(above["id"] == organ["id"] for above in self._above(parent)):
            cells.refuse("parent", PARENT_ITSELF)
            return
        if LEVELS.index(parent["level"]) > LEVELS.index(organ["level"]):
            cells.refuse("parent", PARENT_LOWER)
        known = parent["region"] in self._tree and organ["region"] in self._tree
        if known and not self._tree.contains(parent["region"], organ["region"]):
            cells.refuse("parent", PARENT_ELSEWHERE)
        if organ["id"] in self._known.organs:
            what = f"{organ['region']} {organ['name']}"
            self._change(cells, organ, {"parent_id": parent["id"]}, what, shown={"parent_id": said})
        else:
            organ["parent_id"] = parent["id"]

    def _above(self, organ: Row) -> Iterator[Row]:
        seen: set[UUID] = set()
        while organ["id"] not in seen:
            yield organ
            seen.add(organ["id"])
            if organ["parent_id"] is None:
                return
            organ = self._organs[organ["parent_id"]]

    def _department(self, cells: Cells) -> None:
        organ, name = self._organ_of(cells), cells.text("name")
        said: Row = {
            "code_word": cells.text("code_word"),
            "valid_from": cells.day("valid_from"),
            "valid_to": cells.day("valid_to"),
        }
        if organ is None:
            return
        key, what = (organ["id"], name), f"{organ['name']} {name}"
        self._once(cells, "name", ("department", key), DEPARTMENT_NAME)
        found = self._departments.get(key)
        self._dates(cells, said, found)
        if found is not None:
            self._change(cells, found, said, what)
            return
        row = {**said, "id": uuid4(), "organ_id": organ["id"], "name": name}
        self._departments[key] = row
        self._add(cells, "department", row, what)

    def _person(self, cells: Cells) -> Row | None:
        """The post that the row is about, as it would be."""
        login, name, staff_code = self._login(cells), cells.text("name"), self._staff_code(cells)
        organ, duties = self._organ_of(cells), list(cells.several("duties"))
        said: Row = {
            "department": cells.text("department"),
            "title": cells.text("title"),
            "duties": duties,
            "valid_from": cells.day("valid_from"),
            "valid_to": cells.day("valid_to"),
        }
        if login:
            self._once(cells, "login", ("login", login), LOGIN)
        if organ is None:
            return None
        department = self._departments.get((organ["id"], said["department"]))
        if said["department"] and (department is None or self._over(department)):
            cells.refuse("department", NO_DEPARTMENT)
        account = self._known.accounts.get(login)
        if account is not None:
            return self._known_person(cells, account, organ, said, name, staff_code)
        self._dates(cells, said, None)
        if organ["valid_to"] is not None and said["valid_from"] >= organ["valid_to"]:
            cells.refuse("valid_from", ORGAN_OVER)
        person = self._by_staff_code.get(staff_code) if staff_code else None
        if person is None:
            person = {"id": uuid4(), "name": name, "staff_code": staff_code or None, "row_version": 1}
            self._plan.added["person"].append(person)
            if staff_code:
                self._by_staff_code[staff_code] = person
        else:
            self._rename(cells, person, name)
        post = {**said, "id": uuid4(), "person_id": person["id"], "organ_id": organ["id"]}
        self._posts[person["id"]].append(post)
        self._add(cells, "post", post, login)
        self._plan.added["account"].append(self._account(login, person["id"], post["id"]))
        return post

    def _known_person(
        self, cells: Cells, account: Row, organ: Row, said: Row, name: str, staff_code: str
    ) -> Row | None:
        if account["kind"] != "person":
            cells.refuse("login", SERVICE)
            return None
        person = self._people[account["person_id"]]
        post = next(post for post in self._posts[person["id"]] if post["id"] == account["post_id"])
        if post["organ_id"] != organ["id"]:
            cells.refuse("organ", FIXED_ORGAN)
        if staff_code and person["staff_code"] is None and staff_code not in self._by_staff_code:
            self._change(cells, person, {"staff_code": staff_code}, account["login"])
            self._by_staff_code[staff_code] = person
        elif staff_code and person["staff_code"] != staff_code:
            cells.refuse("staff_code", FIXED_PERSON)
        self._rename(cells, person, name)
        self._dates(cells, said, post)
        self._change(cells, post, said, account["login"])
        return post

    def _rename(self, cells: Cells, person: Row, name: str) -> None:
        """A known person's name may change, once in a file."""
        if not name or person["name"] == name:
            return
        if person["id"] not in self._known.people or ("renamed", person["id"]) in self._seen:
            cells.refuse("name", OTHER_NAME)
            return
        self._seen["renamed", person["id"]] = cells.number
        self._change(cells, person, {"name": name}, cells.text("login"))

    def _account(self, login: str, person_id: UUID, post_id: UUID) -> Row:
        """An account that nobody can sign in to by password until one is set."""
        return {
            "id": uuid4(),
            "login": login,
            "kind": "person",
            "person_id": person_id,
            "post_id": post_id,
            "organ_id": None,
            "password_hash": None,
            "language": "zh",
            "demo": False,
            "failed_attempts": 0,
            "locked_until": None,
            "created_at": self._now,
            "disabled_at": None,
            "row_version": 1,
        }

    def _exclusive(self, people: list[tuple[Cells, Row | None]]) -> None:
        """Nobody may hold what excludes each other at one time, over every post of theirs (GB/T 22239-2019)."""
        told: set[UUID] = set()
        for cells, post in people:
            if post is None or post["person_id"] in told:
                continue
            posts = self._posts[post["person_id"]]
            pairs = [(post, post) for post in posts] + [p for p in combinations(posts, 2) if _overlap(*p)]
            for one, other in pairs:
                clash = mixed_duties({*one["duties"], *other["duties"]})
                if clash is not None:
                    told.add(post["person_id"])
                    cells.fail("duties", DutiesExclude(where="", first=clash[0], second=clash[1]))
                    break

    def _organ_of(self, cells: Cells) -> Row | None:
        return self._find_organ(cells, "organ", cells.text("organ"), cells.code("region"))

    def _find_organ(self, cells: Cells, place: str, said: str, region: str) -> Row | None:
        if not said:
            return None
        by_code = self._by_uscc.get("".join(said.split()).upper())
        if by_code is not None:
            return by_code
        named = [row for row in self._by_name.get(said, ()) if region in ("", row["region"])]
        if len(named) != 1:
            cells.refuse(place, SEVERAL if named else NOTHING_REGISTERED)
            return None
        return named[0]

    def _region(self, cells: Cells) -> str:
        code = cells.code("region")
        if not code:
            return code
        try:
            region = self._tree.get(code)
        except NoSuchRegion as error:
            cells.fail("region", refusal_of(error))
            return code
        if region.valid_to is not None and region.valid_to <= self._today:
            now = present_divisions(self._tree, code, self._today)
            names = "、".join(f"{heir.name} {heir.code}" for heir in now) or "—"
            cells.refuse(
                "region",
                Text(zh=f"{ABOLISHED.zh}，现为：{names}", en=f"{ABOLISHED.en}; there are now: {names}"),
            )
        return code

    def _uscc(self, cells: Cells) -> str | None:
        said = cells.code("uscc")
        if not said:
            return None
        try:
            return codes.uscc(said, where=ORGANS.column("uscc").heading.zh)
        except InvalidInput as error:
            cells.fail("uscc", error)
            return None

    def _login(self, cells: Cells) -> str:
        said = cells.text("login")
        if not said:
            return ""
        try:
            return check_login(said)
        except InvalidInput as error:
            cells.fail("login", refusal_of(error))
            return ""

    def _staff_code(self, cells: Cells) -> str:
        said = cells.code("staff_code")
        if codes.is_citizen_number(said.upper()):
            cells.refuse("staff_code", CITIZEN_NUMBER)
        return said

    def _once(self, cells: Cells, place: str, key: tuple[str, object], what: Text) -> None:
        first = self._seen.setdefault(key, cells.number)
        if first != cells.number:
            twice = Text(zh=f"{what.zh}（见第 {first} 行）", en=f"{what.en} (row {first})")
            cells.fail(place, AlreadyExists(where="", what=twice))

    def _dates(self, cells: Cells, said: Row, known: Row | None) -> None:
        """Fill in the first day, and see that the last comes after it."""
        if known is None:
            said["valid_from"] = said["valid_from"] or self._today
        elif said["valid_from"] not in (None, known["valid_from"]):
            cells.refuse("valid_from", BEGINS_LATER)
        begins = said["valid_from"] or (known or said)["valid_from"]
        if said["valid_to"] is not None and said["valid_to"] <= begins:
            cells.refuse("valid_to", ENDS_BEFORE)

    def _over(self, row: Row) -> bool:
        return row["valid_to"] is not None and row["valid_to"] <= self._today

    def _add(self, cells: Cells, table: Table, row: Row, what: str) -> None:
        row["row_version"] = 1
        self._plan.added[table].append(row)
        self._plan.lines.append(Line(verb="add", sheet=cells.sheet, row=cells.number, what=what))

    def _change(
        self,
        cells: Cells,
        row: Row,
        said: Mapping[str, Any],
        what: str,
        *,
        shown: Mapping[str, str] | None = None,
    ) -> None:
        """Change what a filled cell says otherwise; `row` becomes what it will be."""
        new = {
            name: value for name, value in said.items() if value not in (None, "", []) and value != row[name]
        }
        if not new:
            return
        verb: Verb = "end" if new.keys() == {"valid_to"} else "change"
        headings = {column.field: column.heading.zh for column in cells.form.columns} | {
            "parent_id": "上级单位"
        }
        told = tuple(
            f"{headings[name]}：{_shown(row[name])} → {(shown or {}).get(name) or _shown(value)}"
            for name, value in new.items()
        )
        self._plan.lines.append(Line(verb=verb, sheet=cells.sheet, row=cells.number, what=what, changes=told))
        row.update(new)

    def _settle(self) -> None:
        """Known rows that are otherwise now, each with what it was: a row may have been changed in two steps."""
        later: dict[Table, tuple[Mapping[Any, Row], Mapping[Any, Row]]] = {
            "organ": (self._known.organs, self._organs),
            "department": (self._known.departments, self._departments),
            "person": (self._known.people, self._people),
            "post": (self._known.posts, {p["id"]: p for posts in self._posts.values() for p in posts}),
        }
        for table, (before, after) in later.items():
            for key, row in before.items():
                new = {name: after[key][name] for name in row if after[key][name] != row[name]}
                if new:
                    self._plan.changed[table].append((row, new))


def _overlap(one: Row, other: Row) -> bool:
    return (one["valid_to"] is None or other["valid_from"] < one["valid_to"]) and (
        other["valid_to"] is None or one["valid_from"] < other["valid_to"]
    )


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "、".join(value)
    return "-" if value in (None, "") else str(value)
