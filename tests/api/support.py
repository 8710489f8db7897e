"""The client that tests of the API speak through, and the documents that several of them send."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import orjson

from gongzhi.audit.tiles import unpack_entries
from gongzhi.host import Host

REPORT = """
mutation ($input: LostElderReportInput!, $key: String!) {
  lostElder { report(input: $input, key: $key) { replayed case { id } letters { id } } }
}
"""

T = TypeVar("T")


def key() -> str:
    """A fresh idempotency key."""
    return secrets.token_hex(8)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A reply to a GraphQL request."""

    status: int
    media_type: str
    body: dict[str, Any]

    @property
    def data(self) -> Any:
        assert "errors" not in self.body, self.body["errors"]
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]


@dataclass
class Api:
    """The server, and who may ask it: bearer tokens by login."""

    url: str = ""
    host: Host = field(init=False)
    loop: asyncio.AbstractEventLoop = field(init=False)
    tokens: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        query: str,
        *,
        as_: str | None = "doctor",
        region: str | None = "330523",
        variables: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """POST a document and answer the reply; in the newer media type unless `headers` say otherwise."""
        response = self.send(
            "POST",
            f"/graphql/{region}" if region else "/graphql",
            as_=as_,
            json={"query": query, "variables": dict(variables or {})},
            headers={"accept": "application/graphql-response+json", **(headers or {})},
        )
        return Reply(
            status=response.status_code,
            media_type=response.headers["content-type"],
            body=response.json(),
        )

    def send(self, method: str, path: str, *, as_: str | None = "doctor", **options: Any) -> httpx.Response:
        """Any HTTP request, with the bearer token of `as_`."""
        headers = dict(options.pop("headers", {}))
        if as_ is not None:
            headers.setdefault("authorization", f"Bearer {self.tokens[as_]}")
        return httpx.request(method, self.url + path, headers=headers, timeout=30, **options)

    def run(self, work: Awaitable[T]) -> T:
        """Run a coroutine on the application's loop."""

        async def whole() -> T:
            return await work

        future: Future[T] = asyncio.run_coroutine_threadsafe(whole(), self.loop)
        return future.result(30)

    def fetch(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        """Rows of the application's database."""

        async def read() -> list[dict[str, Any]]:
            async with self.host.store.unit_of_work() as uow:
                return await uow.fetch(sql, *args)

        return self.run(read())

    def leaves(self) -> list[dict[str, Any]]:
        """Every entry of the audit log, the waiting ones last."""
        # One statement, one snapshot: an entry moves from the queue to the bundles at any time.
        rows = self.fetch(
            "SELECT index, first, entries, NULL AS leaf FROM audit_bundle"
            " UNION ALL SELECT NULL, id, NULL, leaf FROM audit_pending ORDER BY index NULLS LAST, first"
        )
        bundles = [row["entries"] for row in rows if row["entries"] is not None]
        entries = [entry for bundle in bundles for entry in unpack_entries(bundle, where="test")]
        entries += [row["leaf"] for row in rows if row["leaf"] is not None]
        return [orjson.loads(entry) for entry in entries]

    def settled(self) -> int:
        """Wait until every effect that is due is carried out; answers how many entries the log then has."""
        due = "SELECT id FROM outbox WHERE NOT dead AND available_at <= $1 LIMIT 1"
        for _ in range(100):
            if not self.fetch(due, self.host.clock.now()):
                return len(self.leaves())
            time.sleep(0.05)
        raise AssertionError("effects that are due still wait after 5 s")

    def delivered(self, case_id: str, login: str) -> str:
        """Wait until the letter of a case that `login` may sign has come; answers the letter's id."""
        query = "query ($id: ID!) { case(id: $id) { letters { id maySign state } } }"
        for _ in range(100):
            letters = self.ask(query, as_=login, variables={"id": case_id}).data["case"]["letters"]
            for letter in letters:
                if letter["maySign"] and letter["state"] == "delivered":
                    return str(letter["id"])
            time.sleep(0.05)
        raise AssertionError(f"no letter for {login} within 5 s")

    def report(self, about: str = "missed since noon", **more: Any) -> str:
        """Report a missed elder as the doctor; answers the case's id."""
        reply = self.ask(
            REPORT, variables={"input": {"place": "330523", "about": about, **more}, "key": key()}
        )
        return str(reply.data["lostElder"]["report"]["case"]["id"])
