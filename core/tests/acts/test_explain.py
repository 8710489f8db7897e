"""Why somebody may or may not: the explanation, rule by rule, and the command that prints it."""

from __future__ import annotations

import argparse
import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from gongzhi.cases.cli import add_policy_commands
from gongzhi.cases.explain import Explainer, Explanation
from gongzhi.errors import InvalidArgument, NoSuchThing, Refused
from gongzhi.identity.acting import legal_day
from gongzhi.identity.deputies import deputise, offered
from gongzhi.identity.directory import Directory

from .conftest import SINCE, Stage
from .test_dispatch import ANJI
from .test_reading import told

pytestmark = pytest.mark.anyio


async def explained(stage: Stage, who: str, action: str, case: UUID) -> Explanation:
    explainer = Explainer(tree=stage.tree, scenes=stage.scenes, audit=stage.audit)
    async with stage.store.unit_of_work() as uow:
        return await explainer.explain(uow, stage.actors[who], action, case, stage.clock.now())


def rules(explanation: Explanation) -> list[tuple[str, bool]]:
    return [(reason.rule, reason.met) for reason in explanation.reasons]


async def finished(stage: Stage) -> UUID:
    case = await told(stage)
    await stage.do("police", "receive", case)
    await stage.do("police", "finish", case, input={"result": "查实"})
    return case


async def test_an_involved_organ_acts_for_its_role_and_the_case_s_state(stage: Stage) -> None:
    explanation = await explained(stage, "police", "receive", await told(stage))
    assert explanation.allowed
    assert rules(explanation) == [
        ("duty", True),
        ("organ", True),
        ("department", True),
        ("supervisor", False),
        ("role", True),
        ("workflow", True),
        ("enabled", True),
    ]
    assert explanation.reasons[1].text.zh == "本单位在案中，角色为公安"
    assert explanation.reasons[5].text.zh == "案件状态为已报送，可以办理此事项"


async def test_an_act_that_the_state_does_not_let_be_done_is_a_no_for_that_reason_alone(stage: Stage) -> None:
    explanation = await explained(stage, "police", "finish", await told(stage))
    assert not explanation.allowed
    assert explanation.verdict.allowed
    assert [reason.rule for reason in explanation.reasons if not reason.met] == ["supervisor", "workflow"]


async def test_a_supervisor_above_reads_by_type_and_region_and_does_not_act(stage: Stage) -> None:
    case = await told(stage)
    reading = await explained(stage, "above", "read", case)
    assert reading.allowed
    assert rules(reading) == [
        ("duty", True),
        ("organ", False),
        ("supervisor", True),
        ("region", True),
        ("state", True),
        ("level", True),
    ]
    assert (
        reading.reasons[3].text.en
        == "its division and the case's, 330500 浙江省湖州市, 330523 浙江省湖州市安吉县: within"
    )
    acting = await explained(stage, "above", "receive", case)
    assert not acting.allowed
    assert rules(acting)[-1] == ("role", False)


@pytest.mark.parametrize(
    ("who", "missed"),
    [("elsewhere", ["organ", "supervisor"]), ("admin", ["duty"]), ("auditor", ["duty"])],
)
async def test_others_are_told_which_rules_they_miss(stage: Stage, who: str, missed: list[str]) -> None:
    explanation = await explained(stage, who, "read", await told(stage))
    assert not explanation.allowed
    assert explanation.verdict.hidden
    assert [reason.rule for reason in explanation.reasons if not reason.met] == missed


async def test_who_reads_and_does_not_supervise_is_told_why_they_do_not_nudge(stage: Stage) -> None:
    case = await told(stage)
    explanation = await explained(stage, "police", "nudge", case)
    assert not explanation.allowed
    assert rules(explanation)[-1] == ("nudge", False)
    assert explanation.reasons[-1].text.zh == "催办只限监督该案的检察，本单位或本部门现在不是"
    nudging = await explained(stage, "above", "nudge", case)
    assert nudging.allowed
    assert ("nudge", True) in rules(nudging)


