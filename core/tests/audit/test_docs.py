"""The reference page says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from gongzhi.audit.leaf import Entry, RowHashes
from gongzhi.audit.scan import SAYS
from gongzhi.store import AUDITED

_DOCS = Path(__file__).parents[3] / "docs"


def _first_column(heading: str) -> list[str]:
    """The code words in the first column of the first table below a heading."""
    page = (_DOCS / "reference/audit-log.md").read_text()
    table = page.split(heading, 1)[1].split("\n\n|", 1)[1].split("\n\n", 1)[0]
    return [word for line in table.splitlines()[2:] for word in re.findall(r"`(\w+)`", line.split("|")[1])]


def test_every_field_of_an_entry_is_on_the_page() -> None:
    """In the order of the code."""
    assert _first_column("## 条目 · Entries") == list(Entry.__struct_fields__)


def test_every_field_of_a_row_is_on_the_page() -> None:
    """The second table."""
    assert _first_column("`mac`") == list(RowHashes.__struct_fields__)


def test_every_finding_is_on_the_page() -> None:
    """Each kind, once."""
    assert _first_column("### 核对所见") == list(SAYS)


def test_every_audited_table_is_on_the_page() -> None:
    """Sorted."""
    page = (_DOCS / "reference/audit-log.md").read_text()
    listed = page.split("Audited tables: ", 1)[1].split("\n\n", 1)[0]
    assert re.findall(r"`(\w+)`", listed) == sorted(AUDITED)


def test_every_command_is_on_the_page() -> None:
    """By its name."""
    page = (_DOCS / "reference/audit-log.md").read_text()
    assert re.findall(r"^\| `gongzhi audit (\w+)", page, re.MULTILINE) == [
        "verify",
        "proof",
        "scan",
        "export",
        "key",
    ]
