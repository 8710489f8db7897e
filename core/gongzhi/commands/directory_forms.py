"""JSON Schemas of the directory's commands and queries; data, no behaviour."""

from __future__ import annotations

from typing import Any, Final

from gongzhi.commands.forms import list_of, object_of, text_of
from gongzhi.identity.actors import DUTIES, LEVELS, LINES, ORGAN_TYPES
from gongzhi.identity.deputies import REASONS
from gongzhi.identity.imports.words import DUTY_WORDS, LEVEL_WORDS


def _short(zh: str, en: str, limit: int = 200) -> dict[str, Any]:
    return {"type": "string", "maxLength": limit, "title": zh, "x-gongzhi-title-en": en}


def _day(zh: str, en: str) -> dict[str, Any]:
    return {"type": "string", "format": "date", "title": zh, "x-gongzhi-title-en": en}


def _choice(zh: str, en: str, words: Any) -> dict[str, Any]:
    return {
        "title": zh,
        "x-gongzhi-title-en": en,
        "oneOf": [
            {"const": code, "title": text.zh, "x-gongzhi-title-en": text.en} for code, text in words.items()
        ],
    }


def _input(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


DIVISION: Final = {
    "type": "string",
    "pattern": "^[0-9]{6}$",
    "title": "行政区划代码",
    "x-gongzhi-title-en": "Division code",
}
ORGAN: Final = {
    "type": "string",
    "pattern": "^(Organ:)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "title": "单位",
    "x-gongzhi-title-en": "Organ",
}
LOGIN: Final = _short("登录名", "Login", 64)
DUTY_LIST: Final = {
    "type": "array",
    "minItems": 1,
    "maxItems": len(DUTIES),
    "title": "职责",
    "x-gongzhi-title-en": "Duties",
    "items": _choice("职责", "Duty", DUTY_WORDS),
}
UNTIL: Final = _day("失效的第一天（空为今天）", "The first day that is not valid; today if left out")

ADD_ORGAN: Final = _input(
    ("name", "type", "region"),
    name=_short("单位名称", "Name"),
    name_en=_short("英文名称", "English name"),
    type=_choice("类型", "Type", ORGAN_TYPES),
    region=DIVISION,
    level=_choice("层级", "Level", {level: LEVEL_WORDS[level] for level in LEVELS}),
    line=_choice("条线", "Line", LINES),
    uscc=_short("统一社会信用代码", "Credit code", 18),
    code_word=_short("代字", "Code word", 20),
)
ADD_DEPARTMENT: Final = _input(
    ("organ", "name"),
    organ=ORGAN,
    name=_short("部门名称", "Name"),
    code_word=_short("代字", "Code word", 20),
)
END_DEPARTMENT: Final = _input(
    ("organ", "name"), organ=ORGAN, name=_short("部门名称", "Name"), valid_to=UNTIL
)
ADD_ACCOUNT: Final = _input(
    ("organ", "login", "name", "title", "duties"),
    organ=ORGAN,
    login=LOGIN,
    name=_short("姓名", "Name"),
    staff_code=_short("人员编号", "Staff code", 60),
    department=_short("部门", "Department"),
    title=_short("职务", "Title"),
    duties=DUTY_LIST,
)
CHANGE_POST: Final = _input(
    ("login",),
    login=LOGIN,
    department=_short("部门", "Department"),
    title=_short("职务", "Title"),
    duties=DUTY_LIST,
)
END_POST: Final = _input(("login",), login=LOGIN, valid_to=UNTIL)
SUCCEED: Final = _input(
    ("organ", "successor", "document"),
    organ=ORGAN,
    successor={**ORGAN, "title": "继受单位", "x-gongzhi-title-en": "Successor"},
    since=_day("生效日期（空为今天）", "The day of the change; today if left out"),
    document=_short("批准文件", "The document that orders it"),
    elsewhere={
        "type": "boolean",
        "title": "继受单位在另一区划或层级",
        "x-gongzhi-title-en": "The successor has another division or level",
    },
)
OF_LOGIN: Final = _input(("login",), login=LOGIN)
LEAVE: Final = _input(("login",), login=LOGIN, successor=_short("继任者的登录名", "Successor's login", 64))
DEPUTISE: Final = _input(
    ("absent", "deputy", "valid_to", "reason"),
    absent=_short("缺位者的登录名", "Login of who is absent", 64),
    deputy=_short("代理人的登录名", "Deputy's login", 64),
    valid_from=_day("起始日期（空为今天）", "The first day; today if left out"),
    valid_to=_day("失效的第一天", "The first day that is not valid"),
    reason=_choice("缘由", "Reason", REASONS),
)
OF_DEPUTYSHIP: Final = _input(
    ("deputyship",),
    deputyship={
        "type": "string",
        "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        "title": "代理编号",
        "x-gongzhi-title-en": "Deputyship",
    },
)
OF_ORGAN: Final = object_of(organ=ORGAN)
OF_DIVISION: Final = object_of(region=DIVISION)

ORGANS: Final = object_of(
    organs=list_of(
        "单位",
        "Organs",
        object_of(
            id=text_of("编号", "Id"),
            name=text_of("单位名称", "Name"),
            type=text_of("类型", "Type"),
            level=text_of("层级", "Level"),
            region=text_of("行政区划代码", "Division code"),
            departments=list_of("部门", "Departments", {"type": "string"}),
            valid_to=text_of("截止日期（空为长期）", "Valid to, empty while open"),
        ),
    )
)
"""Organs in reach, with their departments that have not been ended."""

PEOPLE: Final = object_of(
    people=list_of(
        "人员",
        "People",
        object_of(
            login=text_of("登录名", "Login"),
            name=text_of("姓名", "Name"),
            department=text_of("部门", "Department"),
            title=text_of("职务", "Title"),
            duties=list_of("职责", "Duties", {"type": "string"}),
            valid_from=text_of("启用日期", "Valid from"),
            valid_to=text_of("截止日期（空为长期）", "Valid to, empty while open"),
            closed={"type": "boolean", "title": "已关闭", "x-gongzhi-title-en": "Closed"},
        ),
    )
)
"""Posts of an organ with their accounts, past ones too."""

DEPUTYSHIPS: Final = object_of(
    deputyships=list_of(
        "代理",
        "Deputyships",
        object_of(
            id=text_of("编号", "Id"),
            absent=text_of("缺位者的登录名", "Login of who is absent"),
            deputy=text_of("代理人的登录名", "Deputy's login"),
            reason=text_of("缘由", "Reason"),
            valid_from=text_of("起始日期", "Valid from"),
            valid_to=text_of("失效的第一天", "The first day that is not valid"),
            ended={"type": "boolean", "title": "已提前结束", "x-gongzhi-title-en": "Ended before its time"},
        ),
    )
)
"""Deputyships of an organ, past ones too."""
