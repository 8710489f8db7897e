"""Two answers held against each other: what differs, apart from what is listed here and nothing else."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from pypdf import PdfReader


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """A difference that hidden cases may make, and why."""

    name: str
    why: str


PUBLIC_LOG = Allowed(
    name="the audit log",
    why="checkpoints and tiles are public, and grow with every act of anybody; they hold hashes only. Entries are for"
    " audit administrators, whose duty they are.",
)
FIGURES = Allowed(
    name="operating figures",
    why="a system administrator reads /metrics, to see that letters go out and the log goes on; nobody else does",
)
NUMBERS = Allowed(
    name="consecutive document numbers",
    why="an organ's numbers run on without gaps (党政机关公文处理工作条例), so a letter delivered later has a higher one",
)
CHANCE = Allowed(
    name="what chance draws",
    why="ids, signatures and hashes of what was made after the worlds parted, and a page's nonce, are random in each: they"
    " must pair off, one of the one world with one of the other, wherever they stand",
)
ALLOWED = (PUBLIC_LOG, NUMBERS, FIGURES, CHANCE)
"""The only differences there may be: the public log, numbers without gaps, what operating takes, and chance, which tells
nobody anything."""

_TOKENS = re.compile(
    r"(?P<signature>\b[0-9a-f]{128}\b)|(?P<hash>\b[0-9a-f]{64}\b)"
    r"|(?P<uuid>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)"
    r"|(?P<number>〔\d{4}〕\s*\d+\s*号)"
    r"|(?<='nonce-)(?P<nonce>[\w-]{24})|(?<=csp-nonce\" content=\")(?P<page>[\w-]{24})"
)
_CURSOR = re.compile(r"[A-Za-z0-9_-]{40,80}")
_TIMES = frozenset({"date", "x-request-id", "content-length"})
_LOG_PLACES = ("/audit/checkpoint", "/audit/tile/")
_OPERATOR = "system-admin"
_FIGURES = re.compile(r"^(gongzhi_\w+) \d+$", re.MULTILINE)


@dataclass
class Comparison:
    """Holds answers of two worlds against each other. `known` are ids of what both had from the start."""

    known: frozenset[str]
    there: dict[str, str] = field(default_factory=dict)
    back: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    compared: int = 0

    def differences(
        self, login: str | None, path: str, first: httpx.Response, second: httpx.Response
    ) -> list[str]:
        """Where two replies to somebody's request at `path` differ."""
        self.compared += 1
        if (login, path) == (_OPERATOR, "/metrics") and first.status_code == second.status_code == 200:
            return self._of_figures(first.text, second.text)
        if path.startswith(_LOG_PLACES):
            return self._of_the_log(path, first, second)
        found = list(self._walk("status", first.status_code, second.status_code))
        found += self._walk("headers", _headers(first), _headers(second))
        found += self._walk("body", _body(first), _body(second))
        return found

    def _of_the_log(self, path: str, first: httpx.Response, second: httpx.Response) -> list[str]:
        """The log is public and grows; but who may not read an entry is told so in the same words."""
        statuses = {first.status_code, second.status_code}
        if statuses <= {200, 404} and ("entries" not in path or 200 in statuses):
            self.used.add(PUBLIC_LOG.name)
            return []
        return [
            *self._walk("status", first.status_code, second.status_code),
            *self._walk("body", _body(first), _body(second)),
        ]

    def _of_figures(self, first: str, second: str) -> list[str]:
        self.used.add(FIGURES.name)
        return [*self._walk("body", _FIGURES.sub(r"\1", first), _FIGURES.sub(r"\1", second))]

    def _walk(self, where: str, first: Any, second: Any) -> Iterator[str]:
        if first == second:
            return
        if isinstance(first, dict) and isinstance(second, dict) and list(first) == list(second):
            for key in first:
                yield from self._walk(f"{where}/{key}", first[key], second[key])
        elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
            for index, (one, other) in enumerate(zip(first, second, strict=True)):
                yield from self._walk(f"{where}/{index}", one, other)
        elif not (isinstance(first, str) and isinstance(second, str) and self._pair(first, second)):
            yield f"{where}: {_short(first)} / {_short(second)}"

    def _pair(self, first: str, second: str) -> bool:
        """Whether two texts differ only in new things of chance, and in these always in the same way."""
        first, second = _plain_cursor(first), _plain_cursor(second)
        ones, others = list(_TOKENS.finditer(first)), list(_TOKENS.finditer(second))
        if _TOKENS.sub("", first) != _TOKENS.sub("", second):
            return False
        if [token.lastgroup for token in ones] != [token.lastgroup for token in others]:
            return False
        return all(self._same(*pair) for pair in zip(ones, others, strict=True))

    def _same(self, one: re.Match[str], other: re.Match[str]) -> bool:
        if one[0] == other[0]:
            return True
        if one[0] in self.known or other[0] in self.known:
            return False
        if one.lastgroup == "number":
            self.used.add(NUMBERS.name)
            return True
        self.used.add(CHANCE.name)
        return (
            self.there.setdefault(one[0], other[0]) == other[0]
            and self.back.setdefault(other[0], one[0]) == one[0]
        )


def _headers(reply: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in sorted(reply.headers.items()) if name not in _TIMES}


def _body(reply: httpx.Response) -> Any:
    kind = reply.headers.get("content-type", "")
    if "json" in kind and reply.content:
        return reply.json()
    if kind.startswith("application/pdf"):
        # Two typesettings of one text differ in their bytes: ids of objects, time of making.
        return [page.extract_text() for page in PdfReader(io.BytesIO(reply.content)).pages]
    return reply.text


def _plain_cursor(text: str) -> str:
    """A cursor as the time and id that it stands for; any other text as it is."""
    if not _CURSOR.fullmatch(text):
        return text
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        at, row = plain.split(".")
        return f"{at}.{row[:8]}-{row[8:12]}-{row[12:16]}-{row[16:20]}-{row[20:]}"
    except (ValueError, binascii.Error, UnicodeDecodeError):
        return text


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 160 else text[:157] + "..."
