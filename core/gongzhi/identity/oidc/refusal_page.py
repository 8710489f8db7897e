"""A refusal as a small page, for browsers that were sent to us from elsewhere and have no page of ours open."""

from __future__ import annotations

import secrets
from html import escape

from litestar import Response

from gongzhi.declarations import Language
from gongzhi.errors import GongzhiError

_STYLE = """
body{font:16px/1.7 system-ui,"Noto Sans SC",sans-serif;margin:0;background:#f4f6f8;color:#1f2933}
main{max-width:34rem;margin:12vh auto;padding:2rem;background:#fff;border:1px solid #d5dbe1;border-radius:6px}
h1{font-size:1.3rem;margin:0 0 1rem}code{overflow-wrap:anywhere}a{color:#0b5394}
"""


def refusal_page(error: GongzhiError, language: Language) -> Response[bytes]:
    """The page: what was wrong, what to do, the code, and the way back. It loads nothing and runs nothing."""
    words = {"zh": ("登录未完成", "返回登录", "代码"), "en": ("Not signed in", "Back to sign-in", "Code")}
    title, back, code = words[language]
    told = error.reply(language)
    nonce = secrets.token_urlsafe(18)
    page = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f'<style nonce="{nonce}">{_STYLE}</style></head><body><main role="alert"><h1>{title}</h1>'
        f"<p>{escape(told['message'])}</p><p>{escape(told['remedy'])}</p>"
        f'<p>{code} <code>{error.code}</code></p><p><a href="/">{back}</a></p></main></body></html>'
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(page.encode(), status_code=error.status, media_type="text/html", headers=headers)
