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


def a_v1_event(name: str = "paid", **changes: object) -> dict[str, Any]:
    """Return an event of protocol v1 without a flaw; *changes* as for `an_event`."""
    return an_event(name, **{"properties": {"plan": "pro"}, "options": {}} | changes)


def a_v1_batch(*events: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Return the body of a delivery by protocol v1; a change to None leaves the field out."""
    body = {"created_at": "2026-11-22T12:01:56.000Z", "batch": list(events)} | changes
    return {field: value for field, value in body.items() if value is not None}


def v1_headers(**changes: str | None) -> dict[str, str]:
    """Return the headers of a first attempt; a change to None leaves the header out."""
    headers = {
        "Authorization": f"Bearer {KEY}",
        "Content-Type": "application/json",
        "User-Agent": "posthog-web/0.1.0",
        "PostHog-Sdk-Info": "posthog-web/0.1.0",
        "PostHog-Attempt": "1",
        "PostHog-Request-Id": "0b7f4d0e-6f0c-4f0e-9c39-3a3f3b1f8f50",
        "PostHog-Request-Timestamp": "2026-11-22T12:01:56.100Z",
    }
    sent = headers | {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in sent.items() if value is not None}


@pytest.fixture
def inspector() -> Iterator[Inspector]:
    """Return a running inspector; afterwards no thread of it may be left."""
    before = set(threading.enumerate())
    with Inspector() as running:
        yield running
    assert set(threading.enumerate()) <= before
