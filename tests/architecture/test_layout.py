"""The workspace's shape: folders that must not be packages, members that the map knows, commands that exist."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path

import pytest

from .pages import DOCS, ROOT, blocks, pages, read

MEMBERS = [ROOT / "core", ROOT / "graphql", ROOT / "admin", *sorted((ROOT / "plugins").iterdir())]


def test_no_top_level_folder_is_a_package() -> None:
    """A `graphql/__init__.py` would shadow graphql-core for everything that runs from here."""
    folders = [folder for folder in ROOT.iterdir() if folder.is_dir()]
    assert [folder.name for folder in folders if (folder / "__init__.py").exists()] == []


def test_the_graphql_folder_has_no_tests_of_its_own() -> None:
    """With tests in it, pytest would make it importable as `graphql`; they are in tests/api."""
    assert not list((ROOT / "graphql").glob("conftest.py"))
    assert not (ROOT / "graphql" / "tests").exists()


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_a_member_is_a_typed_distribution_with_a_readme(member: Path) -> None:
    project = tomllib.loads(read(member / "pyproject.toml"))
    (package,) = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert (member / package / "py.typed").exists()
    assert project["project"]["license"] == "Apache-2.0"
    assert len(read(member / "README.md")) > 200


def test_every_package_is_on_the_map() -> None:
    """A new scene has to be added to .importlinter, or nothing holds its imports."""
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter", encoding="utf-8")
    packages = {path.parent.name for member in MEMBERS for path in member.glob("*/py.typed")}
    scenes = {path.parent.name for path in (ROOT / "plugins").glob("*/gongzhi_*/scene.json")}
    assert set(contracts["importlinter"]["root_packages"].split()) == packages
    assert set(contracts["importlinter:contract:scenes"]["source_modules"].split()) == scenes
    (edges_and_scenes, core) = contracts["importlinter:contract:distributions"]["layers"].strip().splitlines()
    assert {name.strip() for name in edges_and_scenes.split("|")} | {core} == packages


def test_a_scene_imports_itself_relatively() -> None:
    """An absolute import of itself would run another installed version's rules."""
    for package in (ROOT / "plugins").glob("*/gongzhi_*"):
        for module in package.rglob("*.py"):
            assert not re.search(rf"^\s*(from|import) {package.name}\b", read(module), flags=re.MULTILINE), (
                module
            )


def test_make_targets_in_the_documentation_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), flags=re.MULTILINE))
    for page in pages():
        said = [
            line
            for block in blocks(page)
            if block.language in ("bash", "console")
            for line in block.text.splitlines()
        ]
        spans = re.findall(r"`([^`\n]+)`", read(page))
        called = [match for text in (*said, *spans) for match in re.findall(r"^\$? ?make ([a-z-]+)$", text)]
        assert set(called) <= targets, page


def test_the_readmes_give_the_same_commands() -> None:
    english, chinese = (
        [block.text for block in blocks(ROOT / name) if block.language in ("console", "bash", "text")]
        for name in ("README.md", "README.zh-CN.md")
    )
    assert english == chinese
    assert english[0] == "$ make run\n$ make demo\n"


def test_the_picture_of_the_architecture_names_every_room() -> None:
    picture = read(DOCS / "explanation" / "architecture.svg")
    rooms = [folder.parent.name for folder in (ROOT / "core" / "gongzhi").glob("*/__init__.py")]
    assert [room for room in sorted(rooms) if f">{room}<" not in picture] == []
