"""Something to put around a handler, which flushes when it is over."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar, cast

F = TypeVar("F", bound=Callable[..., object])


class Flushable(Protocol):
    """Whatever holds events that wait."""

    def flush(self, timeout: float | None = None) -> bool:
        """Send them now."""

    async def aflush(self, timeout: float | None = None) -> bool:
        """Send them now, without blocking the event loop."""


class FlushAfter:
    """A decorator and a context manager, for both kinds of code.

    What the handler answers or raises is not touched.
    """

    def __init__(self, client: Flushable, timeout: float | None) -> None:
        """Flush *client*, for *timeout* seconds at most."""
        self._client = client
        self._timeout = timeout

    def __call__(self, handler: F) -> F:
        """Return *handler*, followed by a flush.

        Raises:
            TypeError: It is no function one can call and wait for, such as a generator.
        """
        _refuse_odd(handler)
        if inspect.iscoroutinefunction(handler):

            @functools.wraps(handler)
            async def handle_async(*args: Any, **kwargs: Any) -> object:
                async with self:
                    return await handler(*args, **kwargs)

            return cast("F", handle_async)

        @functools.wraps(handler)
        def handle(*args: Any, **kwargs: Any) -> object:
            answer = None
            try:
                answer = handler(*args, **kwargs)
            finally:
                if not inspect.isawaitable(answer):
                    self._client.flush(self._timeout)
            return self._finish(answer) if inspect.isawaitable(answer) else answer

        return cast("F", handle)

    async def _finish(self, answer: Awaitable[object]) -> object:
        """Flush after what *answer* will do: some functions return a coroutine and are none."""
        async with self:
            return await answer

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, *error: object) -> None:
        """Flush."""
        self._client.flush(self._timeout)

    async def __aenter__(self) -> None:
        """Begin."""

    async def __aexit__(self, *error: object) -> None:
        """Flush without blocking the event loop."""
        await self._client.aflush(self._timeout)


def _refuse_odd(handler: object) -> None:
    """Raise TypeError if *handler* is no function one can call and wait for."""
    if not callable(handler) or isinstance(handler, staticmethod | classmethod):
        msg = "flush_after() goes directly above a function, below @staticmethod and its kind"
        raise TypeError(msg)
    if inspect.isgeneratorfunction(handler) or inspect.isasyncgenfunction(handler):
        msg = "flush_after() cannot tell when a generator is over; use it as a context manager"
        raise TypeError(msg)
