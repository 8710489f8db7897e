"""What is kept for a while only: idempotency keys, the inbox of done messages, sessions that ended, files of nobody,
what undoing an import needs.

Tokens that were issued by hand stay: a stale one is told that it is stale. Those of a secret go after a day, since each
lasts a quarter of an hour and nobody waits with one. Failed sign-ins are swept by whoever counts the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gongzhi.clock import Clock
from gongzhi.identity.client_secrets import TOKEN_LASTS
from gongzhi.identity.imports.imports import UNDO_DAYS
from gongzhi.store import Store

log = structlog.get_logger()

KEPT = {
    "DELETE FROM idempotency WHERE at < $1": timedelta(days=7),
    "DELETE FROM inbox WHERE done_at < $1": timedelta(days=30),
    "DELETE FROM web_session WHERE expires_at < $1": timedelta(days=1),
    "DELETE FROM access_token WHERE expires_at < $1"
    f" AND expires_at - created_at = interval '{int(TOKEN_LASTS.total_seconds())} seconds'": timedelta(
        days=1
    ),
    "DELETE FROM directory_import_row r USING directory_import i WHERE i.id = r.import_id AND i.at < $1": timedelta(
        days=UNDO_DAYS + 1
    ),
}
"""How long each is kept. A broker redelivers within hours, so thirty days of inbox are ample."""

FILES_KEPT = timedelta(days=1)
"""A file is put before the delivery that refers to it commits; one that failed or was killed leaves it behind."""

ASIDE_KEPT = timedelta(days=30)
"""A file that nothing refers to is set aside for so long: a backup restored meanwhile may still speak of it."""

EVERY_SECONDS = 3600


async def sweep(store: Store, now: datetime) -> None:
    """Delete what is older than it is kept."""
    async with store.unit_of_work() as uow:
        for statement, kept in KEPT.items():
            await uow.execute(statement, now - kept)


@dataclass(frozen=True, kw_only=True)
class SweptFiles:
    """How many files were set aside, brought back because something refers to them again, and deleted for good."""

    set_aside: int
    brought_back: int
    deleted: int


async def sweep_files(store: Store) -> SweptFiles:
    """Set aside files that nothing refers to any more, and delete those set aside `ASIDE_KEPT` ago; none at once."""
    files = store.files
    aside = await files.aside()
    missed = aside - await _orphans(store, aside)
    await files.bring_back(missed)
    deleted = await files.forget(await files.aside(ASIDE_KEPT))
    old = await files.old(FILES_KEPT)
    orphans = await _orphans(store, old)
    if 2 * len(orphans) > len(old):
        # Failed deliveries are few. So many mean another database than the one that these files belong to: an empty
        # one by mistake, an old backup.
        log.warning("files left alone, most belong to no letter here", files=len(old), orphans=len(orphans))
        orphans = set()
    moved = await files.set_aside(orphans, FILES_KEPT) if orphans else 0
    return SweptFiles(set_aside=moved, brought_back=len(missed), deleted=deleted)


async def _orphans(store: Store, hashes: Collection[bytes]) -> set[bytes]:
    """Those that nothing in the database refers to."""
    async with store.unit_of_work() as uow:
        rows = await uow.fetch(
            "SELECT unnest($1::bytea[]) AS sha256 EXCEPT SELECT document_sha256 FROM letter", list(hashes)
        )
    return {row["sha256"] for row in rows}


async def keep_sweeping(store: Store, clock: Clock) -> None:
    """Sweep now and every hour, until cancelled; what fails is logged and tried again."""
    while True:
        try:
            await sweep(store, clock.now())
            await sweep_files(store)
        except Exception as error:
            # The class only: the text of what is not foreseen may be personal.
            log.error("sweep postponed", error=type(error).__name__)
        await asyncio.sleep(EVERY_SECONDS)
