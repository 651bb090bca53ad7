"""Events that cannot be queued yet: it is not known whom they are about.

They are kept elsewhere, by whoever will know, and are counted here, in one process and for one
endpoint. No more of them are let in than fit into the queue.
"""

from __future__ import annotations

from dataclasses import replace

from posthog_web._delivery.accounting import Stats
from posthog_web._delivery.batch import Limits


class WaitingRoom:
    """The sizes of events that wait, by tokens.

    A dict and no lock: setting and popping one item is atomic, and a token that came here by a
    fork, from another process, is none of its own.
    """

    def __init__(self, limits: Limits) -> None:
        """Let nobody in yet."""
        self._limits = limits
        self._sizes: dict[object, int] = {}

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self._sizes)

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(tuple(self._sizes.values()))

    def enter(self, size: int) -> object | None:
        """Count an event of *size* bytes; return a token to leave with, None without room."""
        limits = self._limits
        if len(self) >= limits.queue_size or self.size + size > limits.queue_bytes:
            return None
        token = object()
        self._sizes[token] = size
        return token

    def leave(self, token: object) -> None:
        """Count the event of *token* no more."""
        self._sizes.pop(token, None)

    def add_to(self, stats: Stats) -> Stats:
        """Return *stats* with the events here among those that are queued."""
        sizes = tuple(self._sizes.values())
        return replace(
            stats,
            captured=stats.captured + len(sizes),
            queued=stats.queued + len(sizes),
            queued_bytes=stats.queued_bytes + sum(sizes),
        )
