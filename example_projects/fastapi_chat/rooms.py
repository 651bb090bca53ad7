"""Rooms, who is in them and what has been said; in memory, gone with the process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field

Send = Callable[[dict[str, str]], Awaitable[None]]


@dataclass(frozen=True)
class Message:
    """Something said."""

    author: str
    text: str


@dataclass
class Room:
    """Where people talk."""

    name: str
    topic: str
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=200))
    present: list[Send] = field(default_factory=list)

    async def say(self, message: Message) -> None:
        """Keep *message*, and send it to everybody present."""
        self.messages.append(message)
        sendings = (send(asdict(message)) for send in tuple(self.present))
        # Somebody who is just leaving cannot be reached; that is nobody else's trouble.
        await asyncio.gather(*sendings, return_exceptions=True)

    def average_length(self) -> float:
        """Return the average number of words. An empty room fails: that is the $exception."""
        words = sum(len(message.text.split()) for message in self.messages)
        return words / len(self.messages)


ROOMS = {
    room.name: room
    for room in (
        Room("library", "Read anything good?"),
        Room("garden", "What is in flower."),
        Room("attic", "Nobody has been here yet."),
    )
}
