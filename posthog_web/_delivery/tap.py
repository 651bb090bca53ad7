"""Where events go instead of out, while a test records them.

A tap is process-wide: what is tested may capture from any thread, through any client.
"""

from __future__ import annotations

from collections.abc import Callable

Tap = Callable[[bytes], None]

_taps: list[Tap] = []


def current() -> Tap | None:
    """Return the innermost tap, None while events leave as usual."""
    return _taps[-1] if _taps else None


def open_tap(tap: Tap) -> None:
    """Send events to *tap* from now on."""
    _taps.append(tap)


def close_tap(tap: Tap) -> None:
    """Go back to what was before *tap*."""
    _taps.remove(tap)
