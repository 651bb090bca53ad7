"""Tells people how delivery goes: in the log, sparingly, and through ``on_error``."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

from posthog_web._guard import describe_fault
from posthog_web._log import Notices, write
from posthog_web._serialization import loads
from posthog_web.errors import DeliveryError
from posthog_web.typing import DropReason, Event


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
        on_error: The user's callback for failures; may be replaced at any time, may raise.
        on_drop: The user's callback for each loss; the same.
        debug: Whether each step is logged, at level DEBUG.
        host: Where events are sent.
        notices: Where it is said.
    """

    def __init__(self, notices: Notices) -> None:
        """Say things through *notices*."""
        self.notices = notices
        self.on_error: Callable[..., Any] | None = None
        self.on_drop: Callable[..., Any] | None = None
        self.debug = False
        self.host = ""
        self._silent = False
        # The threads that are inside a callback now: it may capture, and that may fail as well.
        self._telling: set[int] = set()

    def trace(self, message: str, *values: object) -> None:
        """Log a step, if the client is being debugged."""
        if self.debug:
            write(logging.DEBUG, f"posthog_web: {message}", *values)

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

    def lost(
        self, reason: DropReason, error: DeliveryError, events: Sequence[bytes], words: str
    ) -> None:
        """Tell that the server will not have *events*.

        The log gets *words*, not the error's text, which may quote the server, who may quote the
        key.
        """
        self.notices.warn(
            "lost",
            "posthog_web: %d event(s) were not delivered: %s",
            len(events),
            words,
            count=len(events),
        )
        self._tell(error, events)
        self.dropped(reason, events)

    def refused_by_queue(self, event: bytes) -> None:
        """Tell that *event* found the queue full."""
        self.notices.warn("queue_full", "posthog_web: the queue is full; new events are dropped")
        self.dropped("queue_full", [event])

    def unsent(self, events: Sequence[bytes], reason: str | None) -> None:
        """Tell of the events that are left behind at the end."""
        reason = reason or "there was no time left"
        # Not held back: the count is exact, and there is no next time.
        write(
            logging.WARNING,
            "posthog_web: %d event(s) could not be sent: %s",
            len(events),
            reason,
        )
        self.dropped("unsent_at_exit", events)

    def ended(self, error: BaseException) -> None:
        """Tell that something ended a worker; the next event starts another."""
        self.notices.warn("worker", "posthog_web: a worker was ended by %s", type(error).__name__)

    def dropped(self, reason: DropReason, events: Sequence[bytes]) -> None:
        """Hand *events* that will never arrive to ``on_drop``."""
        if (callback := self.on_drop) is not None:
            self._call("on_drop", callback, reason, DecodedEvents(events))

    def _tell(self, error: DeliveryError, events: Sequence[bytes]) -> None:
        if (callback := self.on_error) is None:
            return
        if _takes_events(callback):
            self._call("on_error", callback, error, DecodedEvents(events))
        else:
            self._call("on_error", callback, error)

    def _call(self, name: str, callback: Callable[..., Any], *values: object) -> None:
        thread = threading.get_ident()
        if thread in self._telling:
            return
        self._telling.add(thread)
        try:
            callback(*values)
        except Exception as fault:  # noqa: BLE001 - somebody else's code
            self.notices.warn(name, f"posthog_web: {name} failed: %s", describe_fault(fault))
        finally:
            self._telling.discard(thread)


def _takes_events(callback: Callable[..., Any]) -> bool:
    """Return whether *callback* can be called with (error, events): both signatures are in use."""
    try:
        inspect.signature(callback).bind(None, None)
    except (TypeError, ValueError):
        return False
    return True
