"""A body's steps run inside the request, whoever takes them, and nothing is left between two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextvars import Context

import posthog_web
from posthog_web import Client
from posthog_web._web.body import Body, Passage, stream
from posthog_web._web.identity import UNKNOWN
from posthog_web._web.lifetime import Lifetime
from posthog_web._web.request_info import RequestInfo
from posthog_web._web.request_source import PromptSource
from posthog_web._web.setup import configure
from posthog_web.testing import RecordedEvents


class Source(PromptSource):
    """A request of nobody's, whose user can be had only later."""

    fades = True

    def __init__(self, *, late: bool = False) -> None:
        self.asked = 0
        self._late = late
        self._user: object = UNKNOWN if late else None

    def describe(self) -> RequestInfo:
        """Return next to nothing."""
        return RequestInfo(method="GET", scheme="http", host="", path="/")

    def header(self, name: str) -> tuple[str, ...]:
        """Return nothing."""
        del name
        return ()

    def native(self) -> object:
        """Return itself."""
        return self

    def route(self) -> None:
        """Return nothing."""

    def find_user(self) -> object:
        """Return the user, once there is one."""
        return self._user

    def awaits_user(self) -> bool:
        """Return whether there is none yet."""
        return self._late and self._user is UNKNOWN

    async def resolve_user(self) -> None:
        """Find the user after a pause."""
        self.asked += 1
        await asyncio.sleep(0)
        self._user = type("User", (), {"is_authenticated": True, "pk": "ada"})()


def passage(source: Source, client: Client) -> Passage:
    """Return the way through a body of a request."""
    return Passage(Lifetime(configure(arguments={}, client=client), source), "test")


def test_each_step_may_have_a_context_of_its_own(posthog_events: RecordedEvents) -> None:
    """Contexts of Python's are as many as steps; the request's person is there in each."""
    with Client("phc_test") as client:
        way = passage(Source(), client)

        def chunks() -> Iterator[str | None]:
            posthog_web.identify_context("ada")
            for _ in range(3):
                yield posthog_web.get_distinct_id()

        body = Body(chunks(), way)
        seen = [Context().run(next, body) for _ in range(3)]

    assert seen == ["ada"] * 3
    assert posthog_web.get_distinct_id() is None
    assert not posthog_events


def test_each_step_may_be_a_task_of_its_own() -> None:
    """The same for an asynchronous body; tasks that ask for its steps see nothing of it."""
    with Client("phc_test", send=False) as client:
        way = passage(Source(), client)

        async def chunks() -> AsyncIterator[str | None]:
            with posthog_web.new_context():
                posthog_web.identify_context("ada")
                for _ in range(3):
                    await asyncio.sleep(0)
                    yield posthog_web.get_distinct_id()
            yield posthog_web.get_distinct_id()

        async def run() -> list[tuple[str | None, str | None]]:
            body = stream(chunks(), way, None)

            async def step() -> tuple[str | None, str | None]:
                return await anext(body), posthog_web.get_distinct_id()

            return [await asyncio.create_task(step()) for _ in range(4)]

        assert asyncio.run(run()) == [("ada", None)] * 3 + [(None, None)]


def test_the_person_is_found_once_and_before_the_next_chunk(posthog_events: RecordedEvents) -> None:
    """What a step captures is handed over with the next one; an endless body holds nothing back."""
    source = Source(late=True)
    way = passage(source, Client("phc_test"))

    async def chunks() -> AsyncIterator[int]:
        for number in range(3):
            posthog_web.capture("in body", {"n": number})
            yield number

    async def run() -> list[int]:
        body = stream(chunks(), way, None)
        return [len(posthog_events) async for _ in body]

    assert asyncio.run(run()) == [0, 2, 3]
    assert {event.distinct_id for event in posthog_events} == {"ada"}
    assert source.asked == 1


def test_a_cancelled_body_loses_neither_event_nor_person(posthog_events: RecordedEvents) -> None:
    """A task that is cancelled while the person is being looked up finds it all the same."""
    source = Source(late=True)
    way = passage(source, Client("phc_test"))

    async def chunks() -> AsyncIterator[int]:
        try:
            posthog_web.capture("in body")
            yield 1
            yield 2
        finally:
            posthog_web.capture("cleaned up")

    async def consume() -> None:
        async for _ in stream(chunks(), way, None):
            task = asyncio.current_task()
            assert task is not None
            # It takes effect where the task next waits: in the look-up.
            task.cancel()

    async def run() -> None:
        task = asyncio.create_task(consume())
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(run())

    assert posthog_events.names == ["in body", "cleaned up"]
    assert {event.distinct_id for event in posthog_events} == {"ada"}


def test_an_abandoned_body_hands_over_what_waits(posthog_events: RecordedEvents) -> None:
    """A body nobody asks any more ends with its person when it is thrown away."""
    way = passage(Source(late=True), Client("phc_test"))
    closed = asyncio.Event()

    async def chunks() -> AsyncIterator[int]:
        try:
            posthog_web.capture("in body")
            yield 1
            yield 2
        finally:
            closed.set()

    async def run() -> None:
        assert await anext(stream(chunks(), way, None)) == 1
        await asyncio.wait_for(closed.wait(), 10)
        # Python gives the end of the generator a task of its own.
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    asyncio.run(run())

    assert [event.distinct_id for event in posthog_events.named("in body")] == ["ada"]
