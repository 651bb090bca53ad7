"""Tells people how delivery goes: in the log, sparingly, and through ``on_error``."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

from posthog_web._guard import describe_fault
from posthog_web._log import Notices, logger
from posthog_web._serialization import loads
from posthog_web.errors import DeliveryError
from posthog_web.typing import Event


class DecodedEvents(Sequence[Event]):
    """Events that are decoded when somebody looks at them."""

    def __init__(self, encoded: Sequence[bytes]) -> None:
        """Keep the JSON of each event."""
        self._encoded = encoded

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self._encoded)

    def __iter__(self) -> Iterator[Event]:
        """Decode one after the other."""
        return map(loads, self._encoded)

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> DecodedEvents: ...

    def __getitem__(self, index: int | slice) -> Event | DecodedEvents:
        """Decode one event; a slice stays as it is."""
        if isinstance(index, slice):
            return DecodedEvents(self._encoded[index])
        return loads(self._encoded[index])  # type: ignore[no-any-return]  # an event is an object


class Reporter:
    """What one client says about its delivery.

    Attributes:
        on_error: The user's callback; may be replaced at any time, may raise.
        debug: Whether each step is logged, at level DEBUG.
        host: Where events are sent.
        notices: Where it is said.
    """

    def __init__(self, notices: Notices) -> None:
        """Say things through *notices*."""
        self.notices = notices
        self.on_error: Callable[..., Any] | None = None
        self.debug = False
        self.host = ""
        self._silent = False

    def trace(self, message: str, *values: object) -> None:
        """Log a step, if the client is being debugged."""
        if self.debug:
            logger.debug(f"posthog_web: {message}", *values)

    def delivered(self, count: int) -> None:
        """Tell, once, that events do arrive."""
        self.trace("sent %d event(s)", count)
        self.notices.once(
            "delivered",
            "posthog_web: events arrive; the first batch held %d",
            count,
            level=logging.INFO,
        )

    def heard(self) -> None:
        """Note that somebody answered: no outage, or the end of one."""
        self._silent = False

    def silence(self, error: DeliveryError) -> None:
        """Tell, once for each outage, that nobody answers; events are kept."""
        if not self._silent:
            self._silent = True
            self.notices.warn(
                "outage",
                "posthog_web: PostHog cannot be reached at %s: %s; events wait",
                self.host,
                error,
            )
            self._tell(error, ())

    def lost(self, error: DeliveryError, events: Sequence[bytes]) -> None:
        """Tell that *events* will not arrive."""
        # Not the error's text: it may quote the server, and the server may quote the key.
        what = f"HTTP {error.status}" if error.status else str(error)
        self.notices.warn(
            "lost",
            "posthog_web: %d event(s) were not delivered: %s",
            len(events),
            what,
            count=len(events),
        )
        self._tell(error, events)

    def refused_by_queue(self) -> None:
        """Tell that an event found the queue full."""
        self.notices.warn("queue_full", "posthog_web: the queue is full; new events are dropped")

    def unsent(self, count: int, reason: str | None) -> None:
        """Tell how many events are left behind at the end."""
        reason = reason or "there was no time left"
        self.notices.warn(
            "unsent", "posthog_web: %d event(s) could not be sent: %s", count, reason, count=count
        )

    def _tell(self, error: DeliveryError, events: Sequence[bytes]) -> None:
        callback = self.on_error
        if callback is None:
            return
        try:
            if _takes_events(callback):
                callback(error, DecodedEvents(events))
            else:
                callback(error)
        except Exception as fault:  # noqa: BLE001 - somebody else's code
            self.notices.warn("on_error", "posthog_web: on_error failed: %s", describe_fault(fault))


def _takes_events(callback: Callable[..., Any]) -> bool:
    """Return whether *callback* can be called with (error, events): both signatures are in use."""
    try:
        inspect.signature(callback).bind(None, None)
    except (TypeError, ValueError):
        return False
    return True
