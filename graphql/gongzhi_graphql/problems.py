"""Errors as clients see them: our own in the request's language, anything else masked.

A message never repeats what was sent as a value, since it may be personal.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from typing import Any

import structlog
from graphql import GraphQLError

from gongzhi.declarations import Language
from gongzhi.errors import GongzhiError, InternalError, StoreFault

log = structlog.get_logger()


class Rejected(Exception):
    """A request that was refused before anything ran; each of `errors` has a `GongzhiError` behind it."""

    def __init__(self, errors: Iterable[GraphQLError]) -> None:
        super().__init__("rejected")
        self.errors = list(errors)

    @property
    def first(self) -> GongzhiError:
        """The error that gives the reply its status and the audit leaf its code."""
        return our_error(self.errors[0])


def located(error: GongzhiError, at: GraphQLError | None = None, **extensions: Any) -> GraphQLError:
    """A GraphQL error that carries ours, at the place in the document where `at` was found."""
    nodes = at.nodes if at else None
    return GraphQLError(
        str(error),
        nodes=nodes,
        source=at.source if at and not nodes else None,
        positions=at.positions if at and not nodes else None,
        original_error=error,
        extensions=extensions,
    )


def our_error(error: GraphQLError) -> GongzhiError:
    """The `GongzhiError` behind an error; `InternalError` for whatever else was raised."""
    cause = _cause(error)
    return cause if isinstance(cause, GongzhiError) else InternalError()


def unforeseen(error: GraphQLError) -> bool:
    """Whether none of our own errors stands behind this one."""
    return not isinstance(_cause(error), GongzhiError)


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def public(error: GraphQLError, language: Language) -> dict[str, Any]:
    """The response form of an error: message, locations, path, and extensions code, remedy, where."""
    ours = our_error(error)
    if isinstance(ours, InternalError):
        _log_hidden(error)
    elif isinstance(ours, StoreFault):
        log.error("store fault", code=ours.code, problem=ours.message("en"))
    reply = ours.reply(language)
    shown: dict[str, Any] = {"message": reply.pop("message")}
    if error.locations:
        shown["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path:
        shown["path"] = error.path
    shown["extensions"] = {**(error.extensions or {}), **reply}
    return shown


def _log_hidden(error: GraphQLError) -> None:
    # The text of an unforeseen exception may hold what a user typed, so only its type and place are logged.
    cause: BaseException = error.original_error or error
    if isinstance(cause, InternalError):
        cause = cause.__cause__ or cause
    log.error(
        "graphql field failed",
        error=type(cause).__name__,
        path="/".join(str(step) for step in error.path or ()),
        at=traceback.format_tb(cause.__traceback__)[-3:],
    )
