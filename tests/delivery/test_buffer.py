"""The queue between those who capture and those who send, with a clock at hand."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_web._delivery.batch import Batch, Limits
from posthog_web._delivery.buffer import Buffer
from posthog_web._delivery.retry import Attempts

LIMITS = Limits(
    queue_size=10,
    queue_bytes=1_000,
    flush_at=3,
    flush_interval=60.0,
    batch_size=4,
    batch_bytes=100,
)
IDLE_AT_ONCE = replace(LIMITS, idle=0.0)


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def filled(*events: bytes, limits: Limits = LIMITS, clock: Clock | None = None) -> Buffer:
    """Return a buffer that holds *events*."""
    buffer = Buffer(limits, clock or Clock())
    for event in events:
        assert buffer.put(event)
    return buffer


def take(buffer: Buffer) -> Batch:
    """Return the next batch, which must be there."""
    batch = buffer.next_batch(wait=False)
    assert batch is not None
    return batch


def numbers(count: int, start: int = 0) -> list[bytes]:
    """Return *count* small events, numbered from *start*."""
    return [b"%d" % number for number in range(start, start + count)]


@pytest.mark.spec("SRV-076", "SRV-077")
def test_batches_are_cut_from_the_front() -> None:
    """Batches hold at most batch_size events, in the order of arrival, until all are out."""
    buffer = filled(*numbers(10))

    batches = [take(buffer).events for _ in range(3)]

    assert batches == [numbers(4), numbers(4, 4), numbers(2, 8)]
    assert buffer.next_batch(wait=False) is None


@pytest.mark.spec("SRV-078")
def test_a_batch_closes_before_the_event_that_would_cross() -> None:
    """A batch ends before the event, comma included, that would exceed batch_bytes."""
    buffer = filled(b"a" * 49, b"b" * 49, b"c")

    assert take(buffer).events == [b"a" * 49, b"b" * 49]
    assert take(buffer).events == [b"c"]


@pytest.mark.spec("SRV-078")
def test_an_event_larger_than_a_batch_travels_alone() -> None:
    """One event above batch_bytes is neither dropped nor joined by others."""
    buffer = filled(b"a", b"b" * 300, b"c")

    assert [take(buffer).events for _ in range(3)] == [[b"a"], [b"b" * 300], [b"c"]]


@pytest.mark.spec("SRV-029", "SRV-099")
def test_a_full_queue_refuses_the_newest() -> None:
    """At queue_size nothing more is accepted, nothing is evicted, and each refusal is counted."""
    buffer = filled(*numbers(10))

    assert not buffer.put(b"late")
    assert not buffer.put(b"later")

    assert buffer.snapshot().dropped == {"queue_full": 2}
    assert [*take(buffer).events, *take(buffer).events, *take(buffer).events] == numbers(10)


@pytest.mark.spec("SRV-099")
def test_bytes_are_bounded_too() -> None:
    """An event that would exceed queue_bytes is refused; a smaller one still fits."""
    buffer = filled(b"a" * 600)

    assert not buffer.put(b"b" * 401)
    assert buffer.put(b"c" * 400)
    assert not buffer.put(b"d")


def test_bytes_are_given_back() -> None:
    """What was taken out makes room for as many bytes."""
    buffer = filled(b"a" * 60, b"b" * 60, b"c" * 860)
    assert not buffer.put(b"d" * 80)

    take(buffer)

    assert buffer.put(b"d" * 80)
    assert not buffer.put(b"e")


@pytest.mark.spec("SRV-115")
def test_a_closed_buffer_accepts_nothing() -> None:
    """After close() events are refused and counted; what was in it can still be taken."""
    buffer = filled(b"a")
    buffer.close(ends=math.inf)

    assert not buffer.put(b"b")
    assert not buffer.admit(Batch(events=[b"c"], born=0.0))

    assert take(buffer).events == [b"a"]
    assert buffer.snapshot().dropped == {"closed": 2}


@pytest.mark.spec("SRV-074")
def test_at_flush_at_a_batch_is_due() -> None:
    """With flush_at events waiting, a worker gets them without waiting for the interval."""
    buffer = filled(*numbers(3))

    batch = buffer.next_batch()

    assert batch is not None
    assert batch.events == numbers(3)


@pytest.mark.spec("SRV-106")
def test_hurry_makes_a_single_event_due() -> None:
    """Below flush_at and within the interval, hurry() makes what waits due."""
    buffer = filled(b"a")
    buffer.hurry(buffer.position)

    batch = buffer.next_batch()

    assert batch is not None
    assert batch.events == [b"a"]


def test_what_a_closed_buffer_holds_is_due() -> None:
    """A worker gets the rest of a closed buffer at once, then learns there is nothing more."""
    buffer = filled(b"a")
    buffer.close(ends=math.inf)

    batch = buffer.next_batch()

    assert batch is not None
    assert buffer.next_batch() is None


def test_an_idle_worker_may_leave() -> None:
    """With nothing to do for the length of idle, a worker is sent away."""
    assert Buffer(IDLE_AT_ONCE, Clock()).next_batch() is None


@pytest.mark.spec("SRV-095", "SRV-103")
def test_a_released_batch_is_the_next_to_go() -> None:
    """A batch given back keeps its events and its attempts, and comes before what arrived since."""
    buffer = filled(b"a", b"b")
    batch = take(buffer)
    buffer.attempted(batch, Attempts(answered=2), 10, "HTTP 503")
    buffer.put(b"c")

    buffer.release(batch)

    assert buffer.waiting == 3
    again = take(buffer)
    assert (again.events, again.attempts) == ([b"a", b"b"], Attempts(answered=2))
    assert take(buffer).events == [b"c"]


@pytest.mark.spec("SRV-101", "SRV-102")
def test_events_that_arrive_during_a_request_survive_it() -> None:
    """A full queue, taken and refilled to the brim: each event goes once, in its own batch."""
    limits = replace(LIMITS, queue_size=4)
    buffer = filled(*numbers(4), limits=limits)
    first = take(buffer)
    for event in numbers(4, 4):
        assert buffer.put(event)
    assert not buffer.put(b"too many")

    assert buffer.settle(first)

    assert take(buffer).events == numbers(4, 4)
    assert buffer.snapshot().sent == 4


def test_a_batch_is_settled_once() -> None:
    """Settling a batch twice, or releasing it afterwards, changes nothing."""
    buffer = filled(b"a", b"b")
    batch = take(buffer)

    assert buffer.settle(batch)
    assert not buffer.settle(batch, "refused")
    buffer.release(batch)

    stats = buffer.snapshot()
    assert (stats.sent, stats.dropped, stats.queued, stats.in_flight) == (2, {}, 0, 0)


@pytest.mark.spec("SRV-082")
def test_a_batch_that_is_too_large_goes_in_halves() -> None:
    """Its first half stays with its worker as if never tried, the second is the next to go."""
    buffer = filled(*(b"%d" % number * 20 for number in range(4)))
    batch = take(buffer)
    batch.attempts = Attempts(made=1, answered=1)

    buffer.split(batch)

    assert batch.events == [b"0" * 20, b"1" * 20]
    assert batch.attempts == Attempts()
    assert take(buffer).events == [b"2" * 20, b"3" * 20]
    assert buffer.snapshot().in_flight == 4


def test_the_size_that_was_refused_is_not_tried_again() -> None:
    """After a split, new batches, and larger ones given back before, are of the smaller size."""
    buffer = filled(*(b"x" * 20 for _ in range(8)))
    other, batch = take(buffer), take(buffer)
    buffer.split(batch)
    buffer.split(batch)
    buffer.release(other)
    for _ in range(3):
        buffer.put(b"y" * 20)

    sizes = []
    while buffer.waiting:
        sizes.append(len(take(buffer).events))

    assert sizes == [1] * 10


def test_some_of_a_batch_is_settled() -> None:
    """What the server took and what it refused is counted; the rest is still under way."""
    buffer = filled(*numbers(4))
    position = buffer.position
    batch = take(buffer)

    buffer.settle_some(batch, kept=[b"3"], refused=1)

    stats = buffer.snapshot()
    assert (stats.sent, stats.dropped, stats.in_flight) == (2, {"refused": 1}, 1)
    assert not buffer.settled(position)
    assert buffer.settle(batch)
    assert buffer.settled(position)
    assert buffer.snapshot().sent == 3


def test_some_of_an_abandoned_batch_no_longer_counts() -> None:
    """What was given up meanwhile stays given up."""
    buffer = filled(*numbers(4))
    batch = take(buffer)
    buffer.abandon("unsent_at_exit")

    buffer.settle_some(batch, kept=[], refused=1)

    assert buffer.snapshot().dropped == {"unsent_at_exit": 4}


def test_an_abandoned_batch_no_longer_counts() -> None:
    """What was given up at the end is counted as lost, even if the server takes it after all."""
    buffer = filled(*numbers(6))
    batch = take(buffer)

    assert sorted(buffer.abandon("unsent_at_exit")) == numbers(6)
    assert buffer.abandon("unsent_at_exit") == []

    assert not buffer.holds(batch)
    assert not buffer.settle(batch)
    assert buffer.snapshot().dropped == {"unsent_at_exit": 6}
    assert buffer.lost == 6


def test_settled_means_everything_before() -> None:
    """A position is settled when all before it are, whatever came or goes after it."""
    buffer = filled(*numbers(3))
    position = buffer.position
    first = take(buffer)
    buffer.put(b"later")

    assert not buffer.settled(position)
    buffer.settle(first)
    assert buffer.settled(position)
    assert not buffer.settled(buffer.position)


def test_waiting_ends_at_the_deadline() -> None:
    """wait_settled gives up at once when its deadline has passed."""
    clock = Clock()
    buffer = filled(b"a", clock=clock)

    assert not buffer.wait_settled(buffer.position, clock.now)
    assert not buffer.wait_settled(buffer.position, clock.now - 1)


@pytest.mark.spec("SRV-098")
def test_a_pause_of_an_outage_ends_with_a_flush() -> None:
    """While nobody answers, hurry() ends the pause of the batch that is being tried."""
    buffer = filled(b"a")
    batch = take(buffer)
    buffer.attempted(batch, Attempts(unanswered=1), 10, "no answer")
    paused: list[bool] = []
    waiter = threading.Thread(target=lambda: paused.append(buffer.pause(batch, 3_600.0)))
    waiter.start()

    while waiter.is_alive():
        buffer.hurry(buffer.position)
        waiter.join(0.01)

    assert paused == [True]


def test_a_pause_ends_with_the_batch() -> None:
    """Who waits to try an abandoned batch again is told not to, at once."""
    buffer = filled(b"a")
    batch = take(buffer)
    buffer.abandon("unsent_at_exit")

    assert not buffer.pause(batch, 3_600.0)


def test_a_pause_never_outlasts_the_deadline() -> None:
    """Who has a deadline is not kept beyond it, and told to stop."""
    clock = Clock()
    buffer = filled(b"a", clock=clock)
    batch = take(buffer)

    assert not buffer.pause(batch, 3_600.0, until=clock.now)


def test_an_event_sent_by_its_caller_is_accounted_for() -> None:
    """An admitted event is in flight, not queued; released, it waits like any other."""
    buffer = Buffer(LIMITS, Clock())
    batch = Batch(events=[b"a"], born=0.0)
    assert buffer.admit(batch)

    assert (buffer.snapshot().in_flight, buffer.waiting) == (1, 0)
    buffer.release(batch)
    assert (buffer.snapshot().in_flight, buffer.waiting) == (0, 1)


@given(st.lists(st.sampled_from(["put", "admit", "take", "sent", "lost", "back", "drop", "end"])))
def test_every_event_is_somewhere(steps: list[str]) -> None:
    """After any steps: captured == sent + queued + in flight + dropped, and the bounds hold."""
    buffer = Buffer(LIMITS, Clock())
    held: list[Batch] = []

    for step in steps:
        match step:
            case "put":
                buffer.put(b"x" * 40)
            case "admit":
                held.append(Batch(events=[b"x"], born=0.0))
                buffer.admit(held[-1])
            case "take":
                batch = buffer.next_batch(wait=False)
                held += [batch] if batch else []
            case "sent" | "lost" if held:
                buffer.settle(held.pop(), None if step == "sent" else "given_up")
            case "back" if held:
                buffer.release(held.pop())
            case "drop":
                buffer.refuse("too_large")
            case "end":
                buffer.abandon("unsent_at_exit")

    stats = buffer.snapshot()
    assert stats.captured == stats.sent + stats.queued + stats.in_flight + stats.dropped_total
    assert stats.queued == buffer.waiting
