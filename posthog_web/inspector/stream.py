"""The live stream: each change of the store as a server-sent event.

A reader has a position and is woken when the store changes; then it reads on from there. So
nothing is queued for a slow reader, and one that comes back goes on where it was.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self

from posthog_web.inspector.store import Query, Store

# Proxies and browsers give up on a silent connection after half a minute or more.
HEARTBEAT_SECONDS = 15.0

# A reader far behind gets this many at a time, so that one write stays small.
CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a reader has read.

    Attributes:
        generation: The content it read; another one makes `change` meaningless.
        change: The last change of an event it has seen.
        request: The id of the last request it has seen.
    """

    generation: str
    change: int
    request: int

    def __str__(self) -> str:
        return f"{self.generation}.{self.change}.{self.request}"


def current_position(store: Store) -> Position:
    """Return the position of a reader who has seen everything."""
    with store.changed:
        newest = store.requests(limit=1)
        return Position(
            generation=store.generation,
            change=store.last_change,
            request=newest[0]["id"] if newest else 0,
        )


def read_position(text: str) -> Position | None:
    """Return the position *text* names, None when it names none."""
    match = _POSITION.fullmatch(text)
    if match is None:
        return None
    generation, change, request = match.groups()
    return Position(generation=generation, change=int(change), request=int(request))


# No more digits than SQLite's integers have.
_POSITION = re.compile(r"([0-9a-z]{1,16})\.([0-9]{1,18})\.([0-9]{1,18})")


class Stream:
    """Wakes the readers of a store when it changes, and ends them when the server stops."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sleepers: set[_Sleeper] = set()
        self._closed = False
        store.listeners.append(self._wake_all)

    async def read(self, position: Position) -> AsyncIterator[str]:
        """Yield what happens after *position* in the wire form, until the server stops."""
        with _Sleeper(self._sleepers) as sleeper:
            yield f"retry: 1000\nid: {position}\n\n"
            while not self._closed:
                sleeper.reset()
                messages = list(self._news(position))
                if messages:
                    position = messages[-1][0]
                    yield "".join(text for _, text in messages)
                elif not await sleeper.sleep(HEARTBEAT_SECONDS):
                    yield ": still here\n\n"

    async def pause(self, seconds: float) -> None:
        """Wait *seconds*, or until the server stops."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        with _Sleeper(self._sleepers) as sleeper:
            while not self._closed and (left := end - loop.time()) > 0:
                sleeper.reset()
                await sleeper.sleep(left)

    def close(self) -> None:
        """End all readers, and those that come later."""
        self._closed = True
        self._wake_all()

    def _wake_all(self) -> None:
        for sleeper in tuple(self._sleepers):
            sleeper.wake()

    def _news(self, position: Position) -> Iterator[tuple[Position, str]]:
        with self._store.changed:
            if position.generation != self._store.generation:
                position = Position(generation=self._store.generation, change=0, request=0)
                yield position, _message("clear", position, {})
            for stored in self._store.events(Query(since=position.change, limit=CHUNK)):
                position = replace(position, change=stored.change)
                yield position, _message("event", position, stored.summary())
            for request in self._store.requests(after=position.request, limit=CHUNK):
                position = replace(position, request=request["id"])
                yield position, _message("request", position, request)


class _Sleeper:
    """One reader's alarm clock; rings across threads."""

    def __init__(self, others: set[_Sleeper]) -> None:
        self._others = others
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def __enter__(self) -> Self:
        self._others.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._others.discard(self)

    def reset(self) -> None:
        self._event.clear()

    def wake(self) -> None:
        # The loop may be gone already when an application changes the store at its very end.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)

    async def sleep(self, seconds: float) -> bool:
        """Return True when woken, False when the time is over."""
        try:
            async with asyncio.timeout(seconds):
                return await self._event.wait()
        except TimeoutError:
            return False


def _message(kind: str, position: Position, data: Mapping[str, object]) -> str:
    # ASCII only: no character in an event can look like the end of a line.
    return f"event: {kind}\nid: {position}\ndata: {json.dumps(data)}\n\n"
