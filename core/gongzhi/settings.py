"""Settings, read once from the environment (`GONGZHI_…`); nothing else reads the environment, but for
the variables of clients' secrets that the file of providers names (`gongzhi.identity.providers`)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from gongzhi.declarations import Text
from gongzhi.errors import InvalidArgument


@dataclass(frozen=True, kw_only=True)
class AccessTerms:
    """How long somebody is shown more of a case than their post shows."""

    reveal_minutes: int = 30
    break_glass_minutes: int = 120
    break_glass_a_day: int = 3


DEFAULT_TERMS = AccessTerms()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How this installation runs. `database_url` None means the embedded PostgreSQL in `home`."""

    home: Path
    database_url: str | None = None
    public_url: str = "http://127.0.0.1:8000"
    demo: bool = False
    audit_origin: str = "gongzhi.local/audit"
    body_limit_bytes: int = 2_000_000
    requests_a_minute: int = 3_000
    pool_size: int = 10
    drain_seconds: float = 20.0
    font_paths: tuple[Path, ...] = ()
    access: AccessTerms = DEFAULT_TERMS
    oidc: Path | None = None

    @property
    def secure_cookies(self) -> bool:
        """True when browsers reach us over https; loopback http gets a plain cookie."""
        return self.public_url.startswith("https://")

    @classmethod
    def from_environment(cls, **overrides: object) -> Settings:
        """Read `GONGZHI_HOME`, `GONGZHI_DATABASE_URL`, `GONGZHI_PUBLIC_URL`, `GONGZHI_AUDIT_ORIGIN`,
        `GONGZHI_DEMO`, `GONGZHI_DRAIN_SECONDS`, `GONGZHI_REQUESTS_A_MINUTE`, `GONGZHI_REVEAL_MINUTES`,
        `GONGZHI_BREAK_GLASS_MINUTES`, `GONGZHI_BREAK_GLASS_A_DAY`,
        `GONGZHI_OIDC` (a file) and `GONGZHI_FONTS` (paths separated by `:`).

        Raises `InvalidArgument`.
        """
        env = os.environ
        values: dict[str, object] = {
            "home": Path(env.get("GONGZHI_HOME", ".gongzhi")).resolve(),
            "database_url": env.get("GONGZHI_DATABASE_URL") or None,
            "demo": env.get("GONGZHI_DEMO", "") == "1",
            "oidc": Path(env["GONGZHI_OIDC"]) if env.get("GONGZHI_OIDC") else None,
            "font_paths": tuple(Path(p) for p in env.get("GONGZHI_FONTS", "").split(":") if p),
        }
        if url := env.get("GONGZHI_PUBLIC_URL"):
            values["public_url"] = url.rstrip("/")
        if origin := env.get("GONGZHI_AUDIT_ORIGIN"):
            values["audit_origin"] = origin
        if seconds := env.get("GONGZHI_DRAIN_SECONDS"):
            values["drain_seconds"] = _seconds("GONGZHI_DRAIN_SECONDS", seconds)
        if requests := env.get("GONGZHI_REQUESTS_A_MINUTE"):
            values["requests_a_minute"] = _whole("GONGZHI_REQUESTS_A_MINUTE", requests, most=1_000_000)
        values["access"] = _terms(env)
        return cls(**{**values, **overrides})  # type: ignore[arg-type]


def _seconds(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 3600:
        problem = Text(zh="应为 0 至 3600 的秒数", en="it is a number of seconds from 0 to 3600")
        raise InvalidArgument(where=name, problem=problem)
    return seconds


def _whole(name: str, text: str, *, most: int) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        problem = Text(zh=f"应为 1 至 {most} 的整数", en=f"it is a whole number from 1 to {most}")
        raise InvalidArgument(where=name, problem=problem)
    return int(text)


def _terms(env: Mapping[str, str]) -> AccessTerms:
    given: dict[str, int] = {}
    for term in fields(AccessTerms):
        name = f"GONGZHI_{term.name.upper()}"
        if text := env.get(name):
            given[term.name] = _whole(name, text, most=1440)
    return AccessTerms(**given)
