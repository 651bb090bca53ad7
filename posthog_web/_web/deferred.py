"""What a request captured before it was known whom it is about."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from posthog_web._guard import report_fault
from posthog_web._scope import NOBODY, Person
from posthog_web._web.request_source import RequestSource

MAX_DEFERRED = 1000


class Deferred:
    """Events that wait for their person, each with a note of who the user was then."""

    __slots__ = ("_source", "_waiting")

    def __init__(self, source: RequestSource) -> None:
        """Keep nothing yet."""
        self._source = source
        self._waiting: deque[tuple[object, Callable[[Person], object]]] = deque()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def add(self, complete: Callable[[Person], object]) -> bool:
        """Keep *complete*; return False if too many wait already."""
        if len(self._waiting) >= MAX_DEFERRED:
            return False
        self._waiting.append((self._source.note_user(), complete))
        return True

    def hand_over(self, find: Callable[[], Person]) -> None:
        """Complete what waits, as events of the person that *find* returns.

        An event is nobody's if the user may have been another one when it was captured.
        """
        while self._waiting:
            try:
                # Each goes to one thread, whoever else adds or takes some.
                note, complete = self._waiting.popleft()
            except IndexError:
                return
            try:
                complete(find() if self._source.is_noted_user(note) else NOBODY)
            except Exception as error:  # noqa: BLE001 - one event must not cost the others
                report_fault(error, "deferred event")
