"""Text from outside: bounded, and without what moves a terminal's cursor."""

from __future__ import annotations

import re

MAX_TEXT = 2048

# Controls, and the two separators that end a line in JavaScript.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Return the first *limit* characters of *text* without control characters."""
    return _CONTROL.sub("", text[:limit])
