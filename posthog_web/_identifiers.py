"""Event ids (UUIDv7, RFC 9562) and random ids for people nobody named.

Random bits are drawn from the operating system in blocks: one system call for many ids. Taking one
is a single ``deque.pop``, so neither two threads nor a signal handler can take the same. A forked
child throws away what it inherited, else it would repeat its parent's ids.
"""

from __future__ import annotations

import os
from collections import deque
from uuid import UUID, uuid4

_BLOCK = 256
_BYTES = 10
_VARIANTS = "89ab"

_tails: deque[str] = deque()
_drawn_by = 0


def uuid7(milliseconds: int) -> str:
    """Return a new UUIDv7 for a moment given in milliseconds since the epoch."""
    if _drawn_by != os.getpid():
        forget_randomness()
    try:
        tail = _tails.pop()
    except IndexError:
        tail = _draw()
    moment = f"{milliseconds:012x}"
    return f"{moment[:8]}-{moment[8:]}-{tail}"


def _draw() -> str:
    digits = os.urandom(_BLOCK * _BYTES).hex()
    width = 2 * _BYTES
    _tails.extend(_tail(digits[at : at + width]) for at in range(width, len(digits), width))
    return _tail(digits[:width])


def _tail(digits: str) -> str:
    """Return the random part of a UUIDv7 in text: version, 12 bits, variant, 62 bits."""
    variant = _VARIANTS[int(digits[3], 16) & 3]
    return f"7{digits[:3]}-{variant}{digits[4:7]}-{digits[7:19]}"


def forget_randomness() -> None:
    """Throw away what was drawn ahead, by whatever process."""
    global _drawn_by  # noqa: PLW0603 - one pool for the process
    _tails.clear()
    _drawn_by = os.getpid()


def nobody() -> str:
    """Return an id for somebody who cannot be named."""
    return str(uuid4())


def read_uuid(value: object) -> str | None:
    """Return *value* as the text of a UUID, or None if it is none."""
    try:
        return str(value if isinstance(value, UUID) else UUID(value))  # type: ignore[arg-type]  # judged by the except
    except (ValueError, TypeError, AttributeError):
        return None
