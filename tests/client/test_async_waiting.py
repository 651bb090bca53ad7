"""Waiting from asynchronous code, and flushing after a handler."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest

import posthog_web
from posthog_web import Client
from posthog_web.inspector import Inspector
from tests.delivery.servers import silence


@pytest.fixture
def live(inspector: Inspector) -> Iterator[Client]:
    """A client whose events leave when somebody waits for them."""
    client = Client("phc_test", inspector.url, flush_interval=60)
    yield client
    client.shutdown(timeout=0.1)


@pytest.fixture
def stuck() -> Iterator[Client]:
    """A client of a server that never answers."""
    with silence() as url:
        client = Client("phc_test", url, flush_interval=60)
        yield client
        client.shutdown(timeout=0.1)


async def count_turns(turns: list[float]) -> None:
    """Note each turn of the loop, until cancelled."""
    while True:
        turns.append(monotonic())
        await asyncio.sleep(0.01)


def longest_stop(turns: list[float]) -> float:
    """Return the longest time without a turn."""
    return max(after - before for before, after in pairwise(turns))


async def watched(client: Client, wait: str, timeout: float) -> tuple[bool, list[float]]:  # noqa: ASYNC109 - it is the client's
    """Capture, wait, and note how the loop turned meanwhile."""
    client.capture("user123", "paid")
    turns: list[float] = []
    counting = asyncio.create_task(count_turns(turns))
    everything = await getattr(client, wait)(timeout)
    counting.cancel()
    return everything, turns


@pytest.mark.parametrize("wait", ["aflush", "ashutdown"])
def test_the_loop_turns_while_events_leave(live: Client, inspector: Inspector, wait: str) -> None:
    """A slow server does not stop the loop; afterwards everything has left."""
    inspector.answer(status=200, delay=0.4, times=1)

    everything, turns = asyncio.run(watched(live, wait, 5))

    assert everything
    assert len(inspector.events()) == 1
    assert turns[-1] - turns[0] > 0.3
    assert longest_stop(turns) < 0.2


@pytest.mark.parametrize("wait", ["aflush", "ashutdown"])
def test_waiting_is_bounded(stuck: Client, wait: str) -> None:
    """Against a server that never answers it returns False in time."""
    began = monotonic()

    everything, turns = asyncio.run(watched(stuck, wait, 0.3))

    assert not everything
    assert monotonic() - began < 1.0
    assert longest_stop(turns) < 0.2


def test_nothing_to_wait_for_starts_nothing(live: Client) -> None:
    """With an empty queue aflush answers at once, without a thread."""

    async def flush() -> tuple[bool, int]:
        return await live.aflush(), threading.active_count()

    before = threading.active_count()

    assert asyncio.run(flush()) == (True, before)


def test_a_full_executor_does_not_hold_up_a_flush(live: Client, inspector: Inspector) -> None:
    """It needs none of the loop's threads, which may all be waiting for something else."""
    free = threading.Event()

    async def flush() -> bool:
        loop = asyncio.get_running_loop()
        blocked = [loop.run_in_executor(None, free.wait) for _ in range(64)]
        live.capture("user123", "paid")
        everything = await live.aflush(5)
        free.set()
        await asyncio.gather(*blocked)
        return everything

    assert asyncio.run(flush())
    assert len(inspector.events()) == 1


