"""What a schema's refusal says: the place, the rule and its bounds or choices, never the value."""

from __future__ import annotations

from typing import Any

import pytest

from gongzhi.errors import InvalidInput
from gongzhi.scenes.schemas import validator


@pytest.mark.parametrize(
    ("part", "value", "zh", "en"),
    [
        ({"type": "integer"}, "secret", "类型不对，应为整数", "the type is wrong, an integer is expected"),
        ({"enum": ["A", "B"]}, "secret", "不是可选值之一：A、B", "it is none of the choices: A, B"),
        ({"oneOf": [{"const": "A"}]}, "secret", "不是可选值之一：A", "it is none of the choices: A"),
        ({"maximum": 17}, 18, "不能大于 17", "it can't be above 17"),
        ({"maxLength": 3}, "secret", "最多 3 个字符", "it has at most 3 characters"),
        ({"minLength": 2}, "x", "至少 2 个字符", "it has at least 2 characters"),
        ({"maxLength": 1}, "secret", "最多 1 个字符", "it has at most 1 character"),
        ({"maxItems": 2}, [1, 2, 3], "最多 2 项", "it has at most 2 items"),
        ({"minItems": 1}, [], "至少 1 项", "it has at least 1 item"),
        (
            {"pattern": "^[0-9]{6}$"},
            "secret",
            "格式不对，应符合 ^[0-9]{6}$",
            "the form is wrong, it has to match ^[0-9]{6}$",
        ),
    ],
)
def test_a_refusal_says_what_would_have_fitted(part: Any, value: Any, zh: str, en: str) -> None:
    check = validator({"type": "object", "properties": {"a": part}})
    with pytest.raises(InvalidInput) as refused:
        check({"a": value})
    assert refused.value.message("zh") == f"“/a”不符合要求：{zh}。"
    assert refused.value.message("en") == f"/a does not fit the schema: {en}."


def test_of_many_choices_the_first_ten_are_told() -> None:
    check = validator({"type": "object", "properties": {"a": {"enum": [f"C{n}" for n in range(40)]}}})
    with pytest.raises(InvalidInput) as refused:
        check({"a": "secret"})
    message = refused.value.message("en")
    assert "C9 … (40 in all)" in message
    assert "C10" not in message
