"""Waiting for events to leave: flush and join, bounded, from wherever they are called."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from time import monotonic

import pytest

from posthog_web.inspector import Inspector
from posthog_web.typing import Event
from tests.delivery.conftest import MakeClient, Told

ENDLESS = 3_600.0


@pytest.mark.spec("SRV-107")
@pytest.mark.parametrize("sync_mode", [False, True])
def test_nothing_to_flush_is_no_request(
    make_client: MakeClient, inspector: Inspector, *, sync_mode: bool
) -> None:
    """An empty queue is flushed and joined at once, with success and without a request."""
    client = make_client(sync_mode=sync_mode)

    assert client.flush()
    assert client.join()
    assert client.flush(timeout=0)

    assert inspector.requests() == []


@pytest.mark.spec("SRV-106", "SRV-110")
def test_after_a_flush_everything_is_there(make_client: MakeClient, inspector: Inspector) -> None:
    """When flush returns True, all events captured before have arrived."""
    client = make_client(flush_interval=ENDLESS)
    for number in range(250):
        client.capture("user123", f"event {number}")

    assert client.flush()

    assert len(inspector.events()) == 250
    assert client.queue.qsize() == 0


@pytest.mark.spec("SRV-087", "SRV-111")
@pytest.mark.parametrize("verb", ["flush", "join"])
def test_waiting_is_bounded_against_a_hung_server(
    make_client: MakeClient, silent_host: str, verb: str
) -> None:
    """With a request hanging, flush and join return False when their time is up."""
    client = make_client(silent_host, flush_at=1, timeout=1)
    client.capture("user123", "paid")

    began = monotonic()
    assert not getattr(client, verb)(timeout=0.3)

    assert 0.3 <= monotonic() - began < 0.8


@pytest.mark.spec("SRV-095", "SRV-096", "SRV-108")
def test_a_flush_that_fails_costs_nothing(
    make_client: MakeClient, inspector: Inspector, told: Told
) -> None:
    """After a flush against 503 that timed out the events are still there, and arrive later."""
    inspector.answer(status=503, times=1)
    client = make_client(on_error=told)
    client.capture("user123", "paid")

    assert not client.flush(timeout=0.1)
    stats = client.stats()
    assert stats.queued + stats.in_flight == 1

    assert client.flush()
    assert [event["event"] for event in inspector.events()] == ["paid"]
    assert told.all == []


def test_retries_are_waited_for(make_client: MakeClient, inspector: Inspector) -> None:
    """A flush does not return between two attempts, only when the batch is settled."""
    inspector.answer(status=503, times=2)
    client = make_client()
    client.capture("user123", "paid")

    assert client.flush()

    assert [request["status"] for request in inspector.requests()] == [503, 503, 200]


def test_endless_waiting_ends_with_the_last_event(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """flush(math.inf) waits until everything was sent, through a failure."""
    inspector.answer(status=503, times=1)
    client = make_client(flush_timeout=math.inf)
    client.capture("user123", "paid")

    assert client.flush(math.inf)
    assert client.flush()

    assert len(inspector.events()) == 1


def test_endless_waiting_ends_when_events_are_given_up(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """flush(math.inf) returns False when the last event was given up."""
    inspector.answer(status=400)
    client = make_client()
    client.capture("user123", "paid")

    assert not client.flush(math.inf)


def test_a_flush_does_not_wait_for_later_events(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """Events captured while a flush waits do not prolong it."""
    inspector.answer(status=200, delay=0.3, times=1)
    client = make_client(flush_interval=ENDLESS)
    client.capture("user123", "before")
    results: list[bool] = []
    flusher = threading.Thread(target=lambda: results.append(client.flush()))
    flusher.start()
    inspector.wait_for_requests(1)

    client.capture("user123", "after")
    flusher.join(5)

    assert results == [True]
    assert client.queue.qsize() == 1


def test_join_lets_events_go_at_their_own_pace(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """join waits for the interval instead of cutting it short."""
    client = make_client(flush_interval=0.3)
    client.capture("user123", "paid")

    began = monotonic()
    assert client.join()

    assert monotonic() - began >= 0.25
    assert len(inspector.events()) == 1


@pytest.mark.parametrize("verb", ["flush", "join", "shutdown"])
def test_waiting_inside_on_error_is_no_deadlock(
    make_client: MakeClient, inspector: Inspector, verb: str
) -> None:
    """on_error may flush, join or shut down: it does not wait for the thread it runs on."""
    inspector.answer(status=400, times=1)
    times: list[float] = []

    def on_error(_error: Exception, _batch: Sequence[Event]) -> None:
        began = monotonic()
        getattr(client, verb)()
        times.append(monotonic() - began)

    client = make_client(on_error=on_error)
    client.capture("user123", "paid")
    assert not client.flush()

    assert len(times) == 1
    assert times[0] < 1.0


def test_flushing_inside_on_error_on_the_callers_thread_is_no_deadlock(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """In sync_mode, too, on_error may flush: it does not wait for the event it is told of."""
    inspector.answer(status=400, times=1)
    times: list[float] = []

    def on_error(_error: Exception, _batch: Sequence[Event]) -> None:
        began = monotonic()
        client.flush()
        times.append(monotonic() - began)

    client = make_client(on_error=on_error, sync_mode=True, flush_timeout=1.5)
    assert client.capture("user123", "paid") is None

    assert len(times) == 1
    assert times[0] < 1.0


def test_capturing_inside_on_error_is_no_loop(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """on_error may capture: that event is delivered like any other."""
    inspector.answer(status=400, times=1)
    client = make_client(flush_at=1)
    client.on_error = lambda _error, batch: client.capture("app", "loss", {"events": len(batch)})
    client.capture("user123", "paid")

    inspector.wait_for(1, name="loss")
    assert client.flush()

    assert [event["properties"]["events"] for event in inspector.events()] == [1]


def test_flushing_inside_before_send_is_no_deadlock(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """before_send may flush: what was captured before is sent, then the event itself."""

    def before_send(event: Event) -> Event:
        assert client.flush(2)
        return event

    client = make_client(before_send=before_send, flush_interval=ENDLESS)
    client.capture("user123", "first")
    client.capture("user123", "second")
    assert client.flush()

    assert [event["event"] for event in inspector.events()] == ["first", "second"]


def test_a_budget_that_is_spent_is_no_time_at_all(
    make_client: MakeClient, silent_host: str
) -> None:
    """A negative timeout, what is left of a caller's own, returns at once."""
    client = make_client(silent_host, shutdown_timeout=0.5)
    client.capture("user123", "paid")
    began = monotonic()

    assert not client.flush(-1)
    assert monotonic() - began < 1.0


