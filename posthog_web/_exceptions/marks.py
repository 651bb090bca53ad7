"""Remembers on an exception that it was reported, so that contexts around it do not do it again."""

from __future__ import annotations

from contextlib import suppress

_MARK = "__posthog_captured__"


def mark_captured(error: BaseException) -> None:
    """Mark *error*. One that takes no attributes stays unmarked and may be reported twice."""
    with suppress(Exception):
        setattr(error, _MARK, True)


def was_captured(error: BaseException) -> bool:
    """Return whether *error* bears the mark."""
    return getattr(error, _MARK, False) is True
