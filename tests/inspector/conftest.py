"""The parts the inspector's tests share: events as a library sends them, and a running server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from posthog_web.inspector import Inspector

KEY = "phc_test"


def an_event(name: str = "paid", **changes: object) -> dict[str, Any]:
    """Return an event without a flaw, with *changes*; a change to None leaves the field out."""
    event = {
        "event": name,
        "distinct_id": "user123",
        "uuid": str(uuid4()),
        "timestamp": "2026-11-22T12:01:55.630983+00:00",
        "properties": {"plan": "pro", "$lib": "posthog-web", "$lib_version": "0.1.0"},
    }
    return {field: value for field, value in (event | changes).items() if value is not None}


def a_batch(*events: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Return the body of a delivery."""
    return {"api_key": KEY, "batch": list(events), "historical_migration": False} | changes


@pytest.fixture
def inspector() -> Iterator[Inspector]:
    """Return a running inspector; afterwards no thread of it may be left."""
    before = set(threading.enumerate())
    with Inspector() as running:
        yield running
    assert set(threading.enumerate()) == before
