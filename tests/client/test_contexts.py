"""Contexts: person, session and tags for the length of a block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextvars import copy_context

import pytest

import posthog_web
from posthog_web import Client
from posthog_web.testing import RecordedEvents


@pytest.mark.spec("SRV-267", "SRV-268")
def test_events_take_person_session_and_tags_from_the_context(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """What is set on a context goes with each event inside; what the caller writes wins."""
    with posthog_web.new_context():
        posthog_web.identify_context("user-1")
        posthog_web.set_context_session("session-1")
        posthog_web.tag("plan", "free")
        posthog_web.tag("region", "eu")
        client.capture("inside")
        client.capture("explicit", {"plan": "pro", "$session_id": "other"}, distinct_id="user-2")
    client.capture("outside")

    inside, explicit, outside = posthog_events
    assert inside.distinct_id == "user-1"
    assert inside.properties["$session_id"] == "session-1"
    assert inside.properties["plan"] == "free"
    assert inside.properties["$context_tags"] == ["plan", "region"]
    assert explicit.distinct_id == "user-2"
    assert explicit.properties["plan"] == "pro"
    assert explicit.properties["$session_id"] == "other"
    assert outside.is_personless
    assert "plan" not in outside.properties


def test_contexts_nest(client: Client, posthog_events: RecordedEvents) -> None:
    """An inner context sees what is around it, wins over it, and leaves no trace."""
    with posthog_web.new_context():
        posthog_web.identify_context("outer")
        posthog_web.tag("level", "outer")
        posthog_web.tag("kept", 1)
        with posthog_web.new_context():
            posthog_web.tag("level", "inner")
            assert posthog_web.get_tags() == {"level": "inner", "kept": 1}
            posthog_web.identify_context("inner")
            client.capture("inner")
        client.capture("outer")

    inner, outer = posthog_events
    assert (inner.distinct_id, inner.properties["level"]) == ("inner", "inner")
    assert (outer.distinct_id, outer.properties["level"]) == ("outer", "outer")


def test_a_fresh_context_sees_nothing_around() -> None:
    """``fresh=True`` starts from nothing."""
    with posthog_web.new_context():
        posthog_web.identify_context("outer")
        posthog_web.tag("level", "outer")
        with posthog_web.new_context(fresh=True):
            assert posthog_web.get_distinct_id() is None
            assert posthog_web.get_tags() == {}


@pytest.mark.spec("SRV-280", "SRV-281")
def test_outside_any_context_nothing_is_known_and_nothing_is_set() -> None:
    """Readers answer None or empty, setters do nothing, and nothing raises."""
    posthog_web.identify_context("user-1")
    posthog_web.tag("plan", "free")
    posthog_web.set_context_session("session-1")

    assert posthog_web.get_distinct_id() is None
    assert posthog_web.get_tags() == {}


def test_an_empty_id_does_not_rename_a_context(caplog: pytest.LogCaptureFixture) -> None:
    """identify_context refuses an empty id with a warning and keeps the person it had."""
    with posthog_web.new_context():
        posthog_web.identify_context("user-1")
        posthog_web.identify_context("  ")

        assert posthog_web.get_distinct_id() == "user-1"
    assert "distinct_id is empty" in caplog.text


def test_tags_read_are_a_copy() -> None:
    """Changing what get_tags returned changes nothing."""
    with posthog_web.new_context():
        posthog_web.tag("plan", "free")
        posthog_web.get_tags().clear()

        assert posthog_web.get_tags() == {"plan": "free"}


def test_two_tasks_in_one_context_do_not_overwrite_each_other() -> None:
    """Tasks started inside a context see it, and each only its own changes."""

    async def child(name: str, turn: asyncio.Barrier) -> tuple[object, object]:
        posthog_web.tag("name", name)
        await turn.wait()
        return posthog_web.get_tags()["name"], posthog_web.get_distinct_id()

    async def parent() -> list[tuple[object, object]]:
        turn = asyncio.Barrier(2)
        with posthog_web.new_context():
            posthog_web.identify_context("user-1")
            return await asyncio.gather(child("a", turn), child("b", turn))

    assert asyncio.run(parent()) == [("a", "user-1"), ("b", "user-1")]


def test_a_thread_starts_outside() -> None:
    """A plain thread has no context, and one run in a copy of the context has it."""
    seen: list[str | None] = []

    def look() -> None:
        seen.append(posthog_web.get_distinct_id())

    with posthog_web.new_context():
        posthog_web.identify_context("user-1")
        for target in (look, copy_context().run):
            thread = threading.Thread(target=target, args=() if target is look else (look,))
            thread.start()
            thread.join()

    assert seen == [None, "user-1"]


def test_a_context_left_elsewhere_changes_nothing_there() -> None:
    """A generator closed by another task does not restore its context into that task."""

    async def stream() -> AsyncIterator[int]:
        with posthog_web.new_context():
            posthog_web.identify_context("streamer")
            yield 1
            yield 2

    async def other(source: AsyncIterator[int]) -> str | None:
        with posthog_web.new_context():
            posthog_web.identify_context("closer")
            await source.aclose()  # type: ignore[attr-defined]  # an async generator
            return posthog_web.get_distinct_id()

    async def main() -> str | None:
        source = stream()
        await anext(source)
        return await asyncio.create_task(other(source))

    assert asyncio.run(main()) == "closer"


def test_scoped_runs_each_call_in_a_context(client: Client, posthog_events: RecordedEvents) -> None:
    """The decorator wraps functions and coroutines, and keeps their names and results."""

    @posthog_web.scoped()
    def plain(person: str) -> str:
        """Do it."""
        posthog_web.identify_context(person)
        client.capture("plain")
        return person

    @posthog_web.scoped(fresh=True)
    async def later(person: str) -> str:
        posthog_web.identify_context(person)
        await asyncio.sleep(0)
        client.capture("later")
        return person

    assert plain("user-1") == "user-1"
    assert asyncio.run(later("user-2")) == "user-2"
    assert (plain.__name__, plain.__doc__) == ("plain", "Do it.")
    assert posthog_web.get_distinct_id() is None
    assert [event.distinct_id for event in posthog_events] == ["user-1", "user-2"]


class _Dynamic(Exception):  # noqa: N818 - it is named for what it does
    """An exception whose attributes are looked up in a mapping."""

    def __getattr__(self, name: str) -> object:
        return {"code": 1}[name]


@pytest.mark.parametrize("wanted", [True, False])
def test_the_applications_exception_is_the_one_that_leaves(client: Client, wanted: bool) -> None:
    """An exception that answers in its own way to being asked leaves a context as it is."""
    error = _Dynamic()

    with (
        pytest.raises(_Dynamic) as caught,
        posthog_web.new_context(client=client, capture_exceptions=wanted),
    ):
        raise error

    assert caught.value is error


def test_contexts_may_be_left_in_any_order() -> None:
    """Generators closed in the order they were made leave nobody's identity behind."""

    def named(person: str) -> Iterator[None]:
        with posthog_web.new_context():
            posthog_web.identify_context(person)
            yield

    first, second = named("ada"), named("grace")
    next(first)
    next(second)
    first.close()  # type: ignore[attr-defined]  # a generator
    assert posthog_web.get_distinct_id() == "grace"
    second.close()  # type: ignore[attr-defined]  # a generator

    assert posthog_web.get_distinct_id() is None


