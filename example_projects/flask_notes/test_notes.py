"""What the notebook tells PostHog."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from notes import create_app

from posthog_web.testing import RecordedEvents


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    """Return a browser at an empty notebook."""
    return create_app(DATABASE=tmp_path / "notes.sqlite3").test_client()


@pytest.fixture
def grace(client: FlaskClient) -> FlaskClient:
    """Return the browser, with Grace signed in."""
    with client.session_transaction() as session:
        session["_user_id"] = "grace"
    return client


def test_signing_in(client: FlaskClient, posthog_events: RecordedEvents) -> None:
    """The request that signs somebody in is theirs already."""
    client.post("/sign-in", data={"name": "grace", "password": "hopper"})

    assert posthog_events.names == ["signed in", "$set"]
    assert posthog_events.one("signed in").distinct_id == "grace"
    assert posthog_events.one("$set").set == {"name": "Grace Hopper"}


def test_a_wrong_password(client: FlaskClient, posthog_events: RecordedEvents) -> None:
    """Who is not let in has done nothing."""
    response = client.post("/sign-in", data={"name": "grace", "password": "guess"})

    assert response.status_code == 403
    assert posthog_events.names == []


def test_writing_and_deleting(grace: FlaskClient, posthog_events: RecordedEvents) -> None:
    """A note's length is told, its text is not."""
    page = grace.post("/notes", data={"text": "Ask for forgiveness."}, follow_redirects=True)
    grace.post("/notes/1/delete")

    assert "Ask for forgiveness." in page.text
    assert posthog_events.names == ["note written", "note deleted"]
    written = posthog_events.one("note written")
    assert written.distinct_id == "grace"
    assert written.properties["words"] == 3
    assert "forgiveness" not in str(written.raw)


def test_an_export_that_fails(grace: FlaskClient, posthog_events: RecordedEvents) -> None:
    """The exception becomes the application's own page, and is reported once, with its person."""
    response = grace.get("/export.pdf")

    assert response.status_code == 500
    assert "That did not work" in response.text
    [reported] = posthog_events
    assert reported.event == "$exception"
    assert reported.distinct_id == "grace"
    assert reported.properties["$exception_type"] == "NotImplementedError"
