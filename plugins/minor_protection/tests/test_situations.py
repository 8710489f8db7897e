"""MP-1 to MP-12: age, and the nine situations; what must match, and above all what must not."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gongzhi.plugin import Refusal
from gongzhi_minor_protection.age import age_years, birth_day, day_of, local_day, minor_age
from gongzhi_minor_protection.articles import SITUATIONS
from gongzhi_minor_protection.codes import code_map
from gongzhi_minor_protection.situations import Coded, Match, Record, Sex, screen

ON = date(2026, 11, 22)


def met(*codes: str, age: int = 10, sex: Sex = "MALE", text: str = "") -> list[int]:
    """The numbers of the situations that a record meets; codes of digits only are SNOMED CT."""
    return [SITUATIONS[match.situation].number for match in matches(*codes, age=age, sex=sex, text=text)]


def matches(*codes: str, age: int = 10, sex: Sex = "MALE", text: str = "") -> tuple[Match, ...]:
    findings = tuple(Coded(system="SNOMED_CT" if code.isdigit() else "ICD_10", code=code) for code in codes)
    return screen(Record(age=age, sex=sex, findings=findings, text=text))


@pytest.mark.parametrize(
    "text", ["2026-02-31", "2026-11-23", "1876-11-21", "2027", "yesterday", "", "06/05/2012"]
)
def test_mp_1_an_impossible_birth_date_is_refused(text: str) -> None:
    """A day that is not in the calendar, a future one, one before 150 years ago, or no date at all."""
    with pytest.raises(Refusal) as no:
        birth_day(text, on=ON)
    assert no.value.rule == "MP-1"
    assert no.value.advice_zh
    assert text == "" or text not in no.value.zh


@pytest.mark.parametrize(
    ("text", "born"),
    [
        ("2012-05-06", date(2012, 5, 6)),
        ("2024-02-29", date(2024, 2, 29)),
        ("1876-11-22", date(1876, 11, 22)),
        ("2012-05", date(2012, 5, 31)),
        ("2012", date(2012, 12, 31)),
        ("2026-11", ON),
        ("2026", ON),
    ],
)
def test_mp_1_a_partial_birth_date_is_read_in_the_minors_favour(text: str, born: date) -> None:
    """A year or month alone is its last day, and never later than the encounter."""
    assert birth_day(text, on=ON) == born


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(2008, 11, 22), date(2026, 11, 21), 17),
        (date(2008, 11, 22), date(2026, 11, 22), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2026, 11, 22), date(2026, 11, 22), 0),
    ],
)
def test_mp_2_age_is_counted_in_completed_years_on_the_day_of_the_encounter(
    born: date, on: date, age: int
) -> None:
    """The birthday completes the year; who was born on 29 February completes it on 1 March."""
    assert age_years(born, on) == age


def test_mp_2_the_day_of_the_encounter_is_that_of_shanghai() -> None:
    """16:30 UTC is the next day in Shanghai, and that day is the eighteenth birthday."""
    moment = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)
    assert local_day(moment) == date(2026, 11, 22)
    assert day_of("2026-11-21T16:30:00Z") == date(2026, 11, 22)
    with pytest.raises(Refusal) as no:
        minor_age(date(2008, 11, 22), local_day(moment))
    assert no.value.rule == "MP-2"


def test_mp_3_a_genital_injury_is_situation_1() -> None:
    """Codes of injured genitals, for boys and girls of any age."""
    assert met("S31.4", sex="FEMALE", age=6) == [1]
    assert met("S30.200x001", age=15) == [1]
    assert met("T19.2", sex="FEMALE", age=4) == [1]


def test_mp_3_a_genital_injury_with_a_recorded_accident_is_none_unless_harm_is_recorded_too() -> None:
    """A fall astride is explained; a fall that the record also calls a beating is not."""
    assert met("S30.2", "W19") == []
    assert met("S30.2", "W19", text="同学称其被殴打") == [1, 5]


def test_mp_4_a_girl_under_fourteen_pregnant_or_assaulted_is_situation_2() -> None:
    """Pregnancy, abortion, or assault and its suspicion."""
    assert met("O03.9", sex="FEMALE", age=13) == [2]
    assert met("77386006", sex="FEMALE", age=13) == [2]
    assert met("Z04.4", sex="FEMALE", age=9) == [2]
    assert met("Z32.1", sex="UNKNOWN", age=12) == [2]
    assert met(sex="FEMALE", age=12, text="疑似遭性侵") == [2]


def test_mp_5_a_girl_of_fourteen_or_over_needs_pregnancy_and_signs_of_assault() -> None:
    """Pregnancy alone is no match at fourteen; with signs of assault it is situation 3."""
    assert met("O03.9", sex="FEMALE", age=14) == []
    assert met("Z34", sex="FEMALE", age=17) == []
    assert met("O03.9", "Y05", sex="FEMALE", age=14) == [3]
    assert met("O03.9", sex="FEMALE", age=16, text="诉被强奸后怀孕") == [3]


def test_mp_6_several_injuries_without_a_recorded_accident_are_situation_4() -> None:
    """Two body regions, or one code or word that says several."""
    assert met("S40.0", "S70.1") == [4]
    assert met("85636003", "84416003") == [4]
    assert met("T00.9") == [4]
    assert met("111721009") == [4]
    assert met("S20.7") == [4]
    assert met("S20.2", text="全身多处瘀青") == [4]


@pytest.mark.parametrize("accident", ["W01", "V13.4", "X59"])
def test_mp_6_a_recorded_accident_explains_several_injuries(accident: str) -> None:
    """An external cause of the accident blocks, and nothing that points to harm."""
    assert met("S40.0", "S70.1", accident) == []


def test_mp_6_words_of_an_accident_explain_and_words_of_violence_outweigh_them() -> None:
    """What the history says counts as codes do."""
    assert met("S40.0", "S70.1", text="骑车摔倒") == []
    assert met("S40.0", "S70.1", text="自称摔倒，实为被父亲殴打") == [4, 5]


def test_mp_6_severe_malnutrition_and_coma_need_a_suspicion() -> None:
    """Both are mostly illness; with neglect or violence in the record they match."""
    assert met("E43") == []
    assert met("R40.2") == []
    assert met("E44.0", "T74.0") == [6]
    assert met("E43", "T74.0") == [4, 6]
    assert met("R40.2", text="被人麻醉后昏迷") == [4]
    assert met("371632003", "T74.1") == [4]


def test_mp_7_self_harm_and_poisoning_are_situation_5() -> None:
    """Harm by a cause that the article names."""
    assert met("X70") == [5]
    assert met("287185009") == [5]
    assert met("T42.4") == [5]
    assert met("T60.0", "X68") == [5]
    assert met(text="割腕后由家属送入") == [5]


def test_mp_7_a_beating_or_a_work_accident_needs_an_injury() -> None:
    """The cause alone is not "resulting in injury"."""
    assert met("S60.2", "Y04") == [5]
    assert met("S93.4", "Y04") == [5]
    assert met("S61.0", "Y96") == [5]
    assert met("Y96") == []


def test_mp_7_everyday_poisonings_histories_and_thoughts_are_none() -> None:
    """Food, venom, adverse effects, a history of self-harm, thoughts, a risk assessment."""
    assert met("T62.0", "T63.4", "T88.7", "Y57.9", "A05.9", "Z91.5", "R45.8") == []
    assert met(text="自杀风险评估：低危。食物中毒，已好转") == []


def test_mp_8_neglect_and_abandonment_are_situation_6() -> None:
    """Codes and words."""
    assert met("T74.0", age=3) == [6]
    assert met("Z76.1", age=0) == [6]
    assert met(text="父母外出，长期无人照料") == [6]


def test_mp_9_unknown_origin_and_abduction_are_situation_7() -> None:
    """No code says so; words do, and a fever of unknown origin is none."""
    assert met(text="患儿来源不明，疑被拐卖") == [7]
    assert met(text="发热来源不明") == []


def test_mp_10_begging_under_others_is_situation_8() -> None:
    """No code says so; words do."""
    assert met(text="被组织乞讨，由救助站送诊") == [8]


def test_mp_11_stated_harm_that_fits_none_of_the_eight_is_situation_9() -> None:
    """A boy's or an older girl's assault, psychological abuse, abuse without an injury."""
    assert met("T74.2", sex="MALE") == [9]
    assert met("Y05", sex="FEMALE", age=15) == [9]
    assert met("T74.3") == [9]
    assert met("397940009") == [9]
    assert met("S60.2", "T74.1") == [5]


@pytest.mark.parametrize(
    "codes",
    [
        ("S80.1",),
        ("45613006",),
        ("S52.5", "W09"),
        ("S52.5", "S52.6"),
        ("110030002", "127295002"),
        ("44465007", "70704007"),
        ("S93.4", "S63.5", "S83.5"),
        ("J06.9", "H66.9", "J20.9", "A09"),
        ("195662009", "65363002", "43878008"),
        ("262574004",),
        ("403191005",),
        ("A54.9",),
        ("R55", "E44.1", "L20.9"),
        ("Z32.0",),
        ("not a code", "S", "S4", "999"),
    ],
)
def test_mp_12_one_injury_or_an_ordinary_illness_is_no_situation(codes: tuple[str, ...]) -> None:
    """One bruise, two injuries of one region, sprains, colds, a lone burn or bullet wound, nonsense."""
    assert met(*codes, sex="FEMALE", age=12) == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("否认被殴打、虐待及家庭暴力", []),
        ("无家暴史", []),
        ("未见殴打伤", []),
        ("排除性侵", []),
        ("父亲否认，患儿诉被殴打", [9]),
        ("家属否认殴打但患儿诉被殴打", [9]),
        ("不能排除虐待", [9]),
        ("未成年人遭殴打", [9]),
        ("无故被同学殴打", [9]),
        ("无人在家时被殴打", [9]),
        ("", []),
    ],
)
def test_mp_12_a_denied_word_does_not_count_and_a_suspicion_does(text: str, numbers: list[int]) -> None:
    """Denial is read in its clause; words that only look like one (未成年, 无故) deny nothing."""
    assert met(text=text) == numbers


def test_a_match_names_its_rule_and_its_signs() -> None:
    """What the clinician reads on the card comes from here."""
    (match,) = matches("S40.000x002", "S70.1")
    assert (match.situation, match.rule) == ("SEVERAL_INJURIES", "MP-6")
    assert [sign.label.zh for sign in match.signs] == [
        "ICD-10 S40.000x002 肩和上臂损伤",
        "ICD-10 S70.1 髋和大腿损伤",
    ]


def test_the_code_map_is_dated_and_every_entry_has_a_note(package: Path) -> None:
    """A map without date or reasons could not be reviewed."""
    raw = json.loads((package / "codes.json").read_text(encoding="utf-8"))
    assert date.fromisoformat(raw["dated"]) == date.fromisoformat(code_map().dated)
    for entry in [*raw["codes"], *raw["words"]]:
        assert entry["note"] and entry["means"]
    assert all(row["what"] and row["why"] for row in raw["not_mapped"])


def test_every_snomed_concept_id_has_its_check_digit() -> None:
    """SNOMED CT ids end in a Verhoeff digit; a slip of the pen would not."""
    assert [code for code in code_map().concepts if not _verhoeff(code)] == []


def _verhoeff(number: str) -> bool:
    """Whether the last digit is the Verhoeff check digit, by the dihedral group of order ten."""

    def times(a: int, b: int) -> int:
        if a < 5:
            return (a + b) % 5 if b < 5 else (a + b) % 5 + 5
        return (a - b) % 5 + 5 if b < 5 else (a - b) % 5

    permutation = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    check = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(place % 8):
            value = permutation[value]
        check = times(check, value)
    return check == 0
