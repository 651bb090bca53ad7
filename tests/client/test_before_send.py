"""The ``before_send`` hooks: last to see an event, and fail closed."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

import pytest

from posthog_web import Client
from posthog_web.errors import ConfigurationError
from posthog_web.testing import RecordedEvents
from posthog_web.typing import Event


@pytest.mark.spec("SRV-053")
def test_a_hook_sees_the_finished_event(client: Client) -> None:
    """Identity, merged properties, library, moment and id are there when the hook runs."""
    seen: list[Event] = []
    client.super_properties = {"region": "eu"}
    client.before_send = lambda event: seen.append(event) or event

    number = client.capture("user-1", "paid", {"plan": "pro"})

    (event,) = seen
    assert event["event"] == "paid"
    assert event["distinct_id"] == "user-1"
    assert event["uuid"] == number
    assert event["timestamp"].endswith("+00:00")
    assert event["properties"]["$lib"] == "posthog-web"
    assert event["properties"]["region"] == "eu"


@pytest.mark.spec("SRV-054", "SRV-014")
def test_what_a_hook_returns_is_what_goes_out(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """A changed name, person, property, moment and id are what is sent, and the id is returned."""
    new = "01890a5d-ac96-774b-bcce-b302099a8057"

    def change(_event: Event) -> Event:
        return {
            "event": "renamed",
            "distinct_id": 7,
            "properties": {"a": 1},
            "timestamp": "2026-01-02T03:04:05Z",
            "uuid": new,
        }

    client.before_send = change

    assert client.capture("user-1", "paid") == new
    assert posthog_events[0].raw == {
        "event": "renamed",
        "distinct_id": "7",
        "properties": {"a": 1},
        "timestamp": "2026-01-02T03:04:05+00:00",
        "uuid": new,
    }


@pytest.mark.parametrize("number", [None, "nonsense", 7])
@pytest.mark.spec("SRV-014")
def test_a_hook_cannot_take_the_id_away(
    client: Client, posthog_events: RecordedEvents, number: Any
) -> None:
    """An id that was removed or broken by a hook is put back, and is the one returned."""
    client.before_send = lambda event: {**event, "uuid": number, "timestamp": None}

    returned = client.capture("user-1", "paid")

    event = posthog_events.one("paid")
    assert event.uuid == returned
    assert UUID(event.uuid).version == 7
    assert event.timestamp.endswith("+00:00")


@pytest.mark.spec("SRV-056")
def test_hooks_form_a_chain(client: Client, posthog_events: RecordedEvents) -> None:
    """Several hooks run in order, each with what the one before returned."""
    client.before_send = [_adding("first"), _adding("second")]

    client.capture("user-1", "paid")

    assert posthog_events.one("paid").properties["order"] == ["first", "second"]


@pytest.mark.spec("SRV-055", "SRV-057")
def test_none_drops_the_event_and_ends_the_chain(
    client: Client, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """A hook that returns None drops the event: no later hook, no warning, one remark."""
    later: list[Event] = []
    client.before_send = [lambda _: None, lambda event: later.append(event) or event]

    with caplog.at_level(logging.INFO, logger="posthog_web"):
        assert client.capture("user-1", "paid") is None
        assert client.capture("user-1", "paid") is None

    assert len(posthog_events) == 0
    assert later == []
    assert [record.levelno for record in caplog.records] == [logging.INFO]
    assert client.stats().declined == {"before_send": 2}


def _raise(_event: Event) -> Event:
    msg = "secret"
    raise KeyError(msg)


@pytest.mark.parametrize(
    "hook",
    [
        _raise,
        lambda _: "text",
        lambda _: 7,
        lambda _: {},
        lambda event: {**event, "event": ""},
        lambda event: {**event, "distinct_id": None},
        lambda event: {**event, "properties": "text"},
    ],
    ids=["raises", "text", "number", "empty", "nameless", "about-nobody", "without-properties"],
)
@pytest.mark.spec("SRV-058", "SRV-059")
def test_a_failing_hook_drops_the_event(
    client: Client, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture, hook: Any
) -> None:
    """A hook that raises, or returns no event, drops it with a warning and runs no later hook."""
    later: list[Event] = []
    client.before_send = [hook, lambda event: later.append(event) or event]

    assert client.capture("user-1", "paid") is None

    assert len(posthog_events) == 0
    assert later == []
    assert "before_send failed" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "hook", ["text", 7, [lambda event: event, None]], ids=["text", "number", "list"]
)
@pytest.mark.spec("SRV-060")
def test_a_hook_that_is_no_function_is_refused(client: Client, hook: Any) -> None:
    """A configuration that would silently disable filtering is an error where it is written."""
    with pytest.raises(ConfigurationError, match="before_send must be a function"):
        Client("phc_test", before_send=hook)
    with pytest.raises(ConfigurationError, match="before_send must be a function"):
        client.before_send = hook


@pytest.mark.spec("SRV-062", "SRV-015")
def test_a_gated_event_does_not_reach_the_hook(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """Opted out or disabled, nothing is built and no hook runs."""
    seen: list[Event] = []
    client.before_send = lambda event: seen.append(event) or event

    client.opt_out()
    client.capture("user-1", "paid")
    client.opt_in()
    client.disabled = True
    client.capture("user-1", "paid")

    assert seen == []
    assert len(posthog_events) == 0


@pytest.mark.spec("SRV-063")
def test_a_hook_can_be_replaced(client: Client, posthog_events: RecordedEvents) -> None:
    """A hook assigned later is the one that new events meet; None removes it."""
    client.before_send = _adding("old")
    client.before_send = _adding("new")
    client.capture("user-1", "paid")
    client.before_send = None
    client.capture("user-1", "seen")

    assert posthog_events.one("paid").properties["order"] == ["new"]
    assert "order" not in posthog_events.one("seen").properties


def test_a_hook_cannot_reach_the_callers_objects(client: Client) -> None:
    """Whatever a hook does to the event, the objects that were passed stay as they are."""
    address = {"street": "Elm"}
    client.before_send = lambda event: event["properties"]["address"].clear() or event

    client.capture("user-1", "paid", {"address": address})

    assert address == {"street": "Elm"}


@pytest.mark.spec("SRV-030")
def test_a_failing_hook_means_no_request_in_sync_mode_either(inspector: Any) -> None:
    """Sending on the calling thread obeys the hook as well: no request at all."""
    with Client("phc_test", inspector.url, sync_mode=True, before_send=_raise) as client:
        assert client.capture("user-1", "paid") is None

    assert inspector.requests() == []


def _adding(name: str) -> Any:
    def hook(event: Event) -> Event:
        event["properties"].setdefault("order", []).append(name)
        return event

    return hook
