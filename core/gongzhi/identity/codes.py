"""Numbers that carry their own proof: social credit codes, citizen numbers, and the division codes in them.

Pure functions. No message ever repeats a citizen number. The synthetic ones serve tests and demos: their area
is 000000, which no division has, so they can belong to nobody.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from gongzhi.errors import ImpossibleDate, InvalidInput, NoSuchRegion

USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100-2015, table 1: no I, O, S, V, Z, which read as digits or as other letters."""

_USCC_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_CITIZEN_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CITIZEN_CHECKS: Final = "10X98765432"
_NOWHERE: Final = "000000"


def uscc_check_character(first_17: str) -> str:
    """The 18th character of a unified social credit code (统一社会信用代码), GB 32100-2015, annex A."""
    total = sum(
        USCC_ALPHABET.index(character) * weight
        for character, weight in zip(first_17, _USCC_WEIGHTS, strict=True)
    )
    return USCC_ALPHABET[-total % 31]


def is_uscc(code: str) -> bool:
    """Whether `code` is a well-formed unified social credit code with the right check character."""
    return (
        len(code) == 18
        and all(character in USCC_ALPHABET for character in code)
        and code[2:8].isdigit()
        and code[17] == uscc_check_character(code[:17])
    )


def uscc(text: str, *, where: str = "/") -> str:
    """The code in its normal form (upper case, no blanks). Raises `InvalidInput`."""
    code = "".join(text.split()).upper()
    if not is_uscc(code):
        raise InvalidInput(where=where, problem="统一社会信用代码校验不符 (GB 32100 check failed)")
    return code


def synthetic_uscc(number: int, *, kind: str = "11", division: str = _NOWHERE) -> str:
    """A code for a test organ, the same for the same `number` (0 to 99,999,999).

    `kind` is the registering department and the class of organ; `11` is a state organ (机关).
    """
    body = f"{number:08d}"
    first_17 = kind + division + body + _organisation_check(body)
    return first_17 + uscc_check_character(first_17)


def _organisation_check(body: str) -> str:
    """The last of the nine characters in the middle of a social credit code (GB 11714, modulus 11)."""
    total = sum(int(digit) * weight for digit, weight in zip(body, _ORGANISATION_WEIGHTS, strict=True))
    check = -total % 11
    return "X" if check == 10 else str(check)


def citizen_check_character(first_17: str) -> str:
    """The 18th character of a citizen number (公民身份号码), GB 11643-1999 (ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first_17, _CITIZEN_WEIGHTS, strict=True))
    return _CITIZEN_CHECKS[total % 11]


def is_citizen_number(number: str) -> bool:
    """Whether `number` is well-formed, names a real day of birth and has the right check character."""
    return (
        len(number) == 18
        and number[:17].isascii()
        and number[:17].isdigit()
        and _birth_date(number) is not None
        and number[17] == citizen_check_character(number[:17])
    )


def citizen_number(text: str, *, where: str = "/") -> str:
    """The number in its normal form (upper case, no blanks). Raises `ImpossibleDate` or `InvalidInput`."""
    number = "".join(text.split()).upper()
    if len(number) == 18 and number[:17].isascii() and number[:17].isdigit() and _birth_date(number) is None:
        raise ImpossibleDate(
            where=where, problem="公民身份号码中的出生日期 (birth date in the citizen number)"
        )
    if not is_citizen_number(number):
        raise InvalidInput(where=where, problem="公民身份号码校验不符 (GB 11643 check failed)")
    return number


def birth_date_of(number: str) -> date:
    """The day of birth in a valid citizen number. Raises `InvalidInput` if it is none."""
    born = _birth_date(citizen_number(number))
    assert born is not None
    return born


def sex_of(number: str) -> Literal["male", "female"]:
    """The sex in a valid citizen number: an odd 17th digit is male. Raises `InvalidInput` if it is none."""
    return "male" if int(citizen_number(number)[16]) % 2 else "female"


def synthetic_citizen_number(born: date, *, sequence: int = 1) -> str:
    """A number that nobody has; `sequence` (0 to 999) is odd for a man and even for a woman."""
    first_17 = f"{_NOWHERE}{born:%Y%m%d}{sequence:03d}"
    return first_17 + citizen_check_character(first_17)


def division_code(text: str) -> str:
    """The six digits of GB/T 2260 in a code of 6, 9 or 12 digits (county, town, village).

    Raises `NoSuchRegion`. Only the form is checked; whether the division exists says `RegionTree`.
    """
    if len(text) not in (6, 9, 12) or not (text.isascii() and text.isdigit()) or text[0] not in "12345678":
        raise NoSuchRegion(region=text[:6])
    return text[:6]


def _birth_date(number: str) -> date | None:
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None
