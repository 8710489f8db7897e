"""How this room words what it found, in both languages."""

from __future__ import annotations

from gongzhi.declarations import Text
from gongzhi.errors import AuditBroken, AuditUnreachable, InvalidArgument, InvalidInput


def broken(where: str, *, zh: str, en: str) -> AuditBroken:
    """The log does not hold at `where` (a path below its prefix)."""
    return AuditBroken(where=where, problem=Text(zh=zh, en=en))


def unreachable(address: str, *, zh: str, en: str) -> AuditUnreachable:
    """There is no log to be read at `address` (a URL or a folder)."""
    return AuditUnreachable(where=address, address=address, problem=Text(zh=zh, en=en))


def bad_argument(name: str, *, zh: str, en: str) -> InvalidArgument:
    """What was typed for `name`, an argument of the command, can't be used."""
    return InvalidArgument(where=name, problem=Text(zh=zh, en=en))


def invalid(where: str, *, zh: str, en: str) -> InvalidInput:
    """A value that the log can't take, at JSON pointer or option `where`."""
    return InvalidInput(where=where or "/", problem=Text(zh=zh, en=en))
