"""Subscriptions over server-sent events: what changed, only for who may see it, and not a moment longer."""

from __future__ import annotations

import asyncio
import json
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from gongzhi.identity.sessions import begin_session
from gongzhi_graphql import subscriptions

from .support import Api

PACKAGE = Path(__file__).parent / "streams"
INBOX = "subscription { inboxChanged(first: 5) { nodes { waits caseTitle } } }"
CASE = "subscription ($id: ID!) { caseChanged(id: $id) { id rowVersion states { title } } }"


class Heard:
    """What came over a stream, in order; each `next` waits for one more event."""

    def __init__(self) -> None:
        self._events: queue.Queue[Any] = queue.Queue()

    def put(self, event: Any) -> None:
        self._events.put(event)

    def next(self, seconds: float = 15) -> Any:
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"nothing within {seconds} s") from None

    def nothing(self, seconds: float = 1.5) -> bool:
        try:
            event = self._events.get(timeout=seconds)
        except queue.Empty:
            return True
        raise AssertionError(f"not expected: {event}")


@contextmanager
def listening(
    api: Api, query: str, *, as_: str = "officer", headers: dict[str, str] | None = None, **variables: Any
) -> Iterator[Heard]:
    """An open subscription, read on a thread of its own: events as (name, JSON), the end as None or as an error's class."""
    heard = Heard()
    given = headers if headers is not None else {"authorization": f"Bearer {api.tokens[as_]}"}
    with (
        httpx.Client(base_url=api.url, timeout=30) as client,
        client.stream(
            "POST",
            "/graphql/330523",
            json={"query": query, "variables": variables},
            headers={"accept": "text/event-stream", **given},
        ) as response,
    ):
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")

        def read() -> None:
            name = ""
            try:
                for line in response.iter_lines():
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ")
                    elif line.startswith("data:"):
                        data = line.removeprefix("data:").strip()
                        heard.put((name, json.loads(data) if data else None))
                heard.put(None)
            except httpx.HTTPError as error:
                heard.put(type(error).__name__)
            except httpx.StreamError:
                heard.put("closed")

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield heard
        finally:
            response.close()
            reader.join(10)


def titles(event: Any) -> list[str]:
    name, body = event
    assert (name, "errors" in body) == ("next", False), body
    return [node["caseTitle"] for node in body["data"]["inboxChanged"]["nodes"]]


async def revoke(api: Api, login: str) -> None:
    host = api.host
    async with host.store.unit_of_work() as uow:
        await host.sign_in.revoke(uow, login, host.clock.now())


async def change(api: Api, sql: str, *args: Any) -> None:
    async with api.host.store.unit_of_work() as uow:
        await uow.execute(sql, *args)


def fresh_token(api: Api, login: str) -> str:
    async def issue() -> str:
        host = api.host
        async with host.store.unit_of_work() as uow:
            return await host.sign_in.issue_token(uow, login, host.clock.now(), timedelta(hours=1))

    return api.run(issue())


@pytest.fixture
def revocable(own_api: Api) -> Iterator[Api]:
    """The application, whose officer gets another token afterwards."""
    yield own_api
    own_api.tokens["officer"] = fresh_token(own_api, "officer")


def test_the_inbox_comes_at_once_and_again_when_a_letter_has_come(own_api: Api) -> None:
    with listening(own_api, INBOX) as heard:
        before = titles(heard.next())
        own_api.report("first")
        assert len(titles(heard.next())) == min(5, len(before) + 1)


def test_another_organs_news_wakes_nobody(own_api: Api) -> None:
    with listening(own_api, INBOX, as_="deqing_officer") as heard:
        assert titles(heard.next()) == []
        own_api.report("in Anji")
        assert heard.nothing()


def test_a_case_comes_again_with_each_change_of_it_and_with_no_other(own_api: Api) -> None:
    case = own_api.report("watched")
    letter = own_api.delivered(case, "officer")
    with listening(own_api, CASE, id=case) as heard:
        name, body = heard.next()
        assert (name, body["data"]["caseChanged"]["id"]) == ("next", case)
        own_api.report("another one")
        sign = (
            'mutation ($letter: ID!) { letters { sign(letter: $letter, key: "sse-sign-0001") { replayed } } }'
        )
        assert own_api.ask(sign, as_="officer", variables={"letter": letter}).data
        name, after = heard.next()
        assert after["data"]["caseChanged"]["rowVersion"] > body["data"]["caseChanged"]["rowVersion"]


