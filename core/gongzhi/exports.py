"""`POST /exports/cases`: the list of cases as CSV or XLSX, for who may see it, as long as they may.

What is wanted is in the body, since what somebody searches for may be personal and addresses are logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final
from urllib.parse import quote

import orjson
from litestar import Request, Response, post
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler

from gongzhi.cases.exports import Asked, CaseExports, Running, Standing
from gongzhi.cases.sheets import BOM, TITLE, Workbook, cells, csv_lines, headings
from gongzhi.clock import LEGAL_ZONE
from gongzhi.declarations import Language
from gongzhi.errors import BodyTooLarge, GongzhiError, InvalidEncoding, InvalidJson, MediaTypeNotSupported
from gongzhi.host import Host
from gongzhi.identity.requests import authenticate, language_of
from gongzhi.scenes.schemas import clean_text, validator
from gongzhi.streams import BrokenOff, StreamedReply

Wire = Request[Any, Any, Any]

BODY_LIMIT_BYTES: Final = 4_096
CSV: Final = "text/csv; charset=utf-8; header=present"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

ASKED: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["format"],
    "properties": {
        "format": {"enum": ["csv", "xlsx"]},
        "region": {"type": "string", "pattern": "^[0-9]{6}$"},
        "scene": {"type": ["string", "null"], "maxLength": 60},
        "search": {"type": ["string", "null"], "maxLength": 100},
        "open": {"type": ["boolean", "null"]},
    },
}
_check = validator(ASKED)


def export_handlers(host: Host) -> list[HTTPRouteHandler]:
    """The door, for the application to mount."""
    exports = CaseExports(host.store, host.clock, host.audit, host.reading)

    @post("/exports/cases", status_code=200, request_max_body_size=BODY_LIMIT_BYTES)
    async def export_cases(request: Wire) -> Response[bytes]:
        """The list of cases, filtered as on the page, as a file."""
        actor = await authenticate(host, request)
        asked = await _asked(request, actor.organ.region)
        host.tree.get(asked.region)

        async def standing() -> Standing:
            # The request's own credentials, looked up anew: they may have been taken back since the last page.
            views = await host.scenes_of_view(asked.region)
            actor = await authenticate(host, request, paced=False)
            return Standing(actor=actor, scenes=tuple(view.id for view in views))

        running = await exports.begin(asked, await standing())
        language = language_of(request)
        headers = {**_HEADERS, "gongzhi-rows": str(running.expected)} | _named(host, asked, language)
        lines = _Lines(exports, running, standing, language)
        if asked.form == "xlsx":
            return Response(await lines.workbook(), media_type=XLSX, headers=headers)
        if request.scope.get("http_version") == "1.0":
            # There the end of the body is the end of the connection: nobody could tell a part from the whole.
            return Response(await lines.text(), media_type=CSV, headers=headers)
        return StreamedReply(lines.stream(), media_type=CSV, headers=headers)

    return [export_cases]


_HEADERS: Final = {
    "cache-control": "private, no-store",
    "x-content-type-options": "nosniff",
}


class _Lines:
    """One export's lines, in the form that is wanted; how it ended is on record when it ends."""

    def __init__(
        self,
        exports: CaseExports,
        running: Running,
        standing: Callable[[], Awaitable[Standing]],
        language: Language,
    ) -> None:
        self._exports, self._running, self._standing, self._language = exports, running, standing, language

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """CSV in chunks of a page. Raises `BrokenOff` where the export has to end before its end."""
        yield BOM.encode() + csv_lines([headings(self._language)])
        try:
            async with aclosing(self._pages()) as pages:
                async for lines in pages:
                    yield csv_lines(lines)
        except GongzhiError as error:
            raise BrokenOff from error

    async def text(self) -> bytes:
        """The whole of the CSV. Raises what ended the export."""
        chunks = [BOM.encode() + csv_lines([headings(self._language)])]
        return b"".join([*chunks, *[csv_lines(lines) async for lines in self._pages()]])

    async def workbook(self) -> bytes:
        """The whole XLSX file. Raises what ended the export."""
        book = Workbook(self._language)
        async for lines in self._pages():
            book.add(lines)
        return await asyncio.to_thread(book.close)

    async def _pages(self) -> AsyncGenerator[list[Any], None]:
        problem: GongzhiError | None = None
        whole = False
        try:
            async with aclosing(self._exports.pages(self._running, self._standing)) as pages:
                async for page in pages:
                    yield [cells(case, self._language) for case in page]
            whole = True
        except GongzhiError as error:
            problem = error
            raise
        finally:
            # Whoever left has cancelled us; that they took so much out is put on record all the same.
            await self._exports.end(self._running, problem, whole=whole)


async def _asked(request: Wire, own_region: str) -> Asked:
    if request.content_type[0] != "application/json":
        raise MediaTypeNotSupported(where="Content-Type", media_type=request.content_type[0] or "-")
    try:
        value = orjson.loads((await request.body()).decode())
    except RequestEntityTooLarge as error:
        raise BodyTooLarge(limit_bytes=BODY_LIMIT_BYTES) from error
    except UnicodeDecodeError as error:
        raise InvalidEncoding(offset=error.start) from error
    except orjson.JSONDecodeError as error:
        raise InvalidJson(problem=f"line {error.lineno}, column {error.colno}") from error
    _check(value)
    clean_text(value)
    return Asked(
        form=value["format"],
        region=value.get("region", own_region),
        scene=value.get("scene"),
        search=value.get("search"),
        open=value.get("open"),
    )


def _named(host: Host, asked: Asked, language: Language) -> dict[str, str]:
    """The file's name: what, where and on which day; in ASCII for who reads no other (RFC 6266)."""
    day = host.clock.now().astimezone(LEGAL_ZONE).strftime("%Y%m%d")
    region = host.tree.get(asked.region).name
    plain = f"cases-{asked.region}-{day}.{asked.form}"
    full = f"{TITLE[language]}-{region}-{day}.{asked.form}"
    return {"content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(full)}"}
