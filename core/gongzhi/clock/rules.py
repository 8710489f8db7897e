"""The numbered rules of counting, each with its source in the law; data, no behaviour.

`due` cites a rule in every step that it explains, and a test names every rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import Final

from gongzhi.declarations import Text

LEGAL_ZONE: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The zone of legal days and hours (北京时间): UTC+8 without summer time since 1992; needs no zone files."""


@dataclass(frozen=True, kw_only=True)
class CountingRule:
    """A rule of counting: `id` is stable, `source` names article and instrument."""

    id: str
    text: Text
    source: Text


_DAYS = Text(
    zh="《刑事诉讼法》第105条；《民事诉讼法》第85条；《民法典》第201条；《公安机关办理行政案件程序规定》第35条",
    en="Criminal Procedure Law, art. 105; Civil Procedure Law, art. 85; Civil Code, art. 201; Procedure of "
    "Public Security Organs in Administrative Cases, art. 35",
)

_ALL = (
    CountingRule(
        id="CLK-1",
        text=Text(
            zh="开始之日不计入，自次日起算。",
            en="The starting day is not counted; counting begins the day after.",
        ),
        source=_DAYS,
    ),
    CountingRule(
        id="CLK-2",
        text=Text(
            zh="期间以日、月、年计算的，末日二十四时届满；截止时刻为次日零时（不含），按北京时间。",
            en="A term in days, months or years ends at 24:00 of its last day: the due instant is the "
            "exclusive next midnight, Beijing time.",
        ),
        source=Text(zh="《民法典》第203条第2款", en="Civil Code, art. 203(2)"),
    ),
    CountingRule(
        id="CLK-3",
        text=Text(
            zh="期间的最后一日是节假日（含周末，不含调休上班日）的，顺延至其后第一个工作日。",
            en="If the last day is a holiday (weekends included, made-up working weekends not), the term "
            "runs to the next working day.",
        ),
        source=Text(
            zh="《刑事诉讼法》第105条；《民事诉讼法》第85条；《民法典》第203条；"
            "《公安机关办理行政案件程序规定》第35条",
            en="Criminal Procedure Law, art. 105; Civil Procedure Law, art. 85; Civil Code, art. 203; "
            "Procedure of Public Security Organs in Administrative Cases, art. 35",
        ),
    ),
    CountingRule(
        id="CLK-4",
        text=Text(
            zh="在押或者限制人身自由期间不因节假日延长，至期满之日为止。",
            en="While somebody is in custody the term is not extended because of a holiday.",
        ),
        source=Text(
            zh="《刑事诉讼法》第105条第4款；《公安机关办理行政案件程序规定》第35条",
            en="Criminal Procedure Law, art. 105(4); Procedure of Public Security Organs in Administrative "
            "Cases, art. 35",
        ),
    ),
    CountingRule(
        id="CLK-5",
        text=Text(
            zh="法律明定为工作日的，只计工作日，不含法定节假日和周末。",
            en="Where the statute says working days, only working days count.",
        ),
        source=Text(
            zh="《行政处罚法》第85条；《行政复议法》第88条",
            en="Administrative Penalty Law, art. 85; Administrative Reconsideration Law, art. 88",
        ),
    ),
    CountingRule(
        id="CLK-6",
        text=Text(
            zh="以时计算的，开始之时不计入，从次时起算；节假日照计。",
            en="In hours, the starting hour is not counted: counting begins with the next hour, and runs "
            "through holidays.",
        ),
        source=Text(
            zh="《刑事诉讼法》第105条；《最高人民法院关于适用〈民事诉讼法〉的解释》第125条",
            en="Criminal Procedure Law, art. 105; SPC Interpretation of the Civil Procedure Law, art. 125",
        ),
    ),
    CountingRule(
        id="CLK-7",
        text=Text(
            zh="法律规定或者当事人约定以具体时间起算小时的，自该时间起算。",
            en="Where law or agreement sets the moment from which hours run, they run from that moment.",
        ),
        source=Text(zh="《民法典》第201条第2款", en="Civil Code, art. 201(2)"),
    ),
    CountingRule(
        id="CLK-8",
        text=Text(
            zh="以月、年计算的，到期月的对应日为最后一日；没有对应日的，月末日为最后一日。",
            en="In months or years, the last day is the corresponding day of the final month, or that "
            "month's last day if there is none.",
        ),
        source=Text(zh="《民法典》第202条", en="Civil Code, art. 202"),
    ),
    CountingRule(
        id="CLK-9",
        text=Text(
            zh="放假和调休上班以国务院办公厅年度通知为准；未公布的日期按周末和法定固定节日推算，结果为暂定。",
            en="Days off and made-up working days follow the State Council's yearly notice; where none is "
            "published, weekends and fixed statutory days are used and the result is provisional.",
        ),
        source=Text(
            zh="《全国年节及纪念日放假办法》第2条、第6条及国务院办公厅年度通知",
            en="Regulation on Public Holidays, arts. 2 and 6, and the yearly notices of the State Council's "
            "General Office",
        ),
    ),
)

RULES: Final[Mapping[str, CountingRule]] = {rule.id: rule for rule in _ALL}
