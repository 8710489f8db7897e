"""The client's side of OpenID Connect: authorization code with PKCE, and what an ID token proves.

OpenID Connect Core 1.0 §3.1, RFC 7636 (S256 only), RFC 9207, RFC 9700. Knows no account; whose a subject is decides
`gongzhi.identity.oidc.external`. Nothing of a claim is logged or put into an error.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import msgspec
import structlog
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import InvalidClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from gongzhi.declarations import Json, Text
from gongzhi.errors import ExternalSignInFailed, ProviderUnavailable
from gongzhi.identity.providers import LOOPBACK, Provider

log = structlog.get_logger()

FRESH: Final = timedelta(hours=1)
"""How long a provider's metadata and keys are kept."""

ROTATED_EVERY: Final = timedelta(seconds=30)
"""A key that we don't know makes us read the keys again, this often at most: anybody can name a key."""

OLDEST: Final = timedelta(minutes=10)
"""An ID token was issued for this sign-in, so just now."""

LEEWAY_SECONDS: Final = 60
TIMEOUT_SECONDS: Final = 5.0
ANSWER_LIMIT_BYTES: Final = 262_144
SUBJECT_MAX_CHARACTERS: Final = 255

NOT_OURS: Final = Text(
    zh="回复与本浏览器发起的登录不符，或已超时",
    en="the answer belongs to no sign-in that this browser began, or is late",
)
CANCELLED: Final = Text(zh="您在对方页面取消了登录", en="you cancelled it there")
REFUSED_THERE: Final = Text(zh="对方拒绝了登录", en="the other side refused it")
OTHER_ISSUER: Final = Text(zh="回复来自另一个提供方", en="the answer is another provider's")
CODE_REFUSED: Final = Text(zh="授权码不被接受", en="the authorization code was not accepted")
UNPROVED: Final = Text(zh="身份令牌校验不通过", en="the ID token does not verify")
REQUIRED: Final = Text(zh="身份级别不符合要求", en="the identity does not meet what is required of it")


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A sign-in that a browser was sent away for. All of it stays between us and that browser."""

    provider: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, kw_only=True)
class Proved:
    """Who a provider says somebody is: its `subject`, never another's, and claims. Never to be logged."""

    subject: str
    claims: Mapping[str, Json]