def test_a_case_sealed_meanwhile_ends_like_one_that_never_was(own_api: Api) -> None:
    case = own_api.report("to be sealed")
    with listening(own_api, CASE, id=case) as heard:
        heard.next()
        sealed = "UPDATE cases SET sealed_at = now() WHERE id = $1"
        own_api.run(change(own_api, sealed, UUID(case.removeprefix("Case:"))))
        own_api.host.feed.tell(frozenset({UUID(case.removeprefix("Case:"))}))
        _, at_once = heard.next()
        assert heard.next() == ("complete", None)
    never = "Case:00000000-0000-4000-8000-000000000000"
    with listening(own_api, CASE, id=never) as heard:
        _, unknown = heard.next()
        assert heard.next() == ("complete", None)
    with listening(own_api, CASE, id=case) as heard:
        assert heard.next()[1] == unknown
    assert at_once["errors"][0]["extensions"] == unknown["errors"][0]["extensions"]
    tried = [leaf for leaf in own_api.leaves() if leaf["action"] == "watch_case"]
    assert [(leaf["outcome"], leaf["code"]) for leaf in tried] == [("refused", "not_found")] * 2


@pytest.mark.parametrize("query", [INBOX, CASE])
def test_revocation_closes_a_stream_at_once_and_says_why(revocable: Api, query: str) -> None:
    case = revocable.report("of somebody revoked")
    variables: dict[str, Any] = {"id": case} if query == CASE else {}
    with listening(revocable, query, **variables) as heard:
        heard.next()
        started = time.monotonic()
        revocable.run(revoke(revocable, "officer"))
        name, body = heard.next()
        assert (name, body["errors"][0]["extensions"]["code"]) == ("next", "token_stale")
        assert time.monotonic() - started < 2
        assert heard.next() == ("complete", None)
        assert heard.next() is None


def test_a_revocation_of_which_no_word_comes_is_found_by_the_next_check(
    revocable: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "CHECK_SECONDS", 0.5)
    with listening(revocable, INBOX) as heard:
        heard.next()
        silent = "UPDATE access_token SET revoked_at = now() WHERE account_id = (SELECT id FROM account WHERE login = $1)"
        revocable.run(change(revocable, silent, "officer"))
        assert heard.next(5)[1]["errors"][0]["extensions"]["code"] == "token_stale"


def test_signing_out_in_one_window_closes_the_stream_of_another(own_api: Api) -> None:
    host = own_api.host

    async def begin() -> str:
        async with host.store.unit_of_work() as uow:
            actor = await host.directory.actor(uow, "officer", host.clock.now())
            return (await begin_session(uow, actor, host.clock.now())).token

    token = own_api.run(begin())
    headers = {"cookie": f"gongzhi={token}", "sec-fetch-site": "same-origin"}
    with listening(own_api, INBOX, headers=headers) as heard, listening(own_api, INBOX) as other:
        heard.next()
        other.next()
        own_api.run(host.sign_in.sign_out(token, host.clock.now()))
        assert heard.next()[1]["errors"][0]["extensions"]["code"] == "token_stale"
        assert other.nothing()


