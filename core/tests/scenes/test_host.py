"""Scenes are found without being imported, load on demand, and fail alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gongzhi.errors import SceneFault, SceneIncompatible
from gongzhi.scenes.host import SceneHost

from ..little_scene import MODULE, WORKFLOW, install, manifest, write_scene


@pytest.fixture(autouse=True)
def clean_path() -> Iterator[None]:
    before = list(sys.path)
    yield
    sys.path[:] = before


def test_a_scene_is_compatible_when_found_and_loaded_when_asked_for(tmp_path: Path) -> None:
    host = SceneHost(install(tmp_path, write_scene(tmp_path)))
    assert [s.state for s in host.states()] == ["compatible"]
    assert host.scene("little").version == "1.0.0"
    assert [s.state for s in host.states()] == ["loaded"]


def test_finding_300_scenes_imports_none_of_them(tmp_path: Path) -> None:
    points = [write_scene(tmp_path, f"scene_{n}") for n in range(300)]
    found = install(tmp_path, *points)
    assert len([s for s in found if s.manifest]) == 300
    assert not [name for name in sys.modules if name.startswith("gongzhi_test_")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"module": "raise RuntimeError('boom')"}, "import failed: RuntimeError"),
        ({"module": MODULE + "\n@hookimpl\ndef gongzhi_ruels():\n    return {}\n"}, "gongzhi_ruels"),
        ({"module": "from gongzhi.plugin import hookimpl"}, "names no rule 'tell'"),
        ({"workflow": {**WORKFLOW, "deadlines": {}}}, "names no deadline 'answer'"),
        ({"workflow": {**WORKFLOW, "sates": {}}}, "sates"),
        ({"case_schema": "missing.json"}, "missing.json"),
        ({"roles": {}, "emergency_role": "", "inquiry_role": ""}, "names no role"),
    ],
)
def test_a_broken_scene_fails_alone_with_a_readable_reason(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    points = [write_scene(tmp_path, "broken", **changes), write_scene(tmp_path, "good")]  # type: ignore[arg-type]
    host = SceneHost(install(tmp_path, *points))
    with pytest.raises(SceneFault):
        host.scene("broken")
    states = {s.id: s for s in host.states()}
    assert states["broken"].state == "failed"
    assert reason in states["broken"].reason
    assert host.scene("good").id == "good"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "scene.json"),
        ("[]", "Expected `object`"),
        (json.dumps({"id": "x"}), "missing required field"),
        (json.dumps(manifest("broken", configuration={"properties": 5})), "configuration.properties"),
        (json.dumps(manifest("broken", configuration={"properties": {"a": 5}})), "configuration.properties"),
    ],
)
def test_a_bad_manifest_is_skipped_with_its_reason(tmp_path: Path, content: str, reason: str) -> None:
    point = write_scene(tmp_path, "broken")
    (tmp_path / "gongzhi_test_broken" / "scene.json").write_text(content)
    host = SceneHost(install(tmp_path, point))
    assert [s.state for s in host.states()] == ["failed"]
    assert reason in host.states()[0].reason


def test_a_scene_for_another_core_is_incompatible_and_not_imported(tmp_path: Path) -> None:
    point = write_scene(tmp_path, "future", requires_core=">=99", module="raise RuntimeError('imported')")
    host = SceneHost(install(tmp_path, point))
    assert host.states()[0].reason == "needs core >=99, this is 0.1.0"
    with pytest.raises(SceneFault):
        host.scene("future")


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"good": ">=1,<2"}, ""),
        ({"good": ">=2"}, "needs the scene good >=2, 1.0.0 is installed"),
        ({"other": ">=1"}, "needs the scene other >=1, which is not installed"),
        ({"good": "newest"}, "scene.json: Invalid specifier: 'newest'"),
    ],
)
def test_a_scene_loads_only_beside_the_scenes_that_it_needs(
    tmp_path: Path, wanted: dict[str, str], reason: str
) -> None:
    points = [write_scene(tmp_path, "good"), write_scene(tmp_path, "needy", requires_scenes=wanted)]
    host = SceneHost(install(tmp_path, *points))
    states = {s.id: s for s in host.states()}
    assert (states["needy"].state, states["needy"].reason) == ("failed" if reason else "compatible", reason)
    assert host.scene("good").id == "good"
    if not reason:
        assert host.scene("needy").id == "needy"


def test_an_unknown_scene_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SceneIncompatible):
        SceneHost(install(tmp_path)).scene("nowhere")
