"""The register of apps: who has one, where its people are sent back to, which pages call, and what it may ask for.

The functions write in the caller's unit of work and leave the audit leaf to the caller. Secrets are answered once
and stored as hashes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, cast
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput, NoSuchThing
from gongzhi.identity.acting import legal_day
from gongzhi.identity.tokens import new_secret, secret_hash
from gongzhi.store.unit_of_work import UnitOfWork

Kind = Literal["public", "confidential"]
KINDS: Final[tuple[Kind, ...]] = ("public", "confidential")
"""A public app runs where its user can read it (a page, a phone) and has no secret; a confidential one has a server."""

PRACTICE_PREFIX: Final = "gongzhitry_"
SECRET_PREFIX: Final = "gongzhisecret_"

MOST: Final = 20
"""Redirect addresses, and origins, of one app."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "[::1]", "localhost"})
_URI: Final = re.compile(r"(https?)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[!-~]*)?")
_ORIGIN: Final = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")

NO_REDIRECT: Final = Text(zh="至少登记一个回调地址", en="register at least one redirect address")
TOO_MANY: Final = Text(zh=f"不得超过 {MOST} 个", en=f"must be at most {MOST}")
BAD_REDIRECT: Final = Text(
    zh="须为完整的 https 地址（本机调试可用 http://127.0.0.1），不含 # 片段、账号和通配符",
    en="must be a whole https address (http://127.0.0.1 for trying it on one machine), with no fragment, user or"
    " wildcard",
)
BAD_ORIGIN: Final = Text(
    zh="须为来源，形如 https://host 或 https://host:8443（小写，不含路径和默认端口）",
    en="must be an origin such as https://host or https://host:8443: lower case, no path, no default port",
)
BAD_KIND: Final = Text(zh="须为 public 或 confidential", en="must be public or confidential")
BAD_NAME: Final = Text(zh="须为 1 至 60 个字符", en="must have 1 to 60 characters")
NO_SCOPE: Final = Text(zh="至少登记一个授权范围", en="register at least one scope")


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What an app is registered with. `redirect_uris` are compared letter by letter; `origins` may be empty."""

    name: str
    name_en: str
    organ_id: UUID
    kind: str
    redirect_uris: Sequence[str]
    origins: Sequence[str]
    scopes: Collection[str]


@dataclass(frozen=True, kw_only=True)
class App:
    """A registered app. `id` is its client id; `organ` and `organ_en` name its owner."""

    id: UUID
    name: Text
    organ_id: UUID
    organ: Text
    region: str
    kind: Kind
    redirect_uris: tuple[str, ...]
    origins: tuple[str, ...]
    scopes: frozenset[str]
    secret_hash: bytes | None
    registered_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What is shown once. `secret` is None for a public app."""

    secret: str | None
    practice_key: str


def check(registration: Registration, known: Collection[str]) -> None:
    """Raise `InvalidInput` for a registration that could not be kept to; `known` are the scopes there are."""
    for where, name in (("/name", registration.name), ("/name_en", registration.name_en)):
        if not 1 <= len(name.strip()) <= 60 or not name.isprintable():
            raise InvalidInput(where=where, problem=BAD_NAME)
    if registration.kind not in KINDS:
        raise InvalidInput(where="/kind", problem=BAD_KIND)
    if not registration.redirect_uris:
        raise InvalidInput(where="/redirect_uris", problem=NO_REDIRECT)
    if not registration.scopes:
        raise InvalidInput(where="/scopes", problem=NO_SCOPE)
    _check_each("/redirect_uris", registration.redirect_uris, _is_redirect, BAD_REDIRECT)
    _check_each("/origins", registration.origins, _is_origin, BAD_ORIGIN)
    for index, scope in enumerate(sorted(registration.scopes)):
        if scope not in known:
            listed = ", ".join(sorted(known))
            problem = Text(zh=f"没有这一授权范围；有 {listed}", en=f"no such scope; there are {listed}")
            raise InvalidInput(where=f"/scopes/{index}", problem=problem)


def _check_each(where: str, values: Sequence[str], fits: Callable[[str], bool], problem: Text) -> None:
    if len(values) > MOST:
        raise InvalidInput(where=where, problem=TOO_MANY)
    for index, value in enumerate(values):
        if not fits(value):
            raise InvalidInput(where=f"{where}/{index}", problem=problem)


def _is_redirect(text: str) -> bool:
    found = _URI.fullmatch(text)
    if found is None or len(text) > 500 or any(mark in text for mark in "#*\\"):
        return False
    return found[1] == "https" or found[2] in _LOOPBACK


