"""Two databases that differ only in cases hidden from somebody give this somebody the same answers, whatever is asked.

The requests are made from the composed schema and from the application's routes, so that a new field, argument,
mutation or address is tried by itself. `comparing.ALLOWED` lists every difference there may be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from .asking import Place
from .comparing import ALLOWED
from .people import GROUPS, LAST, Group
from .runs import Pair, Tally
from .sweeps import Things, intakes, of_graphql, of_http, plainly, pool
from .tellings import Tellings
from .worlds import ANJI, Worlds

UNTAKEN: Mapping[Place, str] = {
    (
        "MinorProtectionMutation",
        "dismiss",
    ): "`report` stands before it in the schema and has taken every draft",
    (
        "MinorProtectionMutation",
        "close",
    ): "`requestSupport` stands before it, and support under way keeps a case open",
}
"""The scene's mutations that nobody could carry out here, and why; they are refused to everybody all the same."""

SILENT = 0.25
"""The share of the schema's fields that may have nothing to show; else silence would prove little. Most of them are of
things that these worlds don't have: registered apps, broken glass, nudges, what is imported."""


AT_EVERY_DOOR = (None, "yiwu-procurator", "system-admin", "auditor")
"""Of the outsiders, those who try every address; the others' answers there go by the same code."""

READ_AGAIN = ("/documents", "/exports", "/audit", "/ready", "/metrics")
"""Where an act may show; the rest is what it was."""

BARRED = ("sealed", "draft", "deqing draft")
"""Cases that no mutation gives a right to."""


async def ask_everything(worlds: Worlds, group: Group, tally: Tally, *, thorough: bool = False) -> list[str]:
    """Ask all that a group can ask, act all that it can, wait for what follows, and ask again; the differences."""
    outside = group.stage == 0
    some = 99 if thorough else 1 if outside else 2
    async with worlds.opened(worlds.stages[group.stage], worlds.stages[LAST]) as (first, second):
        pair = await Pair.of(first, second, tally)
        assert pair.hidden
        seen, hidden = await pair.things()
        police = await second.fetch(
            "SELECT id FROM organ WHERE region = $1 AND type = 'police' ORDER BY id", ANJI
        )
        organs = [f"Organ:{row['id']}" for row in police]
        typed = pool(seen, hidden, organs, some=some)
        barred = pool(await Things.of(second, []), await Things.of(second, BARRED), organs, some=some)
        for login, region in group.asks:
            schema = await pair.schema(login, region)
            for kind in ("query", "subscription"):
                await pair.sweep(of_graphql(schema, login, region, typed, kind, thorough=thorough))
            if not outside or login in AT_EVERY_DOOR:
                await pair.sweep(of_http(second, login, seen, hidden, pages=login is None))
        acting = [ask for ask in group.asks if thorough or group.acts is None or ask[0] in group.acts]
        for login, region in acting:
            schema = await pair.schema(login, region)
            await pair.sweep(
                of_graphql(schema, login, region, typed, "mutation", barred=barred, thorough=thorough),
                acts=True,
            )
        for login, _ in group.asks:
            await pair.sweep(intakes(login, hidden), acts=True)
        await pair.come_to_rest()
        for login, region in group.asks:
            schema = await pair.schema(login, region)
            await pair.sweep(plainly(schema, login, region, typed))
            if not outside:
                doors = of_http(second, login, seen, hidden, pages=False)
                await pair.sweep(request for request in doors if request.path.startswith(READ_AGAIN))
        return pair.found


@pytest.mark.timeout(900)  # it takes little more than a minute, unless others are at work on the machine
def test_no_answer_tells_of_a_hidden_case(
    worlds: Worlds, record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    tally = Tally()
    differences = {group.name: worlds.run(ask_everything(worlds, group, tally)) for group in GROUPS}
    for name, figure in tally.summary().items():
        record_property(name, figure)
    with capsys.disabled():
        print(f"\nnon-interference: {tally.summary()}")
    assert {name: found for name, found in differences.items() if found} == {}
    assert tally.allowed == {difference.name for difference in ALLOWED}
    assert tally.places - set(tally.coverage.asked) == set()
    silent = {place for place in tally.places if not tally.coverage.shown[place]}
    assert len(silent) <= SILENT * len(tally.places), silent
    acts = {place for place in tally.places if place[0] in ("MinorProtectionMutation", "LetterMutation")}
    assert acts - set(tally.accepted) == set(UNTAKEN)


READ_AT_L2 = ("health", "civil")


@pytest.mark.parametrize("login", READ_AT_L2)
def test_no_answer_tells_what_is_masked(worlds: Worlds, tellings: Tellings, login: str) -> None:
    """Nor does the document that is made for them."""
    assert worlds.run(tellings.told_apart_by(worlds, login, most=20)) == []
    assert worlds.run(tellings.alike(worlds, login)) == set()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_answer_tells_of_a_hidden_case_whatever_is_combined(worlds: Worlds) -> None:
    """Every argument with every other, everybody acting."""
    tally = Tally()
    found = [
        difference
        for group in GROUPS
        for difference in worlds.run(ask_everything(worlds, group, tally, thorough=True), 3600)
    ]
    print(f"\nnon-interference, all combinations: {tally.summary()}")
    assert found == []
