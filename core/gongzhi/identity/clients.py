"""By which browser and system a person signed in, for themselves to tell their sessions apart: kinds, no versions.

A whole `User-Agent` nearly names a machine; two words of it don't, and nothing else of it is kept.
"""

from __future__ import annotations

from typing import Final

_BROWSERS: Final = (
    # What others claim to be comes last: nearly every one says Safari, and most say Chrome.
    ("micromessenger", "微信 WeChat"),
    ("dingtalk", "钉钉 DingTalk"),
    ("edg", "Edge"),
    ("opr/", "Opera"),
    ("firefox", "Firefox"),
    ("fxios", "Firefox"),
    ("chrome", "Chrome"),
    ("crios", "Chrome"),
    ("safari", "Safari"),
)
_SYSTEMS: Final = (
    ("openharmony", "HarmonyOS"),
    ("harmonyos", "HarmonyOS"),
    ("android", "Android"),
    ("iphone", "iOS"),
    ("ipad", "iPadOS"),
    ("windows", "Windows"),
    ("mac os x", "macOS"),
    ("linux", "Linux"),
)


def client_of(user_agent: str) -> str:
    """The kinds of browser and system, such as `Chrome · Windows`; what isn't known is left out."""
    said = user_agent.lower()
    kinds = (next((name for mark, name in known if mark in said), "") for known in (_BROWSERS, _SYSTEMS))
    return " · ".join(kind for kind in kinds if kind)
