"""Text from outside: bounded, and without what moves a terminal's cursor."""

from __future__ import annotations

import re

MAX_TEXT = 2048

_CONTROLS = "\x00-\x1f\x7f-\x9f"
_CONTROL = re.compile(f"[{_CONTROLS}]")
# Beside controls the two separators that end a line in JavaScript.
_UNSHOWN = re.compile(f"[{_CONTROLS}\u2028\u2029]")


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Return the first *limit* characters of *text*, without those that are not shown."""
    return _UNSHOWN.sub("", text[:limit])


def without_controls(text: str) -> str:
    """Return *text* without control characters; in an id all others count (SRV-265)."""
    return _CONTROL.sub("", text)
