"""An exception and what led to it, as the ``$exception_list`` of an event (protocol §3.2)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from posthog_web._exceptions import frames

MAX_ENTRIES = 50
MAX_MESSAGE = 10_000


def is_empty_triple(given: object) -> bool:
    """Return whether *given* is what ``sys.exc_info()`` answers when there is no exception."""
    return isinstance(given, tuple) and len(given) == 3 and all(part is None for part in given)  # noqa: PLR2004 - an exc_info triple


def find_exception(given: object) -> BaseException | None:
    """Return the exception meant by *given*: itself, in an exc_info triple, or the current one."""
    if isinstance(given, tuple) and len(given) == 3:  # noqa: PLR2004 - an exc_info triple
        given = given[1]
    if given is None:
        return sys.exc_info()[1]
    # By its type: a mock of an exception says it is one, and its traceback never ends.
    return given if issubclass(type(given), BaseException) else None  # type: ignore[return-value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """Where an exception was met: what only whoever met it can know (SRV-307…323).

    Attributes:
        kind: The mechanism's type: generic, middleware, task, …
        handled: Whether the application went on as if it had dealt with it; None: not known.
        source: The technology and hook, such as ``django.middleware``; None for a call in code.
        level: How bad it is.
    """

    kind: str = "generic"
    handled: bool | None = True
    source: str | None = None
    level: str = "error"


IN_CODE = Boundary()
# Whoever is outside of a context may still deal with what leaves it.
ESCAPED = Boundary(handled=None)


def describe(what: BaseException | str, project_root: str, boundary: Boundary) -> dict[str, Any]:
    """Return the properties of an ``$exception`` event about an exception, or a message."""
    if isinstance(what, str):
        return describe_message(what, project_root)
    return describe_exception(what, project_root, boundary)


def describe_exception(
    error: BaseException, project_root: str, boundary: Boundary = IN_CODE
) -> dict[str, Any]:
    """Return the properties of an ``$exception`` event about *error* (SRV-283, SRV-287)."""
    entries = [_entry(link, project_root) for link in _links(error)]
    entries[0]["mechanism"]["type"] = boundary.kind
    if boundary.handled is not None:
        entries[0]["mechanism"]["handled"] = boundary.handled
    return _properties(entries, boundary)


def describe_message(message: str, project_root: str) -> dict[str, Any]:
    """Return the properties of an ``$exception`` event about something that is no exception."""
    entry = {
        "type": "Error",
        "value": message[:MAX_MESSAGE],
        "mechanism": {"type": "generic", "handled": True, "synthetic": True, "exception_id": 0},
        **_stacktrace(frames.from_caller(project_root)),
    }
    return _properties([entry], IN_CODE)


def _properties(entries: list[dict[str, Any]], boundary: Boundary) -> dict[str, Any]:
    return {
        "$exception_list": entries,
        "$exception_type": entries[0]["type"],
        "$exception_message": entries[0]["value"],
        "$exception_level": boundary.level,
        **({"$exception_source": boundary.source} if boundary.source else {}),
    }


class _Link:
    """An exception's place in the tree of causes and group members."""

    __slots__ = ("error", "number", "parent", "source")

    def __init__(self, error: BaseException, parent: _Link | None, source: str) -> None:
        self.error = error
        self.parent = parent
        self.source = source
        self.number = 0


def _links(error: BaseException) -> Iterator[_Link]:
    """Yield *error* and what it leads to, depth first, each exception once, at most MAX_ENTRIES."""
    seen: set[int] = set()
    waiting = [_Link(error, None, "")]
    while waiting and len(seen) < MAX_ENTRIES:
        link = waiting.pop()
        if id(link.error) in seen:
            continue
        link.number = len(seen)
        seen.add(id(link.error))
        yield link
        waiting.extend(reversed(list(_children(link))))


def _children(link: _Link) -> Iterator[_Link]:
    error = link.error
    if error.__cause__ is not None:
        yield _Link(error.__cause__, link, "cause")
    elif error.__context__ is not None and not error.__suppress_context__:
        yield _Link(error.__context__, link, "context")
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions[:MAX_ENTRIES]:
            yield _Link(member, link, "member")


def _entry(link: _Link, project_root: str) -> dict[str, Any]:
    error = link.error
    kind = type(error)
    found = frames.from_traceback(error.__traceback__, project_root)
    synthetic = not found and link.parent is None
    if synthetic:
        found = frames.from_caller(project_root)
    entry = {
        "type": kind.__qualname__,
        "value": text_of(error),
        "mechanism": _mechanism(link, synthetic=synthetic),
        **_stacktrace(found),
    }
    if kind.__module__ != "builtins":
        entry["module"] = kind.__module__
    return entry


def _mechanism(link: _Link, *, synthetic: bool) -> dict[str, Any]:
    """Return how the exception got here; what is not known is left out (SRV-303)."""
    mechanism: dict[str, Any] = {"exception_id": link.number, "synthetic": synthetic}
    if link.parent is not None:
        mechanism |= {"type": "chained", "source": link.source, "parent_id": link.parent.number}
    if isinstance(link.error, BaseExceptionGroup):
        mechanism["is_exception_group"] = True
    return mechanism


def _stacktrace(found: list[frames.Frame]) -> dict[str, Any]:
    return {"stacktrace": {"type": "raw", "frames": found}} if found else {}


def text_of(thing: object) -> str:
    """Return *thing* as text, whatever its ``__str__`` does."""
    for write in (str, repr):
        try:
            return write(thing)[:MAX_MESSAGE]
        except Exception:  # noqa: BLE001, S112 - somebody else's code; the next way is tried
            continue
    return f"<unprintable {type(thing).__qualname__}>"
