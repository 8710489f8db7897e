"""Entries: what they hold, what they hide, and who made them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import orjson
import pytest

from gongzhi.audit.canonical import canonical
from gongzhi.audit.leaf import Leaf, Sealer, read_entry
from gongzhi.errors import InvalidInput
from gongzhi.store import RowChange

SEALER = Sealer(row_key=b"r" * 32, pseudonym_key=b"p" * 32)
ACTOR, ORGAN, CASE = UUID(int=1), UUID(int=2), UUID(int=3)
LEAF = Leaf(
    at=datetime(2026, 11, 22, 8, 0, 0, 5, tzinfo=UTC),
    actor=ACTOR,
    organ=ORGAN,
    namespace="minor_protection",
    version="0.1.0",
    action="report",
    region="330523",
    case_id=CASE,
    outcome="done",
    rows=(RowChange(table="cases", id=CASE, before=None, after={"id": CASE, "region": "330523"}),),
    input_hash=b"\x01" * 32,
)


def test_an_entry_says_what_happened_in_canonical_json() -> None:
    """Every field of the reference page, and nothing more."""
    [entry] = SEALER.seal(LEAF)
    assert entry == canonical(orjson.loads(entry))
    read = read_entry(entry)
    assert read is not None
    assert (read.v, read.at, read.action, read.region) == (
        1,
        "2026-11-22T08:00:00.000005Z",
        "report",
        "330523",
    )
    assert (read.namespace, read.version, read.outcome, read.code) == (
        "minor_protection",
        "0.1.0",
        "done",
        "",
    )
    assert read.case == CASE
    [row] = read.rows
    assert (row.table, row.id, row.before) == ("cases", CASE, None)
    assert row.after == SEALER.row_hash("cases", {"id": CASE, "region": "330523"})
    assert re.fullmatch("[0-9a-f]{32}", read.nonce)


def test_people_organs_and_input_are_not_in_the_entry() -> None:
    """Pseudonyms differ by key and by kind; the input's plain hash could be guessed, so it is keyed."""
    [entry] = SEALER.seal(LEAF)
    for hidden in (str(ACTOR), ACTOR.hex, str(ORGAN), (b"\x01" * 32).hex()):
        assert hidden.encode() not in entry
    read = read_entry(entry)
    assert read is not None
    assert read.actor == SEALER.pseudonym("actor", ACTOR)
    assert read.organ == SEALER.pseudonym("organ", ORGAN)
    assert SEALER.pseudonym("actor", ACTOR) != SEALER.pseudonym("organ", ACTOR)
    other = Sealer(row_key=b"r" * 32, pseudonym_key=b"q" * 32)
    assert SEALER.pseudonym("actor", ACTOR) != other.pseudonym("actor", ACTOR)


def test_two_entries_of_one_leaf_differ() -> None:
    """The 128-bit nonce: equal acts can't be told to be equal by their hashes."""
    assert SEALER.seal(LEAF) != SEALER.seal(LEAF)


def test_the_time_is_written_in_utc() -> None:
    """From whatever zone; a time without one is refused."""
    shanghai = LEAF.at.astimezone(timezone(timedelta(hours=8)))
    [entry] = SEALER.seal(replace(LEAF, at=shanghai))
    read = read_entry(entry)
    assert read is not None
    assert read.at == "2026-11-22T08:00:00.000005Z"
    with pytest.raises(InvalidInput):
        SEALER.seal(replace(LEAF, at=LEAF.at.replace(tzinfo=None)))


def test_a_row_hash_depends_on_key_table_and_every_filled_column() -> None:
    """But not on columns that are null, so a migration may add one."""
    row = {"id": CASE, "state": ["reported"], "data": {"n": 1}}
    expected = SEALER.row_hash("cases", row)
    assert expected == SEALER.row_hash("cases", {**row, "closed_at": None})
    assert expected == SEALER.row_hash("cases", dict(reversed(row.items())))
    assert expected != SEALER.row_hash("letter", row)
    assert expected != SEALER.row_hash("cases", {**row, "data": {"n": 2}})
    assert expected != SEALER.row_hash("cases", {**row, "data": {"n": 1, "m": None}})
    assert expected != Sealer(row_key=b"s" * 32, pseudonym_key=b"p" * 32).row_hash("cases", row)


def test_only_this_platform_writes_entries() -> None:
    """A changed field, a stranger's key, another spelling and noise all fail the entry's MAC."""
    [entry] = SEALER.seal(LEAF)
    assert SEALER.wrote(entry)
    assert not Sealer(row_key=b"s" * 32, pseudonym_key=b"p" * 32).wrote(entry)
    assert not SEALER.wrote(entry.replace(b'"done"', b'"read"'))
    assert not SEALER.wrote(entry.replace(b":", b": ", 1))
    for noise in (b"", b"{}", b"[]", b"null", b'{"mac":1}', b"\xff", b'{"mac":"\xe5\x90\xa6"}'):
        assert not SEALER.wrote(noise)
        assert read_entry(noise) is None


def test_an_act_that_changes_many_rows_takes_several_entries() -> None:
    """Each below 65,535 bytes; together they hold every row once, in order."""
    rows = tuple(
        RowChange(table="role_binding", id=uuid4(), before={"id": n}, after={"id": n}) for n in range(600)
    )
    entries = SEALER.seal(replace(LEAF, rows=rows))
    assert len(entries) == 3
    assert max(map(len, entries)) <= 65_535
    read = [entry for entry in map(read_entry, entries) if entry is not None]
    assert [row.id for entry in read for row in entry.rows] == [row.id for row in rows]
    assert [entry.input is None for entry in read] == [False, True, True]


def test_a_float_in_a_row_is_refused_by_its_place() -> None:
    """Stored data has no floats: money is integer fen, shares are integer thousandths."""
    row = RowChange(table="cases", id=CASE, before=None, after={"id": CASE, "data": {"share": 0.5}})
    with pytest.raises(InvalidInput) as refusal:
        SEALER.seal(replace(LEAF, rows=(row,)))
    assert refusal.value.where == "/row/data/share"


def test_a_leaf_too_long_for_a_bundle_is_refused() -> None:
    """Lengths in bundles have 16 bits."""
    with pytest.raises(InvalidInput):
        SEALER.seal(replace(LEAF, code="x" * 65_535))
