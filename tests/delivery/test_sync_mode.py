"""sync_mode: no thread; the answer of a capture is the server's."""

from __future__ import annotations

import threading
from time import monotonic

from posthog_web.errors import RefusedError, UnansweredError
from posthog_web.inspector import Inspector
from tests.delivery.conftest import MakeClient, Told


def test_no_thread_is_ever_started(make_client: MakeClient, inspector: Inspector) -> None:
    """Capturing, flushing and ending happen on the caller's thread alone."""
    before = set(threading.enumerate())
    client = make_client(sync_mode=True)
    for number in range(3):
        client.capture("user123", f"event {number}")
        assert set(threading.enumerate()) == before
    assert client.flush()
    assert client.shutdown()

    assert set(threading.enumerate()) == before
    assert [request["events"] for request in inspector.requests()] == [1, 1, 1]


def test_a_uuid_means_the_server_took_it(make_client: MakeClient, inspector: Inspector) -> None:
    """When capture returns, the event is there."""
    client = make_client(sync_mode=True)

    uuid = client.capture("user123", "paid")

    assert [event["uuid"] for event in inspector.events()] == [uuid]
    assert client.stats().sent == 1


def test_a_refusal_is_none_and_told(
    make_client: MakeClient, inspector: Inspector, told: Told
) -> None:
    """A refused event answers None, is counted, and told with its event, once."""
    inspector.answer(status=400)
    client = make_client(sync_mode=True, on_error=told)

    assert client.capture("user123", "paid") is None

    [(error, [event])] = told.all
    assert isinstance(error, RefusedError)
    assert event["event"] == "paid"
    assert client.stats().dropped == {"refused": 1}
    assert client.queue.empty()


def test_retries_run_on_the_caller(
    make_client: MakeClient, inspector: Inspector, told: Told
) -> None:
    """Through a 503 and a reset the capture waits, and answers with the uuid."""
    inspector.answer(status=503, times=1)
    inspector.answer(close=True, times=1)
    client = make_client(sync_mode=True, on_error=told)

    assert client.capture("user123", "paid") is not None

    assert [request["status"] for request in inspector.requests()] == [503, None, 200]
    assert told.lost == []


def test_nobody_is_kept_waiting_for_long(
    make_client: MakeClient, dead_host: str, told: Told
) -> None:
    """With a dead server it gives up after max_retries + 1 attempts, not after max_event_age."""
    client = make_client(dead_host, sync_mode=True, max_retries=1, on_error=told)

    began = monotonic()
    assert client.capture("user123", "paid") is None

    assert monotonic() - began < 2.0
    assert told.lost == ["paid"]
    assert isinstance(told.all[-1][0], UnansweredError)
    assert client.stats().dropped == {"given_up": 1}


def test_threads_capture_side_by_side(make_client: MakeClient, inspector: Inspector) -> None:
    """Captures on several threads each get their own answer, and each event arrives once."""
    client = make_client(sync_mode=True)
    uuids: list[str | None] = []

    def work() -> None:
        uuids.extend(client.capture("user123", "paid") for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert sorted(event["uuid"] for event in inspector.events()) == sorted(map(str, uuids))
    assert len(set(uuids)) == 40


def test_after_the_end_nothing_is_sent(make_client: MakeClient, inspector: Inspector) -> None:
    """A capture after shutdown answers None without a request."""
    client = make_client(sync_mode=True)
    client.shutdown()

    assert client.capture("user123", "late") is None

    assert inspector.requests() == []
