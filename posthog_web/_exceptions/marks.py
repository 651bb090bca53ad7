"""Remembers on an exception that it was reported, so that who sees it next does not do it again.

The mark is a token of where that was. The same object raised in two requests is two failures.
"""

from __future__ import annotations

from contextlib import suppress

_MARK = "__posthog_captured__"


def mark_captured(error: BaseException, place: object) -> None:
    """Mark *error*. One that takes no attributes stays unmarked and may be reported twice."""
    with suppress(Exception):
        setattr(error, _MARK, place)


def was_captured(error: BaseException, place: object = None) -> bool:
    """Return whether *error* was captured: at *place*, or anywhere if that is None."""
    mark = None
    with suppress(Exception):  # an exception may have a __getattr__ that raises anything
        mark = getattr(error, _MARK, None)
    return mark is not None and (place is None or mark is place)
