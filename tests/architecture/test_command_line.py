"""The command line and its page: each names what the other has."""

from __future__ import annotations

import re
import shlex

import pytest

from gongzhi.cli import main

from .pages import REFERENCE, blocks, first_column, headings, pages, section

PAGE = REFERENCE / "command-line.md"


def test_every_command_has_a_section_and_every_section_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    sections = [heading.strip("`") for heading in headings(PAGE) if heading.startswith("`gongzhi ")]
    assert sorted(sections) == sorted(_commands(capsys))


def test_every_option_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for command in _commands(capsys):
        help_text = _help(capsys, command.split()[1:])
        told = first_column(section(PAGE, f"`{command}`"))
        assert sorted(told) == sorted(_options(help_text)), command


def test_commands_in_the_documentation_exist(capsys: pytest.CaptureFixture[str]) -> None:
    known = {*_commands(capsys), "gongzhi --version"}
    for page in pages():
        for block in blocks(page):
            if block.language not in ("bash", "sh", "console"):
                continue
            for call in re.findall(r"(?<![\w./-])gongzhi +[a-z][a-z-]*(?: [a-z][a-z-]*)?", block.text):
                words = shlex.split(call)
                assert {" ".join(words[:2]), " ".join(words[:3])} & known, f"{page}: {call}"


def _commands(capsys: pytest.CaptureFixture[str], *path: str) -> list[str]:
    """Every command that does something, such as `gongzhi audit verify`."""
    inside = re.findall(r"^    ([a-z-]+)(?:\s|$)", _help(capsys, path), flags=re.MULTILINE)
    if not inside:
        return [" ".join(("gongzhi", *path))]
    return [command for name in inside for command in _commands(capsys, *path, name)]


def _options(help_text: str) -> list[str]:
    """Positional arguments, and options with their placeholders, as the help spells them."""
    lines = re.findall(r"^  (\S.*?)(?:  |$)", help_text, flags=re.MULTILINE)
    return [line for line in lines if not line.startswith(("-h,", "usage:"))]


def _help(capsys: pytest.CaptureFixture[str], path: list[str] | tuple[str, ...]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*path, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out
