"""A client whose events are recorded, under a guard that lets our own faults through."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from posthog_web import Client, _guard


@pytest.fixture(autouse=True)
def _loud() -> Iterator[None]:
    """Raise our own faults instead of logging them."""
    with _guard.loud():
        yield


@pytest.fixture
def client(posthog_events: object) -> Client:  # noqa: ARG001 - recording starts first
    """Return a client with a good key; nothing it captures leaves."""
    return Client("phc_test")
