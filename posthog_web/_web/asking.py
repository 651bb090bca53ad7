"""What the application is being asked here and now, so that its answer does not ask once more.

A function that captures would be asked for its own event. Kept in a context variable: whoever asks
on another thread or in another task gets an answer, too.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_Question = tuple[object, str]

_asked: ContextVar[frozenset[_Question]] = ContextVar("posthog_web_asked", default=frozenset())


@contextmanager
def asking(place: object, name: str) -> Generator[bool]:
    """Yield whether to call function *name* for the request *place*; False while it is called."""
    asked = _asked.get()
    if (place, name) in asked:
        yield False
        return
    token = _asked.set(asked | {(place, name)})
    try:
        yield True
    finally:
        _asked.reset(token)
