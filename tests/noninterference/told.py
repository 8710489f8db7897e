"""What the people of these worlds type, each case in words of its own, so that a word tells whose case it is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WHO: Mapping[str, tuple[str, str, str]] = {
    # case: the child's name, its birth date, and what nobody else's record says
    "deqing": ("阿德", "2012-01-11", "德清河边"),
    "overdue": ("阿期", "2012-02-12", "逾期未复"),
    "reported": ("阿报", "2012-03-13", "已报在案"),
    "answered": ("阿答", "2012-04-14", "已有答复"),
    "prompted": ("阿提", "2012-05-15", "尚待确认"),
    "second prompt": ("阿再", "2012-06-16", "再次提示"),
    "school": ("阿校", "2012-07-17", "校门乞讨"),
    "changxing": ("阿长", "2012-08-18", "长兴车站"),
    "sealed": ("阿封", "2012-09-19", "封存往事"),
    "draft": ("阿草", "2012-10-20", "草稿之语"),
    "deqing draft": ("阿稿", "2012-11-21", "德清草稿"),
    "dismissed": ("阿销", "2012-12-22", "核实无疑"),
}

BASE: Mapping[str, Any] = {
    "channel": "WEB_FORM",
    "findings": [{"system": "ICD_10", "code": code} for code in ("S20.2", "S40.0", "S70.1")],
}


def told(name: str, county: str, **changes: Any) -> dict[str, Any]:
    """What is typed to open the case `name`."""
    child, born, fact = _WHO[name]
    number = list(_WHO).index(name)
    return {
        **BASE,
        "incident_division": county,
        "child": {
            "name": child,
            "birth_date": born,
            "sex": "MALE",
            "id_number": f"33052320{number:02}01011234",
            "residence_division": county,
            "address": f"{fact}{number}号",
            "guardian_name": f"{child}之父",
            "guardian_phone": f"1380000{number:04}",
            "guardian_present": True,
            "patient_ref": f"patient-{number}",
        },
        "encounter": {"date": "2026-03-04", "ref": f"visit-{number}"},
        "facts": f"{fact}，身上多处伤痕。",
        "reporter": {"name": f"报告人{number}", "phone": f"1390000{number:04}", "position": "班主任"},
        **changes,
    }


def told_otherwise(name: str, county: str) -> dict[str, Any]:
    """The same, as whoever reads what is not sensitive must not tell it from `told`: other names and days, another home,
    other findings of the same situation, as long and as old."""
    said = told(name, county)
    child = said["child"]
    return {
        **said,
        "findings": [{"system": "ICD_10", "code": code} for code in ("S20.2", "S40.0", "S80.1")],
        "child": {
            **child,
            "name": child["name"][0] + "乙",
            "birth_date": child["birth_date"][:-2] + "02",
            "id_number": child["id_number"][:6] + "9" * (len(child["id_number"]) - 6),
            "residence_division": "330502",
            "address": "别处九十九号",
            "guardian_name": child["guardian_name"][0] + "之母乙",
            "guardian_phone": f"{child['guardian_phone'][:3]}9999{child['guardian_phone'][-4:]}",
            "guardian_present": False,
            "patient_ref": "another-patient",
        },
        "encounter": {"date": "2026-03-03", "ref": "another-visit"},
        "facts": "另一番情形，身上多处伤痕。",
        "reporter": {"name": "别的报告人", "phone": "13600001111", "position": "年级组长"},
    }


def words(name: str) -> list[str]:
    """What only this case says: a child's name, a fact, references of the reporting organ's systems."""
    said = told(name, "330523")
    return [said["child"]["name"], _WHO[name][2], said["encounter"]["ref"], said["child"]["patient_ref"]]