class _Metadata(msgspec.Struct):
    """What we need of a provider's metadata (OpenID Connect Discovery 1.0 §3, RFC 8414)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    authorization_response_iss_parameter_supported: bool = False
    code_challenge_methods_supported: list[str] | None = None
    token_endpoint_auth_methods_supported: list[str] | None = None


class RelyingParty:
    """Us, as one provider knows us. Metadata and keys are read when first needed, and kept in the process."""

    def __init__(self, provider: Provider, redirect_uri: str) -> None:
        self.provider = provider
        self._redirect_uri = redirect_uri
        self._metadata: tuple[datetime, _Metadata] | None = None
        self._keys: tuple[datetime, KeySet] | None = None
        self._reread_at: datetime | None = None

    async def begin(self, now: datetime) -> tuple[str, Begun]:
        """Where to send the browser, and what to remember of it. Raises `ProviderUnavailable`."""
        metadata = await self._described(now)
        begun = Begun(
            provider=self.provider.id,
            state=generate_token(43),
            nonce=generate_token(43),
            verifier=generate_token(64),
        )
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                metadata.authorization_endpoint,
                state=begun.state,
                nonce=begun.nonce,
                code_verifier=begun.verifier,
                **({"prompt": self.provider.prompt} if self.provider.prompt else {}),
            )
        return url, begun

    async def finish(self, begun: Begun, answer: Mapping[str, str], now: datetime) -> Proved:
        """Who came back, by the parameters of the redirect.

        Raises:
            ExternalSignInFailed: the answer is not one to this sign-in, a refusal, or proves nothing.
            ProviderUnavailable: the provider could not be asked.
        """
        metadata = await self._described(now)
        if not hmac.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise ExternalSignInFailed(problem=NOT_OURS)
        _check_issuer(answer, metadata)
        if "error" in answer:
            raise ExternalSignInFailed(
                problem=CANCELLED if answer["error"] == "access_denied" else REFUSED_THERE
            )
        if not answer.get("code"):
            raise ExternalSignInFailed(problem=NOT_OURS)
        async with self._client(metadata) as client:
            token = await self._redeem(client, metadata, answer["code"], begun.verifier)
            claims = await self._read(str(token.get("id_token", "")), begun.nonce, now)
            if self.provider.userinfo:
                claims = {**await self._userinfo(client, metadata, token, claims), **claims}
        for claim, values in self.provider.required.items():
            if str(claims.get(claim)) not in values:
                raise ExternalSignInFailed(problem=REQUIRED)
        return Proved(subject=claims["sub"], claims=claims)

    async def _redeem(
        self, client: AsyncOAuth2Client, metadata: _Metadata, code: str, verifier: str
    ) -> Mapping[str, Any]:
        with self._asking("token"):
            try:
                token: Mapping[str, Any] = await client.fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                    redirect_uri=self._redirect_uri,
                )
            except OAuthError as error:
                # The error's name is the protocol's; its description is free text and may be personal.
                log.warning("code refused", provider=self.provider.id, error=str(error.error)[:40])
                raise ExternalSignInFailed(problem=CODE_REFUSED) from None
        return token

    async def _read(self, id_token: str, nonce: str, now: datetime) -> Mapping[str, Json]:
        keys = await self._key_set(now)
        try:
            return read_id_token(id_token, keys, self.provider, nonce, now)
        except InvalidKeyIdError:
            pass  # perhaps the provider has new keys
        except (JoseError, ValueError) as error:
            raise self._unproved(error) from None
        try:
            return read_id_token(id_token, await self._key_set(now, again=True), self.provider, nonce, now)
        except (JoseError, ValueError) as error:
            raise self._unproved(error) from None

    def _unproved(self, error: Exception) -> ExternalSignInFailed:
        claim = getattr(error, "claim", "")  # the claim's name, not what it says
        log.warning("id token refused", provider=self.provider.id, error=type(error).__name__, claim=claim)
        return ExternalSignInFailed(problem=UNPROVED)

    async def _userinfo(
        self,
        client: AsyncOAuth2Client,
        metadata: _Metadata,
        token: Mapping[str, Any],
        claims: Mapping[str, Json],
    ) -> Mapping[str, Json]:
        """More claims of the same subject (OpenID Connect Core 1.0 §5.3.2)."""
        headers = {"authorization": f"Bearer {token.get('access_token', '')}"}
        told = await self._get(client, metadata.userinfo_endpoint or "", headers)
        if not isinstance(told, dict) or told.get("sub") != claims["sub"]:
            raise ExternalSignInFailed(problem=UNPROVED)
        return told

    async def _described(self, now: datetime) -> _Metadata:
        if self._metadata is not None and now - self._metadata[0] < FRESH:
            return self._metadata[1]
        address = self.provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
        async with self._client() as client:
            told = await self._get(client, address)
        with self._asking("metadata"):
            metadata = msgspec.convert(told, _Metadata)
            self._check(metadata)
        self._metadata = (now, metadata)
        return metadata

    def _check(self, metadata: _Metadata) -> None:
        """Raises `ValueError` for metadata of another, and for addresses and methods that are not safe."""
        if metadata.issuer != self.provider.issuer:
            raise ValueError("issuer")
        places = [metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri]
        if self.provider.userinfo:
            places.append(metadata.userinfo_endpoint or "")
        for place in places:
            parts = urlsplit(place)
            if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
                raise ValueError("endpoint")
        methods = metadata.code_challenge_methods_supported
        if methods is not None and "S256" not in methods:
            raise ValueError("code_challenge_methods_supported")

    async def _key_set(self, now: datetime, *, again: bool = False) -> KeySet:
        metadata = await self._described(now)
        if self._keys is not None and now - self._keys[0] < FRESH and not (again and self._may_reread(now)):
            return self._keys[1]
        async with self._client() as client:
            told = await self._get(client, metadata.jwks_uri)
        with self._asking("keys"):
            keys = KeySet.import_key_set(told)
        self._keys = (now, keys)
        return keys

    def _may_reread(self, now: datetime) -> bool:
        if self._reread_at is not None and now - self._reread_at < ROTATED_EVERY:
            return False
        self._reread_at = now
        return True

    async def _get(
        self, client: AsyncOAuth2Client, address: str, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The JSON at an address of the provider, which redirects nowhere and is no book."""
        content = b""
        with self._asking("answer"):
            async with client.stream("GET", address, withhold_token=True, headers=headers) as response:
                if response.status_code != 200:
                    raise ValueError("status")
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > ANSWER_LIMIT_BYTES:
                        raise ValueError("length")
            return msgspec.json.decode(content)

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        """Whatever goes wrong with a provider's answer is the provider's; the log says what, the reply doesn't."""
        try:
            yield
        except (httpx2.HTTPError, httpx2.InvalidURL, JoseError, ValueError, KeyError, TypeError) as error:
            log.error(
                "provider unavailable", provider=self.provider.id, what=what, error=type(error).__name__
            )
            raise ProviderUnavailable(provider=self.provider.title) from None

    def _client(self, metadata: _Metadata | None = None) -> AsyncOAuth2Client:
        offered = (metadata and metadata.token_endpoint_auth_methods_supported) or ["client_secret_basic"]
        return AsyncOAuth2Client(
            client_id=self.provider.client_id,
            client_secret=self.provider.client_secret,
            token_endpoint_auth_method=(
                "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
            ),
            scope=" ".join(self.provider.scopes),
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
            trust_env=False,
        )


def read_id_token(
    token: str, keys: KeySet, provider: Provider, nonce: str, now: datetime
) -> Mapping[str, Json]:
    """The claims of an ID token that is signed by one of `keys` for us, for this sign-in, just now.

    Raises `JoseError`; `InvalidKeyIdError` among them when it is signed by a key that is not there.
    """
    claims = jwt.decode(token, keys, algorithms=list(provider.algorithms)).claims
    seconds = int(now.timestamp())
    JWTClaimsRegistry(
        now=seconds,
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": provider.issuer},
        sub={"essential": True},
        aud={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    ).validate(claims)
    # The library takes a list that holds us among others; we trust no other audience (Core 1.0 §3.1.3.7, 3 to 5).
    if claims["aud"] not in (provider.client_id, [provider.client_id]):
        raise InvalidClaimError("aud")
    if claims.get("azp", provider.client_id) != provider.client_id:
        raise InvalidClaimError("azp")
    if seconds - claims["iat"] > OLDEST.total_seconds() + LEEWAY_SECONDS:
        raise InvalidClaimError("iat")
    if len(claims["sub"]) > SUBJECT_MAX_CHARACTERS or isinstance(claims["nonce"], list):
        raise InvalidClaimError("sub")
    return claims


def _check_issuer(answer: Mapping[str, str], metadata: _Metadata) -> None:
    """RFC 9207 §2.4: no answer of one provider is taken for another's."""
    told = answer.get("iss")
    missing = told is None and metadata.authorization_response_iss_parameter_supported
    if missing or told not in (None, metadata.issuer):
        raise ExternalSignInFailed(problem=OTHER_ISSUER)
