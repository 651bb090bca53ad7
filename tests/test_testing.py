"""The test kit that users get."""

from __future__ import annotations

import threading

import pytest

import posthog_web
from posthog_web import Client
from posthog_web.testing import RecordedEvents, record_events


def test_events_are_recorded_at_once_without_a_thread(posthog_events: RecordedEvents) -> None:
    """What is captured can be looked at in the next line, and nothing runs beside the test."""
    client = Client("phc_test", flush_at=1)
    client.capture("user-1", "paid", {"plan": "pro"})
    client.set("user-1", {"plan": "pro"})
    client.set_once("user-1", {"first": 1})
    client.capture("seen")

    assert posthog_events.names == ["paid", "$set", "$set_once", "seen"]
    assert posthog_events.one("paid").properties["plan"] == "pro"
    assert posthog_events[1].set == {"plan": "pro"}
    assert posthog_events[2].set_once == {"first": 1}
    assert posthog_events[-1].is_personless
    assert [event.event for event in posthog_events[:2]] == ["paid", "$set"]
    assert len(posthog_events.of("user-1")) == 3
    assert not any(thread.name.startswith("posthog-web") for thread in threading.enumerate())


def test_a_client_without_a_key_is_recorded_and_a_disabled_one_is_not(
    posthog_events: RecordedEvents,
) -> None:
    """Tests need no key; what is switched off stays off."""
    Client().capture("user-1", "keyless")
    Client("phc_test", disabled=True).capture("user-1", "disabled")

    assert posthog_events.names == ["keyless"]


def test_an_event_shows_each_part_once(posthog_events: RecordedEvents) -> None:
    """A failing assertion is not twice as long as the event."""
    Client("phc_test").capture("user-1", "paid", {"plan": "pro"})

    assert repr(posthog_events.one("paid")).count("'plan': 'pro'") == 1


def test_a_failed_search_lists_what_there_is(posthog_events: RecordedEvents) -> None:
    """``one`` names the events that were captured when it finds none, or too many."""
    client = Client("phc_test")
    client.capture("user-1", "paid")
    client.capture("user-1", "paid")

    with pytest.raises(AssertionError, match="expected one 'seen', found 0 among"):
        posthog_events.one("seen")
    with pytest.raises(AssertionError, match="expected one 'paid', found 2 among"):
        posthog_events.one("paid")
    assert repr(posthog_events) == "<RecordedEvents ['paid', 'paid']>"
    posthog_events.clear()
    assert len(posthog_events) == 0


def test_recordings_nest(posthog_events: RecordedEvents) -> None:
    """The innermost recording has the events; the outer one goes on afterwards."""
    client = Client("phc_test")

    with record_events() as inner:
        client.capture("user-1", "inner")
    client.capture("user-1", "outer")

    assert inner.names == ["inner"]
    assert posthog_events.names == ["outer"]


def test_events_of_other_threads_are_recorded_too(posthog_events: RecordedEvents) -> None:
    """A recording covers the whole process."""
    client = Client("phc_test")

    def work() -> None:
        with posthog_web.new_context():
            client.capture("user-1", "threaded")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(5)

    assert posthog_events.names == ["threaded"]


def test_large_events_and_hooks_behave_as_in_production(posthog_events: RecordedEvents) -> None:
    """A recording shows what would be sent: dropped events are not in it."""
    client = Client("phc_test", before_send=lambda event: None if event["event"] == "no" else event)

    assert client.capture("user-1", "no") is None
    assert client.capture("user-1", "large", {"blob": "x" * 1_000_000}) is None
    assert len(posthog_events) == 0
