"""A worker that is ended: another takes its place, no event is lost, and it is said once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from time import monotonic

import pytest

from posthog_web import Client
from posthog_web._delivery.batch import Batch
from posthog_web._delivery.retry import Answer
from posthog_web.typing import Event
from tests.delivery.fault_server import Exchange, FaultServer
from tests.delivery.workers import join_own_threads, make_pool

pytestmark = pytest.mark.filterwarnings(
    # Python tells of a thread that ended by an exception; that it does is the point.
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)


def refuse_first(exchange: Exchange) -> None:
    """Refuse the events named "bad", take all others."""
    if "bad" in exchange.request.names():
        exchange.answer(400)
    else:
        exchange.answer()


class Stop(BaseException):
    """What somebody ends threads with."""


@pytest.mark.parametrize("stop", [SystemExit, KeyboardInterrupt, Stop])
def test_a_callback_may_end_the_worker(
    stop: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """Raised in on_error it ends the thread, twice; the next event starts another; said once."""

    def on_error(_error: Exception, _batch: Sequence[Event]) -> None:
        raise stop

    with FaultServer(refuse_first) as server, caplog.at_level(logging.WARNING, "posthog_web"):
        client = Client("phc_test", server.url, on_error=on_error, flush_at=1)
        for _ in range(2):
            client.capture("user123", "bad")
            join_own_threads()
            client.capture("user123", "good")
            assert client.flush()
        assert client.shutdown()

    stats = client.stats()
    assert server.taken == ["good", "good"]
    assert (stats.captured, stats.sent, stats.dropped) == (4, 2, {"refused": 2})
    said = [message for message in caplog.messages if "worker" in message]
    assert len(said) == 1
    assert stop.__name__ in said[0]


def test_workers_that_are_ended_all_the_time_lose_nothing() -> None:
    """Four threads capture, half of the batches end their worker: the accounts add up."""

    def on_error(_error: Exception, _batch: Sequence[Event]) -> None:
        raise SystemExit

    with FaultServer(refuse_first) as server:
        client = Client(
            "phc_test", server.url, on_error=on_error, flush_at=1, max_batch_size=1, thread=3
        )

        def work() -> None:
            for number in range(20):
                client.capture("user123", "bad" if number % 2 else "good")

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        client.flush()
        client.shutdown()

    stats = client.stats()
    assert (stats.captured, stats.sent, stats.dropped) == (80, 40, {"refused": 40})
    assert server.taken == ["good"] * 40


class Breaking:
    """A way to the server that has a bug at its first use, as we may have one."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.delivered = threading.Event()
        self._broken = True

    def connect(self) -> Breaking:
        """Return itself: there is but one."""
        return self

    def post(self, batch: Batch, *, timeout: float) -> Answer:
        """Fail; from the second time on take the events."""
        assert timeout > 0
        if self._broken:
            self._broken = False
            message = "a bug"
            raise LookupError(message)
        self.sent += batch.events
        self.delivered.set()
        return Answer(status=200)

    def close(self) -> None:
        """Hold nothing."""


def test_a_bug_of_ours_costs_a_thread_and_no_event(caplog: pytest.LogCaptureFixture) -> None:
    """An exception ends the worker; it is said once, and the worker of the next event sends all."""
    transport = Breaking()
    pool = make_pool(transport, size=1)

    assert pool.put(b'{"event":"first"}')
    join_own_threads()
    assert transport.sent == []
    assert pool.put(b'{"event":"second"}')
    assert transport.delivered.wait(5)
    assert pool.close(pool.checkpoint(hurry=True), monotonic() + 5.0)

    assert transport.sent == [b'{"event":"first"}', b'{"event":"second"}']
    assert pool.buffer.snapshot().sent == 2
    [message] = caplog.messages
    assert "LookupError" in message
    assert "a bug" not in message
