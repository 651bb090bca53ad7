"""The end of a client: what is left is sent or counted, within a time, and then nothing more."""

from __future__ import annotations

import logging
import math
import threading
from time import monotonic

import pytest

from posthog_web.inspector import Inspector
from tests.delivery.conftest import MakeClient, Told
from tests.delivery.workers import own_threads


@pytest.mark.spec("SRV-113", "SRV-114")
def test_shutdown_sends_what_is_left(make_client: MakeClient, inspector: Inspector) -> None:
    """Everything captured before arrives, and afterwards no thread is left."""
    client = make_client(flush_interval=3_600.0, flush_at=1_000)
    for number in range(250):
        client.capture("user123", f"event {number}")

    assert client.shutdown()

    assert len(inspector.events()) == 250
    assert own_threads() == []


@pytest.mark.spec("SRV-114", "SRV-115", "SRV-122")
def test_nothing_is_captured_afterwards(
    make_client: MakeClient, inspector: Inspector, caplog: pytest.LogCaptureFixture
) -> None:
    """A capture after the end answers None, says so once, queues and starts nothing."""
    client = make_client()
    client.shutdown()

    with caplog.at_level(logging.WARNING, "posthog_web"):
        assert [client.capture("user123", "late") for _ in range(3)] == [None] * 3

    assert client.flush()
    assert client.queue.qsize() == 0
    assert own_threads() == []
    assert inspector.requests() == []
    assert ["shutdown" in message for message in caplog.messages] == [True]


@pytest.mark.spec("SRV-116")
def test_shutting_down_twice_does_nothing_more(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """The second call is as successful as the first, and sends nothing again."""
    client = make_client()
    client.capture("user123", "paid")

    assert client.shutdown()
    assert client.shutdown()

    assert [request["events"] for request in inspector.requests()] == [1]


@pytest.mark.spec("SRV-116")
def test_many_may_shut_down_at_once(
    make_client: MakeClient, inspector: Inspector, caplog: pytest.LogCaptureFixture
) -> None:
    """Eight threads end a client together: nothing is raised, said, or sent twice."""
    inspector.answer(status=200, delay=0.2, times=1)
    client = make_client(flush_interval=3_600.0)
    for number in range(50):
        client.capture("user123", f"event {number}")
    results: list[bool] = []
    threads = [threading.Thread(target=lambda: results.append(client.shutdown())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert results == [True] * 8
    assert [event["deliveries"] for event in inspector.events()] == [1] * 50
    assert caplog.messages == []


@pytest.mark.spec("SRV-117", "SRV-120")
def test_shutdown_is_bounded_and_says_what_it_cost(
    make_client: MakeClient, dead_host: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With a dead server it returns False in time, and one warning has the exact count."""
    client = make_client(dead_host, flush_at=10)
    for _ in range(37):
        client.capture("user123", "paid")

    began = monotonic()
    assert not client.shutdown(timeout=0.3)

    assert monotonic() - began < 0.8
    assert sum("37 event(s) could not be sent" in message for message in caplog.messages) == 1
    assert client.stats().dropped == {"unsent_at_exit": 37}
    assert own_threads() == []


@pytest.mark.spec("SRV-087", "SRV-120")
def test_shutdown_does_not_wait_for_a_request_that_hangs(
    make_client: MakeClient, silent_host: str
) -> None:
    """A request in the middle of its timeout is left behind, its events counted."""
    client = make_client(silent_host, flush_at=1, timeout=1.5)
    client.capture("user123", "paid")

    began = monotonic()
    assert not client.shutdown(timeout=0.2)

    assert monotonic() - began < 0.7
    assert client.stats().dropped == {"unsent_at_exit": 1}


@pytest.mark.spec("SRV-120")
def test_many_hanging_threads_cost_no_more_than_one(
    make_client: MakeClient, silent_host: str
) -> None:
    """With eight threads in requests that hang, shutdown takes at most a second longer."""
    client = make_client(silent_host, flush_at=1, max_batch_size=1, thread=8, timeout=1.5)
    for _ in range(8):
        client.capture("user123", "paid")

    began = monotonic()
    assert not client.shutdown(timeout=0.1)

    assert monotonic() - began < 1.1


def test_what_the_end_cut_short_is_not_counted_as_sent(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """A batch given up at the end stays dropped, though the server takes it a moment later."""
    inspector.answer(status=200, delay=0.6, times=1)
    client = make_client(flush_at=1)
    client.capture("user123", "paid")

    assert not client.shutdown(timeout=0.1)
    for thread in own_threads():
        thread.join(5)

    stats = client.stats()
    assert (stats.captured, stats.sent, stats.dropped) == (1, 0, {"unsent_at_exit": 1})


def test_an_endless_shutdown_ends(make_client: MakeClient, inspector: Inspector) -> None:
    """shutdown(math.inf) waits through a retry, and returns when all has left."""
    inspector.answer(status=503, times=1)
    client = make_client()
    client.capture("user123", "paid")

    assert client.shutdown(math.inf)

    assert len(inspector.events()) == 1


@pytest.mark.spec("SRV-117")
def test_a_refusal_during_shutdown_is_told(
    make_client: MakeClient, inspector: Inspector, told: Told
) -> None:
    """Events refused while shutting down are told like any other, and it returns False."""
    inspector.answer(status=401)
    client = make_client(on_error=told)
    client.capture("user123", "paid")

    assert not client.shutdown()

    assert told.lost == ["paid"]


@pytest.mark.spec("SRV-113")
def test_a_with_block_ends_the_client(make_client: MakeClient, inspector: Inspector) -> None:
    """Leaving the block, by an exception too, sends what is left; the exception passes."""
    client = make_client(flush_interval=3_600.0)

    def use() -> None:
        with client:
            client.capture("user123", "paid")
            raise LookupError

    with pytest.raises(LookupError):
        use()

    assert len(inspector.events()) == 1
    assert client.capture("user123", "late") is None


def test_a_client_never_used_ends_at_once(make_client: MakeClient, inspector: Inspector) -> None:
    """Without an event, shutdown starts nothing and succeeds."""
    client = make_client()

    assert client.shutdown(timeout=0)

    assert inspector.requests() == []


@pytest.mark.spec("SRV-116")
def test_a_second_shutdown_does_not_cut_the_first(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """While one waits for a slow server, another that has no time gives nothing of it up."""
    inspector.answer(status=200, delay=0.5, times=1)
    client = make_client(flush_interval=60)
    client.capture("user123", "paid")
    results: list[bool] = []
    first = threading.Thread(target=lambda: results.append(client.shutdown(timeout=5)))
    first.start()
    inspector.wait_for_requests(1)

    assert not client.shutdown(timeout=0)
    first.join(10)

    assert client.stats().dropped == {}
    assert client.stats().sent == 1
    assert [event["deliveries"] for event in inspector.events()] == [1]
