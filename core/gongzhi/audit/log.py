"""The write path of the audit log: one row in a queue, in the transaction that it tells of. No lock."""

from __future__ import annotations

from datetime import datetime, timedelta

from gongzhi.audit.leaf import Leaf, Sealer, read_entry
from gongzhi.audit.merkle import leaf_hash
from gongzhi.audit.notes import PublicKey
from gongzhi.store import Store, UnitOfWork


class AuditLog:
    """Takes leaves from every room. `origin` names the log in its checkpoints."""

    def __init__(self, store: Store, *, origin: str = "gongzhi.local/audit") -> None:
        self.origin = origin
        self.sealer = sealer_of(store)
        self.public_key = public_key_of(store, origin)

    async def append(self, uow: UnitOfWork, leaf: Leaf) -> bytes:
        """Put a leaf beside the change it tells of; it stands in the log if, and only if, `uow` commits.

        Append after the changes: a row's entries then follow each other as its changes did. Answers the
        RFC 6962 leaf hash, by which `gongzhi audit proof` finds the entry (the first of several).
        Raises `InvalidInput` for a row that has no canonical form.
        """
        entries = self.sealer.seal(leaf)
        await uow.execute("INSERT INTO audit_pending (leaf) SELECT unnest($1::bytea[])", entries)
        return leaf_hash(entries[0])

    async def refuse(self, uow: UnitOfWork, leaf: Leaf, *, practice: bool) -> None:
        """Put a refusal on record: as a leaf, or under a practice key, whose actor is no account, as one more of its
        code."""
        if practice:
            await self.count(uow, leaf.code, leaf.at)
        else:
            await self.append(uow, leaf)

    async def count(self, uow: UnitOfWork, code: str, at: datetime) -> None:
        """Count what leaves no leaf, by the hour."""
        await uow.execute(
            "INSERT INTO audit_counter (hour, code, count) VALUES (date_trunc('hour', $1::timestamptz), $2, 1)"
            " ON CONFLICT (hour, code) DO UPDATE SET count = audit_counter.count + 1",
            at,
            code,
        )


async def waiting(uow: UnitOfWork, now: datetime) -> tuple[int, int]:
    """How many entries (10,000 at most) wait for their place, and how many seconds the first of them has waited."""
    row = await uow.fetchrow(
        "SELECT count(*) AS entries, (SELECT leaf FROM audit_pending ORDER BY id LIMIT 1) AS first"
        " FROM (SELECT FROM audit_pending LIMIT 10000) AS _"
    )
    assert row is not None
    entry = read_entry(row["first"]) if row["first"] is not None else None
    waited = now - datetime.fromisoformat(entry.at) if entry is not None else timedelta(0)
    return row["entries"], max(0, int(waited.total_seconds()))


def sealer_of(store: Store) -> Sealer:
    """The sealer with the secrets of the store's key folder."""
    return Sealer(row_key=store.keys.row_key, pseudonym_key=store.keys.pseudonym_key)


def public_key_of(store: Store, origin: str) -> PublicKey:
    """The key that checkpoints of the store's log are verified with."""
    return PublicKey.of(origin, store.keys.audit_signing)
