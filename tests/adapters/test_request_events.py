"""Events of requests themselves, the response in functions, and what templates are given."""

from __future__ import annotations

from typing import Any

import pytest

from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import PEOPLE, Call
from tests.adapters.situation import BOTH_STYLES, VISITOR, Starter


def test_there_are_none_unless_asked_for(start: Starter, events: RecordedEvents) -> None:
    """By default a request is no event."""
    start().get("/nothing", VISITOR)

    assert events.names == []


@BOTH_STYLES
@pytest.mark.parametrize(("path", "status"), [("/nothing", 200), ("/raises", 500)])
def test_a_request_is_an_event_when_asked_for(
    start: Starter, style: str, path: str, status: int, events: RecordedEvents
) -> None:
    """One http_request for each, about its person, with its status and how long it took."""
    application = start(request_events=True)
    cookies = application.log_in("ann")
    events.clear()
    application.get(style + path, VISITOR, cookies)

    [event] = events.named("http_request")
    assert event.distinct_id == PEOPLE["ann"]
    assert event.properties["$response_status_code"] == status
    assert event.properties["$request_path"] == style + path
    assert 0 < event.properties["duration_ms"] < 60_000


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_a_sample_is_enough(start: Starter, rate: float, events: RecordedEvents) -> None:
    """The share of requests that are events is the one asked for."""
    application = start(request_events=True, request_events_sample_rate=rate)
    for _ in range(40):
        application.get("/nothing", VISITOR)

    # Twenty is expected of a half; less than three or more than 37 happens once in a billion runs.
    least, most = {0.0: (0, 0), 0.5: (3, 37), 1.0: (40, 40)}[rate]
    assert least <= len(events.named("http_request")) <= most


@pytest.mark.parametrize(
    ("call", "options"),
    [
        (Call(path="/nothing", method="HEAD"), {}),
        (Call(path="/nothing", method="OPTIONS"), {}),
        (Call(path="/healthz"), {}),
        (Call(path="/nothing"), {"excluded_paths": ["/nothing"]}),
        (Call(path="/nothing"), {"request_filter": lambda _request: False}),
    ],
    ids=["HEAD", "OPTIONS", "probe", "excluded path", "filter"],
)
def test_what_nobody_asked_for_is_no_event(
    start: Starter, call: Call, options: Any, events: RecordedEvents
) -> None:
    """Programs that ask about a request, probes, and what is excluded."""
    start(request_events=True, **options).send(call)

    assert events.names == []


@BOTH_STYLES
def test_extra_properties_see_the_response(
    start: Starter, style: str, events: RecordedEvents
) -> None:
    """Once there is a response, the function is given it."""
    seen: list[object] = []

    def extra(_request: object, response: object) -> dict[str, object]:
        seen.append(response)
        return {"answered": response is not None}

    start(request_events=True, extra_properties=extra).get(f"{style}/capture", VISITOR)

    assert events.one("seen").properties["answered"] is False
    assert events.one("http_request").properties["answered"] is True
    assert seen[0] is None
