"""The threads of a client: when they start, how many, and that they end with it."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from itertools import count
from time import monotonic

import pytest

from posthog_web import Client
from posthog_web._delivery.transport import HttpTransport
from posthog_web._delivery.wire import WireV0
from posthog_web._delivery.worker_pool import WorkerPool
from posthog_web.inspector import Inspector
from tests.delivery.conftest import MakeClient
from tests.delivery.workers import join_own_threads, make_pool, own_threads

ENDLESS = 3_600.0


@pytest.fixture
def pool(inspector: Inspector) -> Iterator[WorkerPool]:
    """A pool of two, which send to the inspector."""
    transport = HttpTransport(host=inspector.url, wire=WireV0(api_key="phc_test"))
    pool = make_pool(transport, size=2)
    yield pool
    pool.close(pool.checkpoint(hurry=True), monotonic() + 0.5)


def test_no_thread_before_the_first_event(make_client: MakeClient, inspector: Inspector) -> None:
    """Making, flushing and looking at a client start nothing; the first event starts one thread."""
    client = make_client(flush_at=1)
    client.flush()
    client.stats()
    client.queue.qsize()
    assert own_threads() == []

    client.capture("user123", "paid")

    assert len(own_threads()) == 1
    inspector.wait_for(1)


@pytest.mark.parametrize("switch", ["disabled", "send"])
def test_no_thread_for_a_client_that_sends_nothing(
    make_client: MakeClient, inspector: Inspector, switch: str
) -> None:
    """With disabled=True, or send=False, captures start no thread and make no request."""
    client = make_client(disabled=True) if switch == "disabled" else make_client(send=False)
    client.capture("user123", "paid")
    assert client.flush()
    assert client.shutdown()

    assert own_threads() == []
    assert inspector.requests() == []


def test_no_thread_without_a_key(inspector: Inspector) -> None:
    """A client without a key starts nothing."""
    client = Client(host=inspector.url)
    client.capture("user123", "paid")

    assert own_threads() == []
    assert client.shutdown()
    assert inspector.requests() == []


def test_threads_are_daemons(make_client: MakeClient, inspector: Inspector) -> None:
    """A thread of ours never keeps a process alive."""
    client = make_client(flush_at=1)
    client.capture("user123", "paid")

    assert [thread.daemon for thread in own_threads()] == [True]
    inspector.wait_for(1)


@pytest.mark.spec("SRV-093")
def test_three_threads_send_every_event_once(make_client: MakeClient, inspector: Inspector) -> None:
    """With thread=3, batches travel side by side, and no event is lost or doubled."""
    inspector.answer(status=200, delay=0.5, times=3)
    client = make_client(thread=3, flush_at=50, max_batch_size=50)
    uuids: list[str | None] = []
    for busy in range(1, 4):
        uuids += [client.capture("user123", "paid") for _ in range(50)]
        inspector.wait_for_requests(busy)
    assert client.stats().in_flight == 150
    uuids += [client.capture("user123", "paid") for _ in range(450)]

    assert client.flush()

    events = inspector.events()
    assert sorted(event["uuid"] for event in events) == sorted(map(str, uuids))
    assert {event["deliveries"] for event in events} == {1}
    assert len(own_threads()) == 3


@pytest.mark.spec("SRV-093")
def test_one_slow_answer_holds_up_one_thread(make_client: MakeClient, inspector: Inspector) -> None:
    """While one of two threads waits for an answer, the other delivers."""
    inspector.answer(status=200, delay=0.9, times=1)
    client = make_client(thread=2, flush_at=1, max_batch_size=1)
    client.capture("user123", "slow")
    inspector.wait_for_requests(1)

    client.capture("user123", "quick")

    inspector.wait_for(1, name="quick", timeout=0.8)
    assert client.stats().sent <= 1


def test_many_first_events_at_once_start_one_thread(
    make_client: MakeClient, inspector: Inspector
) -> None:
    """Eight threads with the first event at the same moment: thread=1 stays one."""
    client = make_client(flush_interval=ENDLESS)
    together = threading.Barrier(8)

    def work() -> None:
        together.wait(5)
        client.capture("user123", "paid")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert len(own_threads()) == 1
    assert client.flush()
    assert len(inspector.events()) == 8


def test_an_idle_thread_leaves_and_another_comes(pool: WorkerPool, inspector: Inspector) -> None:
    """Without work the thread ends; the next event starts one again."""
    for round_number in range(1, 4):
        assert pool.put(b'{"event":"paid","distinct_id":"user123"}')
        inspector.wait_for(round_number)
        [thread] = own_threads()
        thread.join(5)
        assert not thread.is_alive()


def test_no_event_is_missed_while_threads_come_and_go(
    pool: WorkerPool, inspector: Inspector
) -> None:
    """Events put just when idle threads leave are all delivered, without a flush."""
    pause = threading.Event()
    for number in count(1):
        assert pool.put(b'{"event":"paid","distinct_id":"user123"}')
        # About as long as a thread stays idle, a little more each time.
        pause.wait(0.045 + number / 4_000)
        if number == 12:
            break

    assert len(inspector.wait_for(12, timeout=5)) == 12
    join_own_threads()


@pytest.mark.spec("SRV-113")
def test_a_client_that_is_let_go_is_garbage(inspector: Inspector) -> None:
    """The last reference gone, it is freed, its events arrive, and its thread ends."""
    client = Client("phc_test", inspector.url, flush_interval=ENDLESS)
    client.capture("user123", "paid")
    freed = weakref.ref(client)

    del client
    gc.collect()

    assert freed() is None
    assert len(inspector.wait_for(1)) == 1
    join_own_threads()
    assert own_threads() == []


def test_a_client_that_is_let_go_unused_leaves_nothing(inspector: Inspector) -> None:
    """A client that captured nothing is freed without having started anything."""
    freed = weakref.ref(Client("phc_test", inspector.url))
    gc.collect()

    assert freed() is None
    assert own_threads() == []


def test_a_client_that_is_let_go_does_not_outlast_its_budget(
    dead_host: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With a dead server, its thread ends after shutdown_timeout; what it held is counted, said."""
    lost: list[str] = []
    client = Client(
        "phc_test",
        dead_host,
        shutdown_timeout=0.3,
        on_drop=lambda reason, events: lost.extend([reason] * len(events)),
    )
    for _ in range(3):
        client.capture("user123", "paid")
    [thread] = own_threads()

    del client
    gc.collect()
    thread.join(2)

    assert not thread.is_alive()
    assert lost == ["unsent_at_exit"] * 3
    assert [message for message in caplog.messages if "3 event(s) could not be sent" in message]


def test_shutdown_out_of_a_callback_bounds_its_own_thread(
    make_client: MakeClient, dead_host: str
) -> None:
    """Called from on_error on a worker, its timeout holds for that worker too."""

    def on_error(_error: Exception) -> None:
        client.shutdown(timeout=0.3)

    client = make_client(dead_host, on_error=on_error, flush_at=1)
    client.capture("user123", "paid")
    [thread] = own_threads()
    thread.join(2)

    assert not thread.is_alive()
    assert client.stats().dropped == {"unsent_at_exit": 1}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("waiting", ["flush", "shutdown"])
def test_a_worker_that_is_ended_while_somebody_waits_is_replaced(
    make_client: MakeClient, inspector: Inspector, waiting: str
) -> None:
    """A callback that ends its thread costs what it was told of, and not what waits behind."""

    def on_error(_error: Exception) -> None:
        raise SystemExit

    inspector.answer(status=400, times=1)
    client = make_client(on_error=on_error, max_batch_size=1, flush_at=1, flush_interval=60)
    client.capture("user123", "bad")
    client.capture("user123", "good")

    assert not getattr(client, waiting)(timeout=5)

    assert client.stats().dropped == {"refused": 1}
    assert [event["event"] for event in inspector.events()] == ["good"]
