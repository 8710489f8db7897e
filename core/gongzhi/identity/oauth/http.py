"""The doors of OAuth, all of them: consent, tokens, their metadata, and other sites' questions beforehand (CORS)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import HttpMethod, Response, get, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gongzhi.identity.oauth.consent import consent_handlers
from gongzhi.identity.oauth.tokens import GRANTS, token_handlers
from gongzhi.identity.oauth.wire import OAuthHost, Wire
from gongzhi.identity.origins import PREFLIGHT, let_read


def oauth_handlers(host: OAuthHost) -> Sequence[HTTPRouteHandler]:
    """The doors, for the application to mount."""

    @get("/.well-known/oauth-authorization-server")
    async def metadata() -> Response[dict[str, Any]]:
        """What clients need to know of us (RFC 8414)."""
        return Response(_metadata(host), headers={"Cache-Control": "max-age=300"})

    @route(
        ["/graphql", "/auth/token", "/auth/revoke"],
        http_method=[HttpMethod.OPTIONS],
        include_in_schema=False,
    )
    async def preflight(request: Wire) -> Response[None]:
        return await _preflight(host, request)

    @route("/graphql/{division:str}", http_method=[HttpMethod.OPTIONS], include_in_schema=False)
    async def region_preflight(request: Wire, division: FromPath[str]) -> Response[None]:
        return await _preflight(host, request)

    # The preflights first: Litestar answers OPTIONS by itself on every path that has no handler for it yet.
    return [preflight, region_preflight, metadata, *consent_handlers(host), *token_handlers(host)]


async def _preflight(host: OAuthHost, request: Wire) -> Response[None]:
    """May this page ask? Yes for a page of a registered app; credentials are never part of the question."""
    origin = request.headers.get("origin", "")
    known = bool(origin) and len(origin) <= 200 and await host.apps.knows_origin(origin)
    if not known:
        return Response(None, status_code=204, headers={"Vary": "Origin"})
    let_read(request.scope, origin)
    return Response(None, status_code=204, headers=PREFLIGHT)


def _metadata(host: OAuthHost) -> dict[str, Any]:
    url = host.settings.public_url
    methods = ["none", "client_secret_basic", "client_secret_post"]
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/auth/authorize",
        "token_endpoint": f"{url}/auth/token",
        "revocation_endpoint": f"{url}/auth/revoke",
        "scopes_supported": list(host.delegable_scopes()),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": sorted(GRANTS),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": ["zh-CN", "en"],
    }
