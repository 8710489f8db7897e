"""The list of cases taken out as a file: what the list holds, no longer than its reader may see it, on record."""

from __future__ import annotations

import asyncio
import csv
import io
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from python_calamine import CalamineWorkbook

from gongzhi.cases import exports
from gongzhi.cases.lists import CaseLists
from gongzhi.identity.sessions import begin_session
from gongzhi.store.unit_of_work import UnitOfWork

from .support import Api

SINCE = datetime(2026, 1, 5, 1, 30, tzinfo=UTC)
MANY = 3_000
HIDDEN = "不可见"


@pytest.fixture(scope="module")
def full(own_api: Api) -> Api:
    """Thousands of cases that the officer sees, and among them others: sealed ones, and those of other organs."""
    officer = organ_of(own_api, "officer")
    add(own_api, MANY, organ=officer)
    add(own_api, 50, organ=officer, title=f"{HIDDEN}：已封存", sealed=True)
    add(own_api, 50, organ=organ_of(own_api, "deqing_officer"), title=f"{HIDDEN}：别的单位的")

    async def analyse() -> None:
        # What comes in bulk is unknown to the planner until the server's own analysis, a minute later.
        async with own_api.host.store.engine.connection() as connection:
            await connection.execute("ANALYZE cases, case_organ, deadline")

    own_api.run(analyse())
    return own_api


def organ_of(api: Api, login: str) -> UUID:
    (row,) = api.fetch(
        "SELECT w.organ_id FROM account a JOIN post w ON w.id = a.post_id WHERE a.login = $1", login
    )
    return UUID(str(row["organ_id"]))


def add(
    api: Api, count: int, *, organ: UUID, title: str = "走失老人", sealed: bool = False, closed: bool = False
) -> None:
    """Cases straight into the tables, as bulk; one minute apart."""

    async def insert() -> None:
        async with api.host.store.unit_of_work() as uow:
            rows = [
                {
                    "id": uuid4(),
                    "scene": "lost_elder",
                    "version": "1.0.0",
                    "region": "330523",
                    "title": {"zh": title, "en": "Missing elder"},
                    "state": ["told"],
                    "data": {},
                    "minor": False,
                    "sealed_at": SINCE if sealed else None,
                    "closed_at": SINCE if closed else None,
                    "created_at": SINCE,
                    "updated_at": SINCE + timedelta(minutes=number),
                    "row_version": 1,
                }
                for number in range(count)
            ]
            await uow.insert("cases", *rows)
            part = {"organ_id": organ, "role": "police", "since": SINCE}
            await uow.insert("case_organ", *({"id": uuid4(), "case_id": row["id"], **part} for row in rows))

    api.run(insert())


def export(api: Api, as_: str = "officer", *, format: str = "csv", headers: Any = None, **asked: Any) -> Any:
    body = {"format": format, "region": "330523", **asked}
    return api.send("POST", "/exports/cases", as_=as_, json=body, headers=headers or {})


def lines_of(response: httpx.Response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))


def last_export(api: Api) -> dict[str, Any]:
    return api.fetch("SELECT * FROM case_export ORDER BY started_at DESC, id LIMIT 1")[0]