def test_an_open_stream_does_not_keep_an_idle_session_alive(
    own_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = own_api.host
    monkeypatch.setattr(subscriptions, "CHECK_SECONDS", 0.3)

    async def begin() -> str:
        async with host.store.unit_of_work() as uow:
            actor = await host.directory.actor(uow, "officer", host.clock.now())
            return (await begin_session(uow, actor, host.clock.now())).token

    token = own_api.run(begin())
    headers = {"cookie": f"gongzhi={token}", "sec-fetch-site": "same-origin", "gongzhi-background": "1"}
    with listening(own_api, INBOX, headers=headers) as heard:
        heard.next()
        long_ago = "UPDATE web_session SET seen_at = now() - interval '29 minutes' WHERE revoked_at IS NULL"
        own_api.run(change(own_api, long_ago))
        assert heard.nothing(1)  # several checks
        (row,) = own_api.fetch(
            "SELECT max(now() - seen_at) AS idle FROM web_session WHERE revoked_at IS NULL"
        )
        assert row["idle"] > timedelta(minutes=28)
        own_api.run(change(own_api, long_ago.replace("29", "31")))
        assert heard.next()[1]["errors"][0]["extensions"]["code"] == "token_stale"


@pytest.mark.parametrize(
    ("sql", "undo", "code"),
    [
        ("SET duties = '{clerk}'", "SET duties = '{handler}'", "rights_changed"),
        ("SET valid_to = '2026-01-01'", "SET valid_to = NULL", "account_closed"),
    ],
)
def test_a_post_that_ends_or_changes_closes_the_stream(own_api: Api, sql: str, undo: str, code: str) -> None:
    posts = "UPDATE post {} WHERE id = (SELECT post_id FROM account WHERE login = 'officer')"

    async def through_the_door(what: str) -> None:
        # As the directory does it: with the row's history, which is what wakes.
        async with own_api.host.store.unit_of_work() as uow:
            await uow.execute(posts.format(what))
            await uow.notify("rights")

    with listening(own_api, INBOX) as heard:
        heard.next()
        own_api.run(through_the_door(sql))
        try:
            assert heard.next()[1]["errors"][0]["extensions"]["code"] == code
            assert heard.next() == ("complete", None)
        finally:
            own_api.run(through_the_door(undo))


def test_word_from_another_process_wakes_and_what_it_says_is_not_believed(own_api: Api) -> None:
    (police,) = own_api.fetch(
        "SELECT w.organ_id FROM account a JOIN post w ON w.id = a.post_id WHERE a.login = 'officer'"
    )

    async def elsewhere(*words: str) -> None:
        connection = await asyncpg.connect(own_api.host.store.database_url)
        for word in words:
            await connection.execute("SELECT pg_notify('gongzhi_changed', $1)", word)
        await connection.close()

    case = own_api.report("changed elsewhere")
    own_api.delivered(case, "officer")
    uuid = UUID(case.removeprefix("Case:"))
    with listening(own_api, INBOX) as heard:
        assert titles(heard.next())
        retitled = 'UPDATE cases SET title = \'{"zh": "另一标题", "en": "another title"}\' WHERE id = $1'
        own_api.run(change(own_api, retitled, uuid))
        assert heard.nothing(1)
        own_api.run(elsewhere("<no word of ours>", "case:" + str(uuid), "organ:" + str(police["organ_id"])))
        assert "另一标题" in titles(heard.next())


def test_a_lost_connection_is_made_again_and_nothing_is_missed(own_api: Api) -> None:
    with listening(own_api, INBOX) as heard:
        heard.next()
        own_api.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'gongzhi-feed' AND datname = current_database()"
        )
        own_api.report("while nobody listened")
        assert titles(heard.next())


def test_streams_of_one_account_are_limited_and_counted_down(
    own_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "STREAMS_OF_ONE", 1)

    def second() -> httpx.Response:
        return own_api.send(
            "POST",
            "/graphql/330523",
            as_="procurator",
            json={"query": INBOX},
            headers={"accept": "text/event-stream"},
        )

    with listening(own_api, INBOX, as_="procurator") as heard:
        heard.next()
        refused = second()
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
        assert refused.json()["errors"][0]["extensions"]["code"] == "too_many_requests"
    for _ in range(100):
        if own_api.host.feed.watches == 0:
            break
        time.sleep(0.05)
    with listening(own_api, INBOX, as_="procurator") as heard:
        heard.next()


def test_a_stream_is_asked_for_by_its_media_type_and_only_by_post(own_api: Api) -> None:
    reply = own_api.ask(INBOX, as_="officer")
    assert (reply.status, reply.codes) == (406, ["not_acceptable"])
    by_get = own_api.send(
        "GET", f"/graphql/330523?query={INBOX}", as_="officer", headers={"accept": "text/event-stream"}
    )
    assert by_get.status_code == 405
    visitor = own_api.send(
        "POST", "/graphql/330523", as_=None, json={"query": INBOX}, headers={"accept": "text/event-stream"}
    )
    assert visitor.status_code == 401


