"""Serves GraphiQL (`static/`, put there by hatch_build.py) at `/graphiql`; nothing comes from another host."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gongzhi.errors import GraphiqlNotBuilt, NoSuchThing
from gongzhi_graphql.requests import Wire

STATIC = Path(__file__).parent / "static"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # CodeMirror writes style attributes
        "font-src 'self' data:",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".txt": "text/plain"}


def graphiql_handlers(folder: Path = STATIC) -> list[HTTPRouteHandler]:
    """The page and its files, which are read once, now."""
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*")) if path.suffix in _TYPES}

    @get("/graphiql", include_in_schema=False)
    async def page(request: Wire) -> Response[bytes]:
        if not files:
            raise GraphiqlNotBuilt
        return _reply(request, "index.html", files["index.html"])

    @get("/graphiql/{name:str}", include_in_schema=False)
    async def file(request: Wire, name: FromPath[str]) -> Response[bytes]:
        if name not in files:
            raise NoSuchThing(where="/graphiql")
        return _reply(request, name, files[name])

    return [page, file]


def _reply(request: Wire, name: str, content: bytes) -> Response[bytes]:
    etag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = {
        "etag": etag,
        "cache-control": "no-cache",
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
    }
    if request.headers.get("if-none-match") == etag:
        return Response(b"", status_code=304, headers=headers)
    return Response(content, media_type=_TYPES[Path(name).suffix], headers=headers)
