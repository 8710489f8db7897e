"""Check digits of social credit codes and citizen numbers, and synthetic ones for tests."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.errors import ImpossibleDate, InvalidInput, NoSuchRegion
from gongzhi.identity import codes
from gongzhi.identity.codes import (
    USCC_ALPHABET,
    birth_date_of,
    citizen_number,
    division_code,
    is_citizen_number,
    is_uscc,
    sex_of,
    synthetic_citizen_number,
    synthetic_uscc,
    uscc,
)
from gongzhi.identity.regions import RegionTree

days = st.dates(min_value=date(1900, 1, 1), max_value=date(2026, 12, 31))


def test_the_weights_are_those_of_the_standard() -> None:
    """GB 32100-2015, annex A: 3 to the power of the place, modulo 31."""
    assert codes._USCC_WEIGHTS == (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


@pytest.mark.parametrize(
    "code", ["91350100M000100Y43", "91330100799655058B", "914403001922038216", "9144030071526726XG"]
)
def test_a_published_social_credit_code_is_valid(code: str) -> None:
    """The standard's own example, then companies' as they print them."""
    assert is_uscc(code)


def test_a_social_credit_code_is_read_with_blanks_and_small_letters() -> None:
    assert uscc(" 91350100 m000100y43 ") == "91350100M000100Y43"


@pytest.mark.parametrize(
    "code",
    [
        "",
        "91350100M000100Y4",
        "91350100M000100Y433",
        "91350100M000100Y44",
        "91350100I000100Y43",
        "9135O100M000100Y43",
        "９1350100M000100Y43",
    ],
)
def test_a_wrong_social_credit_code_is_refused(code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        uscc(code, where="/organ/uscc")
    assert refusal.value.where == "/organ/uscc"


@given(number=st.integers(0, 99_999_999), place=st.integers(0, 17), other=st.sampled_from(USCC_ALPHABET))
def test_any_single_slip_in_a_social_credit_code_is_found(number: int, place: int, other: str) -> None:
    """31 is prime and no weight is a multiple of it."""
    code = synthetic_uscc(number)
    slip = code[:place] + other + code[place + 1 :]
    assert is_uscc(code)
    assert is_uscc(slip) == (slip == code)


def test_synthetic_codes_differ_and_are_state_organs_of_nowhere() -> None:
    made = {synthetic_uscc(number) for number in range(1000)}
    assert len(made) == 1000
    assert all(code.startswith("11000000") for code in made)


@pytest.mark.parametrize("organisation", ["799655058", "192203821", "71526726X"])
def test_a_synthetic_code_carries_the_check_digit_of_its_organisation_code(organisation: str) -> None:
    """GB 11714, held against the codes of the companies above."""
    assert synthetic_uscc(int(organisation[:8]))[8:17] == organisation


@pytest.mark.parametrize("number", ["11010519491231002X", "440524188001010014"])
def test_the_examples_of_the_citizen_number_standard_are_valid(number: str) -> None:
    """Both stand in GB 11643-1999, so they belong to nobody."""
    assert is_citizen_number(number)


def test_a_citizen_number_tells_birth_date_and_sex() -> None:
    assert birth_date_of("11010519491231002X") == date(1949, 12, 31)
    assert sex_of("11010519491231002X") == "female"
    assert sex_of("440524188001010014") == "male"


def test_a_small_x_is_read_as_the_check_character() -> None:
    assert citizen_number("11010519491231002x") == "11010519491231002X"


@pytest.mark.parametrize("number", ["", "110105194912310021", "11010519491231002", "1101O519491231002X"])
def test_a_wrong_citizen_number_is_refused_without_repeating_it(number: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        citizen_number(number, where="/child/id")
    assert refusal.value.code == "invalid_input"
    assert not number or number not in str(refusal.value) + refusal.value.message("zh")


def test_a_birth_date_that_does_not_exist_is_refused_as_such() -> None:
    first_17 = "00000020230229001"
    with pytest.raises(ImpossibleDate):
        citizen_number(first_17 + codes.citizen_check_character(first_17))


@given(born=days, sequence=st.integers(0, 999))
def test_a_synthetic_citizen_number_is_valid_and_belongs_to_nobody(born: date, sequence: int) -> None:
    number = synthetic_citizen_number(born, sequence=sequence)
    assert is_citizen_number(number)
    assert birth_date_of(number) == born
    assert sex_of(number) == ("male" if sequence % 2 else "female")
    assert number[:6] not in RegionTree.load()


@given(born=days, place=st.integers(0, 16), digit=st.sampled_from("0123456789"))
def test_any_single_slip_in_a_citizen_number_is_found(born: date, place: int, digit: str) -> None:
    number = synthetic_citizen_number(born)
    slip = number[:place] + digit + number[place + 1 :]
    assert is_citizen_number(slip) == (slip == number)


def test_a_division_code_is_cut_from_longer_ones() -> None:
    assert [division_code(c) for c in ("330523", "330523001", "330523001001")] == ["330523"] * 3


@pytest.mark.parametrize(
    "text", ["", "3305", "33052", "3305230", "000000", "９９９９９９", "330523 ", "abcdef"]
)
def test_what_has_not_the_form_of_a_division_code_is_refused(text: str) -> None:
    with pytest.raises(NoSuchRegion):
        division_code(text)
