"""``flush_after``: flushes when a handler, or a block, is over."""

from __future__ import annotations

import functools
import inspect
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast, overload

F = TypeVar("F", bound=Callable[..., object])


class FlushAfter:
    """A decorator and a context manager, for both kinds of code.

    What the handler answers or raises is not touched.
    """

    def __init__(self, client: FlushAfterVerb, timeout: float | None) -> None:
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


class FlushAfterVerb:
    """``flush_after``, for whatever can be flushed."""

    @abstractmethod
    def flush(self, timeout: float | None = None) -> bool:
        """Send all that waits, now, and wait for it."""

    @abstractmethod
    async def aflush(self, timeout: float | None = None) -> bool:
        """Flush without blocking the event loop."""

    @overload
    def flush_after(self, handler: F, /) -> F: ...

    @overload
    def flush_after(self, /, *, timeout: float | None = None) -> FlushAfter: ...

    def flush_after(
        self, handler: Callable[..., object] | None = None, /, *, timeout: float | None = None
    ) -> Callable[..., object] | FlushAfter:
        """Flush when a function or a block is over: for processes that are frozen in between.

        ``@client.flush_after`` or ``@client.flush_after(timeout=2)`` above a function, be it
        asynchronous or not; ``with client.flush_after():`` around a block. The client goes on.

        Args:
            handler: The function, when used as a decorator without arguments.
            timeout: Seconds to wait at most; None: the option ``flush_timeout``.
        """
        after = FlushAfter(self, timeout)
        return after if handler is None else after(handler)


def _refuse_odd(handler: object) -> None:
    """Raise TypeError if *handler* is no function one can call and wait for."""
    if not callable(handler) or isinstance(handler, staticmethod | classmethod):
        msg = "flush_after() goes directly above a function, below @staticmethod and its kind"
        raise TypeError(msg)
    if inspect.isgeneratorfunction(handler) or inspect.isasyncgenfunction(handler):
        msg = "flush_after() cannot tell when a generator is over; use it as a context manager"
        raise TypeError(msg)
