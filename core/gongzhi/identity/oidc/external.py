"""Identities that others vouch for, and whose account each is: linked by an administrator, or by an agreed claim.

A subject is kept as a keyed hash, which is also the reference by which it is linked: neither the database nor the log
nor an administrator's screen holds what a provider calls a person.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg

from gongzhi.declarations import Text
from gongzhi.errors import (
    AccountClosed,
    AlreadyExists,
    ExternalSignInFailed,
    IdentityNotLinked,
    InvalidInput,
    LinkNotVouched,
    NoSuchThing,
    Refused,
    TooManyRequests,
)
from gongzhi.identity.actors import administers
from gongzhi.identity.credentials import Credentials, given
from gongzhi.identity.journal import Journal, act_of
from gongzhi.identity.oidc.client import Proved
from gongzhi.identity.passwords import normal_login
from gongzhi.identity.providers import Provider
from gongzhi.identity.sessions import Session, begin_session
from gongzhi.store.store import Store
from gongzhi.store.unit_of_work import UnitOfWork

_KEY_BYTES: Final = 16
_REFERENCE: Final = re.compile(r"[A-Z2-7]{26}")

DISAGREES: Final = Text(
    zh="对方给出的单位或姓名与账号不符", en="organ or name there do not agree with the account here"
)
ONE_ACCOUNT: Final = Text(
    zh="身份或账号在该提供方的关联", en="link of this identity, or of this account, with the provider"
)
NO_REFERENCE: Final = Text(
    zh="须为拒绝页面上的关联码，26 个字母和数字",
    en="it must be the reference of the refusal's page, 26 letters and digits",
)
PEOPLE_ONLY: Final = Text(zh="服务账号不能关联", en="a service account can't be linked")

# Whoever revokes or closes holds the account's row, whoever unlinks deletes the link's: what they end can't begin here.
_LINKED: Final = """
SELECT a.id, e.vouched_at FROM external_identity e JOIN account a ON a.id = e.account_id
WHERE e.provider = $1 AND e.subject_key = $2 AND a.kind = 'person'
FOR NO KEY UPDATE OF a FOR KEY SHARE OF e
"""
_REGISTERED: Final = """
SELECT o.uscc, p.name FROM account a JOIN post w ON w.id = a.post_id
JOIN organ o ON o.id = w.organ_id JOIN person p ON p.id = w.person_id WHERE a.id = $1
"""


def subject_key(key: bytes, issuer: str, subject: str) -> bytes:
    """What stands for a provider's subject here, 16 bytes; `key` is the installation's."""
    return hmac.digest(key, f"{issuer}\0{subject}".encode(), hashlib.sha256)[:_KEY_BYTES]


def reference_of(hashed: bytes) -> str:
    """A subject's key as people copy it: 26 letters and digits, in groups."""
    letters = base64.b32encode(hashed).decode().rstrip("=")
    return "-".join(letters[start : start + 5] for start in range(0, len(letters), 5))


def read_reference(text: str) -> bytes:
    """The key in a reference. Raises `InvalidInput`."""
    letters = re.sub(r"[\s-]", "", text).upper()
    if not _REFERENCE.fullmatch(letters):
        raise InvalidInput(where="/reference", problem=NO_REFERENCE)
    return base64.b32decode(letters + "=" * 6)


async def link(
    uow: UnitOfWork, provider: str, hashed: bytes, account_id: UUID, now: datetime, *, matched: bool = False
) -> None:
    """Let a subject sign in as an account: one subject an account and provider, one account a subject.

    `matched` says that it came about by an agreed claim and nobody vouches for it. Such a link stops at an
    administrator's account until somebody links the same two on purpose.

    Raises `AlreadyExists`.
    """
    same = await uow.fetchrow(
        "SELECT * FROM external_identity"
        " WHERE provider = $1 AND subject_key = $2 AND account_id = $3 AND vouched_at IS NULL FOR UPDATE",
        provider,
        hashed,
        account_id,
    )
    if same is not None and not matched:
        await uow.update("external_identity", same, vouched_at=now)
        return
    row = {
        "id": uuid4(),
        "provider": provider,
        "subject_key": hashed,
        "account_id": account_id,
        "linked_at": now,
        "vouched_at": None if matched else now,
    }
    try:
        async with uow.savepoint():
            await uow.insert("external_identity", row)
    except asyncpg.UniqueViolationError as error:
        raise AlreadyExists(where="/identity", what=ONE_ACCOUNT) from error


async def unlink(uow: UnitOfWork, provider: str, account_id: UUID) -> None:
    """Undo a link. Raises `NoSuchThing`."""
    row = await uow.fetchrow(
        "SELECT * FROM external_identity WHERE provider = $1 AND account_id = $2 FOR UPDATE",
        provider,
        account_id,
    )
    if row is None:
        raise NoSuchThing(where="/identity")
    await uow.delete("external_identity", row)


