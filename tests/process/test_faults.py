"""Every fault a server can have, and exactly what it costs: a table, one line a fault.

A line says what the server does, and what has become of the events when ``shutdown(timeout=2)`` has
returned: how many arrived, how many of them more than once, how many were dropped and why, and what
``on_error`` was told. Whatever the line, shutdown is back in time, each event is in one account,
``on_drop`` gets the very events that were lost, and the log says so, once, and nothing else.
"""

from __future__ import annotations

import gzip
import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, Protocol

import pytest

from posthog_web import Client
from posthog_web._guard import loud
from posthog_web.typing import Event
from tests.delivery.conftest import Told
from tests.delivery.fault_server import (
    Exchange,
    Fault,
    FaultServer,
    Unreachable,
    drip_body,
    drip_chunks,
    drip_header,
    hang,
    work,
)
from tests.delivery.servers import free_port
from tests.delivery.workers import own_threads
from tests.process.program import run

# Events a case captures, in each round.
COUNT = 10

# Seconds shutdown gets, and seconds it takes at most.
BUDGET = 2.0
LATEST = 2.5

SILENCE = ("UnansweredError", None, 0)
ONCE_UNHEARD = (SILENCE,)
UNSENT: Mapping[str, int] = {"unsent_at_exit": COUNT}


class Place(Protocol):
    """Where events are sent."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nobody:
    """A port nobody listens on."""

    url: str


def nobody() -> AbstractContextManager[Place]:
    """Return an address that refuses connections."""
    return nullcontext(Nobody(url=f"http://127.0.0.1:{free_port()}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault, and what it costs.

    Attributes:
        name: What the server does.
        place: Makes the server.
        delivered: Events that arrived; None: all.
        duplicated: Deliveries of events that had arrived already.
        dropped: Events that will never arrive, by reason.
        told: What on_error was told: kind of error, status, number of events.
        says: What the error's text holds.
        answered: Method and status of all well-formed answers, if that matters.
        rounds: How often events are captured; all but the last are flushed.
        padding: Bytes by which each event is made larger.
        under_way: Whether shutdown waits for the first request to be there.
        options: Of the client.
        slow: Whether the case takes its two seconds and another like it is in the quick tests.
    """

    name: str
    place: Callable[[], AbstractContextManager[Place]]
    delivered: int | None = None
    duplicated: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    told: tuple[tuple[str, int | None, int], ...] = ()
    says: str = ""
    answered: tuple[tuple[str, int], ...] | None = None
    rounds: int = 1
    padding: int = 0
    under_way: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    slow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the events; those handed back are the ones on_drop was called with."""

    delivered: int
    duplicated: int
    dropped: Mapping[str, int]
    handed_back: Mapping[str, int]
    told: tuple[tuple[str, int | None, int], ...]
    warnings: int


class LetGo:
    """An ``on_drop`` that remembers what it was told."""

    def __init__(self) -> None:
        self._dropped: list[tuple[str, str]] = []

    def __call__(self, reason: str, events: Sequence[Event]) -> None:
        self._dropped += [(reason, event["event"]) for event in events]

    def counts(self) -> dict[str, int]:
        """Return the number of events by reason."""
        return dict(Counter(reason for reason, _ in self._dropped))

    @property
    def names(self) -> list[str]:
        """The names of all events."""
        return [name for _, name in self._dropped]


def serving(fault: Fault) -> Callable[[], AbstractContextManager[Place]]:
    """Return what makes a server with that fault."""
    return partial(FaultServer, fault)


def first(fault: Fault, *, then: Fault = work) -> Callable[[], AbstractContextManager[Place]]:
    """Return what makes a server that has a fault at the first request, and works from then on."""
    return serving(lambda exchange: (fault if exchange.total == 1 else then)(exchange))


def reused(fault: Fault) -> Callable[[], AbstractContextManager[Place]]:
    """Return what makes a server that works, but for requests on a connection used before."""
    return serving(lambda exchange: (fault if exchange.number > 1 else work)(exchange))


def says(status: int, headers: Mapping[str, str] | None = None) -> Fault:
    """Return the fault of answering so."""
    return lambda exchange: exchange.answer(status, headers)


def sends(raw: bytes) -> Fault:
    """Return the fault of sending these bytes and hanging up."""

    def fault(exchange: Exchange) -> None:
        _ = exchange.request
        exchange.send(raw)
        exchange.hang_up()

    return fault


def resets(exchange: Exchange) -> None:
    """Read the request and reset the connection."""
    _ = exchange.request
    exchange.reset()


def resets_unread(exchange: Exchange) -> None:
    """Reset the connection without reading."""
    exchange.reset()


def resets_midway(exchange: Exchange) -> None:
    """Take the events and reset the connection in the middle of the answer's header."""
    exchange.take()
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    exchange.reset()


