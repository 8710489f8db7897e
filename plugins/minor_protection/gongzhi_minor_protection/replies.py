"""Error bodies of the intakes, in the form that the whole platform uses: code, message, remedy, where."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from gongzhi.plugin import IntakeReply, IntakeRequest, Json, Refusal

from .texts import say, texts


def invalid(
    request: IntakeRequest, where: str, problem: str, code: str = "invalid_input", **facts: object
) -> IntakeReply:
    """400: the body is not what the interface says. `problem` names a text of `locale/`, never the value sent."""
    language = request.language
    words = say(language, f"problem.{problem}", **facts)
    return IntakeReply(
        status=400,
        body={
            "code": code,
            "message": say(language, "reply.invalid", where=where, problem=words),
            "remedy": say(language, "reply.invalid.remedy"),
            "where": where,
        },
    )


def expected(request: IntakeRequest, where: str, *kinds: str) -> IntakeReply:
    """400 for a value of the wrong JSON type."""
    names = [say(request.language, f"kind.{kind}") for kind in kinds]
    return invalid(request, where, "type", kinds=say(request.language, "list.or").join(names))


def impossible_date(request: IntakeRequest, no: Refusal, where: str) -> IntakeReply:
    """400 with the rule's own words, for a birth date that can't be (MP-1)."""
    zh = request.language == "zh"
    return IntakeReply(
        status=400,
        body={
            "code": "impossible_date",
            "message": f"{no.rule}：{no.zh}。" if zh else f"{no.rule}: {no.en}.",
            "remedy": no.advice_zh if zh else no.advice_en,
            "where": where,
        },
    )


def missing_prefetch(request: IntakeRequest, keys: list[str]) -> IntakeReply:
    """412, as CDS Hooks 2.0 asks for when data is neither prefetched nor to be fetched."""
    return IntakeReply(
        status=412,
        body={
            "code": "prefetch_missing",
            "message": say(request.language, "reply.prefetch", keys=", ".join(keys)),
            "remedy": say(request.language, "reply.prefetch.remedy"),
            "where": f"/prefetch/{keys[0]}",
        },
    )


def checked(request: IntakeRequest, form: str) -> IntakeReply | None:
    """None when the body fits `schemas/<form>.json`, else the 400 that says where and why."""
    schema, validator = _validator(form)
    errors = sorted(validator.iter_errors(request.body), key=lambda error: error.kind.name != _UNKNOWN)
    return _misfit(request, schema, errors[0]) if errors else None


_UNKNOWN = "additionalProperties"
"""Told before all others: a misspelt field is also one that is missing."""


def _misfit(request: IntakeRequest, schema: Mapping[str, Any], error: Any) -> IntakeReply:
    where = "/" + "/".join(str(step) for step in error.instance_path)
    keyword, details = error.kind.name, error.kind.as_dict()
    if keyword == _UNKNOWN:
        field = str(details["unexpected"][0])[:60]
        return invalid(request, f"{where.rstrip('/')}/{field}", "unknown", "unknown_field")
    if keyword == "required":
        return invalid(request, f"{where.rstrip('/')}/{details['property']}", "required")
    if keyword == "format" and details["format"] == "date":
        return invalid(request, where, "date", "impossible_date")
    return _broken(request, schema, error, where)


def _broken(request: IntakeRequest, schema: Mapping[str, Any], error: Any, where: str) -> IntakeReply:
    keyword, details = error.kind.name, error.kind.as_dict()
    if keyword == "type":
        return expected(request, where, *details["types"])
    if keyword in ("enum", "oneOf"):
        return invalid(request, where, "choice", choices=", ".join(_choices(schema, error.schema_path)))
    if f"problem.{keyword}" not in texts(request.language):
        return invalid(request, where, "other", keyword=keyword)
    return invalid(request, where, keyword, **details)


def _choices(schema: Any, path: Sequence[str | int]) -> list[str]:
    """The constants of the `enum` or `oneOf` at a place of the schema."""
    for step in path:
        schema = schema[step]
    return [one["const"] if path[-1] == "oneOf" else one for one in schema]


@lru_cache(maxsize=8)
def _validator(form: str) -> tuple[Mapping[str, Any], Any]:
    folder = Path(__file__).parent / "schemas"
    parts: Mapping[str, Any] = json.loads((folder / "parts.json").read_text(encoding="utf-8"))["$defs"]
    schema: dict[str, Any] = json.loads((folder / f"{form}.json").read_text(encoding="utf-8"))
    schema["properties"] = {name: _inline(part, parts) for name, part in schema["properties"].items()}
    return schema, jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def _inline(part: Mapping[str, Any], parts: Mapping[str, Any]) -> Mapping[str, Any]:
    return parts[part["$ref"].rsplit("/", 1)[-1]] if "$ref" in part else part


def object_body(request: IntakeRequest) -> Mapping[str, Json] | None:
    """The body when it is a JSON object."""
    return request.body if isinstance(request.body, dict) else None
