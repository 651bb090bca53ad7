"""Exceptions nobody dealt with: one event each, and on their way unchanged."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

import posthog_web
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import PEOPLE, Answer
from tests.adapters.apps.views import STAGE, Boom
from tests.adapters.situation import BOTH_STYLES, VISITOR, Starter

OURS = str(Path(posthog_web.__file__).parent)


def frames_of(answer: Answer) -> list[tuple[str, str]]:
    """Return file and function of each frame of the answer's error, ours left out."""
    assert answer.error is not None
    frames = traceback.extract_tb(answer.error.__traceback__)
    return [(one.filename, one.name) for one in frames if not one.filename.startswith(OURS)]


@pytest.mark.spec("SRV-276", "SRV-271")
@BOTH_STYLES
def test_an_uncaught_exception_is_one_event(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """A view raises: one $exception with stack, person and request, and the answer as ever."""
    answer = start().get(f"{style}/raises", VISITOR)

    assert answer == start.without().get(f"{style}/raises", VISITOR)
    assert answer.status == 500
    event = events.one("$exception")
    assert events.names == ["$exception"]
    assert event.distinct_id == "visitor-7"
    properties = event.properties
    assert properties["$exception_source"] == start.adapter.source
    assert properties["$exception_level"] == "error"
    assert properties["$session_id"] == "session-7"
    assert properties["$request_path"] == f"{style}/raises"
    assert properties["$request_method"] == "GET"
    assert properties["$response_status_code"] == 500
    if start.adapter.name != "ASGI":
        assert properties["$request_route"] == f"{style}/raises"


@BOTH_STYLES
def test_the_stack_ends_where_it_was_raised(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Type, message, mechanism and frames are those of the exception in the view."""
    start().get(f"{style}/raises")

    [entry] = events.one("$exception").properties["$exception_list"]
    assert (entry["type"], entry["value"]) == ("Boom", "the view failed")
    assert (entry["mechanism"]["type"], entry["mechanism"]["handled"]) == ("middleware", False)
    last: dict[str, Any] = entry["stacktrace"]["frames"][-1]
    assert last["function"] == "raises"
    assert last["filename"].endswith("views.py")
    assert last["in_app"] is True
    assert last["context_line"].strip().startswith("raise STAGE.error or Boom")


def test_causes_come_along(start: Starter, events: RecordedEvents) -> None:
    """What an exception was raised from is in its list."""
    start().get("/raises-from-another")

    entries = events.one("$exception").properties["$exception_list"]
    assert [entry["type"] for entry in entries] == ["Boom", "KeyError"]


@BOTH_STYLES
def test_the_exception_is_about_the_user(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Whoever is logged in is the person of the exception."""
    application = start()
    cookies = application.log_in("ann")
    events.clear()
    application.get(f"{style}/raises", VISITOR, cookies)

    assert events.one("$exception").distinct_id == PEOPLE["ann"]


@pytest.mark.spec("SRV-276")
@BOTH_STYLES
def test_the_exception_itself_is_unchanged(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """What reaches the server is the same object, with the traceback and context it would have."""
    STAGE.error = theirs = Boom("the view failed")
    expected = start.without().get(f"{style}/raises", VISITOR)
    STAGE.error = ours = Boom("the view failed")
    answer = start().get(f"{style}/raises", VISITOR)

    assert events.names == ["$exception"]
    assert (expected.error, answer.error) == (theirs, ours)
    assert (ours.__context__, ours.__cause__, ours.__suppress_context__) == (None, None, False)
    assert ours.args == theirs.args
    assert not hasattr(ours, "__notes__")
    assert frames_of(answer) == frames_of(expected)


@BOTH_STYLES
@pytest.mark.parametrize("kind", ["missing", "forbidden", "suspicious"])
def test_expected_errors_are_not_exceptions(
    start: Starter, style: str, kind: str, events: RecordedEvents
) -> None:
    """What the framework turns into a status below 500 is an answer, not an exception."""
    if style and not start.adapter.name.startswith("Django"):
        style = ""  # The others raise the same way in both styles.
    answer = start().get(f"{style}/refuse/{kind}", VISITOR)

    assert answer.status in {400, 403, 404}
    assert answer == start.without().get(f"{style}/refuse/{kind}", VISITOR)
    assert events.names == []


@BOTH_STYLES
def test_reports_may_be_switched_off(start: Starter, style: str, events: RecordedEvents) -> None:
    """capture_exceptions=False: nothing is reported, all else is as ever."""
    answer = start(capture_exceptions=False).get(f"{style}/raises")

    assert events.names == []
    assert answer == start.without().get(f"{style}/raises")


def test_an_option_of_the_client_switches_reports_off(
    start: Starter, events: RecordedEvents
) -> None:
    """enable_exception_autocapture=False, in writing, counts for the adapter too."""
    start(enable_exception_autocapture=False).get("/raises")
    start(enable_exception_autocapture=False, capture_exceptions=True).get("/raises")

    assert events.names == ["$exception"]


@pytest.mark.spec("SRV-294")
@BOTH_STYLES
def test_a_report_in_code_knows_the_request(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """request.posthog.capture_exception has the request's person and properties."""
    start().get(f"{style}/reports", VISITOR)

    event = events.one("$exception")
    assert event.distinct_id == "visitor-7"
    assert event.properties["$request_path"] == f"{style}/reports"
    assert event.properties["handled by"] == "the view"
    assert event.properties["$exception_level"] == "warning"
    assert event.properties["$exception_fingerprint"] == "the view"
    [entry] = event.properties["$exception_list"]
    assert entry["mechanism"]["handled"] is True


@BOTH_STYLES
def test_an_exception_is_reported_once(start: Starter, style: str, events: RecordedEvents) -> None:
    """One that was reported in code and raised again makes no second event."""
    start().get(f"{style}/reports-and-raises", VISITOR)

    assert events.names == ["$exception"]


def test_an_exception_object_raised_in_two_requests_is_two_events(
    start: Starter, events: RecordedEvents
) -> None:
    """Each request that fails is reported, even if both raise the very same object."""
    STAGE.error = Boom("the view failed")
    application = start()
    application.get("/raises", VISITOR)
    application.get("/raises", VISITOR)

    assert events.names == ["$exception", "$exception"]