def listed(api: Api, login: str, **options: Any) -> list[str]:
    """Ids of all that the list shows, page by page."""
    ids: list[str] = []
    after = None
    query = """query ($after: String, $open: Boolean, $search: String) {
      cases(first: 100, after: $after, open: $open, search: $search) {
        nodes { id } pageInfo { endCursor hasNextPage } } }"""
    while True:
        page = api.ask(query, as_=login, variables={"after": after, **options}).data["cases"]
        ids += [node["id"].removeprefix("Case:") for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return ids
        after = page["pageInfo"]["endCursor"]


def test_an_export_holds_what_the_list_holds_and_nothing_that_is_hidden(full: Api) -> None:
    response = export(full)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/csv; charset=utf-8")
    assert response.headers["cache-control"] == "private, no-store"
    lines = lines_of(response)
    assert [line[0] for line in lines[1:]] == listed(full, "officer")
    assert len(lines) == 1 + MANY == 1 + int(response.headers["gongzhi-rows"])
    assert HIDDEN not in response.text


def test_the_file_is_what_a_chinese_excel_opens(full: Api) -> None:
    response = export(full)
    assert response.content.startswith(b"\xef\xbb\xbf")
    heading, *_, oldest = lines_of(response)
    assert heading[:6] == ["案件编号", "标题", "场景", "状态", "属地", "行政区划代码"]
    assert oldest[1:6] == ["走失老人", "走失老人", "已报告", "安吉县", "330523"]
    assert oldest[7:] == ["2026-01-05 09:30", "2026-01-05 09:30", ""]
    name = response.headers["content-disposition"]
    assert 'filename="cases-330523-' in name and "filename*=UTF-8''%E6%A1%88%E4%BB%B6" in name


def test_an_xlsx_has_dates_as_dates_and_texts_as_texts(full: Api) -> None:
    add(full, 1, organ=organ_of(full, "deqing_officer"), title="=HYPERLINK(1)")
    full.run(move_to_deqing(full))
    response = export(
        full, "deqing_officer", format="xlsx", region="330521", headers={"accept-language": "en"}
    )
    assert response.status_code == 200
    book = CalamineWorkbook.from_filelike(io.BytesIO(response.content))
    assert book.sheet_names == ["Cases"]
    heading, line = book.get_sheet_by_index(0).to_python()
    assert heading[:4] == ["Case number", "Title", "Scene", "State"]
    assert line[1] == "Missing elder"
    assert str(line[7]) == "2026-01-05 09:30:00" and type(line[7]) is datetime
    chinese = export(full, "deqing_officer", format="xlsx", region="330521")
    _, line = CalamineWorkbook.from_filelike(io.BytesIO(chinese.content)).get_sheet_by_index(0).to_python()
    assert line[1] == "=HYPERLINK(1)"
    _, fields = lines_of(export(full, "deqing_officer", region="330521"))
    assert fields[1] == "'=HYPERLINK(1)"


async def move_to_deqing(api: Api) -> None:
    """The case with the dangerous title, where its scene is at work."""
    async with api.host.store.unit_of_work() as uow:
        await uow.execute(
            "UPDATE cases SET scene = 'well_watch', region = '330521' WHERE title->>'zh' LIKE '=%'"
        )


def test_the_filter_is_that_of_the_page(full: Api) -> None:
    add(full, 7, organ=organ_of(full, "officer"), title="已结", closed=True)
    closed = lines_of(export(full, open=False))
    assert [line[0] for line in closed[1:]] == listed(full, "officer", open=False)
    assert len(closed) == 8
    assert len(lines_of(export(full, scene="well_watch"))) == 1
    assert len(lines_of(export(full, search="没有这样的案件"))) == 1


def test_the_filter_and_the_policy_are_in_the_query(full: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: list[tuple[str, int]] = []
    fetch = UnitOfWork.fetch

    async def spied(self: UnitOfWork, sql: str, *args: Any) -> Any:
        rows = await fetch(self, sql, *args)
        if "FROM cases c" in sql:
            statements.append((sql, len(rows)))
        return rows

    monkeypatch.setattr(UnitOfWork, "fetch", spied)
    lines = lines_of(export(full, open=False))
    read = [count for _, count in statements]
    assert sum(read[:1]) == len(lines) - 1  # rows left out were never read
    for sql, _ in statements:
        assert "c.sealed_at IS NULL" in sql and "co.organ_id" in sql and "c.closed_at IS NOT NULL" in sql


@contextmanager
def running(
    api: Api, as_: str, bearer: str, **asked: Any
) -> Iterator[tuple[httpx.Response, Iterator[bytes]]]:
    """An export whose first bytes have come and that goes on as they are read."""
    with (
        httpx.Client(base_url=api.url, timeout=30) as client,
        client.stream(
            "POST",
            "/exports/cases",
            json={"format": "csv", "region": "330523", **asked},
            headers={"authorization": f"Bearer {bearer}"},
        ) as response,
    ):
        yield response, response.iter_raw()


def fresh_token(api: Api, login: str) -> str:
    async def issue() -> str:
        host = api.host
        async with host.store.unit_of_work() as uow:
            return await host.sign_in.issue_token(uow, login, host.clock.now(), timedelta(hours=1))

    return api.run(issue())


@pytest.fixture
def at_page(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs something on the application's loop once, right before a given page of an export is read."""

    def arrange(number: int, act: Any) -> list[int]:
        seen: list[int] = []
        walk = CaseLists.cases

        async def cases(self: Any, *args: Any, **options: Any) -> Any:
            seen.append(1)
            if len(seen) == number:
                await act()
            return await walk(self, *args, **options)

        monkeypatch.setattr(CaseLists, "cases", cases)
        return seen

    return arrange


def broken_off(api: Api, bearer: str) -> bytes:
    """What a client gets of an export that is broken off: it is told, and it is not all."""
    got = b""
    with running(api, "officer", bearer) as (response, chunks):
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            for chunk in chunks:
                got += chunk
    return got


def ends_of(api: Api) -> list[tuple[str, str, str]]:
    return [
        (leaf["action"], leaf["outcome"], leaf["code"])
        for leaf in api.leaves()
        if leaf["action"].endswith("_export")
    ]


async def revoke_all(api: Api, login: str) -> None:
    host = api.host
    async with host.store.unit_of_work() as uow:
        await host.sign_in.revoke(uow, login, host.clock.now())


def test_revocation_in_the_middle_breaks_a_running_export_off(full: Api, at_page: Any) -> None:
    bearer = fresh_token(full, "officer")
    pages = at_page(5, lambda: revoke_all(full, "officer"))
    got = broken_off(full, bearer)
    assert len(pages) == 5
    # The page that was read before the revocation and not yet handed out stays back too.
    assert got.count(b"\r\n") == 1 + 4 * 100
    row = last_export(full)
    assert (row["rows"], row["outcome"]) == (400, "token_stale")
    assert ends_of(full)[-1] == ("end_export", "refused", "token_stale")
    full.tokens["officer"] = fresh_token(full, "officer")


def test_an_xlsx_of_somebody_revoked_meanwhile_is_refused_whole(full: Api, at_page: Any) -> None:
    at_page(5, lambda: revoke_all(full, "officer"))
    response = export(full, format="xlsx")
    assert (response.status_code, response.json()["code"]) == (401, "token_stale")
    assert last_export(full)["outcome"] == "token_stale"
    full.tokens["officer"] = fresh_token(full, "officer")


def test_a_session_that_is_signed_out_ends_its_export_and_another_ones_goes_on(
    full: Api, at_page: Any
) -> None:
    host = full.host

    async def begin() -> str:
        async with host.store.unit_of_work() as uow:
            actor = await host.directory.actor(uow, "officer", host.clock.now())
            return (await begin_session(uow, actor, host.clock.now())).token

    token = full.run(begin())
    at_page(3, lambda: host.sign_in.sign_out(token, host.clock.now()))
    response = httpx.Client(base_url=full.url, cookies={"gongzhi": token}, timeout=30).post(
        "/exports/cases",
        json={"format": "xlsx", "region": "330523"},
        headers={"sec-fetch-site": "same-origin"},
    )
    assert (response.status_code, response.json()["code"]) == (401, "token_stale")
    assert len(lines_of(export(full, open=True))) == 1 + MANY


@pytest.mark.parametrize(
    ("sql", "undo", "code"),
    [
        (
            "UPDATE post SET valid_to = '2026-01-01' WHERE id = $1",
            "UPDATE post SET valid_to = NULL WHERE id = $1",
            "account_closed",
        ),
        (
            "UPDATE post SET duties = '{clerk}' WHERE id = $1",
            "UPDATE post SET duties = '{handler}' WHERE id = $1",
            "rights_changed",
        ),
        (
            "UPDATE post SET department = '另一科' WHERE id = $1",
            "UPDATE post SET department = '' WHERE id = $1",
            "rights_changed",
        ),
    ],
)
def test_a_post_that_ends_or_changes_breaks_the_export_off(
    full: Api, at_page: Any, sql: str, undo: str, code: str
) -> None:
    (post,) = full.fetch("SELECT post_id FROM account WHERE login = 'officer'")

    async def change(statement: str) -> None:
        async with full.host.store.unit_of_work() as uow:
            await uow.execute(statement, post["post_id"])

    at_page(3, lambda: change(sql))
    try:
        broken_off(full, full.tokens["officer"])
    finally:
        full.run(change(undo))
    assert last_export(full)["outcome"] == code


def test_a_case_sealed_meanwhile_is_not_handed_out_and_one_changed_meanwhile_is_not_lost(
    full: Api, at_page: Any
) -> None:
    ids = listed(full, "officer")
    sealed, changed = UUID(ids[2_500]), UUID(ids[2_600])

    async def meanwhile() -> None:
        now = full.host.clock.now() + timedelta(seconds=1)
        async with full.host.store.unit_of_work() as uow:
            await uow.execute("UPDATE cases SET sealed_at = $2 WHERE id = $1", sealed, now)
            await uow.execute("UPDATE cases SET updated_at = $2 WHERE id = $1", changed, now)

    at_page(3, meanwhile)
    got = [line[0] for line in lines_of(export(full))[1:]]
    assert len(got) == len(set(got))
    assert set(got) == set(ids) - {str(sealed)}
    assert got[-1] == str(changed)


def test_both_ends_of_an_export_are_on_record_with_the_row_that_counts(full: Api) -> None:
    before = len(ends_of(full))
    response = export(full, open=False, scene="lost_elder")
    assert ends_of(full)[before:] == [("begin_export", "read", ""), ("end_export", "read", "")]
    begun, ended = [leaf for leaf in full.leaves() if leaf["action"].endswith("_export")][-2:]
    row = last_export(full)
    assert (row["rows"], row["outcome"]) == (len(lines_of(response)) - 1, "done")
    for leaf in (begun, ended):
        assert (leaf["namespace"], leaf["region"]) == ("lost_elder", "330523")
        assert leaf["input"] is not None and leaf["actor"] is not None
        assert [(r["table"], r["id"]) for r in leaf["rows"]] == [("case_export", str(row["id"]))]


def test_too_many_cases_are_refused_before_anything_is_handed_out(
    full: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_ROWS", 1_000)
    response = export(full)
    assert (response.status_code, response.json()["code"]) == (400, "limit_exceeded")
    assert ends_of(full)[-1] == ("begin_export", "refused", "limit_exceeded")


def test_a_scene_that_the_region_does_not_show_is_refused_and_not_written_down(own_api: Api) -> None:
    begun = "SELECT count(*) AS n FROM case_export"
    before = own_api.fetch(begun)
    response = export(own_api, scene="张小满")
    problem = response.json()
    assert (response.status_code, problem["code"], problem["where"]) == (400, "invalid_input", "/scene")
    assert own_api.fetch(begun) == before
    leaf = own_api.leaves()[-1]
    told = ("cases", "begin_export", "refused", "invalid_input")
    assert (leaf["namespace"], leaf["action"], leaf["outcome"], leaf["code"]) == told
    assert "小满" not in str(leaf)


def test_a_third_export_at_once_has_to_wait(full: Api) -> None:
    bearer = full.tokens["procurator"]
    add(full, 1, organ=organ_of(full, "procurator"))

    async def two_others() -> None:
        host = full.host
        async with host.store.unit_of_work() as uow:
            actor = await host.directory.actor(uow, "procurator", host.clock.now())
            begun = exports.CaseExports(host.store, host.clock, host.audit, host.reading)
            rows = [
                begun._row(exports.Asked(form="csv", region="330523"), actor, host.clock.now())
                for _ in range(2)
            ]
            await uow.insert("case_export", *rows)

    full.run(two_others())
    response = export(full, "procurator")
    assert (response.status_code, response.json()["code"]) == (429, "too_many_requests")
    assert bearer


def test_a_reader_who_leaves_ends_the_export_and_it_is_on_record(
    full: Api, at_page: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pages = at_page(4, lambda: asyncio.sleep(1))
    with running(full, "officer", full.tokens["officer"]) as (_, chunks):
        next(chunks)
    for _ in range(50):
        row = last_export(full)
        if row["ended_at"] is not None:
            break
        full.run(asyncio.sleep(0.1))
    assert (row["outcome"], row["rows"] < MANY, len(pages) < 10) == ("abandoned", True, True)
    assert [record for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.parametrize("login", ["administrator", "auditor"])
def test_administrators_get_an_empty_table(full: Api, login: str) -> None:
    response = export(full, login, region="330000")
    assert (response.status_code, response.headers["gongzhi-rows"], len(lines_of(response))) == (
        200,
        "0",
        1,
    )


def test_an_old_client_gets_all_or_nothing_with_a_length(full: Api) -> None:
    body = b'{"format": "csv", "region": "330523", "open": false}'
    address = urlsplit(full.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(
            b"POST /exports/cases HTTP/1.0\r\ncontent-type: application/json\r\n"
            + f"authorization: Bearer {full.tokens['officer']}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    head, _, content = received.partition(b"\r\n\r\n")
    assert f"content-length: {len(content)}".encode() in head.lower()


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"format": "pdf"}, 400, "invalid_input"),
        ({"region": "999999"}, 404, "no_such_region"),
        ({"region": "x"}, 400, "invalid_input"),
        ({"secret": 1}, 400, "unknown_field"),
        ({"search": "a\x00"}, 400, "invalid_input"),
    ],
)
def test_what_is_wrong_in_a_request_is_said(full: Api, asked: Any, status: int, code: str) -> None:
    response = export(full, **asked)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_visitor_and_another_site_get_nothing(full: Api) -> None:
    body = {"format": "csv"}
    response = full.send("POST", "/exports/cases", as_=None, json=body)
    assert (response.status_code, response.json()["code"]) == (401, "sign_in_required")
    headers = {"cookie": "gongzhi=whatever", "sec-fetch-site": "cross-site"}
    response = full.send("POST", "/exports/cases", as_=None, json=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, "cross_site_request")


def test_an_export_that_is_broken_off_leaves_no_trace_of_code_in_the_log(
    full: Api, at_page: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bearer = fresh_token(full, "officer")
    at_page(3, lambda: revoke_all(full, "officer"))
    with caplog.at_level(logging.INFO):
        broken_off(full, bearer)
    assert [record for record in caplog.records if record.exc_info] == []
    full.tokens["officer"] = fresh_token(full, "officer")