def _is_origin(text: str) -> bool:
    found = _ORIGIN.fullmatch(text)
    if found is None or len(text) > 200 or found[3] in ((":443",) if found[1] == "https" else (":80",)):
        return False
    return urlsplit(text).hostname is not None and (found[1] == "https" or found[2] in _LOOPBACK)


async def register(
    uow: UnitOfWork, registration: Registration, known: Collection[str], now: datetime
) -> tuple[App, Secrets]:
    """Register an app. Raises `InvalidInput`, and `NoSuchThing` for an organ that is not there today."""
    check(registration, known)
    organ = await uow.fetchval(
        "SELECT id FROM organ WHERE id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR $2 < valid_to)",
        registration.organ_id,
        legal_day(now),
    )
    if organ is None:
        raise NoSuchThing(where="/organ")
    secrets = _new_secrets(registration.kind)
    app_id = uuid4()
    await uow.insert(
        "app",
        {
            "id": app_id,
            "name": registration.name.strip(),
            "name_en": registration.name_en.strip(),
            "organ_id": registration.organ_id,
            "kind": registration.kind,
            "redirect_uris": list(registration.redirect_uris),
            "origins": list(registration.origins),
            "scopes": sorted(registration.scopes),
            "registered_at": now,
            **_hashes(secrets),
        },
    )
    app = await find_app(uow, app_id)
    assert app is not None
    return app, secrets


async def renew(uow: UnitOfWork, app_id: UUID) -> Secrets:
    """A new secret and a new practice key; the old ones are void with the commit. Raises `NoSuchThing`."""
    row = await _live_row(uow, app_id)
    secrets = _new_secrets(row["kind"])
    await uow.update("app", row, **_hashes(secrets))
    return secrets


async def revoke(uow: UnitOfWork, app_id: UUID, now: datetime) -> None:
    """Take an app out of use for good: from the commit on its tokens, codes and keys are refused. Raises `NoSuchThing`."""
    await uow.update("app", await _live_row(uow, app_id), disabled_at=now)


async def find_app(uow: UnitOfWork, app_id: UUID) -> App | None:
    """An app by its client id, a revoked one too."""
    row = await uow.fetchrow(f"{_APPS} WHERE a.id = $1", app_id)
    return None if row is None else app_of(row)


async def apps_below(uow: UnitOfWork, region_prefix: str) -> list[App]:
    """The apps of organs below a region (an SQL prefix such as `33%`), revoked ones too; the newest first."""
    rows = await uow.fetch(
        f"{_APPS} WHERE o.region LIKE $1 ORDER BY a.registered_at DESC, a.id", region_prefix
    )
    return [app_of(row) for row in rows]


async def is_origin_of_any(uow: UnitOfWork, origin: str) -> bool:
    """Whether some app in use has registered this origin."""
    found = await uow.fetchval(
        "SELECT 1 FROM app WHERE origins @> ARRAY[$1]::text[] AND disabled_at IS NULL LIMIT 1", origin
    )
    return found is not None


def app_of(row: Mapping[str, Any]) -> App:
    """The app in a row of `_APPS`."""
    return App(
        id=row["id"],
        name=Text(zh=row["name"], en=row["name_en"]),
        organ_id=row["organ_id"],
        organ=Text(zh=row["organ"], en=row["organ_en"]),
        region=row["region"],
        kind=cast(Kind, row["kind"]),
        redirect_uris=tuple(row["redirect_uris"]),
        origins=tuple(row["origins"]),
        scopes=frozenset(row["scopes"]),
        secret_hash=row["secret_hash"],
        registered_at=row["registered_at"],
        disabled_at=row["disabled_at"],
    )


_APPS: Final = "SELECT a.*, o.name AS organ, o.name_en AS organ_en, o.region FROM app a JOIN organ o ON o.id = a.organ_id"


async def _live_row(uow: UnitOfWork, app_id: UUID) -> dict[str, Any]:
    row = await uow.fetchrow("SELECT * FROM app WHERE id = $1 AND disabled_at IS NULL FOR UPDATE", app_id)
    if row is None:
        raise NoSuchThing(where="/app")
    return row


def _new_secrets(kind: str) -> Secrets:
    return Secrets(
        secret=SECRET_PREFIX + new_secret() if kind == "confidential" else None,
        practice_key=PRACTICE_PREFIX + new_secret(),
    )


def _hashes(secrets: Secrets) -> dict[str, bytes | None]:
    return {
        "secret_hash": None if secrets.secret is None else secret_hash(secrets.secret),
        "practice_hash": secret_hash(secrets.practice_key),
    }
