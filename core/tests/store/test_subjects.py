"""Personal data opens with the subject's key only, and with nothing once that is erased."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.errors import KeyUnreadable
from gongzhi.store import Store, SubjectVault
from gongzhi.store.subjects import _content, _seal, _unseal

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PERSON = {"name": "张小明", "id_number": "330784201501010012", "injuries": [None, True, 3]}


@pytest.fixture
def vault(store: Store) -> SubjectVault:
    return SubjectVault(store.keys)


async def test_what_was_sealed_opens_again(store: Store, vault: SubjectVault) -> None:
    async with store.unit_of_work() as uow:
        subject = await vault.create(uow, NOW)
        blob = subject.seal(PERSON)
    async with store.unit_of_work() as uow:
        again = await vault.open(uow, subject.id)
    assert again is not None and again.unseal(blob) == PERSON
    assert "张小明".encode() not in blob


async def test_the_same_value_never_seals_to_the_same_bytes(store: Store, vault: SubjectVault) -> None:
    async with store.unit_of_work() as uow:
        subject = await vault.create(uow, NOW)
    assert subject.seal(PERSON) != subject.seal(PERSON)


async def test_erasing_the_key_erases_the_data(store: Store, vault: SubjectVault) -> None:
    async with store.unit_of_work() as uow:
        kept, erased = await vault.create(uow, NOW), await vault.create(uow, NOW)
    async with store.unit_of_work() as uow:
        await vault.erase(uow, erased.id, NOW)
        await vault.erase(uow, erased.id, datetime(2030, 1, 1, tzinfo=UTC))
    async with store.unit_of_work() as uow:
        assert await vault.open(uow, kept.id) == kept
        assert await vault.open(uow, erased.id) is None
        assert await uow.fetchrow("SELECT * FROM subject_key WHERE subject_id = $1", erased.id) == {
            "subject_id": erased.id,
            "wrapped_key": None,
            "created_at": NOW,
            "erased_at": NOW,
        }


async def test_a_blob_of_another_subject_does_not_open(store: Store, vault: SubjectVault) -> None:
    async with store.unit_of_work() as uow:
        one, other = await vault.create(uow, NOW), await vault.create(uow, NOW)
    with pytest.raises(KeyUnreadable):
        other.unseal(one.seal(PERSON))


async def test_a_wrapped_key_that_was_moved_to_another_subject_does_not_open(
    store: Store, vault: SubjectVault
) -> None:
    async with store.unit_of_work() as uow:
        one, other = await vault.create(uow, NOW), await vault.create(uow, NOW)
        await uow.execute(
            "UPDATE subject_key SET wrapped_key = (SELECT wrapped_key FROM subject_key WHERE subject_id = $1) "
            "WHERE subject_id = $2",
            one.id,
            other.id,
        )
        with pytest.raises(KeyUnreadable):
            await vault.open(uow, other.id)


async def test_an_unknown_subject_is_a_fault_that_names_no_one(store: Store, vault: SubjectVault) -> None:
    stranger = uuid4()
    async with store.unit_of_work() as uow:
        with pytest.raises(KeyUnreadable, match=str(stranger)):
            await vault.open(uow, stranger)


@given(place=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_any_changed_bit_is_found(place: int, bit: int) -> None:
    key, subject = bytes(range(32)), uuid4()
    blob = bytearray(_seal(key, b"personal", _content(subject)))
    blob[place % len(blob)] ^= 1 << bit
    with pytest.raises(KeyUnreadable):
        _unseal(key, bytes(blob), _content(subject), subject)


@given(length=st.integers(min_value=0, max_value=36))
def test_a_blob_cut_short_is_found(length: int) -> None:
    key, subject = bytes(range(32)), uuid4()
    blob = _seal(key, b"personal", _content(subject))
    with pytest.raises(KeyUnreadable):
        _unseal(key, blob[:length], _content(subject), subject)
