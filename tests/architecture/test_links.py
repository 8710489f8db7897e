"""Links between pages lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from .pages import DOCS, ROOT, anchors, links, pages

ELSEWHERE = ("http://", "https://", "mailto:")


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_resolve(page: Path) -> None:
    broken = [link for link in links(page) if not link.startswith(ELSEWHERE) and not _resolves(page, link)]
    assert broken == []


def test_every_page_of_the_documentation_can_be_reached() -> None:
    """From the READMEs, link by link."""
    reached: set[Path] = set()
    waiting = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        for link in links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in reached:
                waiting.append(target)
    assert {page.relative_to(ROOT) for page in DOCS.rglob("*.md")} <= {
        page.relative_to(ROOT) for page in reached if page.is_relative_to(ROOT)
    }


def _resolves(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in anchors(target)
