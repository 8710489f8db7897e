"""The workflow and the manifest: they load in the host, and the tracks go the way the law has them."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from gongzhi.errors import GuardFailed, WrongState
from gongzhi.scenes.discovery import discover
from gongzhi.scenes.loading import LoadedScene, load
from gongzhi.scenes.workflow import Workflow


@pytest.fixture(scope="module")
def scene() -> LoadedScene:
    """The scene as the host loads it, hooks and references checked."""
    return load(next(one for one in discover() if one.id == "minor_protection"))


@pytest.fixture
def raw(package: Path) -> Any:
    """`workflow.json` as it stands."""
    return json.loads((package / "workflow.json").read_text(encoding="utf-8"))


def walk(workflow: Workflow, *actions: str, start: tuple[str, ...] = ()) -> set[str]:
    """The states after these actions, all guards met."""
    state = frozenset(start)
    for action in actions:
        met = {"answered_and_support_settled": True}
        state = frozenset(workflow.next_state(state, action, met))
    return set(state)


def test_the_scene_loads_in_the_host(scene: LoadedScene) -> None:
    """Manifest, hooks, schemas, rules, documents: every reference exists."""
    assert (scene.id, scene.version) == ("minor_protection", "0.1.0")
    assert scene.manifest.minor
    for document in scene.documents.values():
        assert (scene.folder / document.template).is_file()


def test_the_scene_loads_from_another_folder_under_another_name(package: Path, tmp_path: Path) -> None:
    """As the host keeps versions side by side: nothing may reach for the installed package by name."""
    copy = shutil.copytree(package, tmp_path / "0.1.0-abc", ignore=shutil.ignore_patterns("__pycache__"))
    name = "gongzhi_scene_copy_for_a_test"
    spec = importlib.util.spec_from_file_location(
        name, copy / "__init__.py", submodule_search_locations=[str(copy)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        assert "prompt" in module.gongzhi_rules()
        own = {m.__file__ for n, m in sys.modules.items() if n.startswith(name) and m.__file__}
        assert len(own) > 10
        assert all(Path(file).is_relative_to(copy) for file in own)
    finally:
        for loaded in [n for n in sys.modules if n.startswith(name)]:
            del sys.modules[loaded]


def test_every_name_in_the_workflow_exists(scene: LoadedScene, raw: Any) -> None:
    """Inputs, roles, letters, documents, deadlines, guards and rules, checked without the host's help."""
    roles = set(scene.manifest.roles) | {"platform"}
    kinds = {letter["kind"] for action in raw["actions"].values() for letter in action.get("letters", ())}
    for action in {**raw["actions"], **raw["automatic"]}.values():
        assert set(action["by"]) <= roles
        if "input" in action:
            assert (scene.folder / action["input"]).is_file()
        assert action.get("rule") in {None, *scene.rules}
        assert {action.get("signs"), action.get("answers")} <= {None, *kinds}
        clocks = {*action.get("starts", ()), *action.get("meets", ()), *action.get("cancels", ())}
        assert clocks <= set(raw["deadlines"])
        for letter in action.get("letters", ()):
            assert letter["to"] in roles and letter["document"] in scene.documents
            assert all(copy["to"] in roles and copy["basis"] for copy in letter.get("copies", ()))
            assert all(copy["document"] in scene.documents for copy in letter.get("copies", ()))
    for deadline in raw["deadlines"].values():
        assert {deadline["on"], *deadline["remind"]} <= roles
        assert deadline["source"] and deadline["article"]["zh"] and deadline["article"]["en"]


def test_every_text_is_in_both_languages(scene: LoadedScene, raw: Any) -> None:
    """Titles of states, actions, letters and deadlines; summaries of the manifest."""

    def texts(node: Any) -> list[Any]:
        if isinstance(node, list):
            return [text for item in node for text in texts(item)]
        if not isinstance(node, dict):
            return []
        own = [node] if set(node) == {"zh", "en"} else []
        return own + [text for value in node.values() for text in texts(value)]

    manifest = json.loads((scene.folder / "scene.json").read_text(encoding="utf-8"))
    found = texts(raw) + texts(manifest)
    assert len(found) > 40
    assert all(text["zh"].strip() and text["en"].strip() for text in found)


