"""The page of a refusal says what the public form of its error says, and no more."""

from __future__ import annotations

from gongzhi.errors import StoreUnavailable
from gongzhi.identity.oidc.refusal_page import refusal_page


def test_a_fault_of_the_store_is_told_without_the_operators_words() -> None:
    page = refusal_page(StoreUnavailable(problem="password of gongzhi", home="/srv/gongzhi"), "en").content
    assert b"The store is not available now." in page
    assert b"store_unavailable" in page
    assert b"password of gongzhi" not in page
    assert b"/srv/gongzhi" not in page
