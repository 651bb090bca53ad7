"""A buffer and the threads that work on it, in one process, and the ways of waiting for them."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from posthog_web import _own_work
from posthog_web._delivery.batch import Batch, Limits
from posthog_web._delivery.buffer import Buffer
from posthog_web._delivery.reporter import Reporter
from posthog_web._delivery.transport import Connection
from posthog_web._delivery.waiting_room import WaitingRoom
from posthog_web._delivery.worker import Sender, Worker
from posthog_web._runtime import ending, process
from posthog_web.typing import DropReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a wait is for.

    Attributes:
        position: Everything before it.
        lost: How many events had been lost before.
    """

    position: int
    lost: int


class WorkerPool:
    """Everything of a lane that belongs to one process."""

    def __init__(
        self, sender: Sender, limits: Limits, reporter: Reporter, *, size: int, exit_budget: float
    ) -> None:
        """Start no thread yet; *size* is how many there may be."""
        self.pid = os.getpid()
        self.exit_budget = exit_budget
        self.buffer = Buffer(limits)
        self.waiting_room = WaitingRoom(limits)
        self._sender = sender
        self._reporter = reporter
        self._size = size
        self._workers: set[Worker] = set()
        self._starting = False
        # What belongs to a thread that sends its own events. Made here, since gevent may have
        # changed what a thread is after this module was imported.
        self._own = threading.local()
        self._clock = sender.clock
        process.watch(self)

    # Handing over

    def put(self, event: bytes) -> bool:
        """Queue *event*; return whether it was accepted. Does not block."""
        buffer = self.buffer
        if not buffer.put(event):
            if not buffer.closed:
                self._reporter.refused_by_queue(event)
            return False
        if not self._workers or (len(self._workers) < self._size and buffer.wants_another_worker()):
            self._start_worker()
        if ending.is_ending():
            # Nobody will wait for a thread any more: this one sends.
            return ending.send_late(self)
        return True

    def drop(self, reason: DropReason, event: bytes) -> None:
        """Count, and tell of, an *event* that was captured and will not be sent."""
        self.buffer.refuse(reason)
        self._reporter.dropped(reason, [event])

    def send(self, event: bytes) -> bool:
        """Send *event* now, on this thread; return whether the server took it."""
        batch = Batch(events=[event], born=self._clock())
        with self._sending() as connection:
            try:
                return self.buffer.admit(batch) and self._sender.deliver(
                    batch, self.buffer, connection
                )
            finally:
                # Left behind by an exception out of a signal handler: the next flush sends it.
                self.buffer.release(batch)

    def _start_worker(self) -> bool:
        """Start a thread if there is room for one; return whether one was started.

        Failing to is no error: whoever waits sends. A thread is never started from inside the start
        of another: a signal handler may have interrupted that one while it held one of threading's
        own locks. Nor is one where nobody would wait for it (see ``ending.is_ending``).
        """
        if self._starting or len(self._workers) >= self._size or ending.is_ending():
            return False
        worker = Worker(self._sender, self.buffer, self._note_end)
        try:
            self._starting = True
            self._workers.add(worker)
            worker.start()
        except RuntimeError:  # the system has no more threads, or the interpreter is ending
            self._workers.discard(worker)
            return False
        except BaseException:  # out of a signal handler
            self._workers.discard(worker)
            raise
        finally:
            self._starting = False
        return True

    def _note_end(self, worker: Worker, *, failed: bool) -> None:
        """Take *worker* off the list. An event that came meanwhile has seen it there: look again.

        After a failure the next event starts another, or whoever waits; at once would be a loop if
        the failure lasts.
        """
        if self._clock() >= self.buffer.ends:
            # While it still counts as a worker: close() waits for it, and so for what it says.
            self._give_up()
        self._workers.discard(worker)
        if not failed and self.buffer.waiting:
            self._start_worker()
        self.buffer.wake_waiting()

    @contextmanager
    def _sending(self) -> Generator[Connection]:
        """Mark this thread as one that sends: what it calls back must not wait for it.

        Yields its connection. A signal handler that sends in the middle of a request gets another:
        urllib3's pool underneath has a lock that is not re-entrant.
        """
        own = self._own
        before = getattr(own, "sending", False)
        own.sending = True
        try:
            with _own_work.sending():
                if before:
                    yield self._sender.transport.connect()
                else:
                    if not hasattr(own, "connection"):
                        own.connection = self._sender.transport.connect()
                    yield own.connection
        finally:
            own.sending = before

    def _waits_for_itself(self) -> bool:
        return getattr(self._own, "sending", False) or threading.current_thread() in self._workers

    # Waiting

    @property
    def unsettled(self) -> int:
        """The number of events that were neither sent nor dropped yet."""
        return self.buffer.unsettled

    def checkpoint(self, *, hurry: bool) -> Checkpoint:
        """Return what a wait that begins now is for; with *hurry* it is due now."""
        checkpoint = Checkpoint(position=self.buffer.position, lost=self.buffer.lost)
        if hurry:
            self.buffer.hurry(checkpoint.position)
        return checkpoint

    def flush(self, timeout: float, *, hurry: bool = True) -> bool:
        """Wait up to *timeout* seconds for all events so far; return whether the server took all.

        Without *hurry* they leave when they would have anyway.
        """
        return self.wait_for(self.checkpoint(hurry=hurry), self._clock() + timeout)

    def wait_for(self, checkpoint: Checkpoint, deadline: float) -> bool:
        """Wait for what *checkpoint* is for until *deadline*; return whether the server took all.

        On a thread that is sending (in a callback, or a signal handler) this does not wait: it
        would wait for itself.
        """
        if not self._waits_for_itself():
            self._see_through(checkpoint.position, deadline)
        return self.settled(checkpoint) and self.buffer.lost == checkpoint.lost

    def settled(self, checkpoint: Checkpoint) -> bool:
        """Return whether all that *checkpoint* is for was sent or dropped."""
        return self.buffer.settled(checkpoint.position)

    def keep_going(self) -> bool:
        """See to it that somebody works; return False where no thread can be had."""
        return self._working() or self._start_worker()

    def _see_through(self, position: int, deadline: float) -> None:
        """Wait until all before *position* is settled, and see to it that somebody works on it.

        A worker that is ended meanwhile (a callback may do that) is replaced as long as its kind
        gets on. Where no thread can be had, the caller sends.
        """
        buffer = self.buffer
        left: float = math.inf
        while not buffer.settled(position) and self._clock() < deadline:
            if not self.keep_going():
                with self._sending():
                    self._sender.work(buffer, wait=False, deadline=deadline)
                break
            if buffer.unsettled >= left:
                break
            left = buffer.unsettled
            buffer.wait_settled(position, deadline, while_=self._working)
        buffer.wait_settled(position, deadline)

    def _working(self) -> bool:
        return any(worker.is_alive() for worker in list(self._workers))

    def hurry(self) -> None:
        """Make all that waits due now, without waiting for it."""
        self.buffer.hurry(self.buffer.position)

    def retire(self) -> None:
        """Let threads send what is here within the budget, then stop; wait for nothing."""
        self.buffer.close(self._clock() + self.exit_budget)
        if self.buffer.waiting and not self._working():
            # No thread was to be had, and nobody is left who could send.
            self._give_up()

    def close(self, checkpoint: Checkpoint, deadline: float) -> bool:
        """Send what is here until *deadline*, then stop for good (SRV-113…117).

        Whoever calls first decides how long that may take; others wait, and give nothing up.
        """
        is_first = self.buffer.close(deadline)
        everything = self.wait_for(checkpoint, deadline)
        # A callback asked for it: this thread goes on working when the callback returns.
        if is_first and threading.current_thread() not in self._workers:
            self.finish(deadline)
            self.join(max(deadline, self._clock()) + ending.GRACE)
        return everything

    def stop_idle_threads(self) -> None:
        """Let threads end that have nothing to do; whoever captures from now on sends."""
        self.buffer.stop_idle_workers()

    def join(self, deadline: float) -> None:
        """Wait for threads that end, until *deadline* (monotonic)."""
        for worker in [worker for worker in list(self._workers) if worker.is_alive()]:
            worker.join(min(max(deadline - self._clock(), 0.0), threading.TIMEOUT_MAX))

    def finish(self, deadline: float) -> bool:
        """Send what is left until *deadline*, give up the rest, say so; return if all was taken.

        What others capture meanwhile is theirs to send, as long as there is time.
        """
        everything = self.flush(max(deadline - self._clock(), 0.0))
        if self._clock() >= deadline:
            self._give_up()
        self._reporter.notices.say_rest("queue_full", "lost")
        return everything

    def _give_up(self) -> None:
        if lost := self.buffer.abandon("unsent_at_exit"):
            self._reporter.unsent(lost, self.buffer.snapshot().last_error)
