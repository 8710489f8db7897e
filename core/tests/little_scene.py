"""A small scene written to disk for tests of the host: two organs, one letter, one clock, one rule."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from gongzhi.scenes.discovery import Installed, discover


def text(zh: str) -> dict[str, str]:
    return {"zh": zh, "en": zh}


def manifest(scene_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": scene_id,
        "version": "1.0.0",
        "archetype": "A3",
        "title": text("小场景"),
        "summary": text("测试"),
        "requires_core": ">=0.1",
        "case_schema": "case.json",
        "routing": {"by": ["/place"], "level": "county", "explanation": text("按发生地")},
        "roles": {
            "sender": {"title": text("报送单位"), "organ_types": ["hospital"], "bound": False, "reads": "L2"},
            "police": {
                "title": text("公安"),
                "organ_types": ["police"],
                "reads": "L4",
                "reads_at_once": "L4",
            },
            "emergency": {
                "title": text("紧急查阅"),
                "organ_types": ["police"],
                "bound": False,
                "reads": "L4",
                "reads_at_once": "L4",
            },
            "inquirer": {
                "title": text("依法查询单位"),
                "organ_types": ["police"],
                "bound": False,
                "reads": "L4",
            },
            "watcher": {"title": text("检察"), "organ_types": ["procuratorate"], "reads": "L4"},
        },
        "owner": {"name": "tests", "contact": "tests@example.invalid"},
        "configuration": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"days": {"type": "integer", "default": 3}},
        },
        "supervisors": ["procuratorate"],
        "emergency_role": "emergency",
        "inquiry_role": "inquirer",
        **changes,
    }


CASE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "place": {"type": "string"},
        "about": {"type": "string", "x-gongzhi-index": True},
        "name": {
            "type": "string",
            "x-gongzhi-personal": True,
            "x-gongzhi-level": "L4",
            "x-gongzhi-mask": "name",
        },
        "informant": {
            "type": "string",
            "x-gongzhi-personal": True,
            "x-gongzhi-level": "L4",
            "x-gongzhi-readers": ["police"],
        },
        "result": {"type": "string"},
    },
}

TELL = {
    "type": "object",
    "additionalProperties": False,
    "required": ["place", "about"],
    "properties": {
        "place": {"type": "string", "pattern": "^[0-9]{6}$"},
        "about": {"type": "string", "maxLength": 200},
        "name": {"type": "string", "maxLength": 50},
        "informant": {"type": "string", "maxLength": 50},
        "born": {"type": "string", "format": "date"},
    },
}

WORKFLOW: dict[str, Any] = {
    "states": {
        "told": {"title": text("已报送")},
        "received": {"title": text("已接收")},
        "done": {"title": text("办结"), "final": True},
    },
    "actions": {
        "tell": {
            "title": text("报送"),
            "input": "tell.json",
            "by": ["sender"],
            "opens_case": True,
            "transitions": [{"from": None, "to": "told"}],
            "rule": "tell",
            "letters": [
                {
                    "kind": "notice",
                    "to": "police",
                    "title": text("通知书"),
                    "basis": "测试规定第1条",
                    "copies": [{"to": "watcher", "basis": "测试规定第2条"}],
                }
            ],
            "starts": ["answer"],
        },
        "receive": {
            "title": text("接收"),
            "by": ["police"],
            "transitions": [{"from": "told", "to": "received"}],
            "signs": "notice",
        },
        "finish": {
            "title": text("办结"),
            "input": "finish.json",
            "by": ["police"],
            "transitions": [{"from": "received", "to": "done", "guard": "named"}],
            "rule": "finish",
            "answers": "notice",
            "meets": ["answer"],
            "closes": True,
            "seals": True,
        },
    },
    "deadlines": {
        "answer": {
            "title": text("答复期限"),
            "unit": "natural_day",
            "amount_from": "days",
            "on": "police",
            "article": text("测试规定第3条"),
            "source": "test",
            "remind": ["police", "watcher"],
        }
    },
}

FINISH = {
    "type": "object",
    "additionalProperties": False,
    "required": ["result"],
    "properties": {"result": {"type": "string", "maxLength": 100}},
}

MODULE = """
from gongzhi.plugin import Act, Decision, Refusal, hookimpl


def tell(act):
    if act.input["about"] == "raise":
        raise ZeroDivisionError("a name that nobody may see")
    if act.input["about"] == "nonsense":
        return {"data": {}}
    if act.input["about"] == "no":
        raise Refusal("T-1", zh="不行", en="no", advice_zh="改", advice_en="change it", where="/about")
    data = {key: value for key, value in act.input.items() if key != "born"}
    return Decision(data=data, unique_key=act.input.get("name"))


def finish(act):
    return Decision(data=act.input, guards={"named": act.input["result"] != "nothing"})


@hookimpl
def gongzhi_rules():
    return {"tell": tell, "finish": finish}
"""


def write_scene(
    folder: Path,
    scene_id: str = "little",
    *,
    module: str = MODULE,
    workflow: Any = None,
    files: Mapping[str, str] | None = None,
    **changes: Any,
) -> EntryPoint:
    """Write the scene's package into `folder`, with more `files`, and return the entry point that names it."""
    package = folder / f"gongzhi_test_{scene_id}"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(module, encoding="utf-8")
    for name, content in (
        ("scene.json", manifest(scene_id, **changes)),
        ("workflow.json", workflow or WORKFLOW),
        ("case.json", CASE),
        ("tell.json", TELL),
        ("finish.json", FINISH),
    ):
        (package / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    for name, content in (files or {}).items():
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_text(content, encoding="utf-8")
    return EntryPoint(name=scene_id, value=package.name, group="gongzhi.scenes")


def install(folder: Path, *points: EntryPoint) -> list[Installed]:
    """Discover scenes that `write_scene` wrote; `folder` goes onto the path, modules of earlier tests go."""
    sys.path.insert(0, str(folder))
    for name in [n for n in sys.modules if n.startswith("gongzhi_test_")]:
        del sys.modules[name]
    return discover(list(points))
