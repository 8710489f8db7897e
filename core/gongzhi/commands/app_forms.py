"""JSON Schemas of the commands and queries about registered apps; data, no behaviour."""

from __future__ import annotations

from typing import Any

from gongzhi.commands.forms import UUID_FIELD, list_of, object_of, text_of

_ORGAN = {
    "type": "string",
    "pattern": "^(Organ:)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "title": "所属单位",
    "x-gongzhi-title-en": "Organ that owns it",
}
_KIND = {
    "title": "类型",
    "x-gongzhi-title-en": "Kind",
    "oneOf": [
        {"const": "public", "title": "公开（网页、手机）", "x-gongzhi-title-en": "Public: a page, a phone"},
        {
            "const": "confidential",
            "title": "机密（有服务器）",
            "x-gongzhi-title-en": "Confidential: it has a server",
        },
    ],
}


def _texts(zh: str, en: str, most: int) -> dict[str, Any]:
    return {**list_of(zh, en, text_of(zh, en)), "maxItems": most}


REGISTER_SCHEMA: dict[str, Any] = object_of(
    name=text_of("名称", "Name in Chinese"),
    name_en=text_of("英文名称", "Name in English"),
    organ=_ORGAN,
    kind=_KIND,
    redirect_uris=_texts("回调地址", "Redirect addresses", 20),
    origins=_texts("网页来源", "Origins of its pages", 20),
    scopes=_texts("授权范围", "Scopes", 200),
)
"""What an app is registered with."""

APP_SCHEMA: dict[str, Any] = object_of(app=UUID_FIELD)
"""Which app, by its client id."""

DELEGATION_SCHEMA: dict[str, Any] = object_of(delegation=UUID_FIELD)
"""Which authorisation."""

APPS = object_of(
    apps=list_of(
        "应用",
        "Apps",
        object_of(
            client_id=UUID_FIELD,
            name=text_of("名称", "Name"),
            name_en=text_of("英文名称", "Name in English"),
            organ=text_of("所属单位", "Organ that owns it"),
            kind=text_of("类型", "Kind"),
            redirect_uris=_texts("回调地址", "Redirect addresses", 20),
            origins=_texts("网页来源", "Origins of its pages", 20),
            scopes=_texts("授权范围", "Scopes", 200),
            registered_at=text_of("登记时间", "Registered at"),
            revoked={"type": "boolean", "title": "已撤销", "x-gongzhi-title-en": "Out of use"},
        ),
    )
)
"""Registered apps."""

DELEGATIONS = object_of(
    delegations=list_of(
        "授权",
        "Authorisations",
        object_of(
            id=UUID_FIELD,
            app=text_of("应用", "App"),
            app_en=text_of("应用英文名称", "App, in English"),
            organ=text_of("所属单位", "Organ that owns it"),
            organ_en=text_of("所属单位英文名称", "Organ that owns it, in English"),
            granted_at=text_of("授权时间", "Since"),
            used_at=text_of("最近使用（空为未使用）", "Last used, empty if never"),
            scopes=list_of(
                "授权范围",
                "Scopes",
                object_of(
                    scope=text_of("代码", "Code"),
                    zh=text_of("中文说明", "In Chinese"),
                    en=text_of("英文说明", "In English"),
                ),
            ),
        ),
    )
)
"""What a person lets apps do."""