async def test_a_sealed_case_is_refused_for_being_sealed(stage: Stage) -> None:
    explanation = await explained(stage, "police", "read", await finished(stage))
    assert not explanation.allowed
    assert rules(explanation)[-1] == ("sealed", False)


async def test_a_scene_that_takes_no_acts_any_more_is_the_reason(stage: Stage) -> None:
    case = await told(stage)
    config = {"scene": "little", "region": "330523", "roles": [], "state": "read_only"}
    await stage.do("admin", "enable_scene", namespace="administration", region="330000", input=config)
    explanation = await explained(stage, "police", "receive", case)
    assert not explanation.allowed
    assert [reason.rule for reason in explanation.reasons if not reason.met] == ["supervisor", "enabled"]
    assert (await explained(stage, "police", "read", case)).allowed


@pytest.mark.parametrize("who", ["doctor", "police", "watcher", "above", "elsewhere", "admin", "auditor"])
@pytest.mark.parametrize("action", ["receive", "finish"])
async def test_it_says_yes_to_no_act_that_the_policy_then_refuses(
    stage: Stage, who: str, action: str
) -> None:
    case = await told(stage)
    explanation = await explained(stage, who, action, case)
    try:
        await stage.do(who, action, case, input={"result": "查实"} if action == "finish" else {})
    except Refused:
        assert not explanation.allowed
    else:
        assert explanation.allowed


async def test_the_look_at_the_case_is_on_record_without_an_actor(stage: Stage) -> None:
    case = await told(stage)
    await explained(stage, "elsewhere", "read", case)
    leaf = (await stage.leaves())[-1]
    assert (leaf["action"], leaf["case"], leaf["outcome"]) == ("explain_policy", str(case), "read")
    assert (leaf["actor"], leaf["organ"], leaf["rows"]) == (None, None, [])


async def test_what_is_no_action_and_no_case_is_named_and_leaves_nothing(stage: Stage) -> None:
    case = await told(stage)
    before = len(await stage.leaves())
    with pytest.raises(InvalidArgument) as unknown:
        await explained(stage, "police", "fly", case)
    assert unknown.value.where == "action"
    assert "read, nudge, tell, receive, finish" in unknown.value.message("en")
    with pytest.raises(NoSuchThing):
        await explained(stage, "police", "read", uuid4())
    assert len(await stage.leaves()) == before


async def gongzhi(stage: Stage, *arguments: object) -> int:
    """Run the command with a loop and a store of its own, as a process would."""
    parser = argparse.ArgumentParser()
    add_policy_commands(parser.add_subparsers(), stage.scenes)
    parsed = parser.parse_args(["policy", "explain", *map(str, arguments)])
    return int(await asyncio.to_thread(parsed.run, parsed))


