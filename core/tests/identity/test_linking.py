"""`gongzhi identity …` as an operator uses it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from gongzhi.clock import SystemClock
from gongzhi.errors import TokenStale
from gongzhi.identity.oidc.external import reference_of, subject_key
from gongzhi.identity.sign_in import SignIn
from gongzhi.store import Store

from .conftest import PASSWORD, Town
from .test_cli import Shell

CONFIGURATION = """
[providers.zzd]
kind = "staff"
title = { zh = "浙政钉", en = "Staff" }
issuer = "https://id.example"
client_id = "gongzhi"
client_secret_file = "secret"
"""


@pytest.fixture
def gongzhi(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Shell]:
    (tmp_path / "secret").write_text("s")
    configuration = tmp_path / "providers.toml"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    monkeypatch.setenv("GONGZHI_HOME", str(store.home))
    monkeypatch.setenv("GONGZHI_DATABASE_URL", store.database_url)
    monkeypatch.setenv("GONGZHI_OIDC", str(configuration))
    yield Shell(store, capsys, monkeypatch)
    structlog.reset_defaults()


async def test_an_identity_is_linked_listed_and_unlinked_each_on_record(
    town: Town, gongzhi: Shell, sign_in: SignIn
) -> None:
    linked = await gongzhi("identity", "link", "zzd", "wang", "--subject", "uid-1")
    assert (linked.code, linked.out) == (0, ["账号 wang 已关联 zzd · account wang is linked with zzd"])
    row, count = (await gongzhi("identity", "list")).out
    assert (row.split("\t")[:2], count) == (["zzd", "wang"], "1 个关联 · 1 link")
    now = SystemClock().now()
    session = await sign_in.sign_in("wang", PASSWORD, now)
    assert (await gongzhi("identity", "unlink", "zzd", "wang")).code == 0
    with pytest.raises(TokenStale):
        await sign_in.actor_from_session(session.token, now + timedelta(seconds=1))
    acts = [(leaf.action, leaf.actor, [change.table for change in leaf.rows]) for leaf in await town.leaves()]
    assert acts[0] == ("link_identity", None, ["external_identity"])
    assert ("unlink_identity", None, ["external_identity"]) in acts
    assert (await gongzhi("identity", "list")).out == ["0 个关联 · 0 links"]


async def test_a_reference_links_the_subject_that_it_stands_for(town: Town, gongzhi: Shell) -> None:
    hashed = subject_key(town.store.keys.secret("identity"), "https://id.example", "uid-1")
    await gongzhi("identity", "link", "zzd", "wang", "--reference", reference_of(hashed))
    again = await gongzhi("identity", "link", "zzd", "demo-li", "--subject", "uid-1")
    assert (again.code, again.error[1].split(":")[0]) == (1, "already_exists")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("link", "nobody", "wang", "--subject", "x"), "invalid_argument"),
        (("link", "zzd", "nobody", "--subject", "x"), "not_found"),
        (("link", "zzd", "clinic", "--subject", "x"), "invalid_input"),
        (("link", "zzd", "wang", "--reference", "ABC"), "invalid_input"),
        (("unlink", "zzd", "wang"), "not_found"),
    ],
)
async def test_what_can_not_be_linked_is_refused_and_changes_nothing(
    town: Town, gongzhi: Shell, arguments: tuple[str, ...], code: str
) -> None:
    said = await gongzhi("identity", *arguments)
    assert (said.code, said.error[0].split(":")[0]) == (1, code)
    assert (await gongzhi("identity", "list")).out == ["0 个关联 · 0 links"]
    assert await town.leaves() == []