def test_a_report_opens_both_tracks_directly_or_from_a_prompt(scene: LoadedScene) -> None:
    """One action, three doors."""
    assert walk(scene.workflow, "report") == {"sent", "not_requested"}
    assert walk(scene.workflow, "prompt", "report") == {"sent", "not_requested"}


def test_a_prompt_ends_by_dismissal_or_expiry_too(scene: LoadedScene) -> None:
    """Both erase and close."""
    assert walk(scene.workflow, "prompt", "dismiss") == {"dismissed"}
    assert walk(scene.workflow, "prompt", "expire") == {"expired"}
    for name in ("dismiss", "expire"):
        spec = scene.workflow.actions[name]
        assert spec.erases_personal and spec.closes and not spec.letters


def test_investigation_and_support_run_side_by_side(scene: LoadedScene) -> None:
    """Either may be ahead of the other."""
    assert walk(scene.workflow, "report", "request_support", "receive", "accept_support") == {
        "received",
        "accepted",
    }
    whole = ("report", "receive", "triage", "feedback", "request_support", "accept_support", "finish_support")
    assert walk(scene.workflow, *whole) == {"answered", "done"}
    assert walk(scene.workflow, *whole, "announce_prosecution") == {"answered", "done"}
    assert walk(scene.workflow, *whole, "close") == {"closed"}


def test_a_withdrawn_request_for_support_may_be_made_again(scene: LoadedScene) -> None:
    """A family that declines today may accept tomorrow."""
    again = ("report", "request_support", "accept_support", "withdraw_support", "request_support")
    assert walk(scene.workflow, *again) == {"sent", "requested"}


def test_closing_needs_its_guard(scene: LoadedScene) -> None:
    """The workflow asks for it even if a rule forgot."""
    with pytest.raises(GuardFailed):
        scene.workflow.next_state(frozenset({"answered", "done"}), "close", {})


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (("sent", "not_requested"), "triage"),
        (("received", "not_requested"), "feedback"),
        (("answered", "not_requested"), "accept_support"),
        (("dismissed",), "report"),
        (("expired",), "report"),
        (("closed",), "close"),
        (("sent", "not_requested"), "dismiss"),
    ],
)
def test_an_action_out_of_its_state_is_refused(
    scene: LoadedScene, state: tuple[str, ...], action: str
) -> None:
    """No step may be skipped, and what is over stays over."""
    with pytest.raises(WrongState):
        scene.workflow.next_state(frozenset(state), action, {"answered_and_support_settled": True})


def test_mp_16_an_unanswered_prompt_expires_after_a_configured_time_that_no_statute_names(
    scene: LoadedScene,
) -> None:
    """The clock takes its figure from the configuration, and its source says what it is."""
    clock = scene.workflow.deadlines["prompt_expiry"]
    assert (clock.amount_from, clock.unit, clock.on_overdue) == ("prompt_expiry_hours", "hour", "expire")
    assert "no statutory figure" in clock.source
    assert "非法定期限" in clock.article.zh
    assert scene.manifest.configuration["properties"]["prompt_expiry_hours"]["default"] == 72


def test_mp_19_the_three_days_begin_with_triage_and_end_with_the_feedback(scene: LoadedScene) -> None:
    """Natural days, on the police, with the procuratorate reminded too."""
    clock = scene.workflow.deadlines["feedback"]
    assert (clock.amount, clock.unit, clock.on) == (3, "natural_day", "police")
    assert clock.remind == ["police", "procuratorate"]
    assert scene.workflow.actions["triage"].starts == ["feedback"]
    assert scene.workflow.actions["feedback"].meets == ["feedback"]
    (letter,) = scene.workflow.actions["feedback"].letters
    assert (letter.to, [copy.to for copy in letter.copies]) == ("reporter", ["procuratorate"])


def test_mp_22_closing_seals(scene: LoadedScene) -> None:
    """By the procuratorate alone."""
    spec = scene.workflow.actions["close"]
    assert (spec.by, spec.seals, spec.closes) == (["procuratorate"], True, True)
