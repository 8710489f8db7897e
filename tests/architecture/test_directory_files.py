"""The page on an import's files has every column, its heading in both languages, and no other."""

from __future__ import annotations

import re

import pytest

from gongzhi.identity.imports.words import SHEETS, SheetForm

from .pages import REFERENCE, read

PAGE = REFERENCE / "directory-files.md"


@pytest.mark.parametrize("form", SHEETS, ids=lambda form: form.kind)
def test_every_column_is_on_the_page(form: SheetForm) -> None:
    _, _, rest = read(PAGE).partition(f"## {form.name.zh} · {form.name.en}\n")
    rows = re.findall(r"^\| `(\S+)` \| `([^`]+)` \| (✓?) ?\|", rest.split("\n## ")[0], flags=re.MULTILINE)
    assert rows == [(c.heading.zh, c.heading.en, "✓" if c.required else "") for c in form.columns]
