"""What an ID token must be before anybody believes it, claim by claim; and the file that names its issuers."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput, OidcMisconfigured
from gongzhi.identity.oidc.client import read_id_token
from gongzhi.identity.oidc.external import read_reference, reference_of, subject_key
from gongzhi.identity.providers import Provider, read_providers
from gongzhi.identity.sealed import Seal

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
NONCE = "the nonce of this sign-in"
KEY = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig", "alg": "RS256"})
OTHER = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig", "alg": "RS256"})
KEYS = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
PROVIDER = Provider(
    id="zzd",
    kind="staff",
    title=Text(zh="浙政钉", en="Staff"),
    issuer="https://id.example",
    client_id="gongzhi",
    client_secret="secret",
)
CLAIMS: dict[str, Any] = {
    "iss": "https://id.example",
    "sub": "subject",
    "aud": "gongzhi",
    "exp": SECONDS + 300,
    "iat": SECONDS,
    "nonce": NONCE,
}


def signed(claims: dict[str, Any], *, key: Any = KEY, alg: str = "RS256", kid: str | None = "one") -> str:
    header = {"alg": alg} if kid is None else {"alg": alg, "kid": kid}
    return jwt.encode(header, claims, key, algorithms=[alg])


def test_a_token_for_us_signed_just_now_is_believed() -> None:
    assert read_id_token(signed(CLAIMS), KEYS, PROVIDER, NONCE, NOW) == CLAIMS
    listed = {**CLAIMS, "aud": ["gongzhi"], "azp": "gongzhi"}
    assert read_id_token(signed(listed), KEYS, PROVIDER, NONCE, NOW) == listed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iss", "https://another.example"),
        ("iss", "https://id.example/"),
        ("sub", ""),
        ("sub", 7),
        ("sub", "x" * 256),
        ("aud", "another"),
        ("aud", ["gongzhi", "another"]),
        ("aud", []),
        ("azp", "another"),
        ("exp", SECONDS - 61),
        ("exp", "tomorrow"),
        ("iat", SECONDS + 120),
        ("iat", SECONDS - 661),
        ("nbf", SECONDS + 120),
        ("nonce", "another"),
        ("nonce", [NONCE]),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(name: str, value: object) -> None:
    with pytest.raises(JoseError):
        read_id_token(signed({**CLAIMS, name: value}), KEYS, PROVIDER, NONCE, NOW)


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "iat", "nonce"])
def test_a_token_without_a_claim_that_binds_it_is_refused(name: str) -> None:
    with pytest.raises(JoseError):
        read_id_token(signed({n: v for n, v in CLAIMS.items() if n != name}), KEYS, PROVIDER, NONCE, NOW)


def test_a_signature_of_another_key_is_refused() -> None:
    with pytest.raises(JoseError):
        read_id_token(signed(CLAIMS, key=OTHER), KEYS, PROVIDER, NONCE, NOW)
    with pytest.raises(InvalidKeyIdError):
        read_id_token(signed(CLAIMS, key=OTHER, kid="two"), KEYS, PROVIDER, NONCE, NOW)


def test_a_token_that_is_not_signed_or_with_the_public_key_as_a_secret_is_refused() -> None:
    """RFC 8725 §2.1: `none`, and HMAC keyed with what everybody knows."""
    _, body, _ = signed(CLAIMS).split(".")
    for token in (
        f"{_part({'alg': 'none'})}.{body}.",
        f"{_part({'alg': 'none', 'kid': 'one'})}.{body}.",
        _with_hmac(body, KEY.as_pem(private=False)),
        _with_hmac(body, b"secret"),
        "",
        "a.b.c",
    ):
        with pytest.raises((JoseError, ValueError)):
            read_id_token(token, KEYS, PROVIDER, NONCE, NOW)


def _part(header: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")


def _with_hmac(body: str, secret: bytes) -> str:
    """By hand, since the library refuses to sign so."""
    head = _part({"alg": "HS256", "kid": "one"})
    mac = hmac.digest(secret, f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def test_an_algorithm_that_the_configuration_leaves_out_is_refused() -> None:
    curve = ECKey.generate_key("P-256", parameters={"kid": "curve"})
    keys = KeySet.import_key_set({"keys": [curve.as_dict(private=False)]})
    token = signed(CLAIMS, key=curve, alg="ES256", kid="curve")
    assert read_id_token(token, keys, PROVIDER, NONCE, NOW)["sub"] == "subject"
    strict = Provider(
        id="zzd", kind="staff", title=PROVIDER.title, issuer=PROVIDER.issuer, client_id="gongzhi",
        client_secret="secret", algorithms=("RS256",),
    )  # fmt: skip
    with pytest.raises(JoseError):
        read_id_token(token, keys, strict, NONCE, NOW)


FILE = """
[providers.zzd]
kind = "staff"
title = { zh = "浙政钉", en = "Staff" }
issuer = "https://id.example"
client_id = "gongzhi"
client_secret_env = "STAFF_SECRET"
match_login = true
claims = { login = "employee_code", organ = "uscc" }
required = { level = ["3"] }
"""


def read(folder: Path, text: str) -> dict[str, Provider]:
    path = folder / "providers.toml"
    path.write_text(text, encoding="utf-8")
    return read_providers(path, {"STAFF_SECRET": "from the environment"})


def test_a_provider_is_as_its_file_says(tmp_path: Path) -> None:
    (provider,) = read(tmp_path, FILE).values()
    assert (provider.id, provider.kind, provider.title) == ("zzd", "staff", Text(zh="浙政钉", en="Staff"))
    assert (provider.client_secret, provider.scopes) == ("from the environment", ("openid",))
    assert (provider.login_claim, provider.organ_claim, provider.name_claim) == (
        "employee_code",
        "uscc",
        None,
    )
    assert provider.required == {"level": ("3",)}
    assert "from the environment" not in repr(provider)


def test_a_secret_may_lie_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    text = FILE.replace('client_secret_env = "STAFF_SECRET"', 'client_secret_file = "secret"')
    assert read(tmp_path, text)["zzd"].client_secret == "from a file"


def test_without_a_file_there_is_no_provider() -> None:
    assert read_providers(None) == {}


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ("[providers.zzd]", "[providers.Zzd]", "providers.Zzd"),
        ("https://id.example", "http://id.example", "providers.zzd.issuer"),
        ("https://id.example", "https://id.example?x=1", "providers.zzd.issuer"),
        ("https://id.example", "id.example", "providers.zzd.issuer"),
        ('kind = "staff"', 'kind = "citizen"', "providers.zzd.match_login"),
        ('login = "employee_code", ', "", "providers.zzd.match_login"),
        ("match_login", 'algorithms = ["none"]\nmatch_login', "providers.zzd.algorithms"),
        ("match_login", 'algorithms = ["HS256"]\nmatch_login', "providers.zzd.algorithms"),
        ("match_login", "algorithms = []\nmatch_login", "providers.zzd.algorithms"),
        ("STAFF_SECRET", "NOT_SET", "providers.zzd.client_secret_env"),
        ('client_secret_env = "STAFF_SECRET"\n', "", "providers.zzd"),
        ("client_secret_env", 'client_secret_file = "x"\nclient_secret_env', "providers.zzd"),
        (
            'client_secret_env = "STAFF_SECRET"',
            'client_secret_file = "no-such"',
            "providers.zzd.client_secret_file",
        ),
        ("match_login", "match_logins", "providers.toml"),
        ('kind = "staff"', 'kind = "robots"', "providers.toml"),
        ("[providers.zzd]", "[providers.zzd", "providers.toml"),
    ],
)
def test_a_file_that_says_what_we_will_not_do_stops_the_start(
    tmp_path: Path, before: str, after: str, place: str
) -> None:
    with pytest.raises(OidcMisconfigured) as refusal:
        read(tmp_path, FILE.replace(before, after, 1))
    assert refusal.value.facts["place"] == place
    assert "from the environment" not in str(refusal.value)


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(OidcMisconfigured):
        read_providers(tmp_path / "no-such.toml")


def test_a_reference_is_read_as_people_type_it() -> None:
    hashed = subject_key(b"k" * 32, "https://id.example", "subject")
    reference = reference_of(hashed)
    assert read_reference(f" {reference.lower().replace('-', ' ')} ") == hashed
    assert subject_key(b"k" * 32, "https://another.example", "subject") != hashed
    for wrong in ("", reference[:-1], reference + "A", reference.replace(reference[0], "1")):
        with pytest.raises(InvalidInput):
            read_reference(wrong)


def test_what_is_sealed_opens_for_its_purpose_only() -> None:
    seal = Seal(b"k" * 32)
    blob = seal.seal(b"secret", b"one")
    assert seal.open(blob, b"one") == b"secret"
    assert [
        seal.open(blob, b"two"),
        seal.open(blob[:-1], b"one"),
        seal.open(b"", b"one"),
        seal.open(b"x" * 40, b"one"),
    ] == [None] * 4
    assert Seal(b"l" * 32).open(blob, b"one") is None
