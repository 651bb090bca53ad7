"""What the chat tells PostHog."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chat import app
from fastapi.testclient import TestClient

from posthog_web.testing import RecordedEvents


@pytest.fixture
def client() -> Iterator[TestClient]:
    """Return a browser."""
    with TestClient(app) as client:
        yield client


@pytest.fixture
def hedy(client: TestClient, posthog_events: RecordedEvents) -> TestClient:
    """Return the browser, with Hedy signed in; what that told PostHog is forgotten."""
    client.post("/sign-in", data={"name": "hedy"})
    posthog_events.clear()
    return client


def test_signing_in(client: TestClient, posthog_events: RecordedEvents) -> None:
    """The request that signs somebody in says who it is."""
    client.post("/sign-in", data={"name": "hedy"})

    assert posthog_events.names == ["$identify", "signed in"]
    assert posthog_events.of("hedy") == list(posthog_events)
    assert posthog_events.one("$identify").set == {"name": "Hedy"}


def test_talking(hedy: TestClient, posthog_events: RecordedEvents) -> None:
    """Each message over the websocket is an event; its length is told, its text is not."""
    hedy.get("/rooms/garden")
    with hedy.websocket_connect("/rooms/garden/talk") as socket:
        socket.send_text("The irises are out.")
        assert socket.receive_json() == {"author": "hedy", "text": "The irises are out."}

    assert posthog_events.names == ["room entered", "message sent"]
    sent = posthog_events.one("message sent")
    assert sent.distinct_id == "hedy"
    assert sent.properties["characters"] == 19
    assert "irises" not in str(sent.raw)


def test_a_strangers_program(client: TestClient, posthog_events: RecordedEvents) -> None:
    """Who is not signed in makes events, but no profile."""
    assert client.get("/api/rooms/garden").json()["topic"] == "What is in flower."

    assert posthog_events.one("room described").is_personless


def test_an_average_of_nothing(hedy: TestClient, posthog_events: RecordedEvents) -> None:
    """The exception goes its way, and is reported once, with its person."""
    with pytest.raises(ZeroDivisionError):
        hedy.get("/api/rooms/attic/average")

    [reported] = posthog_events
    assert reported.event == "$exception"
    assert reported.distinct_id == "hedy"
    assert reported.properties["$request_route"] == "/api/rooms/{name}/average"
