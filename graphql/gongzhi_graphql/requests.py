"""GraphQL over HTTP: what a request may look like, and in which media type it is answered.

After the GraphQL-over-HTTP specification (graphql.github.io/graphql-over-http, the draft of 2025). Batches
are refused.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import orjson
from litestar import Request

from gongzhi.declarations import Json, Text
from gongzhi.errors import (
    BodyTooLarge,
    InvalidEncoding,
    InvalidJson,
    InvalidRequest,
    MediaTypeNotSupported,
)
from gongzhi_graphql.operations import Asked

Wire = Request[Any, Any, Any]
MediaType = Literal["application/graphql-response+json", "application/json", "text/event-stream"]
Kind = TypeVar("Kind")

_RESPONSE: MediaType = "application/graphql-response+json"
_LEGACY: MediaType = "application/json"
EVENT_STREAM: MediaType = "text/event-stream"
_DRAINED_BYTES = 32_000_000


def media_type(request: Wire) -> MediaType | None:
    """The media type of the reply: what `Accept` prefers, `application/json` when it doesn't say, or None."""
    accept = request.headers.get("accept", "*/*")
    best: tuple[float, MediaType] | None = None
    for part in accept.split(","):
        name, _, rest = part.partition(";")
        chosen = _offered(name.strip().lower())
        weight = _weight(rest)
        if chosen is not None and weight > 0 and (best is None or weight > best[0]):
            best = (weight, chosen)
    return best[1] if best else None


def _offered(name: str) -> MediaType | None:
    if name in (_RESPONSE, EVENT_STREAM):
        return _RESPONSE if name == _RESPONSE else EVENT_STREAM
    return _LEGACY if name in (_LEGACY, "application/*", "*/*", "") else None


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


async def asked_by_post(request: Wire, limit_bytes: int) -> Asked:
    """The parameters in the body. Raises one of the `Invalid` errors, or `BodyTooLarge`."""
    _check_content_type(request.headers.get("content-type", ""))
    body = await _read(request, limit_bytes)
    return _asked(_decode(body), read_only=False)


def asked_by_get(request: Wire) -> Asked:
    """The parameters in the address; `variables` and `extensions` are JSON there. Raises `Invalid` errors."""
    parameters: dict[str, Json] = {}
    for name in ("query", "operationName", "variables", "extensions"):
        value = request.query_params.get(name)
        if value is not None:
            parameters[name] = _decode(value.encode()) if name in ("variables", "extensions") else value
    return _asked(parameters, read_only=True)


def _check_content_type(header: str) -> None:
    name, _, rest = header.partition(";")
    if name.strip().lower() != "application/json":
        raise MediaTypeNotSupported(where="Content-Type", media_type=name.strip()[:100] or "-")
    for parameter in rest.split(";"):
        key, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if key.strip().lower() == "charset" and charset not in ("utf-8", "utf8"):
            raise MediaTypeNotSupported(where="Content-Type", media_type=f"charset={charset[:40]}")


async def _read(request: Wire, limit_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        # What is over the limit is read on, within reason, and dropped: a client that is cut off while it
        # sends may never see the answer.
        if size > _DRAINED_BYTES:
            break
        if size <= limit_bytes:
            chunks.append(chunk)
    if size > limit_bytes:
        raise BodyTooLarge(limit_bytes=limit_bytes)
    return b"".join(chunks)


def _decode(body: bytes) -> Json:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidEncoding(offset=error.start) from error
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidJson(problem=f"line {error.lineno}, column {error.colno}") from error


def _asked(parameters: Json, *, read_only: bool) -> Asked:
    if isinstance(parameters, list):
        raise InvalidRequest(where="/", problem=Text(zh="不接受批量请求", en="batches are not accepted"))
    if not isinstance(parameters, dict):
        raise InvalidRequest(where="/", problem=Text(zh="请求体应为对象", en="the body is an object"))
    query = _parameter(parameters, "query", str)
    if query is None:
        raise InvalidRequest(where="/query", problem=Text(zh="缺少 query", en="query is missing"))
    _parameter(parameters, "extensions", dict)
    return Asked(
        query=query,
        operation_name=_parameter(parameters, "operationName", str) or None,
        variables=_parameter(parameters, "variables", dict) or {},
        read_only=read_only,
    )


def _parameter(parameters: dict[str, Json], name: str, kind: type[Kind]) -> Kind | None:
    value = parameters.get(name)
    if value is None or isinstance(value, kind):
        return value
    text = Text(zh=f"{name} 应为字符串", en=f"{name} is not a string")
    other = Text(zh=f"{name} 应为对象", en=f"{name} is not an object")
    raise InvalidRequest(where=f"/{name}", problem=text if kind is str else other)
