"""A server dies while eight threads capture: every event is in one account, and arrives once."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

import pytest

from posthog_web import Client
from tests.delivery.conftest import MakeClient, Told
from tests.delivery.fault_server import Exchange, FaultServer

THREADS = 8
EACH = 2_000
WHOLE = THREADS * EACH

# Requests that are answered before the server dies.
LIFE = 20


@dataclass(kw_only=True)
class Mortal:
    """A server's fault: it answers a while, then resets all connections, maybe for ever.

    Attributes:
        died: Set when it has died.
        alive: Whether it answers; set it again and it does.
    """

    died: threading.Event = field(default_factory=threading.Event)
    alive: bool = True

    def __call__(self, exchange: Exchange) -> None:
        if exchange.total > LIFE and not self.died.is_set():
            self.alive = False
            self.died.set()
        if self.alive:
            exchange.answer()
        else:
            exchange.reset()


def capture_together(client: Client) -> list[str]:
    """Capture on eight threads, each event with a name of its own; return those accepted."""
    accepted: list[str] = []

    def work(thread: int) -> None:
        for number in range(EACH):
            name = f"thread {thread} event {number}"
            if client.capture("user123", name) is not None:
                accepted.append(name)
            if number % 100 == 0:
                stats = client.stats()
                balance = stats.sent + stats.queued + stats.in_flight + stats.dropped_total
                assert balance == stats.captured

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return accepted


@pytest.mark.spec("SRV-101")
@pytest.mark.parametrize("senders", [1, 4])
@pytest.mark.parametrize("comes_back", [False, True])
def test_every_event_is_in_one_account(
    make_client: MakeClient, told: Told, senders: int, *, comes_back: bool
) -> None:
    """None arrives twice; what did not is dropped and counted; what comes back takes all."""
    mortal = Mortal()
    lost: list[str] = []
    with FaultServer(mortal) as server:
        client = make_client(
            server.url,
            on_error=told,
            on_drop=lambda _reason, events: lost.extend(event["event"] for event in events),
            thread=senders,
            flush_at=20,
            max_batch_size=50,
            max_queue_size=2 * WHOLE if comes_back else 3_000,
        )
        accepted = capture_together(client)
        assert mortal.died.wait(10)
        told.wait()
        if comes_back:
            mortal.alive = True
            assert client.flush(timeout=30)
        client.shutdown(timeout=1)

    stats = client.stats()
    arrived = Counter(server.taken)
    assert set(arrived.values()) == {1}
    assert (stats.captured, stats.queued, stats.in_flight) == (WHOLE, 0, 0)
    assert stats.sent == arrived.total()
    assert stats.sent + stats.dropped_total == WHOLE
    assert sorted([*arrived, *lost]) == sorted(
        f"thread {thread} event {number}" for thread in range(THREADS) for number in range(EACH)
    )
    assert len(accepted) == WHOLE - stats.dropped.get("queue_full", 0)
    if comes_back:
        assert stats.dropped == {}
    else:
        assert stats.dropped["unsent_at_exit"] > 0
    # One outage, told once; only where it ends may one sender hear of both ends before another.
    assert [batch for _, batch in told.all if batch] == []
    assert 1 <= len(told.all) <= (senders if comes_back else 1)
