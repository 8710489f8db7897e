"""Hooks, declarations and file formats of scenes, as documented and as they are."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

import msgspec
import pytest

from gongzhi import plugin
from gongzhi.scenes import manifest, workflow

from .pages import REFERENCE, ROOT, blocks, first_column, headings, read, section

HOOKS = REFERENCE / "scene-hooks.md"
FORMAT = REFERENCE / "scene-format.md"

STRUCTS = [
    *(manifest.Manifest, manifest.TitleStruct, manifest.Owner, manifest.Routing, manifest.Role),
    *(workflow.WorkflowFile, workflow.StateSpec, workflow.ActionSpec, workflow.TransitionSpec),
    *(workflow.LetterSpec, workflow.Copy, workflow.DeadlineSpec),
]
DECLARATIONS = [
    declared for name in plugin.__all__ if dataclasses.is_dataclass(declared := getattr(plugin, name))
]


def test_every_hook_is_documented_with_its_signature() -> None:
    hooks = {name: hook for name, hook in vars(plugin.SceneHooks).items() if name.startswith("gongzhi_")}
    told = [heading.strip("`") for heading in headings(HOOKS) if heading.startswith("`gongzhi_")]
    assert told == list(hooks)
    signatures = [block.text.strip() for block in blocks(HOOKS) if block.text.endswith(": ...\n")]
    assert signatures == [
        f"def {name}() -> {inspect.get_annotations(hook)['return']}: ..." for name, hook in hooks.items()
    ]


def test_the_example_is_a_package_that_implements_a_hook() -> None:
    (example, *_) = (block for block in blocks(HOOKS) if "hookimpl" in block.text)
    names: dict[str, object] = {}
    exec(compile(example.text, str(HOOKS), "exec"), names)
    rules = names["gongzhi_rules"]
    assert callable(rules)
    assert list(rules()) == ["find"]


@pytest.mark.parametrize("declared", DECLARATIONS, ids=lambda declared: declared.__name__)
def test_a_declaration_is_documented_with_its_fields(declared: type) -> None:
    told = first_column(section(HOOKS, f"`{declared.__name__}`"))
    assert told == [field.name for field in dataclasses.fields(declared)]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_a_part_of_the_format_is_documented_with_its_fields(struct: type[msgspec.Struct]) -> None:
    text = section(FORMAT, f"`{struct.__name__}`")
    fields = {field.encode_name: field.required for field in msgspec.structs.fields(struct)}
    assert sorted(first_column(text)) == sorted(fields)
    required = re.findall(r"^\| `([^`]+)` \| 必填 · required \|", text, flags=re.MULTILINE)
    assert sorted(required) == sorted(name for name, needed in fields.items() if needed)


def test_no_struct_of_the_format_is_left_out() -> None:
    inside = {
        value
        for module in (manifest, workflow)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value is not msgspec.Struct
    }
    assert inside == set(STRUCTS)


def test_annotations_are_those_that_the_code_reads() -> None:
    sources = [
        *(ROOT / "core" / "gongzhi").rglob("*.py"),
        *(ROOT / "graphql" / "gongzhi_graphql").rglob("*.py"),
        *(ROOT / "admin" / "console" / "src").rglob("*.ts*"),
    ]
    used = {name for source in sources for name in _annotations(source)} - {"x-gongzhi-csrf"}
    written = {
        name for source in (ROOT / "plugins").glob("*/gongzhi_*/**/*.json") for name in _annotations(source)
    }
    assert set(first_column(section(FORMAT, "注解 · Annotations"))) == used | written


def _annotations(source: Path) -> list[str]:
    return re.findall(r"x-gongzhi-[a-z-]*[a-z]", read(source))
