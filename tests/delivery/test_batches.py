"""When events leave and how many at a time, as the server sees it."""

from __future__ import annotations

import pytest

from posthog_web.inspector import Inspector
from tests.delivery.conftest import MakeClient
from tests.delivery.servers import RecordingServer

ENDLESS = 3_600.0


@pytest.mark.spec("SRV-074", "SRV-080")
def test_reaching_flush_at_sends(make_client: MakeClient, inspector: Inspector) -> None:
    """The event that makes it flush_at is sent with the others, without a flush."""
    client = make_client(flush_at=5, flush_interval=ENDLESS)
    for number in range(5):
        client.capture("user123", f"event {number}")

    inspector.wait_for(5)

    assert [request["events"] for request in inspector.requests()] == [5]


@pytest.mark.spec("SRV-074")
def test_below_flush_at_nothing_leaves(make_client: MakeClient, inspector: Inspector) -> None:
    """One event fewer than flush_at waits, until the one that completes it comes."""
    client = make_client(flush_at=5, flush_interval=ENDLESS)
    for number in range(4):
        client.capture("user123", f"event {number}")

    assert not client.join(timeout=0.1)
    assert inspector.requests() == []
    assert client.queue.qsize() == 4

    client.capture("user123", "event 4")
    assert client.join()
    assert [request["events"] for request in inspector.requests()] == [5]


@pytest.mark.spec("SRV-075")
def test_the_interval_sends_what_is_below(make_client: MakeClient, inspector: Inspector) -> None:
    """Fewer events than flush_at leave together after flush_interval, by themselves."""
    client = make_client(flush_at=100, flush_interval=0.2)
    for number in range(3):
        client.capture("user123", f"event {number}")
    assert inspector.requests() == []

    inspector.wait_for(3)

    assert [request["events"] for request in inspector.requests()] == [3]


@pytest.mark.spec("SRV-075")
def test_the_interval_works_again_and_again(make_client: MakeClient, inspector: Inspector) -> None:
    """After a batch has left, the next single event is sent by the interval as well."""
    client = make_client(flush_at=100, flush_interval=0.05)

    for count in range(1, 4):
        client.capture("user123", f"event {count}")
        inspector.wait_for(count)

    assert [request["events"] for request in inspector.requests()] == [1, 1, 1]


@pytest.mark.spec("SRV-076", "SRV-077", "SRV-079", "SRV-106", "SRV-109")
def test_a_flush_sends_all_in_order_in_full_batches(
    make_client: MakeClient, recorder: RecordingServer
) -> None:
    """A flush ignores thresholds, and sends batch by batch, max_batch_size at most, in order."""
    client = make_client(recorder.url, flush_at=10, max_batch_size=10, flush_interval=ENDLESS)
    recorded = [f"event {number}" for number in range(9)]
    for name in recorded:
        client.capture("user123", name)
    assert client.flush()
    assert client.queue.empty()

    bulk = [f"bulk {number}" for number in range(45)]
    for name in bulk:
        client.capture("user123", name)
    assert client.flush()

    deliveries = [delivery.names() for delivery in recorder.deliveries()]
    assert [name for names in deliveries for name in names] == recorded + bulk
    assert max(map(len, deliveries)) <= 10
    assert client.queue.empty()


@pytest.mark.spec("SRV-076")
def test_a_batch_is_never_below_flush_at(make_client: MakeClient, inspector: Inspector) -> None:
    """max_batch_size smaller than flush_at is raised to it."""
    client = make_client(flush_at=20, max_batch_size=3, flush_interval=ENDLESS)
    for number in range(20):
        client.capture("user123", f"event {number}")

    inspector.wait_for(20)

    assert [request["events"] for request in inspector.requests()] == [20]


@pytest.mark.spec("SRV-078")
def test_bytes_close_a_batch_before_the_crossing_event(
    make_client: MakeClient, recorder: RecordingServer
) -> None:
    """Events of 10 KiB against a limit of 25 KiB go two by two; a larger one goes alone."""
    client = make_client(recorder.url, max_batch_bytes=25 * 1024, flush_interval=ENDLESS)
    sizes = {"a": 10, "b": 10, "c": 10, "d": 10, "large": 40, "e": 10}
    for name, kibibytes in sizes.items():
        client.capture("user123", name, {"text": "x" * kibibytes * 1024})
    assert client.flush()

    deliveries = recorder.deliveries()

    assert [one.names() for one in deliveries] == [["a", "b"], ["c", "d"], ["large"], ["e"]]


@pytest.mark.spec("SRV-083")
def test_an_event_that_cannot_be_encoded_spoils_no_batch(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """Between two events an odd one, with lone surrogates and endless numbers, does no harm."""
    client = make_client(flush_interval=ENDLESS)
    client.capture("user123", "before")
    client.capture("user123", "odd", {"text": "\ud800", "number": float("nan"), "set": {1, 2}})
    client.capture("user123", "after")
    assert client.flush()

    assert [event["event"] for event in inspector.events()] == ["before", "odd", "after"]


@pytest.mark.spec("SRV-081")
def test_simultaneous_triggers_send_once(make_client: MakeClient, inspector: Inspector) -> None:
    """Threshold, interval and flush together send every event once."""
    client = make_client(flush_at=7, flush_interval=0.001)
    for number in range(50):
        client.capture("user123", f"event {number}")
        client.flush(timeout=0)
    assert client.flush()

    assert [event["deliveries"] for event in inspector.events()] == [1] * 50
    assert sum(request["events"] for request in inspector.requests()) == 50
