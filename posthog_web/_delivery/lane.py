"""One road from a client to one endpoint, whichever process it is travelled in.

A buffer and its threads belong to one process. A process that was forked gets its own with its
first event, even where Python's fork hooks do not run (uWSGI): the pid is compared each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posthog_web._delivery.accounting import Stats
    from posthog_web._delivery.buffer import Buffer
    from posthog_web._delivery.worker_pool import WorkerPool
    from posthog_web.typing import DropReason


class Lane:
    """Hands events over to the pool of this process.

    Attributes:
        largest_event: Bytes of JSON one event may have.
    """

    def __init__(self, make_pool: Callable[[], WorkerPool], largest_event: int) -> None:
        """Make nothing yet: locks and threads are made with the first event, where it happens."""
        self.largest_event = largest_event
        self._make_pool = make_pool
        # By pid, since dict.setdefault decides a race between threads, or with a signal handler,
        # without a lock that a fork could leave taken.
        self._pools: dict[int, WorkerPool] = {}

    @property
    def pool(self) -> WorkerPool:
        """The pool of this process."""
        pid = os.getpid()
        pool = self._pools.get(pid)
        if pool is None:
            inherited = [other for other in self._pools if other != pid]
            pool = self._pools.setdefault(pid, self._make_pool())
            for other in inherited:
                self._pools.pop(other, None)
        return pool

    @property
    def buffer(self) -> Buffer:
        """The buffer of this process."""
        return self.pool.buffer

    def put(self, event: bytes) -> bool:
        """Queue *event*; return whether it was accepted. Does not block."""
        return self.pool.put(event)

    def send(self, event: bytes) -> bool:
        """Send *event* now, on this thread; return whether the server took it."""
        return self.pool.send(event)

    def expect(self, event: bytes) -> object | None:
        """Count *event* as queued, though it still waits for its person.

        Returns:
            A token for ``receive``; None if there is no room for it.
        """
        return self.pool.waiting_room.enter(len(event))

    def receive(self, token: object) -> None:
        """Count the event of *token* no more: it is complete now, or never will be."""
        self.pool.waiting_room.leave(token)

    def drop(self, reason: DropReason, event: bytes) -> None:
        """Count, and tell of, an *event* that was captured and will not be sent."""
        self.pool.drop(reason, event)

    def decline(self, reason: DropReason) -> None:
        """Count a call that made no event."""
        self.buffer.decline(reason)

    def retire(self) -> None:
        """Let threads finish what is here and stop, without waiting for them."""
        for pool in list(self._pools.values()):
            if pool.pid == os.getpid():
                pool.retire()

    def stats(self) -> Stats:
        """Return all figures as of one moment."""
        pool = self.pool
        return pool.waiting_room.add_to(pool.buffer.snapshot())

    @property
    def waiting(self) -> int:
        """The number of events that wait, batches under way not counted."""
        return self.buffer.waiting + len(self.pool.waiting_room)
