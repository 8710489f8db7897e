"""A case's schema: search must not tell what masking hides."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gongzhi.errors import SceneFault
from gongzhi.scenes.host import SceneHost

from ..little_scene import CASE, install, write_scene

INDEXED = {"type": "string", "x-gongzhi-index": True}


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({**INDEXED, "x-gongzhi-personal": True}, "x-gongzhi-index and x-gongzhi-personal"),
        ({**INDEXED, "x-gongzhi-readers": ["police"]}, "x-gongzhi-index and x-gongzhi-readers"),
        ({**INDEXED, "x-gongzhi-level": "L3"}, "x-gongzhi-index and x-gongzhi-level L3"),
        ({**INDEXED, "x-gongzhi-level": "L4"}, "x-gongzhi-index and x-gongzhi-level L4"),
        ({**INDEXED, "x-gongzhi-level": "secret"}, "x-gongzhi-level 'secret', not L1 to L4"),
        (
            {
                "type": "array",
                "x-gongzhi-index": True,
                "items": {"type": "object", "properties": {"name": {"x-gongzhi-level": "L3"}}},
            },
            "x-gongzhi-index and x-gongzhi-level L3",
        ),
        ({"type": "object", "properties": {"inner": INDEXED}}, "x-gongzhi-index stands inside 'extra'"),
        (True, "'extra' is no schema object"),
        ({"type": "text"}, "schema: "),
        ({**INDEXED, "x-gongzhi-level": "L2"}, ""),
    ],
)
def test_a_field_that_not_everybody_may_read_is_not_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: Any, reason: str
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    point = write_scene(tmp_path)
    properties: dict[str, Any] = CASE["properties"]  # type: ignore[assignment]
    schema = {**CASE, "properties": {**properties, "extra": field}}
    (tmp_path / "gongzhi_test_little" / "case.json").write_text(json.dumps(schema))
    host = SceneHost(install(tmp_path, point))
    if not reason:
        assert host.scene("little").id == "little"
        return
    with pytest.raises(SceneFault):
        host.scene("little")
    assert reason in host.states()[0].reason
