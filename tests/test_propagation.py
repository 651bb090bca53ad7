"""``propagate`` takes a context to threads, executors and greenlets that know nothing of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

import posthog_web
from posthog_web import Client
from posthog_web.testing import RecordedEvents

PATIENCE = 10.0


@pytest.fixture
def client(posthog_events: RecordedEvents) -> Client:  # noqa: ARG001 - it records what is captured
    """Return a client whose events are recorded."""
    return Client("phc_test")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Return a pool with one thread, which has no context when all is over."""
    with ThreadPoolExecutor(1) as executor:
        yield executor
        assert executor.submit(posthog_web.get_distinct_id).result(PATIENCE) is None
        assert executor.submit(posthog_web.get_tags).result(PATIENCE) == {}


def in_context(bind: Callable[[], Any]) -> Any:
    """Return what *bind* makes inside a context with a person and a tag."""
    with posthog_web.new_context():
        posthog_web.identify_context("ada")
        posthog_web.tag("plan", "pro")
        return bind()


def test_a_thread_captures_for_the_context(
    client: Client, pool: ThreadPoolExecutor, posthog_events: RecordedEvents
) -> None:
    """Arguments and result pass through; person and tags are those of where it was bound."""

    def work(event: str, *, times: int) -> int:
        for _ in range(times):
            client.capture(event)
        return times

    bound = in_context(lambda: posthog_web.propagate(work))

    assert pool.submit(bound, "sent", times=2).result(PATIENCE) == 2
    assert {event.distinct_id for event in posthog_events} == {"ada"}
    assert {event.properties["plan"] for event in posthog_events} == {"pro"}
    assert bound.__name__ == "work"


def test_it_decorates(client: Client, pool: ThreadPoolExecutor) -> None:
    """Inside a context it can stand above a function."""
    with posthog_web.new_context():
        posthog_web.identify_context("ada")

        @posthog_web.propagate
        def work() -> str | None:
            client.capture("sent")
            return posthog_web.get_distinct_id()

        assert pool.submit(work).result(PATIENCE) == "ada"


def test_outside_any_context_nothing_is_bound() -> None:
    """At import time, say, a function stays itself, and is bound to nobody for ever."""

    def work() -> str | None:
        return posthog_web.get_distinct_id()

    assert posthog_web.propagate(work) is work


def test_what_a_call_changes_stays_there(pool: ThreadPoolExecutor) -> None:
    """A call's own person and tags are seen by no other call, nor where it was bound."""

    def work(name: str) -> tuple[str | None, dict[str, Any]]:
        before = posthog_web.get_tags()
        posthog_web.identify_context(name)
        posthog_web.tag("by", name)
        return posthog_web.get_distinct_id(), before

    with posthog_web.new_context():
        posthog_web.identify_context("ada")
        bound = posthog_web.propagate(work)
        seen = [pool.submit(bound, name).result(PATIENCE) for name in ("bob", "cyd")]

        assert seen == [("bob", {}), ("cyd", {})]
        assert (posthog_web.get_distinct_id(), posthog_web.get_tags()) == ("ada", {})


def test_a_context_inside_ends_where_it_began(pool: ThreadPoolExecutor) -> None:
    """After a context of its own, a call is back in the bound one, though its block is over."""

    def work() -> str | None:
        with posthog_web.new_context():
            posthog_web.identify_context("inner")
        return posthog_web.get_distinct_id()

    assert pool.submit(in_context(lambda: posthog_web.propagate(work))).result(PATIENCE) == "ada"


def test_a_context_left_open_does_not_stay(pool: ThreadPoolExecutor) -> None:
    """Nor does an exception leave anything on the thread; the fixture looks."""
    stack = ExitStack()

    def work() -> None:
        stack.enter_context(posthog_web.new_context())
        posthog_web.identify_context("left open")
        msg = "it failed"
        raise ValueError(msg)

    future = pool.submit(in_context(lambda: posthog_web.propagate(work)))
    with pytest.raises(ValueError, match="it failed"):
        future.result(PATIENCE)


class Worker:
    """An object with an asynchronous call."""

    async def __call__(self) -> str | None:
        """Pause, and tell who it is."""
        await asyncio.sleep(0)
        return posthog_web.get_distinct_id()


async def tell() -> str | None:
    """Pause, and tell who it is."""
    return await Worker()()


@pytest.mark.parametrize("work", [tell, Worker(), Worker().__call__])
def test_a_coroutine_runs_in_the_context(work: Any) -> None:
    """An asynchronous callable is bound from its first step to its last, on another loop too."""
    bound = in_context(lambda: posthog_web.propagate(work))

    async def run() -> tuple[list[str | None], str | None]:
        return await asyncio.gather(bound(), bound()), posthog_web.get_distinct_id()

    assert asyncio.run(run()) == (["ada", "ada"], None)


def test_generators_are_refused() -> None:
    """Their steps run wherever they are asked for."""

    def steps() -> Iterator[int]:
        yield 1

    async def later() -> AsyncIterator[int]:
        yield 1

    for generator in (steps, later):
        with pytest.raises(TypeError, match="generator"):
            posthog_web.propagate(generator)


def test_plain_threads_and_greenlets() -> None:
    """It is the same wherever Python copies no context."""
    import gevent

    seen: list[str | None] = []

    def work() -> None:
        seen.append(posthog_web.get_distinct_id())

    bound = in_context(lambda: posthog_web.propagate(work))
    thread = threading.Thread(target=bound)
    thread.start()
    thread.join(PATIENCE)
    gevent.spawn(bound).join(PATIENCE)

    assert seen == ["ada", "ada"]
    assert posthog_web.get_distinct_id() is None