class ExternalSignIn(Credentials):
    """Signs in whom a provider has proved; `key` stands behind the hashes of subjects, 32 bytes."""

    def __init__(self, *, store: Store, journal: Journal, secret: bytes, key: bytes) -> None:
        super().__init__(store=store, journal=journal, secret=secret)
        self._key = key

    async def admit(self, now: datetime, *, address: str) -> None:
        """Raises `TooManyRequests` while too much has failed from an address."""
        async with self._store.unit_of_work() as uow:
            seconds = await self._attempts.seconds_blocked(uow, "address", address, now)
            if seconds:
                await self._journal.count(uow, TooManyRequests.code, now)
        if seconds:
            raise TooManyRequests(seconds=seconds)

    async def failed(self, refusal: Refused, now: datetime, *, address: str) -> None:
        """Count an answer that proved nothing, against the address that brought it."""
        async with self._store.unit_of_work() as uow:
            await self._attempts.fail(uow, "address", address, now)
            await self._journal.count(uow, refusal.code, now)

    async def sign_in(
        self, provider: Provider, proved: Proved, now: datetime, *, client: str = ""
    ) -> Session:
        """Begin a session for the account that a proved identity is linked to, or agrees with for the first time.

        Raises:
            IdentityNotLinked: there is none: whoever belongs to no organ here has nothing to do here.
            LinkNotVouched: it is linked by itself to an administrator's account.
            ExternalSignInFailed: organ or name, where the provider's configuration names them, are not the account's.
            AccountClosed: the account, its post or its organ is closed.
        """
        hashed = subject_key(self._key, provider.issuer, proved.subject)
        async with self._store.unit_of_work() as uow:
            account: Mapping[str, Any] | None = await uow.fetchrow(_LINKED, provider.id, hashed)
            if account is None:
                account = await self._matched(uow, provider, proved, hashed, now)
            if account is None:
                refusal = IdentityNotLinked(provider=provider.title, reference=reference_of(hashed))
                await self._journal.count(uow, refusal.code, now)
                outcome: Session | Refused = refusal
            else:
                outcome = await self._enter(uow, provider, proved, account, now, client)
        return given(outcome)

    async def _enter(
        self,
        uow: UnitOfWork,
        provider: Provider,
        proved: Proved,
        linked: Mapping[str, Any],
        now: datetime,
        client: str,
    ) -> Session | Refused:
        account_id: UUID = linked["id"]
        actor = await self._actor(uow, account_id, now)
        refusal: Refused | None = None
        if actor is None:
            refusal = AccountClosed()
        elif linked["vouched_at"] is None and administers(actor):
            hashed = subject_key(self._key, provider.issuer, proved.subject)
            refusal = LinkNotVouched(provider=provider.title, reference=reference_of(hashed))
        elif not await _agrees(uow, provider, proved.claims, account_id):
            refusal = ExternalSignInFailed(problem=DISAGREES)
        rows = tuple(uow.changes)
        act = act_of("oidc_sign_in", account_id, actor, now, refusal=refusal, rows=rows)
        await self._journal.act(uow, act)
        if actor is None or refusal is not None:
            return refusal or AccountClosed()
        return await begin_session(uow, actor, now, client=client)

    async def _matched(
        self, uow: UnitOfWork, provider: Provider, proved: Proved, hashed: bytes, now: datetime
    ) -> Mapping[str, Any] | None:
        """The account whose login the provider names, linked from now on; None unless the configuration says so.

        Never an administrator's, which another administrator links, nor one that is linked to somebody else there.
        """
        login = proved.claims.get(provider.login_claim or "")
        if not provider.match_login or not isinstance(login, str):
            return None
        account = await uow.fetchrow(
            "SELECT * FROM account WHERE login = $1 AND kind = 'person' FOR NO KEY UPDATE",
            normal_login(login),
        )
        if account is None:
            return None
        actor = await self._actor(uow, account["id"], now)
        if actor is None or administers(actor):
            return None
        if not await _agrees(uow, provider, proved.claims, account["id"]):
            return None
        # Another request may have done it just now, or the subject or the account be linked to somebody else.
        with contextlib.suppress(AlreadyExists):
            await link(uow, provider.id, hashed, account["id"], now, matched=True)
        return await uow.fetchrow(_LINKED, provider.id, hashed)


async def _agrees(uow: UnitOfWork, provider: Provider, claims: Mapping[str, Any], account_id: UUID) -> bool:
    """Whether organ and name, where the provider's configuration names their claims, are those of the account."""
    wanted = {"uscc": provider.organ_claim, "name": provider.name_claim}
    registered = await uow.fetchrow(_REGISTERED, account_id)
    return registered is not None and all(
        claim is None or (registered[column] is not None and claims.get(claim) == registered[column])
        for column, claim in wanted.items()
    )
