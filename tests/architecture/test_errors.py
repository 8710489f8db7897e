"""Every error has a page that says what the code says, and no page is about nothing."""

from __future__ import annotations

import runpy

import pytest

from gongzhi.errors import GongzhiError, tree

from .pages import DOCS, read, section

FOLDER = DOCS / "errors"
REFRESH = runpy.run_path(str(FOLDER / "refresh.py"))


def test_codes_are_unique_and_complete() -> None:
    codes = [error.code for error in tree()]
    assert len(codes) == len(set(codes))
    for error in tree():
        assert all((error.zh, error.en, error.remedy_zh, error.remedy_en)), error.code


def test_pages_are_those_of_the_codes() -> None:
    pages = {page.stem for page in FOLDER.glob("*.md")} - {"README"}
    assert pages == {error.code for error in tree()}


@pytest.mark.parametrize("error", tree(), ids=lambda error: error.code)
def test_a_page_repeats_its_class(error: type[GongzhiError]) -> None:
    """`python docs/errors/refresh.py` repairs this."""
    assert read(FOLDER / f"{error.code}.md").startswith(REFRESH["head"](error))


@pytest.mark.parametrize("error", tree(), ids=lambda error: error.code)
def test_a_page_says_when_it_happens_and_what_to_do_in_both_languages(error: type[GongzhiError]) -> None:
    page = FOLDER / f"{error.code}.md"
    for heading in REFRESH["SECTIONS"]:
        paragraphs = section(page, heading.removeprefix("## ")).strip().split("\n\n")
        assert len(paragraphs) >= 2, heading
        assert any("一" <= character <= "鿿" for character in paragraphs[0]), heading
        assert paragraphs[1].split()[0].isascii(), heading


def test_the_list_is_the_tree() -> None:
    """`python docs/errors/refresh.py` repairs this."""
    assert read(FOLDER / "README.md") == REFRESH["index"](tree())