def test_a_cancelled_flush_loses_nothing(live: Client, inspector: Inspector) -> None:
    """Cancelling ends the waiting; the events arrive, and the client goes on."""
    inspector.answer(status=200, delay=0.3, times=1)

    async def cancel() -> None:
        live.capture("user123", "paid")
        waiting = asyncio.create_task(live.aflush())
        await asyncio.to_thread(inspector.wait_for, 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        live.capture("user123", "more")
        assert await live.aflush()

    asyncio.run(cancel())

    assert [event["event"] for event in inspector.events()] == ["paid", "more"]


def test_a_cancelled_shutdown_goes_on(live: Client, inspector: Inspector) -> None:
    """It takes no event from the call on, and sends those it has."""
    inspector.answer(status=200, delay=0.3, times=1)

    async def cancel() -> None:
        live.capture("user123", "paid")
        waiting = asyncio.create_task(live.ashutdown())
        await asyncio.to_thread(inspector.wait_for, 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancel())

    assert live.capture("user123", "late") is None
    assert live.shutdown()
    assert [event["event"] for event in inspector.events()] == ["paid"]


def test_the_module_waits_too(inspector: Inspector) -> None:
    """The same verbs on the module wait for its client; without one, for nothing."""

    async def wait() -> tuple[bool, bool]:
        return await posthog_web.aflush(), await posthog_web.ashutdown()

    assert asyncio.run(wait()) == (True, True)
    posthog_web.default_client = Client("phc_test", inspector.url, flush_interval=60)
    try:
        posthog_web.capture("user123", "paid")
        assert asyncio.run(wait()) == (True, True)
    finally:
        del posthog_web.default_client
    assert len(inspector.events()) == 1


def test_a_handler_is_flushed_after(live: Client, inspector: Inspector) -> None:
    """Called three times in a warm process, all events have left before each return."""

    @live.flush_after
    def handler(number: int) -> int:
        live.capture("user123", f"call {number}")
        return number

    for number in range(3):
        assert handler(number) == number
        assert len(inspector.events()) == number + 1
    assert handler.__name__ == "handler"


def test_an_asynchronous_handler_is_flushed_after(live: Client, inspector: Inspector) -> None:
    """The same for a coroutine function, which stays one."""

    @live.flush_after(timeout=5)
    async def handler(number: int) -> int:
        live.capture("user123", f"call {number}")
        return number

    assert asyncio.iscoroutinefunction(handler)
    for number in range(3):
        assert asyncio.run(handler(number)) == number
        assert len(inspector.events()) == number + 1


def test_a_failing_handler_is_flushed_after(live: Client, inspector: Inspector) -> None:
    """Its exception passes, and what it captured has left."""

    @live.flush_after
    def handler() -> None:
        live.capture("user123", "before the end")
        raise LookupError

    with pytest.raises(LookupError):
        handler()

    assert len(inspector.events()) == 1


def test_a_block_is_flushed_after(live: Client, inspector: Inspector) -> None:
    """Both kinds of block end with a flush."""

    async def block() -> None:
        async with live.flush_after():
            live.capture("user123", "asynchronous")
        assert len(inspector.events()) == 2

    with live.flush_after():
        live.capture("user123", "synchronous")
    assert len(inspector.events()) == 1
    asyncio.run(block())


def test_a_handler_waits_its_own_time_at_most(stuck: Client) -> None:
    """With a server that never answers, it returns within the time given; nothing is lost."""

    @stuck.flush_after(timeout=0.2)
    def handler() -> None:
        stuck.capture("user123", "paid")

    began = monotonic()
    handler()

    assert monotonic() - began < 0.8
    assert stuck.stats().queued + stuck.stats().in_flight == 1


def test_many_tasks_may_wait_at_once(live: Client, inspector: Inspector) -> None:
    """A hundred flushes that wait for one slow server start no thread of their own."""
    inspector.answer(status=200, delay=0.3, times=1)

    async def wait_together() -> tuple[list[bool], int]:
        live.capture("user123", "paid")
        waiting = [asyncio.create_task(live.aflush(5)) for _ in range(100)]
        await asyncio.to_thread(inspector.wait_for, 1)
        threads = threading.active_count()
        return await asyncio.gather(*waiting), threads

    before = threading.active_count()
    results, threads = asyncio.run(wait_together())

    assert results == [True] * 100
    # The worker, and the thread that waited for the server.
    assert threads <= before + 2


@pytest.mark.parametrize("kind", ["generator", "async generator", "static method", "no function"])
def test_what_cannot_be_waited_for_is_refused(live: Client, kind: str) -> None:
    """Where a flush would come too early, the decorator says so where it is written."""

    def generator() -> Iterator[int]:
        yield 1

    async def async_generator() -> AsyncIterator[int]:
        yield 1

    odd: dict[str, Any] = {
        "generator": generator,
        "async generator": async_generator,
        "static method": staticmethod(print),
        "no function": 7,
    }
    with pytest.raises(TypeError, match="flush_after"):
        live.flush_after(odd[kind])


def test_a_plain_function_may_return_a_coroutine(live: Client, inspector: Inspector) -> None:
    """The flush comes after what the coroutine does, not after it is made."""

    async def work(number: int) -> int:
        live.capture("user123", "late")
        return number

    @live.flush_after
    def handler(number: int) -> Any:
        return work(number)

    assert asyncio.run(handler(7)) == 7
    assert len(inspector.events()) == 1
