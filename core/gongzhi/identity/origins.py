"""Other sites' pages that may read our answers (CORS): exactly the origins of registered apps, and never with cookies.

A door that knows whose page asks calls `let_read`; `add_origin` puts the header on whatever answer follows. Nobody is
let read by default, no answer says `*`, and none says `Access-Control-Allow-Credentials`: a browser that sent a cookie
along would withhold the answer (Fetch standard §3.2).
"""

from __future__ import annotations

from typing import Any, Final

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

_KEY: Final = "app_origin"

PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "accept, accept-language, authorization, content-type",
    "Access-Control-Max-Age": "600",
}


def let_read(scope: Any, origin: str) -> None:
    """Let the page of this `origin` read the answer to this request."""
    scope["state"][_KEY] = origin


async def add_origin(message: Message, scope: Scope) -> None:
    """A hook before each message that is sent: add what `let_read` asked for."""
    if message["type"] != "http.response.start":
        return
    origin = scope.get("state", {}).get(_KEY)
    if origin is not None:
        headers = MutableScopeHeaders.from_message(message)
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = "retry-after"
        headers.extend_header_value("Vary", "Origin")
