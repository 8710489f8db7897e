"""The sheets of an import: their names, columns and the words that a cell may hold, in Chinese and English.

Values only; everything in this folder reads them, and so does the template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from gongzhi.declarations import Text
from gongzhi.identity.actors import DUTIES, LINES, ORGAN_TYPES

Kind: TypeAlias = Literal["organs", "departments", "people"]

LEVEL_WORDS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "province": Text(zh="省级", en="Province"),
        "city": Text(zh="市级", en="City"),
        "county": Text(zh="县级", en="County"),
        "township": Text(zh="乡级", en="Township"),
    }
)

DUTY_WORDS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "clerk": Text(zh="登记", en="Registration"),
        "handler": Text(zh="承办", en="Handling"),
        "approver": Text(zh="签发", en="Approval"),
        "region_admin": Text(zh="区域管理员", en="Region administrator"),
        "organ_admin": Text(zh="单位管理员", en="Organ administrator"),
        "system_admin": Text(zh="系统管理员", en="System administrator"),
        "security_admin": Text(zh="安全管理员", en="Security administrator"),
        "audit_admin": Text(zh="审计管理员", en="Audit administrator"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: its field, its heading in both languages, and the words it takes, by code, if not any text."""

    field: str
    heading: Text
    required: bool = False
    words: Mapping[str, Text] | None = None
    several: bool = False
    explained: Text


@dataclass(frozen=True, kw_only=True)
class SheetForm:
    """A sheet: its name in both languages, and its columns in order."""

    kind: Kind
    name: Text
    columns: tuple[Column, ...]

    def column(self, field: str) -> Column:
        """The column of a field."""
        return next(column for column in self.columns if column.field == field)


_FROM: Final = Column(
    field="valid_from",
    heading=Text(zh="启用日期", en="Valid from"),
    explained=Text(zh="YYYY-MM-DD；空为导入当日", en="YYYY-MM-DD; the day of the import if empty"),
)
_TO: Final = Column(
    field="valid_to",
    heading=Text(zh="截止日期", en="Valid to"),
    explained=Text(zh="失效的第一天；空为长期", en="the first day that is not valid; open if empty"),
)
_CODE_WORD: Final = Column(
    field="code_word",
    heading=Text(zh="代字", en="Code word"),
    explained=Text(zh="文号开头，如 安公", en="what document numbers begin with"),
)
_ORGAN: Final = Column(
    field="organ",
    heading=Text(zh="单位", en="Organ"),
    required=True,
    explained=Text(zh="单位名称或统一社会信用代码", en="the organ's name or its credit code"),
)
_ORGAN_REGION: Final = Column(
    field="region",
    heading=Text(zh="行政区划代码", en="Division code"),
    explained=Text(zh="单位同名时用于区分", en="tells organs of one name apart"),
)

ORGANS: Final = SheetForm(
    kind="organs",
    name=Text(zh="单位", en="Organs"),
    columns=(
        Column(
            field="name",
            heading=Text(zh="单位名称", en="Name"),
            required=True,
            explained=Text(zh="全称", en="in full"),
        ),
        Column(
            field="name_en",
            heading=Text(zh="英文名称", en="English name"),
            explained=Text(zh="空则用中文名称", en="the Chinese name if empty"),
        ),
        Column(
            field="type",
            heading=Text(zh="类型", en="Type"),
            required=True,
            words=ORGAN_TYPES,
            explained=Text(zh="见下", en="see below"),
        ),
        Column(
            field="region",
            heading=Text(zh="行政区划代码", en="Division code"),
            required=True,
            explained=Text(zh="GB/T 2260 六位", en="six digits of GB/T 2260"),
        ),
        Column(
            field="level",
            heading=Text(zh="层级", en="Level"),
            words=LEVEL_WORDS,
            explained=Text(zh="空则同区划", en="that of the division if empty"),
        ),
        Column(
            field="line",
            heading=Text(zh="条线", en="Line"),
            words=LINES,
            explained=Text(zh="空则同类型", en="that of the type if empty"),
        ),
        Column(
            field="uscc",
            heading=Text(zh="统一社会信用代码", en="Credit code"),
            explained=Text(zh="18 位；单元格设为文本", en="18 characters; format the cell as text"),
        ),
        _CODE_WORD,
        Column(
            field="parent",
            heading=Text(zh="上级单位", en="Parent organ"),
            explained=Text(zh="名称或统一社会信用代码", en="its name or its credit code"),
        ),
        _FROM,
        _TO,
    ),
)

DEPARTMENTS: Final = SheetForm(
    kind="departments",
    name=Text(zh="部门", en="Departments"),
    columns=(
        _ORGAN,
        _ORGAN_REGION,
        Column(
            field="name",
            heading=Text(zh="部门名称", en="Name"),
            required=True,
            explained=Text(zh="如 未成年人检察部门", en="such as 未成年人检察部门"),
        ),
        _CODE_WORD,
        _FROM,
        _TO,
    ),
)

PEOPLE: Final = SheetForm(
    kind="people",
    name=Text(zh="人员岗位", en="People"),
    columns=(
        Column(
            field="name",
            heading=Text(zh="姓名", en="Name"),
            required=True,
            explained=Text(zh="", en=""),
        ),
        Column(
            field="staff_code",
            heading=Text(zh="人员编号", en="Staff code"),
            explained=Text(
                zh="全省唯一；一人多岗时必填，勿用公民身份号码",
                en="unique in the province; needed where one person has several posts; never a citizen number",
            ),
        ),
        Column(
            field="login",
            heading=Text(zh="登录名", en="Login"),
            required=True,
            explained=Text(
                zh="2 至 64 个小写字母、数字、点、下划线、连字符；每个岗位一个",
                en="2 to 64 of lower-case letters, digits, dot, underscore, hyphen; one for each post",
            ),
        ),
        _ORGAN,
        _ORGAN_REGION,
        Column(
            field="department",
            heading=Text(zh="部门", en="Department"),
            explained=Text(zh="须已登记；空为全单位", en="must be registered; all of the organ if empty"),
        ),
        Column(
            field="title",
            heading=Text(zh="职务", en="Title"),
            required=True,
            explained=Text(zh="如 检察官", en="such as 检察官"),
        ),
        Column(
            field="duties",
            heading=Text(zh="职责", en="Duties"),
            required=True,
            words=MappingProxyType({code: text for code, text in DUTY_WORDS.items() if code in DUTIES}),
            several=True,
            explained=Text(zh="见下；几项用顿号分开", en="see below; separated by commas"),
        ),
        _FROM,
        _TO,
    ),
)

SHEETS: Final = (ORGANS, DEPARTMENTS, PEOPLE)
"""In the order in which they are checked."""

NOTES: Final = Text(zh="说明", en="Notes")
"""A sheet that nobody reads but people."""


def meaning(words: Mapping[str, Text], said: str) -> str | None:
    """The code that a cell means by its code or its word in either language, or None."""
    folded = said.casefold()
    for code, text in words.items():
        if folded in (code, text.zh, text.en.casefold()):
            return code
    return None


def listed(words: Mapping[str, Text]) -> Text:
    """All the words, to be read by people."""
    return Text(zh=_joined(text.zh for text in words.values()), en=", ".join(words))


def _joined(names: Iterable[str]) -> str:
    return "、".join(names)
