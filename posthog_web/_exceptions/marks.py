"""Remembers of an exception that it was reported, so that who sees it next does not do it again.

What is remembered is a token of where that was. The same object raised in two requests is two
failures. The exception itself is left as it is where that can be: an application may well show what
is in its ``__dict__``.
"""

from __future__ import annotations

import weakref
from contextlib import suppress

_MARK = "__posthog_captured__"

# By id, since an exception may define equality; the reference takes the entry away.
_places: dict[int, tuple[weakref.ref[BaseException], object]] = {}


def mark_captured(error: BaseException, place: object) -> None:
    """Remember *error*. One of Python's own, which cannot be referred to weakly, is marked."""
    key = id(error)
    try:
        _places[key] = (weakref.ref(error, lambda _: _places.pop(key, None)), place)
    except TypeError:
        with suppress(Exception):
            setattr(error, _MARK, place)


def was_captured(error: BaseException, place: object = None) -> bool:
    """Return whether *error* was captured: at *place*, or anywhere if that is None."""
    known = _places.get(id(error))
    mark = known[1] if known is not None and known[0]() is error else None
    if known is None:
        with suppress(Exception):  # an exception may have a __getattr__ that raises anything
            mark = getattr(error, _MARK, None)
    return mark is not None and (place is None or mark is place)
