"""Restricted JCS: one spelling for one value, and a refusal for what has none."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.audit.canonical import SAFE_INTEGER, canonical
from gongzhi.errors import InvalidInput

_keys = st.text(st.characters(max_codepoint=126, min_codepoint=32), max_size=8)
_texts = st.text(st.characters(exclude_categories=["Cs"]))
_scalars = st.none() | st.booleans() | st.integers(-SAFE_INTEGER, SAFE_INTEGER) | _texts
_values = st.recursive(_scalars, lambda inner: st.lists(inner) | st.dictionaries(_keys, inner))


@given(_values)
def test_canonical_form_is_that_of_rfc_8785(value: object) -> None:
    """For ASCII keys and safe integers, RFC 8785 is sorted keys, no spaces, and JSON's shortest escapes."""
    expected = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    assert expected == canonical(value)


def test_column_values_have_one_form() -> None:
    """A row of every column type that audited tables use."""
    row = {
        "at": datetime(2026, 11, 22, 1, 2, 3, 4, tzinfo=UTC),
        "born": date(2012, 2, 29),
        "hash": b"\x00\xff",
        "id": UUID(int=1),
        "state": ("b", "a"),
    }
    expected = (
        '{"at":1795309323000004,"born":"2012-02-29","hash":"00ff",'
        '"id":"00000000-0000-0000-0000-000000000001","state":["b","a"]}'
    )
    assert expected.encode() == canonical(row)


def test_an_instant_has_one_form_in_every_zone() -> None:
    """Shanghai's morning and the same instant in UTC are equal values."""
    shanghai = datetime(2026, 11, 22, 8, tzinfo=timezone(timedelta(hours=8)))
    assert canonical(shanghai) == canonical(shanghai.astimezone(UTC))


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (1.0, "/"),
        ({"a": [0, 1.5]}, "/a/1"),
        ({"n": SAFE_INTEGER + 1}, "/n"),
        ({"名": 1}, "/"),
        ({1: 1}, "/"),
        ("\ud800", "/"),
        (datetime(2026, 1, 1), "/"),  # noqa: DTZ001 - naive on purpose
        (object(), "/"),
    ],
)
def test_what_has_no_canonical_form_is_refused_by_its_place(value: object, where: str) -> None:
    """Floats, unsafe integers, other keys, half characters, naive times and foreign objects."""
    with pytest.raises(InvalidInput) as refusal:
        canonical(value)
    assert where == refusal.value.where