def closes_idle(exchange: Exchange) -> None:
    """Answer, keep the connection by all that is said, and close it at once."""
    exchange.answer()
    exchange.hang_up()


def breaks_off(status: int) -> Fault:
    """Return the fault of a reset in the middle of the answer's body."""

    def fault(exchange: Exchange) -> None:
        exchange.answer(status, {"Content-Length": "1000"}, b"{")
        exchange.reset()

    return fault


def mumbles(status: int) -> Fault:
    """Return the fault of a body that is not compressed, though its header says so."""
    return lambda exchange: exchange.answer(status, {"Content-Encoding": "gzip"}, b"not gzip")


def limits(exchange: Exchange) -> None:
    """Refuse bodies above 100 kB without reading them, as nginx does."""
    if exchange.length > BODY_LIMIT:
        exchange.answer(413, {"Connection": "close"}, b"<h1>413 Request Entity Too Large</h1>")
        exchange.hang_up()
    else:
        exchange.answer()


BODY_LIMIT = 100_000


def floods(status: int) -> Fault:
    """Return the fault of an answer with a body of ten gigabytes."""

    def fault(exchange: Exchange) -> None:
        exchange.answer(status, {"Content-Length": str(10**10)}, b"")
        while True:
            exchange.send(b"x" * 65_536)

    return fault


def explodes(exchange: Exchange) -> None:
    """Answer with a small body that decompresses to a large one."""
    exchange.answer(200, {"Content-Encoding": "gzip"}, ZEROS)


ZEROS = gzip.compress(bytes(30_000_000), compresslevel=1)


def redirects(status: int) -> Case:
    """Return the line of a redirect, to where a GET, or a POST, would be welcome."""

    def fault(exchange: Exchange) -> None:
        if exchange.request.path == "/batch/":
            exchange.answer(status, {"Location": "/welcome"})
        else:
            exchange.answer()

    return Case(
        name=f"redirects with {status}",
        place=serving(fault),
        delivered=0,
        dropped={"refused": COUNT},
        told=(("RefusedError", status, COUNT),),
        says="host",
        answered=(("POST", status),),
    )


def refuses(status: int) -> Case:
    """Return the line of a refusal."""
    return Case(
        name=f"refuses with {status}",
        place=serving(says(status)),
        delivered=0,
        dropped={"refused": COUNT},
        told=(("RefusedError", status, COUNT),),
        answered=(("POST", status),),
    )


def asks_again(status: int) -> list[Case]:
    """Return the lines of an answer that asks for another try: once, and for ever."""
    return [
        Case(name=f"{status} once", place=first(says(status))),
        Case(
            name=f"{status} always, two tries",
            place=serving(says(status)),
            delivered=0,
            dropped={"given_up": COUNT},
            told=(("RefusedError", status, COUNT),),
            answered=(("POST", status),) * 2,
            options={"max_retries": 1},
        ),
        Case(
            name=f"{status} always, many tries",
            place=serving(says(status)),
            delivered=0,
            dropped=UNSENT,
            options={"max_retries": 50},
            slow=status != 503,
        ),
    ]


