"""What an actor may see and do: the rules one by one, as sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from gongzhi.declarations import Text
from gongzhi.errors import ActionNotAllowed, NoSuchRegion, NoSuchThing, OrganOutsideRegion
from gongzhi.identity import policy
from gongzhi.identity.actors import ADMINISTRATOR_DUTIES, DUTIES, HANDLING_DUTIES, Actor, Organ
from gongzhi.identity.policy import Grant, LinePart, RoleByType, Target, decide, levels_below, outside_region
from gongzhi.identity.regions import RegionTree

TREE = RegionTree.load()
ANJI, HUZHOU, WUXING, QUZHOU, ZHEJIANG = "330523", "330500", "330502", "330800", "330000"
MINORS = RoleByType(role="procuratorate", organ_type="procuratorate", department="minors")
REPORTER = RoleByType(role="reporter", organ_type="hospital")
UNTIL = datetime(2026, 12, 1, tzinfo=UTC)


def an_actor(type: str = "police", region: str = ANJI, **changes: Any) -> Actor:
    organ = Organ(id=uuid4(), name="", name_en="", type=type, line="", level="", region=region, code_word="")
    actor = Actor(
        account_id=uuid4(),
        login="a",
        name="",
        kind="person",
        organ=organ,
        department="",
        title="",
        duties=frozenset({"handler"}),
        language="zh",
    )
    return replace(actor, **changes)


def a_case(*involved: tuple[Actor, str, str], **changes: Any) -> Target:
    organs: dict[UUID, list[tuple[str, str]]] = {}
    for actor, role, department in involved:
        organs.setdefault(actor.organ.id, []).append((role, department))
    target = Target(
        scene="minor_protection",
        action="triage",
        region=ANJI,
        organs=organs,
        action_roles=frozenset({"police"}),
        openers=frozenset({REPORTER}),
        supervisors=frozenset({MINORS}),
    )
    return replace(target, **changes)


def test_an_involved_organ_reads_its_case_and_learns_its_role() -> None:
    officer = an_actor()
    verdict = decide(officer, "read", a_case((officer, "police", "")), TREE)
    assert (verdict.allowed, verdict.role, verdict.hidden) == (True, "police", False)


def test_an_organ_that_is_not_involved_may_not_know_of_the_case() -> None:
    verdict = decide(an_actor(), "read", a_case((an_actor(), "police", "")), TREE)
    assert (verdict.allowed, verdict.roles, verdict.hidden) == (False, (), True)
    assert isinstance(verdict.refusal("read"), NoSuchThing)


def test_involvement_of_a_department_is_for_that_department_alone() -> None:
    officer = an_actor(department="traffic")
    case = a_case((officer, "police", "criminal"))
    assert not decide(officer, "read", case, TREE).allowed
    assert decide(replace(officer, department="criminal"), "read", case, TREE).allowed


@pytest.mark.parametrize(
    ("region", "department", "sees"),
    [
        (HUZHOU, "minors", True),
        (ZHEJIANG, "minors", True),
        (ANJI, "minors", True),
        (HUZHOU, "civil", False),
        (QUZHOU, "minors", False),
        (WUXING, "minors", False),
    ],
)
def test_a_supervisor_reads_the_cases_of_its_subtree(region: str, department: str, sees: bool) -> None:
    procurator = an_actor("procuratorate", region, department=department)
    verdict = decide(procurator, "read", a_case(), TREE)
    assert (verdict.allowed, verdict.role) == (sees, "procuratorate" if sees else None)


def test_a_supervisor_reads_and_does_not_act() -> None:
    procurator = an_actor("procuratorate", HUZHOU, department="minors")
    case = a_case(action_roles=frozenset({"procuratorate"}))
    verdict = decide(procurator, "act", case, TREE)
    assert (verdict.allowed, verdict.hidden, verdict.reason) == (False, False, policy.NO_ROLE)


def above(region: str, level: str, line: str = "health", type: str = "health_commission") -> Actor:
    actor = an_actor(type, region)
    return replace(actor, organ=replace(actor.organ, level=level, line=line))


HEALTH = RoleByType(role="health", organ_type="health_commission")
COUNTY_HEALTH = LinePart(role="health", line="health", level="county", region=ANJI)


@pytest.mark.parametrize(
    ("reader", "reads"),
    [
        (above(HUZHOU, "city"), True),
        (above(ZHEJIANG, "province"), True),
        (above(ANJI, "county"), False),
        (above(QUZHOU, "city"), False),
        (above(HUZHOU, "city", line="education"), False),
        (above(HUZHOU, "city", type="hospital"), False),
        (above(HUZHOU, "unranked"), False),
    ],
    ids=["the city", "the province", "a peer", "another city", "another line", "another type", "no rank"],
)
def test_an_agency_reads_what_its_own_line_below_it_is_involved_in(reader: Actor, reads: bool) -> None:
    case = a_case(line_readers=frozenset({HEALTH}), line_parts=[COUNTY_HEALTH])
    verdict = decide(reader, "read", case, TREE)
    assert (verdict.allowed, verdict.roles) == (reads, ("health",) if reads else ())


@pytest.mark.parametrize(
    "changes",
    [
        {"line_readers": frozenset()},
        {"line_parts": [replace(COUNTY_HEALTH, role="reporter")]},
        {"line_parts": []},
        {"withheld": True},
        {"sealed": True},
    ],
    ids=["not declared", "another role", "no part", "withheld", "sealed"],
)
def test_an_agency_reads_its_line_only_where_the_scene_says_so(changes: dict[str, Any]) -> None:
    case = replace(a_case(line_readers=frozenset({HEALTH}), line_parts=[COUNTY_HEALTH]), **changes)
    assert not decide(above(HUZHOU, "city"), "read", case, TREE).allowed


def test_an_agency_above_reads_and_does_not_act() -> None:
    case = a_case(
        line_readers=frozenset({HEALTH}), line_parts=[COUNTY_HEALTH], action_roles=frozenset({"health"})
    )
    verdict = decide(above(HUZHOU, "city"), "act", case, TREE)
    assert (verdict.allowed, verdict.hidden, verdict.reason) == (False, False, policy.NO_ROLE)


def test_ranks_below_a_rank_are_those_after_it() -> None:
    assert levels_below("province") == {"city", "county", "township"}
    assert levels_below("township") == levels_below("unknown") == frozenset()


def test_supervisors_nudge_and_nobody_else_does() -> None:
    procurator = an_actor("procuratorate", HUZHOU, department="minors")
    officer, city = an_actor(), above(HUZHOU, "city")
    case = a_case((officer, "police", ""), line_readers=frozenset({HEALTH}), line_parts=[COUNTY_HEALTH])
    assert decide(procurator, "nudge", case, TREE).roles == ("procuratorate",)
    for reader in (officer, city):
        verdict = decide(reader, "nudge", case, TREE)
        assert (verdict.allowed, verdict.hidden, verdict.reason) == (False, False, policy.NOT_SUPERVISING)
    assert decide(an_actor(), "nudge", case, TREE).hidden


@pytest.mark.parametrize("changes", [{"sealed": True}, {"withheld": True}])
def test_nobody_nudges_about_a_case_that_is_not_supervised(changes: dict[str, Any]) -> None:
    involved = an_actor("procuratorate", ANJI, department="minors")
    case = a_case(
        (involved, "procuratorate", "minors"), sealed_readers=frozenset({"procuratorate"}), **changes
    )
    assert decide(involved, "read", case, TREE).allowed
    assert not decide(involved, "nudge", case, TREE).allowed


@pytest.mark.parametrize("duty", sorted(ADMINISTRATOR_DUTIES))
def test_an_administrator_sees_no_case_even_of_its_own_organ(duty: str) -> None:
    admin = an_actor(duties=frozenset({duty, "handler"}))
    case = a_case((admin, "police", ""))
    assert [decide(admin, verb, case, TREE).allowed for verb in ("read", "act", "create")] == [False] * 3


def test_a_sealed_case_does_not_exist_for_those_who_worked_on_it() -> None:
    officer = an_actor()
    procurator = an_actor("procuratorate", HUZHOU, department="minors")
    case = a_case((officer, "police", ""), sealed=True)
    verdicts = [
        decide(actor, verb, case, TREE) for actor in (officer, procurator) for verb in ("read", "act")
    ]
    assert [(v.allowed, v.hidden) for v in verdicts] == [(False, True)] * 4


def test_a_sealed_case_is_read_by_involved_organs_in_a_sealed_readers_role() -> None:
    procurator = an_actor("procuratorate", ANJI, department="minors")
    above = an_actor("procuratorate", HUZHOU, department="minors")
    readers = frozenset({"procuratorate"})
    case = a_case((procurator, "procuratorate", "minors"), sealed=True, sealed_readers=readers)
    assert decide(procurator, "read", case, TREE).roles == ("procuratorate",)
    assert not decide(above, "read", case, TREE).allowed


@pytest.mark.parametrize("duty", sorted(DUTIES))
def test_acting_takes_a_handling_duty(duty: str) -> None:
    officer = an_actor(duties=frozenset({duty}))
    verdict = decide(officer, "act", a_case((officer, "police", "")), TREE)
    assert verdict.allowed == (duty in HANDLING_DUTIES)


@pytest.mark.parametrize("granted", ["inquirer", "police"])
def test_an_organ_involved_in_a_sealed_case_reads_by_a_grant_and_does_not_act(granted: str) -> None:
    officer = an_actor()
    to = Grant(role=granted, organ_id=officer.organ.id, until=UNTIL, sealed=True)
    case = a_case((officer, "police", ""), sealed=True, grants=[to])
    assert decide(officer, "read", case, TREE).roles == (granted,)
    verdict = decide(officer, "act", case, TREE)
    assert (verdict.allowed, verdict.hidden, verdict.reason) == (False, False, policy.NO_ROLE)


def test_a_sealed_readers_role_still_acts_where_the_action_lets_it() -> None:
    officer = an_actor()
    case = a_case((officer, "police", ""), sealed=True, sealed_readers=frozenset({"police"}))
    assert decide(officer, "act", case, TREE).roles == ("police",)


def test_acting_takes_a_role_that_the_action_allows() -> None:
    clerk = an_actor("health_commission")
    verdict = decide(clerk, "act", a_case((clerk, "health", "")), TREE)
    assert (verdict.allowed, verdict.hidden, verdict.reason) == (False, False, policy.NO_ROLE)
    refusal = verdict.refusal(Text(zh="分流", en="triage"))
    assert isinstance(refusal, ActionNotAllowed)
    assert "triage" in refusal.message("en") and "分流" in refusal.message("zh")


def test_an_action_without_roles_is_nobodys() -> None:
    officer = an_actor()
    assert not decide(officer, "act", a_case((officer, "police", ""), action_roles=frozenset()), TREE).allowed


def test_a_case_is_opened_by_any_organ_of_an_openers_type() -> None:
    doctor = an_actor("hospital", WUXING)
    opening = a_case(action_roles=frozenset({"reporter"}))
    assert decide(doctor, "create", opening, TREE).role == "reporter"
    assert not decide(an_actor("school"), "create", opening, TREE).allowed
    assert not decide(doctor, "act", opening, TREE).allowed


def test_a_case_is_opened_by_the_organ_that_a_region_bound_to_the_role() -> None:
    bound, other = an_actor(), an_actor()
    opening = a_case((bound, "police", ""))
    assert decide(bound, "create", opening, TREE).role == "police"
    assert not decide(other, "create", opening, TREE).allowed


def test_a_service_account_handles_for_the_whole_organ_only() -> None:
    service = an_actor("hospital", WUXING, kind="service")
    assert decide(service, "create", a_case(action_roles=frozenset({"reporter"})), TREE).allowed
    assert not decide(service, "read", a_case((service, "reporter", "paediatrics")), TREE).allowed


def test_the_platforms_service_takes_automatic_actions_and_reads_nothing() -> None:
    platform = an_actor("platform", ZHEJIANG, kind="service")
    case = a_case(action_roles=frozenset({"platform"}))
    assert decide(platform, "act", case, TREE).role == "platform"
    assert not decide(platform, "act", a_case(), TREE).allowed
    assert not decide(platform, "read", case, TREE).allowed
    assert not decide(platform, "act", replace(case, sealed=True), TREE).allowed


def test_nobody_else_is_the_platform() -> None:
    person = an_actor("platform", ZHEJIANG)
    officer = an_actor()
    case = a_case(
        (person, "platform", ""),
        (officer, "platform", ""),
        action_roles=frozenset({"platform"}),
        openers=frozenset({RoleByType(role="platform", organ_type="police")}),
    )
    verdicts = [decide(a, verb, case, TREE) for a in (person, officer) for verb in ("read", "act", "create")]
    assert not any(verdict.allowed for verdict in verdicts)


@pytest.mark.parametrize("verb", ["", "READ", "delete", "reopen", "readact"])
def test_an_unknown_verb_is_denied(verb: str) -> None:
    officer = an_actor()
    verdict = decide(officer, verb, a_case((officer, "police", "")), TREE)
    assert (verdict.allowed, verdict.reason) == (False, policy.UNKNOWN_VERB)


def test_a_case_outside_every_division_is_supervised_by_nobody() -> None:
    procurator = an_actor("procuratorate", ZHEJIANG, department="minors")
    assert not decide(procurator, "read", a_case(region="339999"), TREE).allowed


def test_scenes_are_administered_within_ones_own_region() -> None:
    admin = an_actor("platform", HUZHOU, duties=frozenset({"region_admin"}))
    allowed = {
        region: decide(admin, "administer", a_case(region=region), TREE).allowed
        for region in (ANJI, HUZHOU, QUZHOU, ZHEJIANG)
    }
    assert allowed == {ANJI: True, HUZHOU: True, QUZHOU: False, ZHEJIANG: False}
    assert not decide(an_actor(region=HUZHOU), "administer", a_case(), TREE).allowed


@pytest.mark.parametrize("duty", sorted(DUTIES))
def test_only_the_audit_administrator_audits(duty: str) -> None:
    actor = an_actor(duties=frozenset({duty}))
    assert decide(actor, "audit", a_case(), TREE).allowed == (duty == "audit_admin")


@pytest.mark.parametrize("region", [ANJI, HUZHOU, ZHEJIANG])
def test_an_address_above_or_at_or_below_ones_organ_is_ones_own(region: str) -> None:
    outside_region(an_actor(region=HUZHOU), region, TREE)


@pytest.mark.parametrize("region", [WUXING, QUZHOU, "110000"])
def test_an_address_elsewhere_is_refused(region: str) -> None:
    with pytest.raises(OrganOutsideRegion):
        outside_region(an_actor(), region, TREE)


def test_an_address_in_no_division_is_not_there() -> None:
    with pytest.raises(NoSuchRegion):
        outside_region(an_actor(), "339999", TREE)


def test_the_platform_is_everywhere_only_as_its_own_service_in_its_own_role() -> None:
    service = an_actor("platform", HUZHOU, kind="service")
    outside_region(service, QUZHOU, TREE, "platform")
    for actor, role in (
        (service, "police"),
        (an_actor("platform", HUZHOU), "platform"),
        (an_actor(), "platform"),
    ):
        with pytest.raises(OrganOutsideRegion):
            outside_region(actor, QUZHOU, TREE, role)


def test_prefix_and_tree_agree_on_every_division() -> None:
    """`visible_cases` compares prefixes where `decide` walks the tree."""
    for region in TREE:
        above = {ancestor.code for ancestor in TREE.ancestors(region.code)}
        for code in {region.code, region.code[:4] + "00", region.code[:2] + "0000"}:
            if code in TREE:
                assert region.code.startswith(TREE.prefix(code).rstrip("%")) == (code in above)
