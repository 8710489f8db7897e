"""What the doors of OAuth have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeAlias

from litestar import Request

from gongzhi.declarations import Text
from gongzhi.identity.apps.granting import Granting
from gongzhi.identity.requests import AuthHost

Wire: TypeAlias = Request[Any, Any, Any]

BODY_LIMIT_BYTES: Final = 16_384
NOT_STORED: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthHost(AuthHost, Protocol):
    """What these doors ask of the host."""

    @property
    def apps(self) -> Granting: ...
    def delegable_scopes(self) -> Mapping[str, Text]: ...
