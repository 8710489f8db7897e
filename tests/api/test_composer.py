"""The composer: parts made once, views over them, clashes and faults that cost one scene."""

from __future__ import annotations

import time
from typing import Any

import pytest
import strawberry
from graphql import validate_schema

from gongzhi.declarations import CommandDeclaration, Namespace, QueryDeclaration
from gongzhi_graphql.compose import Composer

from .made import CASE, scene, schema, text

Failures = list[tuple[str, str, str]]


@pytest.fixture
def failures() -> Failures:
    return []


@pytest.fixture
def composer(failures: Failures) -> Composer:
    return Composer([], lambda *failure: failures.append(failure))


def test_a_view_is_a_valid_schema_of_its_scenes_only(composer: Composer, failures: Failures) -> None:
    view = composer.view([scene("fire"), scene("flood")])
    assert (validate_schema(view.schema), failures) == ([], [])
    assert list(view.scenes) == ["fire", "flood"]
    one = composer.view([scene("flood")])
    assert [name for name in one.schema.type_map if "Fire" in name] == []
    assert "fire" not in one.sdl.lower()


def test_views_share_their_types_and_are_remembered(composer: Composer) -> None:
    both, one = composer.view([scene("fire"), scene("flood")]), composer.view([scene("flood")])
    assert both.schema.type_map["FloodCase"] is one.schema.type_map["FloodCase"]
    assert both.schema.type_map["Case"] is one.schema.type_map["Case"]
    assert composer.view([scene("flood")]) is one


def test_versions_of_a_scene_have_views_of_their_own(composer: Composer, failures: Failures) -> None:
    old = composer.view([scene("fire")])
    new = composer.view([scene("fire", version="2.0.0", case=schema(more={"type": "string"}))])
    assert failures == []
    assert list(old.schema.type_map["FireCase"].fields) == ["caseId", "about", "urgency"]  # type: ignore[attr-defined]
    assert list(new.schema.type_map["FireCase"].fields) == ["caseId", "more"]  # type: ignore[attr-defined]


def test_a_clash_of_types_names_both_origins_and_costs_one_scene(
    composer: Composer, failures: Failures
) -> None:
    first = scene("fire", case=schema(watch={"type": "object", "properties": {"a": {"type": "string"}}}))
    second = scene("fire_case", case=schema(a={"type": "string"}), inputs={})
    named = scene("fire_case", case={**schema(b={"type": "string"}), "x-gongzhi-name": "Watch"}, inputs={})
    view = composer.view([first, named])
    assert failures == [
        (
            "fire_case",
            "1.0.0",
            "GraphQL types: scene fire_case 1.0.0: the type FireCaseWatch is already that of scene fire 1.0.0",
        )
    ]
    assert list(view.scenes) == ["fire"]
    assert second.id == named.id


def test_a_scene_may_not_take_a_root_field_of_core(composer: Composer, failures: Failures) -> None:
    view = composer.view([scene("inbox"), scene("letters")])
    assert [reason for _, _, reason in failures] == [
        "GraphQL types: scene inbox 1.0.0: the root field inbox is already that of core",
        "GraphQL types: scene letters 1.0.0: the root field letters is already that of core",
    ]
    assert validate_schema(view.schema) == []


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (
            schema(a={"oneOf": [{"type": "string"}, {"type": "integer"}]}),
            "case/a: oneOf needs constants only",
        ),
        (schema(a={"oneOf": [{"const": "甲"}]}), "case/a: '甲' needs an ASCII name"),
        (schema(a={"type": "integer", "maximum": 2**40}), "case/a: GraphQL's Int has 32 bits"),
        (schema(**{"a-b": {"type": "string"}}), "case/a-b: the property's name is no GraphQL name"),
        (schema(a={"type": "string", "x-gongzhi-scalar": "Money"}), "case/a: there is no scalar Money"),
        (schema(a={"oneOf": [schema(b={"type": "string"})]} | {"type": "object"}), ""),
        ({"type": "string"}, "case: a case's data is an object"),
        (schema(__a={"type": "string"}), "case/__a: the property's name is no GraphQL name"),
        (schema(caseId={"type": "string"}), "case: FireCase.caseId is declared"),
    ],
)
def test_a_schema_without_a_graphql_form_costs_only_its_scene(
    composer: Composer, failures: Failures, case: Any, reason: str
) -> None:
    view = composer.view([scene("fire", case=case, inputs={}), scene("flood")])
    if reason:
        assert failures[0][2].startswith(f"GraphQL types: {reason}")
        assert list(view.scenes) == ["flood"]
    else:
        assert (failures, list(view.scenes)) == ([], ["fire", "flood"])


@strawberry.type
class Foreign:
    a: str


@strawberry.type
class Extra:
    foreign: Foreign


@strawberry.type
class Wrong:
    missing: NoSuchType  # type: ignore[name-defined]  # noqa: F821


def test_types_of_a_scene_that_raise_cost_only_that_scene(composer: Composer, failures: Failures) -> None:
    view = composer.view(
        [
            scene("a", types={"Case": Extra}),
            scene("b", types={"Case": Wrong}),
            scene("c", types={"Case": int}),
            scene("d", types={"Letter": Extra}),
            scene("flood"),
        ]
    )
    assert [failure[0] for failure in failures] == ["a", "b", "c", "d"]
    assert failures[0][2] == "GraphQL types: gongzhi_types: the type Foreign must be named A…"
    assert list(view.scenes) == ["flood"]


def test_two_scenes_may_have_types_of_the_same_python_name(composer: Composer, failures: Failures) -> None:
    def extra(answer: str) -> type:
        @strawberry.type
        class Extra:
            @strawberry.field
            def answer(self) -> str:
                return answer

        return Extra

    view = composer.view([scene("a", types={"Case": extra("a")}), scene("b", types={"Case": extra("b")})])
    assert (failures, list(view.scenes)) == ([], ["a", "b"])


async def nothing(*_args: Any) -> None:
    return None


def test_an_edges_namespace_brings_queries_and_commands(failures: Failures) -> None:
    command = CommandDeclaration(name="set_up", title=text("set up"), input_schema=CASE)
    query = QueryDeclaration(
        name="scene_states",
        title=text("states"),
        input_schema=schema(),
        output_schema={"type": "array", "items": schema(id={"type": "string"})},
        read=nothing,
    )
    composer = Composer(
        [
            Namespace(id="administration", title=text("a"), commands=[command]),
            Namespace(id="administration", title=text("a"), queries=[query]),
        ],
        lambda *failure: failures.append(failure),
    )
    sdl = composer.view([], frozenset({"administration"})).sdl
    assert "sceneStates: [AdministrationSceneStates!]!" in sdl
    assert "setUp(\n    input: AdministrationSetUpInput!" in sdl
    assert "administration" not in composer.view([]).sdl.lower()


def test_a_view_of_eight_hundred_scenes_installed_is_made_in_ten_milliseconds(composer: Composer) -> None:
    every = [scene(f"scene_{n}") for n in range(800)]
    composer.view(every)  # parts are made once
    view = composer.view(every[:40])
    taken = []
    for n in range(1, 8):
        started = time.perf_counter()
        composer.view(every[n * 40 : n * 40 + 40])
        taken.append(time.perf_counter() - started)
    assert len(view.scenes) == 40
    assert min(taken) <= 0.010
