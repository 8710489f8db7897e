"""Who else may say who somebody is: the OIDC providers of an installation, read once from one TOML file.

Values only; the protocol is `gongzhi.identity.oidc.client`, and whose account a subject is `gongzhi.identity.oidc.external`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from gongzhi.declarations import Text
from gongzhi.errors import OidcMisconfigured

ALGORITHMS: Final = ("RS256", "PS256", "ES256")
"""Signatures of ID tokens that may be accepted. None with a shared key, and never `none` (RFC 8725 §3.1, §3.2)."""

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")

_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_BAD_ID: Final = Text(zh=f"名称须符合 {_ID.pattern}", en=f"the name must match {_ID.pattern}")

_CITIZENS_CHOOSE: Final = Text(
    zh="群众和企业可自选用户名，不能据此对应账号",
    en="citizens choose their names; none may stand for an account's login",
)
_NO_LOGIN_CLAIM: Final = Text(zh="match_login 需要 claims.login", en="match_login needs claims.login")
_ONE_SECRET: Final = Text(
    zh="须给出 client_secret_file 或 client_secret_env 之一",
    en="give one of client_secret_file and client_secret_env",
)
_NO_SECRET: Final = Text(zh="读不到客户端密钥，或为空", en="the client's secret can't be read, or is empty")
_UNREADABLE: Final = Text(zh="读不到文件", en="the file can't be read")
_NOT_HTTPS: Final = Text(
    zh="须为 https 地址，不含查询和片段（本机可用 http）",
    en="it must be an https address without query and fragment (http on this machine only)",
)
_UNSAFE_ALGORITHM: Final = Text(
    zh=f"签名算法须为 {'、'.join(ALGORITHMS)}", en=f"signatures must be of {', '.join(ALGORITHMS)}"
)


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A provider of OIDC sign-in.

    `kind` says whom it knows: `staff` of organs (浙政钉), or `citizen`, people and companies (浙里办). `login_claim`,
    `organ_claim` and `name_claim` name the claims that hold an account's login, its organ's unified social credit code
    and its person's name; the last two, where named, must agree with the account. `required` are claims that must have
    one of the values, whatever the account.
    """

    id: str
    kind: Literal["staff", "citizen"]
    title: Text
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: Sequence[str] = ("openid",)
    algorithms: Sequence[str] = ALGORITHMS
    userinfo: bool = False
    prompt: Literal["login", "select_account"] | None = None
    match_login: bool = False
    login_claim: str | None = None
    organ_claim: str | None = None
    name_claim: str | None = None
    required: Mapping[str, Sequence[str]] = field(default_factory=dict)


class _Title(msgspec.Struct, forbid_unknown_fields=True):
    zh: str
    en: str


class _Claims(msgspec.Struct, forbid_unknown_fields=True):
    login: str | None = None
    organ: str | None = None
    name: str | None = None


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    """A provider as the file has it."""

    kind: Literal["staff", "citizen"]
    title: _Title
    issuer: str
    client_id: str
    client_secret_file: str | None = None
    client_secret_env: str | None = None
    scopes: list[str] = msgspec.field(default_factory=lambda: ["openid"])
    algorithms: list[str] = msgspec.field(default_factory=lambda: list(ALGORITHMS))
    userinfo: bool = False
    prompt: Literal["login", "select_account"] | None = None
    match_login: bool = False
    claims: _Claims = msgspec.field(default_factory=_Claims)
    required: dict[str, list[str]] = msgspec.field(default_factory=dict)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    providers: dict[str, _Written]


def read_providers(path: Path | None, environment: Mapping[str, str] = os.environ) -> dict[str, Provider]:
    """The providers in a file by id, in its order; none without a file.

    Raises `OidcMisconfigured`, which says where and what: better no start than a door that is half open.
    """
    if path is None:
        return {}
    try:
        written = msgspec.toml.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise _misconfigured(path.name, _UNREADABLE) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _misconfigured(path.name, str(error)) from error
    return {
        id: _provider(f"providers.{id}", id, one, path.parent, environment)
        for id, one in written.providers.items()
    }


def _provider(where: str, id: str, one: _Written, folder: Path, environment: Mapping[str, str]) -> Provider:
    problems = {
        "": None if _ID.fullmatch(id) else _BAD_ID,
        ".issuer": None if _is_issuer(one.issuer) else _NOT_HTTPS,
        ".algorithms": None if _are_safe(one.algorithms) else _UNSAFE_ALGORITHM,
        ".match_login": _unmatchable(one),
    }
    for place, problem in problems.items():
        if problem is not None:
            raise _misconfigured(where + place, problem)
    return Provider(
        id=id,
        kind=one.kind,
        title=Text(zh=one.title.zh, en=one.title.en),
        issuer=one.issuer,
        client_id=one.client_id,
        client_secret=_secret(where, one, folder, environment),
        scopes=tuple(dict.fromkeys(["openid", *one.scopes])),
        algorithms=tuple(one.algorithms),
        userinfo=one.userinfo,
        prompt=one.prompt,
        match_login=one.match_login,
        login_claim=one.claims.login,
        organ_claim=one.claims.organ,
        name_claim=one.claims.name,
        required={claim: tuple(values) for claim, values in one.required.items()},
    )


def _are_safe(algorithms: Sequence[str]) -> bool:
    return bool(algorithms) and set(algorithms) <= set(ALGORITHMS)


def _unmatchable(one: _Written) -> Text | None:
    if not one.match_login:
        return None
    if one.kind == "citizen":
        return _CITIZENS_CHOOSE
    return None if one.claims.login else _NO_LOGIN_CLAIM


def _is_issuer(url: str) -> bool:
    """OpenID Connect Discovery 1.0 §3; plain http on this machine only."""
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return safe and bool(parts.hostname) and not (parts.query or parts.fragment or parts.username)


def _secret(where: str, one: _Written, folder: Path, environment: Mapping[str, str]) -> str:
    """The client's secret from its file (beside the providers' file unless absolute) or its variable."""
    if (one.client_secret_file is None) == (one.client_secret_env is None):
        raise _misconfigured(where, _ONE_SECRET)
    if one.client_secret_file is not None:
        place = f"{where}.client_secret_file"
        try:
            secret = (folder / one.client_secret_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise _misconfigured(place, _NO_SECRET) from error
    else:
        place = f"{where}.client_secret_env"
        secret = environment.get(one.client_secret_env or "", "").strip()
    if not secret:
        raise _misconfigured(place, _NO_SECRET)
    return secret


def _misconfigured(place: str, problem: Text | str) -> OidcMisconfigured:
    return OidcMisconfigured(where="GONGZHI_OIDC", place=place, problem=problem)