def wishes(header: str, *, heeded: bool, slow: bool = False) -> Case:
    """Return the line of a Retry-After; one that is heeded is longer than shutdown waits."""
    return Case(
        name=f"Retry-After: {header if len(header) < 40 else f'{len(header)} digits'}",
        place=first(says(503, {"Retry-After": header})),
        delivered=0 if heeded else None,
        dropped=UNSENT if heeded else {},
        slow=slow,
    )


def unheard(
    name: str, place: Callable[[], AbstractContextManager[Place]], *, slow: bool = False
) -> Case:
    """Return the line of a fault that leaves every request without an answer."""
    return Case(
        name=name,
        place=place,
        delivered=0,
        dropped=UNSENT,
        told=ONCE_UNHEARD,
        options={"timeout": 0.5},
        slow=slow,
    )


CASES = [
    Case(name="none", place=serving(work), rounds=2),
    # Nobody answers.
    unheard("refuses connections", nobody),
    unheard("is gone without a word", Unreachable, slow=True),
    unheard("hangs", serving(hang)),
    unheard("drips its header", serving(drip_header)),
    unheard("resets", serving(resets), slow=True),
    unheard("resets unread", serving(resets_unread), slow=True),
    unheard("is no HTTP server", serving(sends(b"SSH-2.0-OpenSSH_9.6\r\n"))),
    unheard("sends noise", serving(sends(os.urandom(100_000))), slow=True),
    unheard("sends an odd status", serving(sends(b"HTTP/1.1 yes OK\r\n\r\n")), slow=True),
    unheard(
        "sends nothing but headers",
        serving(sends(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500)),
        slow=True,
    ),
    unheard("hangs up", serving(sends(b"")), slow=True),
    Case(
        name="hangs, and the request may take longer than shutdown",
        place=serving(hang),
        delivered=0,
        dropped=UNSENT,
        options={"timeout": 15, "flush_at": 1},
        under_way=True,
    ),
    Case(name="resets once", place=first(resets), told=ONCE_UNHEARD),
    Case(name="hangs once", place=first(hang), told=ONCE_UNHEARD, options={"timeout": 0.5}),
    Case(
        name="resets once in the middle of its answer",
        place=first(resets_midway),
        duplicated=COUNT,
        told=ONCE_UNHEARD,
    ),
    Case(
        name="forgets a connection without a word",
        place=reused(hang),
        rounds=2,
        told=ONCE_UNHEARD,
        options={"timeout": 0.5},
    ),
    # Answers that ask for another try.
    *asks_again(408),
    *asks_again(429),
    *asks_again(500),
    *asks_again(503),
    *asks_again(504),
    wishes("9999", heeded=True),
    wishes("Fri, 31 Dec 9999 23:59:59 GMT", heeded=True, slow=True),
    wishes("9" * 300, heeded=True, slow=True),
    wishes("-5", heeded=False),
    wishes("soon", heeded=False),
    wishes("inf", heeded=False),
    wishes("nan", heeded=False),
    wishes("9" * 400, heeded=False),
    wishes("Thu, 01 Jan 1970 00:00:00 GMT", heeded=False),
    wishes("Fri, 99 Foo 9999 99:99:99 GMT", heeded=False),
    # Answers that are final.
    *map(refuses, (400, 401, 403, 404, 405, 410, 422)),
    *map(redirects, (301, 302, 303, 307, 308)),
    # Answers that are too much.
    Case(name="says too much to a success", place=serving(floods(200)), rounds=2),
    Case(
        name="says too much to a refusal",
        place=serving(floods(400)),
        delivered=0,
        dropped={"refused": COUNT},
        told=(("RefusedError", 400, COUNT),),
    ),
    Case(name="answers with a bomb", place=serving(explodes), rounds=2),
    # Answers that break off: their status has arrived, and it decides.
    Case(name="breaks off a success", place=serving(breaks_off(200)), rounds=2),
    Case(name="mumbles a success", place=serving(mumbles(200)), rounds=2),
    Case(name="drips a success", place=serving(drip_body), options={"timeout": 0.5}),
    Case(name="drips a success in chunks", place=serving(drip_chunks), options={"timeout": 0.5}),
    Case(name="breaks off a plea", place=first(breaks_off(503))),
    Case(
        name="breaks off a refusal",
        place=serving(breaks_off(400)),
        delivered=0,
        dropped={"refused": COUNT},
        told=(("RefusedError", 400, COUNT),),
    ),
    # Connections that were kept and are none any more.
    Case(name="resets a kept connection", place=reused(resets), rounds=3),
    Case(name="resets a kept connection unread", place=reused(resets_unread), rounds=3),
    Case(name="closes a kept connection", place=serving(closes_idle), rounds=3),
    # Bodies that are too large.
    Case(name="413 above three events", place=serving(limits), padding=30_000),
    Case(name="413 above one event", place=serving(limits), padding=60_000, rounds=2),
    Case(
        name="413 for every event",
        place=serving(limits),
        padding=150_000,
        delivered=0,
        dropped={"refused": COUNT},
        told=(("RefusedError", 413, 1),) * COUNT,
    ),
]


