"""Replies whose body is made while it is sent, and which can be broken off so that the client sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Send

PATIENCE_SECONDS = 30.0
"""A client that takes nothing for so long is let go: what waits for it holds memory, and may outlive its rights."""


class BrokenOff(Exception):
    """What is raised inside a stream to end it before its end; why is whoever raises it to record."""


class StreamedReply(Response[bytes]):
    """A reply that sends `chunks` as they come.

    When they raise `BrokenOff` the connection is cut without the end of the body, so that the client knows that it
    has not got all of it (RFC 9112 §8). When the client leaves, the iterator is cancelled.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        *,
        media_type: str,
        headers: Mapping[str, str],
        status_code: int = 200,
    ) -> None:
        super().__init__(b"", status_code=status_code, media_type=media_type, headers=dict(headers))
        self._chunks = chunks

    def to_asgi_response(self, *_arguments: object, **_options: object) -> ASGIResponse:
        return _Streamed(
            self._chunks, headers=self.headers, media_type=self.media_type, status_code=self.status_code
        )


class _Streamed(ASGIResponse):
    _should_set_content_length = False

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        *,
        headers: object,
        media_type: object,
        status_code: int | None,
    ) -> None:
        super().__init__(headers=headers, media_type=media_type, status_code=status_code)  # type: ignore[arg-type]
        self._chunks = chunks

    async def send_body(self, send: Send, receive: Receive) -> None:
        # Tasks of asyncio, which are cancelled once: in a cancel scope of anyio every await of what is put away would be
        # cancelled again, a rollback too.
        sending = asyncio.create_task(self._send_chunks(send))
        leaving = asyncio.create_task(_until_the_client_leaves(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left = not sending.done()
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        if not left:
            sending.result()

    async def _send_chunks(self, send: Send) -> None:
        try:
            async with aclosing(self._chunks):
                async for chunk in self._chunks:
                    sent = send({"type": "http.response.body", "body": chunk, "more_body": True})
                    await asyncio.wait_for(sent, PATIENCE_SECONDS)
        except (BrokenOff, TimeoutError):
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_the_client_leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
