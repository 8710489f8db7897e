"""Serves the built console (`static/`, made by hatch_build.py from `admin/console`) below `/console/`.

Files with a hash in their name may be kept for ever; the page itself never is, since each one carries a nonce
of its own for the styles that Ant Design adds at run time. Every other address below `/console/` answers with
the page, so that an address of the console can be reloaded and sent to a colleague.
"""

from __future__ import annotations

import gzip
import mimetypes
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from litestar import Request, Response, route
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from gongzhi.errors import ConsoleNotBuilt, NoSuchThing

STATIC = Path(__file__).parent / "static"
ASSETS = "assets/"
"""The folder of files that Vite names by their content."""

NONCE = "__NONCE__"
"""What stands in index.html where each reply's nonce goes."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' 'nonce-{NONCE}'",
        "img-src 'self' data:",  # antd draws some marks as data: pictures in its styles
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

COMMON_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

COMPRESSIBLE = ("text/", "application/javascript", "application/json", "image/svg+xml")


@dataclass(frozen=True, kw_only=True)
class StaticFile:
    """One built file, held in memory."""

    content: bytes
    content_type: str

    @cached_property
    def etag(self) -> str:
        return f'"{sha256(self.content).hexdigest()[:32]}"'

    @cached_property
    def compressed(self) -> bytes | None:
        """The gzip form, or None where it would save nothing."""
        small = gzip.compress(self.content, mtime=0)
        worth_it = self.content_type.startswith(COMPRESSIBLE) and len(small) < len(self.content)
        return small if worth_it else None


def load(folder: Path) -> dict[str, StaticFile]:
    """Every file of `folder` by its path; empty where the console wasn't built."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {
        path.relative_to(folder).as_posix(): StaticFile(
            content=path.read_bytes(), content_type=content_type(path.name)
        )
        for path in paths
    }


def content_type(name: str) -> str:
    """The media type of a file name, the same on every machine for what Vite puts out.

    Litestar adds the charset to texts.
    """
    known = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".md": "text/plain"}
    return known.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def console_handlers(folder: Path = STATIC) -> tuple[HTTPRouteHandler, ...]:
    """The handlers of `/` and `/console/…`. The files are read once, now."""
    files = load(folder)

    @route("/", http_method=["GET", "HEAD"], include_in_schema=False, name="console_redirect")
    async def to_console() -> Redirect:
        return Redirect("/console/", headers={"Cache-Control": "no-cache"})

    @route(
        ["/console", "/console/{path:path}"],
        http_method=["GET", "HEAD"],
        include_in_schema=False,
        name="console",
    )
    async def console(request: Request[object, object, State]) -> Response[bytes]:
        name = str(request.path_params.get("path", "")).lstrip("/")
        if name in files and name != "index.html":
            return file_reply(files[name], name, request.headers)
        if name.startswith(ASSETS):
            raise NoSuchThing(where=f"/console/{name}")
        return page_reply(files)

    return to_console, console


def page_reply(files: Mapping[str, StaticFile]) -> Response[bytes]:
    """index.html with a fresh nonce in it and in its policy. Raises ConsoleNotBuilt."""
    if "index.html" not in files:
        raise ConsoleNotBuilt
    nonce = secrets.token_urlsafe(18)
    return Response(
        files["index.html"].content.replace(NONCE.encode(), nonce.encode()),
        media_type="text/html",
        headers=COMMON_HEADERS
        | {"Cache-Control": "no-store", "Content-Security-Policy": POLICY.replace(NONCE, nonce)},
    )


def file_reply(file: StaticFile, name: str, asked: Mapping[str, str]) -> Response[bytes]:
    """A built file: for ever if its name holds its hash, else to be checked by ETag."""
    keep = "public, max-age=31536000, immutable" if name.startswith(ASSETS) else "no-cache"
    headers = COMMON_HEADERS | {"Cache-Control": keep, "ETag": file.etag, "Vary": "Accept-Encoding"}
    if asked.get("if-none-match") == file.etag:
        return Response(b"", status_code=304, headers=headers)
    content, encoding = file.content, "gzip" in asked.get("accept-encoding", "")
    if encoding and file.compressed is not None:
        content, headers = file.compressed, headers | {"Content-Encoding": "gzip"}
    return Response(content, media_type=file.content_type, headers=headers)
