"""Bodies that are produced after the view has returned: a request that goes on in steps.

A server may ask for each chunk on another thread, or in another task, and may stop asking. So the
request's scope is made current for each step, and is not between two of them.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Self, TypeVar

from posthog_web import _scope
from posthog_web._scope import Surroundings
from posthog_web._web.lifetime import Lifetime

T = TypeVar("T")


class Passage:
    """Runs a body step by step in its request's scope; a context left open stays for the next."""

    __slots__ = ("_inside", "_kept", "_lifetime", "_source")

    def __init__(self, lifetime: Lifetime, source: str, *, keep: object = None) -> None:
        """Go on with the request of *lifetime*; report errors as seen at *source*.

        *keep*, the framework's request, is kept alive until the end.
        """
        self._kept = keep
        self._lifetime = lifetime
        self._source = source
        self._inside: Surroundings = lifetime.scope
        lifetime.streams = True

    def resume(self) -> Surroundings | None:
        """Make current what was at the end of the last step; return what to ``pause`` with."""
        return _scope.enter_as(self._inside)

    def pause(self, before: Surroundings | None) -> None:
        """Make current what was before the step, on the thread or task that took it."""
        inside = _scope.current()
        if inside is not None and _scope.lies_within(inside, self._lifetime.scope, even_fresh=True):
            self._inside = inside
        _scope.put_back(before)

    def bind(self, function: Callable[[], T]) -> Callable[[], T]:
        """Return *function* as a step."""

        def take_step() -> T:
            before = self.resume()
            try:
                return function()
            except BaseException as error:
                self.report(error)
                raise
            finally:
                self.pause(before)

        return take_step

    def report(self, error: BaseException) -> None:
        """Report an exception that ends the body."""
        self._lifetime.report(error, self._source)

    async def find_person(self, *, last: bool = False) -> None:
        """Hand over what waits for its person, if anything does; see ``RequestScope.resolve``."""
        if last:
            self._lifetime.conclude()
        if self._lifetime.scope.has_deferred():
            await self._lifetime.scope.resolve(last=last)

    def end(self) -> None:
        """Wait for nothing any more."""
        self._lifetime.conclude()
        self._lifetime.scope.end()
        self._kept = None


class Body:
    """An iterable, each step of which is one of the request's. It is as lazy as what it wraps."""

    __slots__ = ("_chunks", "_iterator", "_passage")

    def __init__(self, chunks: Iterable[Any], passage: Passage) -> None:
        """Ask *chunks* for nothing yet."""
        self._chunks = chunks
        self._passage = passage
        self._iterator: Iterator[Any] | None = None

    def __iter__(self) -> Self:
        """Begin with the first chunk."""
        before = self._passage.resume()
        try:
            self._iterator = iter(self._chunks)
        finally:
            self._passage.pause(before)
        return self

    def __next__(self) -> Any:  # noqa: ANN401 - whatever the application produces
        """Return the next chunk."""
        before = self._passage.resume()
        try:
            if self._iterator is None:
                self._iterator = iter(self._chunks)
            return next(self._iterator)
        except StopIteration:
            self._passage.end()
            raise
        except BaseException as error:
            self._passage.report(error)
            self._passage.end()
            raise
        finally:
            self._passage.pause(before)

    def close(self) -> None:
        """Close what is wrapped, as often as this is called."""
        before = self._passage.resume()
        try:
            if (close := getattr(self._chunks, "close", None)) is not None:
                close()
        except BaseException as error:
            self._passage.report(error)
            raise
        finally:
            self._passage.pause(before)
            self._passage.end()


async def stream(
    chunks: AsyncIterator[Any], passage: Passage, request: object
) -> AsyncGenerator[Any]:
    """Yield what *chunks* yields, as a ``Body`` does; keep *request* alive until the end."""
    try:
        while True:
            # What the last step captured: the chunk it made is on its way, and waits for nothing.
            await passage.find_person()
            before = passage.resume()
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                break
            except BaseException as error:
                passage.report(error)
                raise
            finally:
                passage.pause(before)
            yield chunk
    finally:
        await _end(chunks, passage)
        del request


async def _end(chunks: AsyncIterator[Any], passage: Passage) -> None:
    """End a body that ran out, failed, or that nobody asks any more."""
    before = passage.resume()
    try:
        # Left to the garbage collector, its last lines would run outside the request.
        if inspect.isasyncgen(chunks):
            await chunks.aclose()
    finally:
        passage.pause(before)
        try:
            await passage.find_person(last=True)
        finally:
            passage.end()