@pytest.mark.parametrize("timeout", [10**400, 1e308], ids=["whole", "float"])
def test_a_timeout_beyond_all_clocks_is_a_very_long_one(
    make_client: MakeClient, inspector: Inspector, timeout: float
) -> None:
    """However large a number of seconds is, waiting does not fail."""
    client = make_client()
    client.capture("user123", "paid")

    assert client.flush(timeout)
    assert len(inspector.events()) == 1


@pytest.mark.parametrize("timeout", [float("nan"), "soon", [1]])
def test_an_odd_timeout_is_the_default(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, timeout: object
) -> None:
    """A timeout that is no number of seconds is said, and the default is used."""
    client = make_client()
    client.capture("user123", "paid")

    with caplog.at_level(logging.WARNING, "posthog_web"):
        assert client.flush(timeout)  # type: ignore[arg-type]  # the mistake this is about

    assert ["timeout" in message for message in caplog.messages] == [True]


def test_many_may_flush_at_once(make_client: MakeClient, inspector: Inspector) -> None:
    """Eight threads flush together: all succeed, and each event is sent once."""
    client = make_client(flush_interval=ENDLESS)
    for number in range(100):
        client.capture("user123", f"event {number}")
    results: list[bool] = []
    threads = [threading.Thread(target=lambda: results.append(client.flush())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert results == [True] * 8
    assert [event["deliveries"] for event in inspector.events()] == [1] * 100
