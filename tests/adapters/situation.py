"""What the rows of the contract are written with."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Self

import pytest

from posthog_web.testing import RecordedEvent
from tests.adapters.apps.application import Application
from tests.adapters.table import Adapter

# The same view as a function and as a coroutine.
BOTH_STYLES = pytest.mark.parametrize("style", ["", "/async"], ids=["sync", "async"])

# A session that rotated keys and such: what no two clients share is a random uuid.
PERSON = ("X-POSTHOG-DISTINCT-ID", "visitor-7")
SESSION = ("X-POSTHOG-SESSION-ID", "session-7")
WINDOW = ("X-POSTHOG-WINDOW-ID", "window-7")
VISITOR = (PERSON, SESSION, WINDOW)


class Starter:
    """Starts the application of one adapter, with and without posthog_web."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def __call__(self, **options: Any) -> Application:
        """Return the application with posthog_web in it; *options* as the client names them."""
        return self._start(installed=True, options=options)

    def without(self) -> Application:
        """Return the same application without posthog_web."""
        return self._start(installed=False, options={})

    def _start(self, *, installed: bool, options: Mapping[str, Any]) -> Application:
        application: Application = self.adapter.find_start()(
            self._stack, installed=installed, options=options
        )
        return application


def threads() -> set[str]:
    """Return the names of our threads that run; the inspector's is not one of an application."""
    names = {thread.name for thread in threading.enumerate()}
    return {name for name in names if name.startswith("posthog") and name != "posthog-inspector"}


def is_about_nobody(event: RecordedEvent) -> bool:
    """Return whether an event has a random id and makes no profile."""
    return event.is_personless and len(event.distinct_id) == 36
