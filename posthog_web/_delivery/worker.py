"""Takes batches from a buffer and sees each through to its end.

The same code runs on a worker thread and, where there can be no thread, on the caller's.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from posthog_web import _own_work
from posthog_web._delivery.batch import Batch
from posthog_web._delivery.buffer import Buffer
from posthog_web._delivery.failure import describe, error_of, error_of_some
from posthog_web._delivery.reporter import Reporter
from posthog_web._delivery.retry import Answer, Decision, RetryPolicy, Verdict
from posthog_web._delivery.transport import Connection, Transport
from posthog_web._guard import report_fault
from posthog_web.typing import DropReason

_DROPPED: dict[Verdict, DropReason] = {Verdict.REFUSED: "refused", Verdict.GIVEN_UP: "given_up"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends batches of one lane.

    Attributes:
        transport: Makes the connection.
        policy: When to try again.
        timeout: Seconds one request may take.
        reporter: Told how it goes.
        clock: Monotonic seconds.
    """

    transport: Transport
    policy: RetryPolicy
    timeout: float
    reporter: Reporter
    clock: Callable[[], float] = time.monotonic

    def work(self, buffer: Buffer, *, wait: bool = True, deadline: float = math.inf) -> None:
        """Deliver batches until there is nothing to do, or *deadline* (monotonic) has come.

        Without *wait* it returns as soon as the buffer is empty.
        """
        connection = self.transport.connect()
        try:
            while self._time_left(buffer, deadline) and (batch := buffer.next_batch(wait=wait)):
                self.deliver(batch, buffer, connection, deadline=deadline)
        finally:
            connection.close()

    def _time_left(self, buffer: Buffer, deadline: float) -> float:
        return max(min(deadline, buffer.ends) - self.clock(), 0.0)

    def deliver(
        self, batch: Batch, buffer: Buffer, connection: Connection, *, deadline: float = math.inf
    ) -> bool:
        """Try *batch* until it is settled, or time is up; return whether the server took it."""
        taken = True
        try:
            while True:
                # A timeout of 0 means "do not block" to sockets and is refused; a moment at least.
                seconds = max(min(self.timeout, self._time_left(buffer, deadline)), 0.001)
                answer = connection.post(batch, timeout=seconds)
                decision = self._decide(batch, buffer, answer)
                taken = taken and not answer.results.refused
                self._sort_out(batch, buffer, answer)
                if decision.verdict is Verdict.SPLIT:
                    buffer.split(batch)
                elif decision.verdict is not Verdict.AGAIN:
                    return self._settle(batch, buffer, decision.verdict, answer) and taken
                if answer.status is None and buffer.holds(batch):
                    self.reporter.silence(error_of(answer, batch))
                if not buffer.pause(batch, decision.delay, until=deadline):
                    return False
        finally:
            # Settled, there is nothing to take back; left by a fault or in haste, another sends it.
            buffer.release(batch)

    def _sort_out(self, batch: Batch, buffer: Buffer, answer: Answer) -> None:
        """Settle what the server took or refused of *batch*, if it told events apart."""
        results = answer.results
        if not (results.refused or results.asked_again) or not buffer.holds(batch):
            return
        refused = [batch.events[index] for index in results.refused]
        kept = [batch.events[index] for index in sorted(results.asked_again)]
        try:
            if refused:
                error = error_of_some(answer, batch)
                self.reporter.lost("refused", error, refused, describe(answer))
        finally:
            # Also if on_error ends the thread: told once, settled once.
            buffer.settle_some(batch, kept=kept, refused=len(refused))

    def _settle(self, batch: Batch, buffer: Buffer, verdict: Verdict, answer: Answer) -> bool:
        reason = _DROPPED.get(verdict)
        # Told first: whoever comes back from a flush has been told of what it cost.
        try:
            if reason is None:
                self.reporter.delivered(len(batch.events))
            elif buffer.holds(batch):
                self.reporter.lost(reason, error_of(answer, batch), batch.events, describe(answer))
        finally:
            # Also if on_error ends the thread: told once, settled once.
            counted = buffer.settle(batch, reason)
        return counted and reason is None

    def _decide(self, batch: Batch, buffer: Buffer, answer: Answer) -> Decision:
        if answer.status is not None:
            self.reporter.heard()
        attempts = batch.attempts.after(answer)
        age = self.clock() - batch.born
        decision = self.policy.decide(attempts, answer, age=age, events=len(batch.events))
        failed = decision.verdict is not Verdict.DELIVERED or bool(answer.results.refused)
        buffer.attempted(batch, attempts, answer.sent_bytes, describe(answer) if failed else None)
        return decision


class Leave(Protocol):
    """Called as a worker ends."""

    def __call__(self, worker: Worker, *, failed: bool) -> None:
        """Let *worker* go; *failed* says that an exception ended it."""


class Worker(threading.Thread):
    """A thread that works on one buffer until it is idle for long, or the buffer is closed."""

    def __init__(self, sender: Sender, buffer: Buffer, leave: Leave) -> None:
        """Prepare the thread; *leave* is called as its last act."""
        super().__init__(name="posthog-web-worker", daemon=True)
        self._sender = sender
        self._buffer = buffer
        self._leave = leave

    def run(self) -> None:
        """Work; say so if that fails: another worker takes over with the next event."""
        failed = True
        try:
            with _own_work.sending():
                self._sender.work(self._buffer)
            failed = False
        except Exception as error:  # noqa: BLE001 - a thread's end is a boundary
            report_fault(error, "worker")
        except BaseException as error:
            # Out of a callback: whoever ends a thread so means it, and Python would say nothing.
            self._sender.reporter.ended(error)
            raise
        finally:
            self._leave(self, failed=failed)
