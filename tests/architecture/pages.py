"""The documentation as these tests read it: pages, their headings, links, tables and fenced blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block. `language` is the first word after the fence, `flags` the others; `line` counts from 1."""

    language: str
    flags: frozenset[str]
    text: str
    line: int


def pages() -> list[Path]:
    """Every page that a reader may meet, in order of path."""
    beside = [ROOT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    members = [ROOT / "core", ROOT / "graphql", ROOT / "admin", *sorted((ROOT / "plugins").iterdir())]
    sources = [path for member in members for path in (member / "README.md",) if path.exists()]
    return [*beside, *sources, *sorted(DOCS.rglob("*.md"))]


def read(page: Path) -> str:
    """A page's text."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    opened: tuple[int, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(read(page).splitlines(), start=1):
        if not line.startswith("```"):
            inside.append(line)
        elif opened is None:
            opened, inside = (number, line[3:].strip()), []
        else:
            language, *flags = opened[1].split() or [""]
            text = "".join(f"{part}\n" for part in inside)
            found.append(Block(language=language, flags=frozenset(flags), text=text, line=opened[0]))
            opened = None
    return found


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", read(page), flags=re.MULTILINE | re.DOTALL)


def headings(page: Path) -> list[str]:
    """The headings' texts, without their marks."""
    return [match.strip() for match in re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)]


def anchors(page: Path) -> set[str]:
    """What `#…` may name in a page, made from its headings as GitHub makes it."""
    slugs: set[str] = set()
    for heading in headings(page):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        slugs.add(slug)
    return slugs


def links(page: Path) -> list[str]:
    """Targets of links and pictures, code spans left aside."""
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    return re.findall(r"\]\(([^)\s]+)\)", text)


def section(page: Path, heading: str) -> str:
    """The text below a heading, to the next one of its rank or above."""
    lines = read(page).splitlines()
    start = next(i for i, line in enumerate(lines) if re.fullmatch(rf"#+ {re.escape(heading)}", line))
    rank = len(lines[start]) - len(lines[start].lstrip("#"))
    below = lines[start + 1 :]
    fenced = False
    for index, line in enumerate(below):
        fenced ^= line.startswith("```")
        if not fenced and re.match(rf"#{{1,{rank}}} ", line):
            return "\n".join(below[:index])
    return "\n".join(below)


def first_column(text: str) -> list[str]:
    """The code spans that open a row of any table in `text`, in order."""
    return [cell for row in _rows(text) for cell in re.findall(r"`([^`]+)`", row[0])]


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("|") and not set(line) <= set("|-: "):
            yield re.split(r"(?<!\\)\|", line.strip("|"))