def parameters(cases: list[Case]) -> list[Any]:
    """Return the table as pytest wants it."""
    return [
        pytest.param(case, id=case.name, marks=[pytest.mark.slow] if case.slow else [])
        for case in cases
    ]


def capture(client: Client, case: Case) -> list[str]:
    """Capture the case's events, each with a name of its own; return the names."""
    names: list[str] = []
    for number in range(case.rounds):
        if number:
            client.flush()
        for position in range(COUNT):
            names.append(f"round {number} event {position}")
            assert client.capture("user123", names[-1], {"text": "x" * case.padding})
    return names


def expected(case: Case) -> Outcome:
    """Return what the table says; the warnings follow from it."""
    whole = COUNT * case.rounds
    return Outcome(
        delivered=whole if case.delivered is None else case.delivered,
        duplicated=case.duplicated,
        dropped=case.dropped,
        handed_back=case.dropped,
        told=case.told,
        warnings=(SILENCE in case.told)
        # The first loss at once, how many more at the end.
        + min(sum(told != SILENCE for told in case.told), 2)
        + ("unsent_at_exit" in case.dropped),
    )


@pytest.mark.spec("SRV-090", "SRV-096", "SRV-097", "SRV-117", "SRV-120")
@pytest.mark.parametrize("case", parameters(CASES))
def test_a_fault_costs_what_the_table_says(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    """Delivered, lost, duplicated, told and said are exact, and shutdown is back in time."""
    told, let_go = Told(), LetGo()
    with loud(), case.place() as place, caplog.at_level(logging.WARNING, "posthog_web"):
        client = Client("phc_test", place.url, on_error=told, on_drop=let_go, **case.options)
        names = capture(client, case)
        if case.under_way and isinstance(place, FaultServer):
            place.wait_for_requests(1)

        began = monotonic()
        everything = client.shutdown(timeout=BUDGET)
        took = monotonic() - began

        stats = client.stats()
        arrived = Counter(getattr(place, "taken", []))
        answered = tuple(getattr(place, "statuses", []))
        outcome = Outcome(
            delivered=len(arrived),
            duplicated=arrived.total() - len(arrived),
            dropped=stats.dropped,
            handed_back=let_go.counts(),
            told=tuple(
                (type(error).__name__, error.status, len(batch)) for error, batch in told.all
            ),
            warnings=len(caplog.messages),
        )

    assert outcome == expected(case)
    assert took < LATEST
    assert everything is not bool(case.dropped)

    # Each event is in one account, and it is the right one.
    assert (stats.queued, stats.in_flight) == (0, 0)
    assert stats.captured == len(names) == stats.sent + stats.dropped_total
    assert stats.sent == len(arrived)
    assert sorted(let_go.names) == sorted(set(names) - set(arrived))
    assert set(told.lost) <= set(let_go.names)
    assert case.answered in {None, answered}

    # What is said is exact, too.
    unsent = case.dropped.get("unsent_at_exit")
    assert not unsent or f"{unsent} event(s) could not be sent" in caplog.messages[-1]
    assert all(case.says in str(error) for error, _ in told.all)


@pytest.mark.spec("SRV-100")
def test_what_is_too_large_alone_costs_nobody_else() -> None:
    """Of ten events the server takes nine, and the one it refuses however sent is dropped."""
    told = Told()
    with loud(), FaultServer(limits) as server:
        client = Client("phc_test", server.url, on_error=told)
        for number in range(10):
            client.capture("user123", f"event {number}", {"text": "x" * 150_000 * (number == 4)})

        assert not client.shutdown(timeout=BUDGET)

    assert server.taken == [f"event {number}" for number in range(10) if number != 4]
    assert client.stats().dropped == {"refused": 1}
    [(error, [event])] = told.all
    assert (error.status, event["event"]) == (413, "event 4")


def test_the_size_that_passed_is_remembered() -> None:
    """A second backlog as large as the first is hardly refused any more."""
    told = Told()
    with loud(), FaultServer(limits) as server:
        client = Client("phc_test", server.url, on_error=told, flush_at=1_000)
        refusals = []
        for backlog in range(2):
            before = len(server.statuses)
            for number in range(60):
                client.capture("user123", f"{backlog} {number}", {"text": "x" * 10_000})
            assert client.flush()
            refusals.append(server.statuses[before:].count(("POST", 413)))

        assert client.shutdown(timeout=BUDGET)

    assert refusals[0] >= 3
    assert refusals[1] <= 1
    assert len(server.taken) == len(set(server.taken)) == 120
    assert told.all == []


@pytest.mark.spec("SRV-122")
def test_nothing_is_said_after_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """A request that outlives shutdown, its events counted as lost, fails without another word."""
    told = Told()
    with loud(), FaultServer(hang) as server, caplog.at_level(logging.WARNING, "posthog_web"):
        client = Client("phc_test", server.url, on_error=told, flush_at=1, timeout=15)
        client.capture("user123", "paid")
        server.wait_for_requests(1)
        assert not client.shutdown(timeout=0.1)
        left_behind = own_threads()
    for thread in left_behind:
        thread.join(5)

    assert len(left_behind) == 1
    [message] = caplog.messages
    assert "1 event(s) could not be sent" in message
    assert told.all == []


@pytest.mark.spec("SRV-117", "SRV-120")
@pytest.mark.parametrize(
    "fault",
    [hang, drip_header, resets, says(429, {"Retry-After": "9999"})],
    ids=["hangs", "drips", "resets", "asks for hours"],
)
def test_the_end_of_a_process_is_as_bounded(fault: Fault) -> None:
    """With a request under way that may take 15 s, a program ends in time and says what it cost."""
    with FaultServer(fault) as server:
        ended = run(
            """
            logging.basicConfig(format="%(message)s")
            client = Client("phc_test", url, shutdown_timeout=0.5, flush_at=1)
            for number in range(10):
                client.capture("user123", f"event {number}")
            client.flush(timeout=0.3)
            say(now=time.monotonic())
            """,
            server.url,
        )
        assert server.requests >= 1

    assert ended.code == 0
    assert ended.at - ended.said[0]["now"] < 1.5
    unsent = [line for line in ended.errors.splitlines() if "could not be sent" in line]
    assert [line.partition(" could")[0] for line in unsent] == ["posthog_web: 10 event(s)"]
    assert "Traceback" not in ended.errors
    assert server.taken == []


@pytest.mark.parametrize("fault", [hang, drip_header], ids=["hangs", "drips"])
def test_a_caller_who_sends_waits_no_longer(fault: Fault) -> None:
    """In sync_mode capture gives up after the timeout, however the server spins it out."""
    told = Told()
    with loud(), FaultServer(fault) as server:
        client = Client(
            "phc_test", server.url, sync_mode=True, timeout=0.4, max_retries=0, on_error=told
        )
        began = monotonic()
        assert client.capture("user123", "paid") is None
        assert monotonic() - began < 0.9

    assert told.lost == ["paid"]
    assert client.stats().dropped == {"given_up": 1}


def test_the_table_names_each_fault_once() -> None:
    """No two lines have one name."""
    names = [case.name for case in CASES]

    assert sorted(set(names)) == sorted(names)
