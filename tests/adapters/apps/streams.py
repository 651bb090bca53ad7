"""Bodies that are produced after the view has returned, in no framework's words.

Each is a generator, and is given ``ask`` as a view is. ``as_async`` makes a coroutine's of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import posthog_web
from tests.adapters.apps.views import STAGE, Ask, Boom

Stream = Callable[[Ask], Iterator[str]]


def numbers(ask: Ask) -> Iterator[str]:
    """Capture before each of three chunks, in both ways."""
    for number in range(3):
        ask().capture("in body", {"n": number})
        posthog_web.capture("in body, on the module", {"n": number})
        yield f"chunk {number}\n"


def silent(_ask: Ask) -> Iterator[str]:
    """Capture nothing."""
    yield from ("one\n", "two\n")


def traced(_ask: Ask) -> Iterator[str]:
    """Note on the stage when each chunk is made."""
    for number in range(3):
        STAGE.trace.append(f"made {number}")
        yield f"chunk {number}\n"
    STAGE.trace.append("made all")


def fails(_ask: Ask) -> Iterator[str]:
    """Fail when the answer is half sent."""
    posthog_web.capture("before")
    yield "half\n"
    raise STAGE.error or Boom("the body failed")


def endless(_ask: Ask) -> Iterator[str]:
    """Never end, but tidy up when closed."""
    try:
        while True:
            posthog_web.capture("in body")
            yield "more\n"
    finally:
        posthog_web.capture("cleaned up")


async def waits(_ask: Ask) -> AsyncIterator[str]:
    """Wait for what never comes, and tidy up when nobody listens any more."""
    try:
        posthog_web.capture("in body")
        yield "more\n"
        await asyncio.Event().wait()
    finally:
        posthog_web.capture("cleaned up")


def context(ask: Ask) -> Iterator[str]:
    """Stay inside one context and another from a chunk to the next, and leave them."""
    with posthog_web.new_context():
        posthog_web.identify_context("inner")
        yield "one\n"
        posthog_web.capture("in context")
        yield "two\n"
    with posthog_web.new_context(fresh=True):
        posthog_web.identify_context("fresh")
        yield "two and a half\n"
        posthog_web.capture("in fresh context")
    posthog_web.capture("afterwards")
    ask().capture("at last")
    yield "three\n"


STREAMS: Mapping[str, Stream] = {
    stream.__name__: stream for stream in (context, endless, fails, numbers, silent, traced)
}


class Chunks:
    """An iterable that is no generator, and counts how often it is closed."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return (chunk.encode() for chunk in self._chunks)

    def close(self) -> None:
        """Note it on the stage, and capture."""
        STAGE.trace.append("closed")
        posthog_web.capture("closed")


def run_stream(name: str, ask: Ask) -> Iterator[str]:
    """Return stream *name*."""
    return STREAMS[name](ask)


def as_async(name: str, ask: Ask) -> AsyncIterator[str]:
    """Return stream *name* as an asynchronous one."""
    return waits(ask) if name == "endless" else _as_async(STREAMS[name](ask))


async def _as_async(chunks: Iterator[str]) -> AsyncIterator[str]:
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(0)
