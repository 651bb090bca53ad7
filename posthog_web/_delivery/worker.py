"""Takes batches from a buffer and sees each through to its end.

The same code runs on a worker thread and, where there can be no thread, on the caller's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from posthog_web._delivery.buffer import Batch, Buffer
from posthog_web._delivery.reporter import Reporter
from posthog_web._delivery.retry import Answer, Decision, RetryPolicy, Verdict
from posthog_web._delivery.transport import Connection, Transport
from posthog_web._guard import report_fault
from posthog_web.errors import DeliveryError, RefusedError, UnansweredError
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

    def work(self, buffer: Buffer, *, wait: bool = True, deadline: float | None = None) -> None:
        """Deliver batches until there is nothing to do, or *deadline* (monotonic) has come.

        Without *wait* it returns as soon as the buffer is empty.
        """
        connection = self.transport.connect()
        try:
            while not self._too_late(deadline) and (batch := buffer.next_batch(wait=wait)):
                self.deliver(batch, buffer, connection, deadline=deadline)
        finally:
            connection.close()

    def _too_late(self, deadline: float | None) -> bool:
        return deadline is not None and self.clock() >= deadline

    def deliver(
        self, batch: Batch, buffer: Buffer, connection: Connection, *, deadline: float | None = None
    ) -> bool:
        """Try *batch* until it is settled, or time is up; return whether the server took it."""
        try:
            while True:
                answer = connection.post(batch.events, timeout=self._time_for_one(deadline))
                decision = self._decide(batch, buffer, answer)
                if decision.verdict is not Verdict.AGAIN:
                    return self._settle(batch, buffer, decision.verdict, answer)
                if answer.status is None:
                    self.reporter.silence(_error(answer))
                if not buffer.pause(batch, decision.delay, until=deadline):
                    return False
        finally:
            # Settled, there is nothing to take back; left by a fault or in haste, another sends it.
            buffer.release(batch)

    def _settle(self, batch: Batch, buffer: Buffer, verdict: Verdict, answer: Answer) -> bool:
        delivered = verdict is Verdict.DELIVERED
        # Told first: whoever comes back from a flush has been told of what it cost.
        try:
            if delivered:
                self.reporter.delivered(len(batch.events))
            elif buffer.holds(batch):
                self.reporter.lost(_error(answer), batch.events)
        finally:
            # Also if on_error ends the thread: told once, settled once.
            counted = buffer.settle(batch, _DROPPED.get(verdict))
        return counted and delivered

    def _time_for_one(self, deadline: float | None) -> float:
        if deadline is None:
            return self.timeout
        # A timeout of 0 means "do not block" to sockets and is refused; so a moment at least.
        return max(min(self.timeout, deadline - self.clock()), 0.001)

    def _decide(self, batch: Batch, buffer: Buffer, answer: Answer) -> Decision:
        if answer.status is not None:
            self.reporter.heard()
        attempts = batch.attempts.after(answer)
        age = self.clock() - batch.born
        decision = self.policy.decide(attempts, answer, age=age)
        failed = decision.verdict is not Verdict.DELIVERED
        buffer.attempted(batch, attempts, answer.sent_bytes, _describe(answer) if failed else None)
        return decision


def _describe(answer: Answer) -> str:
    """Return a failed *answer* in words that quote nothing."""
    if answer.status is None:
        return f"no answer ({type(answer.error).__name__})"
    if 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's own numbers
        return f"redirected (HTTP {answer.status}); set host to the address it leads to"
    return f"HTTP {answer.status}"


def _error(answer: Answer) -> DeliveryError:
    """Return what ``on_error`` is told of a failed *answer*."""
    if answer.status is None:
        error: DeliveryError = UnansweredError(_describe(answer))
        error.__cause__ = answer.error
        return error
    words = f"{_describe(answer)}: {answer.detail}" if answer.detail else _describe(answer)
    return RefusedError(words, status=answer.status, retry_after=answer.retry_after)


class Leave(Protocol):
    """Told that a worker goes, and whether it had to."""

    def __call__(self, worker: Worker, *, failed: bool) -> None:
        """Take note."""


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
            self._sender.work(self._buffer)
            failed = False
        except Exception as error:  # noqa: BLE001 - a thread's end is a boundary
            report_fault(error, "worker")
        finally:
            self._leave(self, failed=failed)
