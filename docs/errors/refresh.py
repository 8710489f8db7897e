"""Writes what the error pages take from the code: each page's head, and the list in README.md.

    python docs/errors/refresh.py

Below its head a page is written by hand: when the error happens, and what to do. `tests/architecture/test_errors.py`
fails when a head or the list differs from the error tree.
"""

from __future__ import annotations

from pathlib import Path

from gongzhi.errors import GongzhiError, tree

FOLDER = Path(__file__).parent
SECTIONS = ("## 何时出现 · When it happens", "## 怎么办 · What to do")


def head(error: type[GongzhiError]) -> str:
    """The part of a page that repeats the class: code, status, message and remedy with their placeholders."""
    return (
        f"# {error.code}\n\n"
        f"`{error.__name__}` · HTTP {error.status} · [所有错误 · all errors](README.md)\n\n"
        f"> {error.zh} {error.remedy_zh}\n>\n"
        f"> {error.en} {error.remedy_en}\n"
    )


def index(errors: list[type[GongzhiError]]) -> str:
    """The list of all errors, in the order of the tree."""
    rows = "".join(
        f"| [{error.code}]({error.code}.md) | {error.status} | {error.zh} | {error.en} |\n"
        for error in errors
    )
    return (
        "# 错误一览 · Errors\n\n"
        "每个错误都有固定的代码、说明和解决办法；HTTP 与命令行给出同样的代码。\n"
        "花括号内是出现时填入的事实，绝不含个人信息。\n\n"
        "Every error has a stable code, a message and a remedy, the same over HTTP and on the command line. Braces hold\n"
        "facts that are filled in when it happens; they never hold personal data.\n\n"
        "| 代码 · Code | HTTP | 说明 | Message |\n|---|---|---|---|\n" + rows
    )


def main() -> None:
    """Refresh every page there is; a code without a page gets one that still has to be written."""
    errors = tree()
    for error in errors:
        page = FOLDER / f"{error.code}.md"
        written = page.read_text(encoding="utf-8") if page.exists() else "\n\n".join(("", *SECTIONS, ""))
        body = written[written.index(SECTIONS[0]) :]
        page.write_text(f"{head(error)}\n{body}", encoding="utf-8")
    (FOLDER / "README.md").write_text(index(errors), encoding="utf-8")


if __name__ == "__main__":
    main()
