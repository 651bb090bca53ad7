"""Every event is somewhere: sent, waiting, under way, or dropped for a reason."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from posthog_web._delivery.accounting import Ledger, Stats
from posthog_web.inspector import Inspector
from tests.delivery.conftest import MakeClient
from tests.delivery.servers import RecordingServer, Reply


def assert_balanced(stats: Stats) -> None:
    """Fail unless every captured event is somewhere."""
    assert stats.captured == stats.sent + stats.queued + stats.in_flight + stats.dropped_total


def run_together(work: Callable[[], None], threads: int = 8) -> None:
    """Run *work* on that many threads and wait for all."""
    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(20)


@pytest.mark.spec("SRV-101")
def test_the_balance_holds_with_many_threads_and_a_flaky_server(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """Eight threads, two senders, refusals, outages and a full queue: nothing is unaccounted."""
    for status in (503, 400, 200, 429, 413):
        inspector.answer(status=status, times=1)
        inspector.answer(close=True, times=1)
    client = make_client(
        thread=2, flush_at=10, max_batch_size=25, max_queue_size=150, flush_timeout=15
    )
    uuids: list[str] = []

    def work() -> None:
        for _ in range(60):
            uuid = client.capture("user123", "paid")
            if uuid is not None:
                uuids.append(uuid)

    run_together(work)
    assert_balanced(client.stats())
    client.flush()

    stats = client.stats()
    assert_balanced(stats)
    arrived = [event["uuid"] for event in inspector.events()]
    assert (stats.captured, stats.queued, stats.in_flight) == (480, 0, 0)
    assert stats.sent == len(arrived)
    assert set(arrived) <= set(uuids)
    assert len(uuids) == 480 - stats.dropped.get("queue_full", 0)


def test_bytes_are_those_on_the_wire(make_client: MakeClient, recorder: RecordingServer) -> None:
    """sent_bytes is the size of all bodies, retries included."""
    recorder.answer(Reply(status=503))
    client = make_client(recorder.url)
    client.capture("user123", "paid")
    assert client.flush()

    assert client.stats().sent_bytes == sum(len(one.body) for one in recorder.deliveries())


def test_every_way_not_to_arrive_has_its_name(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """Drops and declined calls are counted by reason, and kept apart."""
    client = make_client(before_send=lambda event: None if event["event"] == "hidden" else event)
    client.capture("user123", "")
    client.capture("user123", "hidden")
    client.capture("user123", "large", {"text": "x" * 1_000_000})
    client.capture("user123", "paid")
    assert client.flush()

    stats = client.stats()
    assert_balanced(stats)
    assert stats.declined == {"invalid_event": 1, "before_send": 1}
    assert stats.dropped == {"too_large": 1}
    assert (stats.captured, stats.sent) == (2, 1)
    assert len(inspector.events()) == 1


def test_a_snapshot_stays_as_it_was() -> None:
    """Figures handed out do not change when the ledger goes on."""
    ledger = Ledger()
    ledger.dropped["refused"] += 1
    stats = ledger.snapshot(captured=1, queued=0, queued_bytes=0, in_flight=0)

    ledger.dropped["refused"] += 1
    ledger.sent += 1

    assert (stats.sent, stats.dropped, stats.dropped_total) == (0, {"refused": 1}, 1)
