"""What the tests of this scene share: requests, acts, clinic records; nothing here stands in for real parts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import gongzhi_minor_protection
from gongzhi.plugin import Act, CaseValues, IntakeRequest

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
CASE_ID = UUID("0b6f2f2e-6f57-4a8f-9b39-2f2f7c1f4d10")


@pytest.fixture
def package() -> Path:
    """The folder of the scene's package."""
    return Path(gongzhi_minor_protection.__file__).parent


@pytest.fixture
def record() -> Callable[[str], Any]:
    """A hand-written CDS Hooks request by name, fresh each time."""
    return lambda name: json.loads((HERE / "records" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def asked() -> Callable[..., IntakeRequest]:
    """An authenticated, parsed request with this body."""

    def make(body: Any, **changes: Any) -> IntakeRequest:
        values: dict[str, Any] = {
            "region": "330523",
            "path": {},
            "query": {},
            "headers": {},
            "body": body,
            "config": {"recent_days": 3, "reads_text": True, "prompt_expiry_hours": 72},
            "base_url": "https://gongzhi.example.org",
            "language": "zh",
            "now": NOW,
        }
        return IntakeRequest(**{**values, **changes})

    return make


@pytest.fixture
def act() -> Callable[..., Act]:
    """An act on a case with this data and these states, or on none."""

    def make(given: Any, *, data: Any = None, state: Any = None, **changes: Any) -> Act:
        case = None
        if data is not None:
            case = CaseValues(
                id=CASE_ID, region="330523", state=frozenset(state or ()), data=data, created_at=NOW
            )
        values: dict[str, Any] = {
            "action": "test",
            "case": case,
            "input": given,
            "facts": {},
            "config": {"recent_days": 3, "reads_text": True},
            "region": "330523",
            "role": "reporter",
            "now": NOW,
        }
        return Act(**{**values, **changes})

    return make
