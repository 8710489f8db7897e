"""`gongzhi audit …`: verify, prove, scan and export the log. Speaks to the database, a URL or a folder.

Exit codes: 0 all holds; 1 something does not, or was refused; 3 there is no log yet.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

from gongzhi.audit.export import export_log
from gongzhi.audit.faults import bad_argument, unreachable
from gongzhi.audit.log import AuditLog
from gongzhi.audit.notes import PublicKey, resembles_checkpoint
from gongzhi.audit.proof import prove_inclusion
from gongzhi.audit.scan import scan
from gongzhi.audit.sequencer import ANY_TREE
from gongzhi.audit.sources import DatabaseSource, FolderSource, Source, UrlSource
from gongzhi.audit.verify import Verified, verify_log
from gongzhi.errors import AuditNotStarted, NoSuchThing
from gongzhi.plurals import counted
from gongzhi.settings import Settings
from gongzhi.store import Store, UnitOfWork

Action = Callable[[argparse.Namespace], Coroutine[object, object, int]]
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_audit_commands(subparsers: Subparsers) -> None:
    """Add `audit` to the parser of `gongzhi`; each subcommand sets `run`, which answers an exit code."""
    audit = subparsers.add_parser("audit", help="verify, prove, scan and export the audit log")
    actions = audit.add_subparsers(dest="action", required=True, metavar="action")
    _add_verify(actions)
    _add_proof(actions)
    scanning = actions.add_parser("scan", help="compare every audited row with the log")
    scanning.set_defaults(run=_runner(_scan))
    exporting = actions.add_parser("export", help="write the log as a folder of tlog-tiles files")
    exporting.add_argument("folder", type=Path)
    exporting.set_defaults(run=_runner(_export))
    key = actions.add_parser("key", help="print the public key that checkpoints are verified with")
    key.set_defaults(run=_runner(_key))


def _add_verify(actions: Subparsers) -> None:
    verify = actions.add_parser("verify", help="hash every entry again, up to the signed root")
    place = verify.add_mutually_exclusive_group()
    place.add_argument("--url", help="a log's prefix, such as https://host/audit")
    place.add_argument("--folder", type=Path, help="a folder of tlog-tiles files")
    verify.add_argument("--public-key", help="name+id+key; without it the one of our own key folder")
    verify.add_argument(
        "--checkpoint", type=Path, help="a checkpoint kept from before; the log must continue it"
    )
    verify.add_argument(
        "--tiles-only",
        action="store_true",
        help="leave the entries out; otherwise $GONGZHI_TOKEN must be an audit administrator's",
    )
    verify.set_defaults(run=_runner(_verify))


def _add_proof(actions: Subparsers) -> None:
    proof = actions.add_parser("proof", help="print the proof that an entry is in the log (C2SP tlog-proof)")
    proof.add_argument("entry", help="leaf hash (64 hex digits), or the id of a case's event")
    proof.set_defaults(run=_runner(_proof))


def _runner(action: Action) -> Callable[[argparse.Namespace], int]:
    return lambda arguments: asyncio.run(action(arguments))


@asynccontextmanager
async def _opened() -> AsyncIterator[tuple[Store, AuditLog]]:
    settings = Settings.from_environment()
    store = await Store.open(home=settings.home, database_url=settings.database_url, pool_size=2)
    try:
        await store.migrate()
        yield store, AuditLog(store, origin=settings.audit_origin)
    finally:
        await store.close()


async def _snapshot(uow: UnitOfWork, *, began: bool = False) -> DatabaseSource:
    """Our own log as it stands now, whatever the sequencer adds meanwhile.

    Raises `AuditNotStarted` where there is none, unless somebody knows that it `began`.
    """
    await uow.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    if not began:
        await _must_have_begun(uow)
    return DatabaseSource(connection=uow.connection)


async def _must_have_begun(uow: UnitOfWork) -> None:
    """Raises `AuditNotStarted` where nothing of a log is there: no head, and no tree that has lost its head."""
    if not await uow.fetchval(f"SELECT EXISTS (TABLE audit_head) OR {ANY_TREE}"):
        raise AuditNotStarted


async def _verify(arguments: argparse.Namespace) -> int:
    elsewhere = _elsewhere(arguments)
    if elsewhere is not None:
        if not arguments.public_key:
            _must_have_a_key()
        await _must_be_a_log(elsewhere, arguments.url or str(arguments.folder))
        if arguments.public_key:
            _tell(await _verified(arguments, elsewhere, PublicKey.parse(arguments.public_key)))
            return 0
    async with _opened() as (store, log), store.unit_of_work() as uow:
        key = PublicKey.parse(arguments.public_key) if arguments.public_key else log.public_key
        # Whoever brings a checkpoint knows that there was a log: that it is gone is no beginning.
        source = elsewhere or await _snapshot(uow, began=arguments.checkpoint is not None)
        _tell(await _verified(arguments, source, key))
    return 0


def _elsewhere(arguments: argparse.Namespace) -> Source | None:
    if arguments.url:
        return UrlSource(url=arguments.url, token=os.environ.get("GONGZHI_TOKEN"))
    return FolderSource(folder=arguments.folder) if arguments.folder else None


def _must_have_a_key() -> None:
    """Whoever verifies a log elsewhere brings its key; ours would be made now, and could have signed nothing."""
    if not (Settings.from_environment().home / "keys").exists():
        raise bad_argument(
            "--public-key",
            zh="此处没有日志的密钥，请给出公钥",
            en="there is no log's key here, give the public key",
        )


async def _must_be_a_log(source: Source, address: str) -> None:
    """Raises `AuditUnreachable` where there is no checkpoint, or nothing that was ever one."""
    try:
        note = await source.checkpoint()
    except NoSuchThing as error:
        raise unreachable(address, zh="那里没有 checkpoint", en="there is no checkpoint") from error
    if not resembles_checkpoint(note):
        raise unreachable(address, zh="那里的 checkpoint 不是检查点", en="what is there is not a checkpoint")


async def _verified(arguments: argparse.Namespace, source: Source, key: PublicKey) -> Verified:
    older = _kept(arguments.checkpoint) if arguments.checkpoint else None
    return await verify_log(source, key, read_entries=not arguments.tiles_only, older_note=older)


def _kept(file: Path) -> bytes:
    try:
        note = file.read_bytes()
    except OSError as error:
        raise bad_argument("--checkpoint", zh=f"无法读取 {file}", en=f"{file} can't be read") from error
    if not resembles_checkpoint(note):
        raise bad_argument("--checkpoint", zh=f"{file} 不是检查点", en=f"{file} is not a checkpoint")
    return note


def _tell(verified: Verified) -> None:
    checkpoint = verified.checkpoint
    what = (
        "每一条目均已重新计算 · every entry was hashed again"
        if verified.entries_read
        else "只校验了哈希，未读取条目 · hashes only, no entry was read"
    )
    _print(f"审计日志校验通过 · the audit log verifies: {what}")
    _print(f"origin {checkpoint.origin}\nsize   {checkpoint.size}\nroot   {checkpoint.root.hex()}")


async def _proof(arguments: argparse.Namespace) -> int:
    async with _opened() as (store, log), store.unit_of_work() as uow:
        source = await _snapshot(uow)
        leaf = await _leaf_hash(uow, arguments.entry)
        index = await uow.fetchval("SELECT index FROM audit_position WHERE leaf_hash = $1", leaf)
        if index is None:
            raise NoSuchThing(where=arguments.entry)
        proof = await prove_inclusion(source, index, log.public_key)
        proof.check(leaf, log.public_key)
    sys.stdout.write(str(proof))
    return 0


async def _leaf_hash(uow: UnitOfWork, entry: str) -> bytes:
    try:
        if len(entry) == 64:
            return bytes.fromhex(entry)
        event = UUID(entry.removeprefix("TimelineEvent:"))  # so the API writes it
    except ValueError as error:
        raise bad_argument(
            "entry",
            zh="应为 64 位十六进制，或案件事件的编号",
            en="it is neither 64 hex digits nor the id of a case's event",
        ) from error
    leaf = await uow.fetchval("SELECT leaf_hash FROM case_event WHERE id = $1", event)
    if leaf is None:
        raise NoSuchThing(where=entry)
    return bytes(leaf)


async def _scan(_arguments: argparse.Namespace) -> int:
    async with _opened() as (store, log):
        async with store.unit_of_work() as uow:
            await _must_have_begun(uow)
        found = await scan(store, log)
    for finding in found.findings:
        _print(str(finding))
    count, entries = len(found.findings), found.checkpoint.size + found.waiting
    _print(f"{found.rows} 行、{entries} 条目，{count} 处不符")
    _print(
        f"{counted(found.rows, 'row', 'rows')}, {counted(entries, 'entry', 'entries')},"
        f" {counted(count, 'finding', 'findings')}"
    )
    return 1 if found.findings else 0


async def _export(arguments: argparse.Namespace) -> int:
    async with _opened() as (store, log), store.unit_of_work() as uow:
        size = await export_log(await _snapshot(uow), log.public_key, arguments.folder)
    _print(f"{size} 条目 → {arguments.folder} · {counted(size, 'entry', 'entries')}\n{log.public_key}")
    return 0


async def _key(_arguments: argparse.Namespace) -> int:
    async with _opened() as (_store, log):
        _print(str(log.public_key))
    return 0


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