def test_a_context_may_be_entered_again() -> None:
    """Each time it is a scope of its own, nested or one after the other."""
    context = posthog_web.new_context()
    with context:
        posthog_web.identify_context("outer")
        with context:
            posthog_web.identify_context("inner")
        assert posthog_web.get_distinct_id() == "outer"

    assert posthog_web.get_distinct_id() is None


def test_names_of_tags_and_sessions_are_text(caplog: pytest.LogCaptureFixture) -> None:
    """What cannot name a tag or a session is refused with a warning, and raises nothing."""
    with posthog_web.new_context():
        posthog_web.tag([], 1)  # type: ignore[arg-type]  # the mistake this is about
        posthog_web.set_context_session(None)  # type: ignore[arg-type]  # the mistake this is about
        posthog_web.set_context_session(" ")

        assert posthog_web.get_tags() == {}
    assert caplog.text.count("nothing is") == 3


def test_scoped_needs_no_parentheses() -> None:
    """``@scoped`` alone does what ``@scoped()`` does."""

    @posthog_web.scoped
    def name(person: str) -> str | None:
        posthog_web.identify_context(person)
        return posthog_web.get_distinct_id()

    assert name("user-1") == "user-1"
    assert posthog_web.get_distinct_id() is None


def test_scoped_refuses_generators() -> None:
    """A generator's body runs outside the call, so the decorator says what to do instead."""

    def numbers() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="new_context"):
        posthog_web.scoped()(numbers)


@pytest.mark.spec("SRV-276")
def test_an_exception_leaving_a_context_is_reported_once_and_goes_on(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """Where asked for, it is one $exception with the innermost person and tags, and is raised."""
    error = ValueError("no")

    def fail() -> None:
        with (
            posthog_web.new_context(client=client, capture_exceptions=True),
            posthog_web.new_context(capture_exceptions=True, client=client),
        ):
            posthog_web.identify_context("user-1")
            posthog_web.tag("plan", "pro")
            raise error

    with pytest.raises(ValueError, match="no") as caught:
        fail()

    assert caught.value is error
    event = posthog_events.one("$exception")
    assert event.distinct_id == "user-1"
    assert event.properties["plan"] == "pro"


def test_contexts_follow_the_clients_choice(posthog_events: RecordedEvents) -> None:
    """Without a word on the context, enable_exception_autocapture of its client decides."""
    for wanted in (False, True):
        client = Client("phc_test", enable_exception_autocapture=wanted)
        with pytest.raises(ValueError, match="no"), posthog_web.new_context(client=client):
            raise ValueError("no")  # noqa: EM101 - the message is what is matched
        client.shutdown()

    assert len(posthog_events) == 1


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_a_program_is_not_reported(
    client: Client, posthog_events: RecordedEvents, leaving: type[BaseException]
) -> None:
    """Only exceptions are reported, not what ends a process or a generator."""
    with (
        pytest.raises(leaving),
        posthog_web.new_context(client=client, capture_exceptions=True),
    ):
        raise leaving

    assert len(posthog_events) == 0


def test_module_verbs_use_the_client_of_the_context(posthog_events: RecordedEvents) -> None:
    """Inside a context with a client, the module's verbs capture with it."""
    tenant = Client("phc_tenant", super_properties={"tenant": "acme"})

    with posthog_web.new_context(client=tenant):
        posthog_web.capture("paid", {"plan": "pro"})

    assert posthog_events.one("paid").properties["tenant"] == "acme"
