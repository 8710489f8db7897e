"""docs/explanation/security.md against the standard's list of items, and against the tests that it names."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from .pages import DOCS, ROOT, read

PAGE = DOCS / "explanation" / "security.md"

ITEMS = {
    # chapter and section: how many requirements OWASP ASVS 5.0.0 has in it
    "3.1": 1,
    "3.2": 3,
    "3.3": 5,
    "3.4": 8,
    "3.5": 8,
    "3.6": 1,
    "3.7": 5,
    "4.3": 2,
    "7.1": 3,
    "7.2": 4,
    "7.3": 2,
    "7.4": 5,
    "7.5": 3,
    "7.6": 2,
    "8.1": 4,
    "8.2": 4,
    "8.3": 3,
    "8.4": 2,
    "16.1": 1,
    "16.2": 5,
    "16.3": 4,
    "16.4": 3,
    "16.5": 4,
}
ALONE = {"2.4.1"}
HELD, STATUSES = "达到 · held", {"达到 · held", "不适用 · n/a", "未达到 · short"}


def rows() -> dict[str, list[str]]:
    """The cells of each item's row, by its number."""
    found = {}
    for line in read(PAGE).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"\d+\.\d+\.\d+", cells[0]):
            assert cells[0] not in found, f"{cells[0]} stands twice"
            found[cells[0]] = cells[1:]
    return found


def test_every_item_of_the_chapters_is_on_the_page() -> None:
    wanted = {f"{section}.{n}" for section, count in ITEMS.items() for n in range(1, count + 1)} | ALONE
    assert set(rows()) == wanted


def test_every_item_has_a_status_and_says_how() -> None:
    for number, (requirement, status, how, test) in rows().items():
        assert status in STATUSES, number
        assert "·" in requirement, number
        assert how, number
        assert status != HELD or test != "—", f"{number}: what is held names the test that holds it"


@pytest.mark.parametrize("number", [number for number, cells in rows().items() if cells[3] != "—"])
def test_the_test_that_holds_an_item_exists(number: str) -> None:
    path, name = rows()[number][3].strip("`").split("::")
    assert name in functions(path), f"{path} has no {name}"


@cache
def functions(path: str) -> frozenset[str]:
    """The tests of a file."""
    tree = ast.parse(read(ROOT / path))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def test_the_console_writes_no_html() -> None:
    """Text goes through React's text nodes; nothing is evaluated, posted between windows or read by name off the page."""
    forbidden = re.compile(
        r"dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
        r"|postMessage|addEventListener\(.message|document\.forms|window\[|document\["
    )
    sources = [path for kind in ("ts", "tsx") for path in (ROOT / "admin/console/src").rglob(f"*.{kind}")]
    assert len(sources) > 20
    assert [str(path) for path in sources if forbidden.search(read(path))] == []
