"""An administrator registers people over the public API; somebody without the duty is not even shown the namespace."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from ..conftest import DemoServer

PEOPLE = "query ($organ: String!) { directory { people(input: {organ: $organ}) { people { login name title duties } } } }"
ADD = """
mutation ($input: DirectoryAddAccountInput!, $key: String!) {
  directory { addAccount(input: $input, key: $key) { replayed output } }
}
"""
ORGANS = '{ directory { organs(input: {region: "330523"}) { organs { id name type departments } } } }'


def ask(server: DemoServer, login: str, query: str, **variables: Any) -> dict[str, Any]:
    with server.client(login) as client:
        answer = client.post("/graphql/330000", json={"query": query, "variables": variables})
    said: dict[str, Any] = answer.json()
    return said


def test_an_administrator_gives_a_post_and_sees_it_in_the_list(demo_server: DemoServer) -> None:
    organs = ask(demo_server, "admin", ORGANS)["data"]["directory"]["organs"]["organs"]
    (police,) = [organ for organ in organs if organ["type"] == "police"]
    login = f"new-{uuid4().hex[:8]}"
    given = {
        "organ": police["id"],
        "login": login,
        "name": "新来",
        "title": "民警",
        "duties": ["handler", "organ_admin"],
    }
    key = f"add-{uuid4()}"
    first = ask(demo_server, "admin", ADD, input=given, key=key)
    again = ask(demo_server, "admin", ADD, input=given, key=key)
    assert (
        first["data"]["directory"]["addAccount"]["output"]
        == again["data"]["directory"]["addAccount"]["output"]
    )
    assert again["data"]["directory"]["addAccount"]["replayed"] is True
    listed = ask(demo_server, "admin", PEOPLE, organ=police["id"])["data"]["directory"]["people"]["people"]
    assert [row for row in listed if row["login"] == login] == [
        {"login": login, "name": "新来", "title": "民警", "duties": ["handler", "organ_admin"]}
    ]
    # The new one administers the own organ, and no other.
    assert (
        ask(demo_server, login, PEOPLE, organ=police["id"])["data"]["directory"]["people"]["people"] == listed
    )
    (other,) = [organ for organ in organs if organ["type"] == "procuratorate"]
    refused = ask(demo_server, login, PEOPLE, organ=other["id"])["errors"]
    assert refused[0]["extensions"]["code"] == "action_not_allowed"


def test_who_has_no_such_duty_is_not_shown_the_namespace(demo_server: DemoServer) -> None:
    (error,) = ask(demo_server, "doctor", ORGANS)["errors"]
    assert error["extensions"]["code"] == "unknown_field"


NAMED = """
SELECT DISTINCT named.organ_id, named.department FROM (
    SELECT w.organ_id, w.department FROM post w JOIN account a ON a.post_id = w.id WHERE a.demo
    UNION ALL SELECT organ_id, department FROM role_binding WHERE scene = 'minor_protection' AND region LIKE '3305%'
) named WHERE named.department <> ''
"""
REGISTERED = "SELECT organ_id, name AS department FROM department WHERE valid_to IS NULL"


def test_every_department_that_the_demo_names_is_registered(demo_server: DemoServer) -> None:
    async def pairs(query: str) -> set[tuple[Any, str]]:
        async with demo_server.application.host.store.unit_of_work() as uow:
            return {(row["organ_id"], row["department"]) for row in await uow.fetch(query)}

    named, registered = (
        asyncio.run_coroutine_threadsafe(pairs(query), demo_server.loop).result(30)
        for query in (NAMED, REGISTERED)
    )
    # The hospital's ward, the city's department, and that of each county's procuratorate.
    assert len(named) == 7
    assert named - registered == set()