def test_a_query_asked_for_as_a_stream_is_one_event(own_api: Api) -> None:
    with listening(own_api, "{ me { login } }") as heard:
        assert heard.next() == ("next", {"data": {"me": {"login": "officer"}}})
        assert heard.next() == ("complete", None)
        assert heard.next() is None


def test_a_stream_says_now_and_then_that_it_lives(own_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "CHECK_SECONDS", 0.1)
    with httpx.stream(
        "POST",
        f"{own_api.url}/graphql/330523",
        json={"query": INBOX},
        headers={"accept": "text/event-stream", "authorization": f"Bearer {own_api.tokens['officer']}"},
        timeout=10,
    ) as response:
        lines = response.iter_lines()
        assert sum(line == ":" for line in (next(lines) for _ in range(16))) >= 3


def test_a_stream_beats_by_the_clock_whatever_is_heard_of(
    own_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Word of a change that the reader is not shown holds no beat back, or its lack would tell of the change."""
    monkeypatch.setattr(subscriptions, "CHECK_SECONDS", 0.5)
    case = own_api.report("heard of and the same")
    uuid, over = UUID(case.removeprefix("Case:")), threading.Event()

    def word() -> None:
        while not over.wait(0.1):
            own_api.host.feed.tell(frozenset({uuid}))

    telling = threading.Thread(target=word)
    with httpx.stream(
        "POST",
        f"{own_api.url}/graphql/330523",
        json={"query": CASE, "variables": {"id": case}},
        headers={"accept": "text/event-stream", "authorization": f"Bearer {own_api.tokens['officer']}"},
        timeout=10,
    ) as response:
        lines = response.iter_lines()
        while not next(lines).startswith("data:"):
            pass
        telling.start()
        try:
            until, beats = time.monotonic() + 3, 0
            while beats < 3 and time.monotonic() < until:
                beats += next(lines) == ":"
        finally:
            over.set()
            telling.join()
    assert beats == 3


@contextmanager
def client_of_others(node: tuple[str, Path], *arguments: str) -> Iterator[Heard]:
    """npm's graphql-sse at work; what it hears, one JSON object a line."""
    program, folder = node
    heard = Heard()
    with subprocess.Popen(
        [program, "listen.mjs", *arguments], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = process.stdout

        def read() -> None:
            for line in lines:
                heard.put(json.loads(line))

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield heard
        finally:
            process.kill()
            reader.join(10)


def test_a_client_that_we_did_not_write_hears_changes_and_the_end(
    revocable: Api, node: tuple[str, Path]
) -> None:
    case = revocable.report("for another's client")
    url, token = f"{revocable.url}/graphql/330523", revocable.tokens["officer"]
    with (
        client_of_others(node, url, token, CASE, json.dumps({"id": case})) as one,
        client_of_others(node, url, token, INBOX) as all_,
    ):
        assert one.next()["next"]["data"]["caseChanged"]["id"] == case
        assert len(all_.next()["next"]["data"]["inboxChanged"]["nodes"]) >= 1
        own = revocable.delivered(case, "officer")
        assert own
        revocable.run(revoke(revocable, "officer"))
        for heard in (one, all_):
            told = heard.next()
            while "errors" not in told["next"]:  # the delivery may come first
                told = heard.next()
            assert told["next"]["errors"][0]["extensions"]["code"] == "token_stale"
            assert heard.next() == {"complete": True}


def test_a_client_that_we_did_not_write_is_refused_as_it_expects(
    own_api: Api, node: tuple[str, Path]
) -> None:
    url = f"{own_api.url}/graphql/330523"
    with client_of_others(node, url, "gongzhi_nobody", INBOX) as heard:
        assert "error" in heard.next()


def test_a_stopping_server_lets_every_stream_go_without_an_end(own_api: Api) -> None:
    with listening(own_api, INBOX) as heard:
        heard.next()

        async def stop() -> None:
            own_api.host.feed.stop()
            await asyncio.sleep(0.5)
            own_api.host.feed.stopping = False

        own_api.run(stop())
        # No event `complete`: a client comes again.
        assert heard.next() == "RemoteProtocolError"