async def test_the_command_prints_the_rules_and_answers_0_or_3(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GONGZHI_HOME", str(stage.store.home))
    monkeypatch.setenv("GONGZHI_DATABASE_URL", stage.store.database_url)
    case = await told(stage)
    capsys.readouterr()
    assert await gongzhi(stage, "police", "read", f"Case:{case}") == 0
    told_yes = capsys.readouterr().out.splitlines()
    assert told_yes[0] == "可以 · yes"
    assert told_yes[1] == "+ duty        岗位职责为handler，可以"
    assert ANJI["name"] not in "".join(told_yes)
    assert await gongzhi(stage, "elsewhere", "read", case) == 3
    told_no = capsys.readouterr().out.splitlines()
    assert (told_no[0], told_no[-2]) == ("不可以 · no", "= 本单位或本部门未参与该案")


@pytest.fixture
async def deputised(stage: Stage) -> UUID:
    """A colleague of another department of the police, and their deputyship for the officer's post; the officer's
    department alone plays the scene's role."""
    directory, now = Directory(stage.tree), stage.clock.now()
    async with stage.store.unit_of_work() as uow:
        await uow.execute(
            "UPDATE post SET department = '少年警务' WHERE organ_id = $1", stage.actors["police"].organ.id
        )
        post = await directory.post_add(
            uow,
            person_id=await directory.person_add(uow, name="zhou"),
            organ_id=stage.actors["police"].organ.id,
            department="治安",
            title="x",
            duties=["handler"],
            valid_from=SINCE,
        )
        await directory.account_add(uow, login="zhou", post_id=post)
        stage.actors["zhou"] = await directory.actor(uow, "zhou", now)
        deputyship = await deputise(
            uow,
            absent="police",
            deputy="zhou",
            valid_from=legal_day(now),
            valid_to=legal_day(now) + timedelta(days=30),
            reason="leave",
            decided_by=None,
            now=now,
        )
    role = {"role": "police", "region": "330523", "organ": str(stage.actors["police"].organ.id)}
    await stage.do(
        "admin",
        "enable_scene",
        namespace="administration",
        region="330000",
        input={"scene": "little", "region": "330523", "roles": [{**role, "department": "少年警务"}]},
    )
    return deputyship


async def test_a_deputyship_that_changes_the_answer_is_named(stage: Stage, deputised: UUID) -> None:
    case = await told(stage)
    own = await explained(stage, "zhou", "receive", case)
    assert (own.allowed, own.otherwise) == (False, [deputised])
    assert ("department", False) in rules(own)
    async with stage.store.unit_of_work() as uow:
        stage.actors["zhou for police"] = (await offered(uow, stage.actors["zhou"], stage.clock.now()))[
            0
        ].actor
    acting = await explained(stage, "zhou for police", "receive", case)
    assert (acting.allowed, acting.otherwise) == (True, [])
    # Where it changes nothing it is no part of the answer.
    assert (await explained(stage, "zhou", "finish", case)).otherwise == []
    stage.clock.advance(timedelta(days=30))
    assert (await explained(stage, "zhou", "receive", case)).otherwise == []


async def test_the_command_answers_for_a_deputy(
    stage: Stage, deputised: UUID, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GONGZHI_HOME", str(stage.store.home))
    monkeypatch.setenv("GONGZHI_DATABASE_URL", stage.store.database_url)
    monkeypatch.setattr("gongzhi.cases.cli.SystemClock", lambda: stage.clock)
    case = await told(stage)
    capsys.readouterr()
    assert await gongzhi(stage, "zhou", "receive", case) == 3
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"* 若代他人办理（--as-deputy {deputised}）：可以",
        "  in somebody's place by that deputyship: yes",
    ]
    assert await gongzhi(stage, "zhou", "receive", case, "--as-deputy", deputised) == 0
    assert capsys.readouterr().out.splitlines()[0] == "可以 · yes"
    for who, deputyship in (("zhou", uuid4()), ("police", deputised), ("zhou", "police")):
        with pytest.raises(InvalidArgument) as refusal:
            await gongzhi(stage, who, "receive", case, "--as-deputy", deputyship)
        assert refusal.value.where == "--as-deputy"


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["nobody", "read", str(uuid4())], "The argument login can't be used: no account has this login"),
        (["police", "read", str(uuid4())], "The argument case can't be used: no case has this id"),
        (["police", "read", "x"], "The argument case can't be used: it must be a case's id, a UUID"),
    ],
)
async def test_the_command_names_the_argument_that_is_wrong(
    stage: Stage, arguments: list[str], wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GONGZHI_HOME", str(stage.store.home))
    monkeypatch.setenv("GONGZHI_DATABASE_URL", stage.store.database_url)
    with pytest.raises(InvalidArgument) as refusal:
        await gongzhi(stage, *arguments)
    assert refusal.value.message("en").startswith(wrong)
