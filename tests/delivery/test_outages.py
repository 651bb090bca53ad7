"""Nobody answers: the endpoint is down, the events are kept, and it is said once."""

from __future__ import annotations

import logging
from time import monotonic

import pytest

from posthog_web.errors import UnansweredError
from posthog_web.inspector import Inspector
from tests.delivery.conftest import MakeClient, Told
from tests.delivery.servers import RecordingServer, free_port


@pytest.mark.spec("SRV-095", "SRV-096", "SRV-105")
def test_what_waits_arrives_when_the_server_comes_back(make_client: MakeClient, told: Told) -> None:
    """Events captured while the port is closed are kept, and delivered once it is open."""
    port = free_port()
    client = make_client(f"http://127.0.0.1:{port}", on_error=told, flush_at=1)
    uuids = [client.capture("user123", "first")]
    told.wait()
    uuids.append(client.capture("user123", "second"))
    assert not client.flush(timeout=0.2)
    assert client.stats().queued + client.stats().in_flight == 2

    with RecordingServer(port) as server:
        assert client.flush()

        sent = [event["uuid"] for one in server.deliveries() for event in one.json()["batch"]]
    assert sent == uuids
    assert told.lost == []


@pytest.mark.spec("SRV-097")
def test_a_reset_is_tried_again(make_client: MakeClient, inspector: Inspector) -> None:
    """A connection closed in the middle costs no event."""
    inspector.answer(close=True, times=2)
    client = make_client()
    client.capture("user123", "paid")

    assert client.flush()

    assert [request["status"] for request in inspector.requests()] == [None, None, 200]
    assert len(inspector.events()) == 1


@pytest.mark.spec("SRV-087", "SRV-097")
def test_a_hung_server_is_tried_again(make_client: MakeClient, inspector: Inspector) -> None:
    """A request that takes longer than the timeout is one that nobody answered."""
    inspector.answer(status=503, delay=5.0, times=1)
    client = make_client(timeout=0.2)
    client.capture("user123", "paid")

    assert client.flush()

    assert [request["status"] for request in inspector.requests()] == [503, 200]


def test_an_outage_is_told_once(
    make_client: MakeClient, inspector: Inspector, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """The first round without an answer is told with an empty batch; further rounds are not."""
    inspector.answer(close=True, times=2)
    client = make_client(on_error=told)
    with caplog.at_level(logging.WARNING, "posthog_web"):
        client.capture("user123", "paid")
        assert client.flush()

    [(error, batch)] = told.all
    assert isinstance(error, UnansweredError)
    assert isinstance(error, ConnectionError)
    assert (error.status, batch) == (None, [])
    assert error.__cause__ is not None
    assert len(inspector.requests()) == 3
    assert len(caplog.messages) == 1


def test_one_outage_is_told_once_whatever_it_costs(
    make_client: MakeClient, dead_host: str, told: Told
) -> None:
    """While an outage lasts, batches that become too old are told, but no second beginning."""
    client = make_client(dead_host, on_error=told, max_event_age=0.1, flush_at=1, max_batch_size=1)
    client.capture("user123", "first")
    client.capture("user123", "second")
    client.capture("user123", "third")
    assert not client.flush()

    beginnings = [error for error, batch in told.all if not batch]
    assert told.lost == ["first", "second", "third"]
    assert len(beginnings) == 1


def test_the_next_outage_is_told_again(
    make_client: MakeClient, inspector: Inspector, told: Told
) -> None:
    """After an outage has ended, the next one is told too."""
    client = make_client(on_error=told)
    for _ in range(2):
        # Twice: one failure of a kept connection is no outage.
        inspector.answer(close=True, times=2)
        client.capture("user123", "paid")
        assert client.flush()

    assert [batch for _, batch in told.all] == [[], []]


def test_too_old_is_given_up(make_client: MakeClient, dead_host: str, told: Told) -> None:
    """A batch older than max_event_age is dropped, counted and told with its events."""
    client = make_client(dead_host, on_error=told, max_event_age=0.1)
    client.capture("user123", "paid")

    assert not client.flush()

    assert client.stats().dropped == {"given_up": 1}
    assert told.lost == ["paid"]
    assert client.stats().last_error is not None


def test_without_retries_there_is_one_attempt(
    make_client: MakeClient, inspector: Inspector, told: Told
) -> None:
    """max_retries=0 gives up after the first round without an answer, and says it once."""
    inspector.answer(close=True)
    client = make_client(on_error=told, max_retries=0)
    client.capture("user123", "paid")

    assert not client.flush()

    assert len(inspector.requests()) == 1
    assert [len(batch) for _, batch in told.all] == [1]


@pytest.mark.spec("SRV-029", "SRV-099", "SRV-104")
def test_memory_is_bounded_while_the_server_is_dead(
    make_client: MakeClient, dead_host: str, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """Beside the batch under way 100 events wait; the other 900 are refused, counted, said once."""
    client = make_client(dead_host, on_error=told, max_queue_size=100, flush_at=1)
    client.capture("user123", "first")
    told.wait()

    with caplog.at_level(logging.WARNING, "posthog_web"):
        accepted = [client.capture("user123", "more") for _ in range(1_000)]

    stats = client.stats()
    assert sum(uuid is not None for uuid in accepted) == 100
    assert (stats.in_flight, stats.queued) == (1, 100)
    assert stats.dropped == {"queue_full": 900}
    assert sum("queue is full" in message for message in caplog.messages) == 1


@pytest.mark.spec("SRV-099")
def test_bytes_in_memory_are_bounded_too(
    make_client: MakeClient, dead_host: str, told: Told
) -> None:
    """Large events fill the queue by max_queue_bytes, long before max_queue_size."""
    client = make_client(dead_host, on_error=told, max_queue_bytes=100 * 1024, flush_at=1)
    client.capture("user123", "first")
    told.wait()

    for _ in range(50):
        client.capture("user123", "large", {"text": "x" * 10 * 1024})

    stats = client.stats()
    assert stats.queued == 9
    assert stats.dropped == {"queue_full": 41}


@pytest.mark.spec("SRV-098", "SRV-106")
def test_a_flush_ends_the_pause(make_client: MakeClient, inspector: Inspector) -> None:
    """Five pauses, 7.75 s at least, take no time when a flush follows upon the other."""
    inspector.answer(close=True, times=5)
    client = make_client(flush_at=1)
    client.capture("user123", "paid")

    deadline = monotonic() + 4.0
    while not client.flush(timeout=0.05):
        assert monotonic() < deadline

    assert len(inspector.requests()) == 6
    assert len(inspector.events()) == 1


def test_a_capture_never_waits(make_client: MakeClient, silent_host: str) -> None:
    """While a request hangs, a thousand captures take no noticeable time."""
    client = make_client(silent_host, flush_at=1, timeout=1)
    client.capture("user123", "first")

    began = monotonic()
    for _ in range(1_000):
        client.capture("user123", "more")

    assert monotonic() - began < 1.0
