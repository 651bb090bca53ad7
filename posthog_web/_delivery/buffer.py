"""Events waiting to leave, in one process, for one endpoint.

A deque, and a re-entrant lock for all but appending to it: a signal handler may interrupt anything
here on the very thread that holds the lock, and must be able to ``put``, wait and close itself.
Nothing blocks a caller of ``put`` for longer than a few instructions, and nothing raises.

Every accepted event has a position, counted from 0. Events are taken from the front, and a batch
given back stays a batch with its own position, so "everything before this has left" is a comparison
of numbers.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from posthog_web._delivery.accounting import Ledger, Stats
from posthog_web._delivery.batch import Batch, Limits
from posthog_web._delivery.retry import Attempts
from posthog_web.typing import DropReason

_NEVER = sys.maxsize


class Buffer:
    """The queue between those who capture and those who send.

    Attributes:
        closed: Whether nothing more is accepted.
        ends: Until when (monotonic) what is here is tried, once it is closed.
        lost: Events that were accepted and then dropped.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        """Make an empty buffer; *clock* returns monotonic seconds."""
        lock = threading.RLock()
        self._limits = limits
        self._clock = clock
        self._lock = lock
        self._work = threading.Condition(lock)
        self._progress = threading.Condition(lock)
        self._events: deque[bytes] = deque()
        self._bytes = 0
        self._taken = 0
        self._in_flight: set[Batch] = set()
        self._returned: deque[Batch] = deque()
        self._idle_workers = 0
        self._wake_at = _NEVER
        self._hurry_to = 0
        self._hurries = 0
        self._gather_until: float | None = None
        self._batch_bytes = limits.batch_bytes
        self._ledger = Ledger()
        self._workers_stay = True
        self.closed = False
        self.ends = math.inf
        self.lost = 0

    # What captures call

    def put(self, event: bytes) -> bool:
        """Accept *event* unless the buffer is full or closed. The newest is refused (SRV-029).

        No lock is taken on the way: a loop that captures would take it back before a worker got
        hold of it. ``deque.append`` is atomic, and whoever waits says beforehand how many events
        are worth waking up for.
        """
        limits = self._limits
        if self.closed:
            return self.refuse("closed")
        if len(self._events) >= limits.queue_size or (
            self._bytes + len(event) > limits.queue_bytes
        ):
            return self.refuse("queue_full")
        # Without the lock this figure may drift by an event or so; it is set right when the queue
        # is empty.
        self._bytes += len(event)
        self._events.append(event)
        if len(self._events) >= self._wake_at or (
            self._bytes >= self._batch_bytes and self._wake_at != _NEVER
        ):
            with self._lock:
                self._wake_at = _NEVER
                # All, since one who pauses between two tries waits here too and would sleep on.
                self._work.notify_all()
        return True

    def refuse(self, reason: DropReason) -> bool:
        """Count an event that was captured but is not to be queued; return False."""
        with self._lock:
            self._ledger.turned_away += 1
            self._ledger.dropped[reason] += 1
        return False

    def admit(self, batch: Batch) -> bool:
        """Accept a batch that its maker sends at once; return False when closed."""
        if self.closed:
            return self.refuse("closed")
        with self._lock:
            batch.position = self.position
            self._taken += len(batch.events)
            self._in_flight.add(batch)
        return True

    def wants_another_worker(self) -> bool:
        """Return whether a full batch waits and no worker is free to take it."""
        return len(self._events) >= self._limits.flush_at and not self._idle_workers

    def decline(self, reason: DropReason) -> None:
        """Count a call that made no event."""
        with self._lock:
            self._ledger.declined[reason] += 1

    # What workers call

    def next_batch(self, *, wait: bool = True) -> Batch | None:
        """Return the next batch when it is due; None when there is nothing more to do for now.

        Without *wait*: a batch at once, due or not, or None.
        """
        with self._lock:
            if wait and not self._wait_until_due():
                return None
            return self._take()

    def _wait_until_due(self) -> bool:
        """Wait for a batch to be due; False when idle for long, or closed and empty."""
        idle_since = self._clock()
        self._idle_workers += 1
        try:
            while True:
                # Said before looking: whoever puts an event in between sees it.
                self._wake_at = 1
                pause = self._pause_before_due()
                if pause <= 0:
                    return True
                if self._events:
                    idle_since = self._clock()
                    self._wake_at = self._limits.flush_at
                elif self.closed or not self._workers_stay:
                    return False
                else:
                    pause = idle_since + self._limits.idle - self._clock()
                    if pause <= 0:
                        return False
                _wait(self._work, pause)
        finally:
            self._idle_workers -= 1
            if not self._idle_workers:
                self._wake_at = _NEVER

    def _pause_before_due(self) -> float:
        """Return the seconds until a batch is due; 0 or less: now."""
        if self._returned:
            return 0.0
        if not self._events:
            self._gather_until = None
            return self._limits.idle
        is_full = len(self._events) >= self._limits.flush_at or self._bytes >= self._batch_bytes
        if self.closed or self._taken < self._hurry_to or is_full:
            return 0.0
        now = self._clock()
        if self._gather_until is None:
            self._gather_until = now + self._limits.flush_interval
        return self._gather_until - now

    def _take(self) -> Batch | None:
        """Move events from the front into a batch, in order of arrival (SRV-076…078)."""
        if self._returned:
            return self._take_returned()
        if not self._events:
            return None
        position = self._taken
        taken: list[bytes] = []
        room = self._batch_bytes
        while self._events and len(taken) < self._limits.batch_size:
            room -= len(self._events[0]) + 1
            if room < 0 and taken:
                break
            taken.append(self._events.popleft())
        batch = Batch(position=position, events=taken, born=self._clock())
        self._in_flight.add(batch)
        self._taken += len(taken)
        self._bytes = self._bytes - batch.size if self._events else 0
        self._gather_until = None
        if self._events:
            self._work.notify_all()
        return batch

    def _take_returned(self) -> Batch:
        batch = self._returned.popleft()
        # Of a size that was refused meanwhile.
        while batch.size > self._batch_bytes and len(batch.events) > 1:
            self._returned.appendleft(batch.halve())
        self._in_flight.add(batch)
        return batch

    def pause(self, batch: Batch, seconds: float, *, until: float = math.inf) -> bool:
        """Wait before the next try of *batch*; return False when nobody wants it any more.

        While nobody answers at all, a flush ends the pause: trying costs the batch nothing. *until*
        bounds the wait for a caller that has a deadline of its own.
        """
        patient = batch.attempts.unanswered == 0
        with self._lock:
            due = self._clock() + seconds
            hurries = self._hurries
            while batch in self._in_flight:
                if not patient and self._hurries > hurries:
                    return True
                now, last = self._clock(), min(until, self.ends)
                if now >= min(due, last):
                    return now < last
                _wait(self._work, min(due, last) - now)
            return False

    def attempted(
        self, batch: Batch, attempts: Attempts, sent_bytes: int, error: str | None
    ) -> None:
        """Note that *batch* was tried once more."""
        with self._lock:
            if batch.attempts != Attempts():
                self._ledger.retried += 1
            batch.attempts = attempts
            self._ledger.sent_bytes += sent_bytes
            self._ledger.last_error = error or self._ledger.last_error

    def holds(self, batch: Batch) -> bool:
        """Return whether *batch* still counts, and was not given up at the end."""
        return batch in self._in_flight

    def settle(self, batch: Batch, reason: DropReason | None = None) -> bool:
        """Count *batch* as sent, or dropped for *reason*; return False if it no longer counts."""
        with self._lock:
            if batch not in self._in_flight:
                return False
            self._in_flight.remove(batch)
            self._count(len(batch.events), reason)
            self._progress.notify_all()
            return True

    def settle_some(self, batch: Batch, *, kept: list[bytes], refused: int) -> None:
        """Count what the server took of *batch* and what it *refused*; what is *kept* goes on."""
        with self._lock:
            if batch in self._in_flight:
                if sent := len(batch.events) - len(kept) - refused:
                    self._count(sent, None)
                if refused:
                    self._count(refused, "refused")
                batch.events = kept

    def split(self, batch: Batch) -> None:
        """Halve *batch*, which was too large, and remember: no batch of its size is made again."""
        with self._lock:
            self._batch_bytes = min(self._batch_bytes, max(batch.size // 2, 1))
            if batch in self._in_flight:
                self._returned.appendleft(batch.halve())
                self._work.notify_all()

    def release(self, batch: Batch) -> None:
        """Take back a batch whose sender died or ran out of time; it is the next to be sent."""
        with self._lock:
            if batch in self._in_flight:
                self._in_flight.remove(batch)
                self._returned.append(batch)
                self._work.notify_all()

    def _count(self, events: int, reason: DropReason | None) -> None:
        if reason is None:
            self._ledger.sent += events
            self._ledger.last_success = datetime.now(UTC)
        else:
            self._ledger.dropped[reason] += events
            self.lost += events

    # What flush and shutdown call

    @property
    def position(self) -> int:
        """The position the next accepted event will have."""
        with self._lock:
            return self._taken + len(self._events)

    @property
    def waiting(self) -> int:
        """The number of events that wait, batches under way not counted."""
        # A copy, made in one step: this is asked without the lock, too.
        return len(self._events) + _count(tuple(self._returned))

    @property
    def unsettled(self) -> int:
        """The number of events that were neither sent nor dropped yet."""
        with self._lock:
            return self.waiting + _count(self._in_flight)

    def hurry(self, position: int) -> None:
        """Make everything before *position* due now."""
        with self._lock:
            self._hurry_to = max(position, self._hurry_to)
            self._hurries += 1
            self._work.notify_all()

    def settled(self, position: int) -> bool:
        """Return whether everything before *position* was sent or dropped."""
        with self._lock:
            held = (*self._in_flight, *self._returned)
            return self._taken >= position and all(batch.position >= position for batch in held)

    def wait_settled(
        self, position: int, deadline: float, *, while_: Callable[[], bool] = lambda: True
    ) -> None:
        """Wait until everything before *position* is settled.

        At most until *deadline*, and only while *while_* holds: it is asked again with each batch
        that is settled, and after ``wake_waiting``.
        """
        with self._lock:
            while not self.settled(position) and while_():
                remaining = deadline - self._clock()
                if remaining <= 0:
                    return
                _wait(self._progress, remaining)

    def wake_waiting(self) -> None:
        """Let those who wait look again."""
        with self._lock:
            self._progress.notify_all()

    def stop_idle_workers(self) -> None:
        """Let workers end once nothing waits. More is accepted; whoever captures it sends it."""
        with self._lock:
            self._workers_stay = False
            self._work.notify_all()

    def close(self, ends: float) -> bool:
        """Accept nothing more; workers finish what is here until *ends* (monotonic) and stop.

        Returns:
            Whether it was open. Otherwise the first end stands.
        """
        with self._lock:
            if self.closed:
                return False
            self.closed, self.ends = True, ends
            self._work.notify_all()
            self._progress.notify_all()
            return True

    def abandon(self, reason: DropReason) -> Sequence[bytes]:
        """Drop all that waits or is under way, for *reason*, and return it."""
        with self._lock:
            held = (*self._in_flight, *self._returned)
            lost = [event for batch in held for event in batch.events]
            for _ in range(len(self._events)):
                lost.append(self._events.popleft())
                self._taken += 1
            self._returned.clear()
            self._in_flight.clear()
            self._bytes = 0
            if lost:
                self._count(len(lost), reason)
            self._work.notify_all()
            self._progress.notify_all()
            return lost

    def snapshot(self) -> Stats:
        """Return all figures as of one moment."""
        stats = self._read()
        # A signal handler that waits lets go of the lock of whatever it interrupted: once that has
        # gone on, the figures add up again.
        for _ in range(3):
            if stats.captured == stats.sent + stats.queued + stats.in_flight + stats.dropped_total:
                break
            stats = self._read()
        return stats

    def _read(self) -> Stats:
        with self._lock:
            # Read once: events come in without the lock, meanwhile too.
            events = len(self._events)
            return self._ledger.snapshot(
                captured=self._taken + events + self._ledger.turned_away,
                queued=events + _count(self._returned),
                queued_bytes=self._bytes + sum(batch.size for batch in self._returned),
                in_flight=_count(self._in_flight),
            )


def _count(batches: Iterable[Batch]) -> int:
    return sum(len(batch.events) for batch in batches)


def _wait(condition: threading.Condition, seconds: float) -> None:
    """Wait on *condition*; endless times overflow the clock's type, so they are cut."""
    condition.wait(min(seconds, threading.TIMEOUT_MAX))
