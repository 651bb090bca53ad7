"""An exception and what led to it, as the ``$exception_list`` of an event (protocol §3.2)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any

from posthog_web._exceptions.anatomy import (
    cause_of,
    context_of,
    errno_of,
    is_a,
    members_of,
    suppresses_context,
    traceback_of,
)
from posthog_web._exceptions.dissection import attributes
from posthog_web._exceptions.frames import Frame, StackReader, Stacks
from posthog_web._exceptions.masking import mask_text
from posthog_web._exceptions.message import (
    MAX_MESSAGE,
    message_of,
    module_name,
    text_of,
    type_name,
)
from posthog_web._exceptions.metadata import (
    IN_CODE,
    Boundary,
    describe_event,
    describe_mechanism,
)

MAX_ENTRIES = 50

# Exceptions looked at, those met before included: a group may hold one of them a million times.
MAX_INSPECTED = 1000

# Characters of all messages of one event; each may have MAX_MESSAGE of them while they last.
MAX_EVENT_MESSAGES = 40_000
LEAST_MESSAGE = 500

# Where an error-like object may keep its stack as text: concurrent.futures', multiprocessing's.
_STACK_ATTRIBUTES = ("stack", "tb", "traceback")


def is_empty_triple(given: object) -> bool:
    """Return whether *given* is what ``sys.exc_info()`` answers when there is no exception."""
    triple = _triple(given)
    return triple is not None and all(part is None for part in triple)


def find_exception(given: object) -> BaseException | None:
    """Return the exception meant by *given*: itself, in an exc_info triple, or the current one."""
    triple = _triple(given)
    if triple is not None:
        given = triple[1]
    if given is None:
        return sys.exc_info()[1]
    # By its type: a mock of an exception says it is one, and its traceback never ends.
    return given if issubclass(type(given), BaseException) else None  # type: ignore[return-value]


def find_traceback(given: object) -> TracebackType | None:
    """Return the traceback that came beside an exception, in an exc_info triple."""
    triple = _triple(given)
    return None if triple is None else _as_traceback(triple[2])


def describe(given: object, stacks: Stacks, boundary: Boundary = IN_CODE) -> dict[str, Any]:
    """Return the properties of an ``$exception`` event about *given*, whatever it is."""
    error = find_exception(given)
    if error is None:
        return describe_message(given, stacks, boundary)
    return describe_exception(error, stacks, boundary, find_traceback(given))


def describe_exception(
    error: BaseException,
    stacks: Stacks,
    boundary: Boundary = IN_CODE,
    trace: TracebackType | None = None,
) -> dict[str, Any]:
    """Return the properties of an ``$exception`` event about *error* (SRV-283, SRV-287).

    *trace* stands in where *error* has no traceback of its own.
    """
    scribe = _Scribe(StackReader(stacks))
    entries = [scribe.write(link, boundary, trace) for link in _links(error)]
    return describe_event(entries, boundary)


def describe_message(thing: object, stacks: Stacks, boundary: Boundary = IN_CODE) -> dict[str, Any]:
    """Return the properties of an ``$exception`` event about something that is no exception.

    What stack it has, as text or as a traceback, is told; else the one that led here (SRV-291).
    """
    reader = StackReader(stacks)
    found, text = _own_stack(thing, None, reader)
    mechanism = {
        "type": boundary.kind,
        "handled": boundary.handled,
        "synthetic": True,
        **_kept_stack(mask_text(text, MAX_MESSAGE)),
    }
    is_like_an_error = found is not None
    if found is None:
        found = reader.read_caller()
    entry = {
        "type": type_name(type(thing)) if is_like_an_error else "Error",
        "value": text_of(thing),
        "mechanism": describe_mechanism(0, mechanism),
        **_stacktrace(found),
    }
    return describe_event([entry], boundary)


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
    inspected = 0
    waiting: list[Iterator[_Link]] = [iter([_Link(error, None, "")])]
    while waiting and len(seen) < MAX_ENTRIES and inspected < MAX_INSPECTED:
        link = next(waiting[-1], None)
        if link is None:
            waiting.pop()
            continue
        inspected += 1
        if id(link.error) in seen:
            continue
        link.number = len(seen)
        seen.add(id(link.error))
        yield link
        waiting.append(_children(link))


def _children(link: _Link) -> Iterator[_Link]:
    error = link.error
    cause, context = cause_of(error), context_of(error)
    if cause is not None:
        yield _Link(cause, link, "cause")
    elif context is not None and not suppresses_context(error):
        yield _Link(context, link, "context")
    for member in members_of(error):
        yield _Link(member, link, "member")


class _Scribe:
    """Writes the entries of one event, within what all its messages may take."""

    __slots__ = ("_characters_left", "_reader")

    def __init__(self, reader: StackReader) -> None:
        self._reader = reader
        self._characters_left = MAX_EVENT_MESSAGES

    def write(self, link: _Link, boundary: Boundary, trace: TracebackType | None) -> dict[str, Any]:
        """Return the entry of *link*; *boundary* and *trace* are those of the outermost."""
        error = link.error
        is_outermost = link.parent is None
        found, text = _own_stack(error, trace if is_outermost else None, self._reader)
        lacks_stack = found is None and is_outermost
        if lacks_stack:
            found = self._reader.read_caller()
        mechanism = {
            "synthetic": lacks_stack and bool(found),
            **_kept_stack(self._cut(text)),
            **_relation(link, boundary),
        }
        module = module_name(type(error))
        return {
            "type": type_name(type(error)),
            "value": self._message(error),
            "mechanism": describe_mechanism(link.number, mechanism),
            **_stacktrace([*(found or ()), *self._place_of_text(error)]),
            **({} if module is None else {"module": module}),
        }

    def _message(self, error: BaseException) -> str:
        return self._spend(message_of(error, self._allowance))

    def _cut(self, text: str) -> str:
        return self._spend(mask_text(text, self._allowance)) if text else ""

    @property
    def _allowance(self) -> int:
        return max(min(MAX_MESSAGE, self._characters_left), LEAST_MESSAGE)

    def _spend(self, text: str) -> str:
        self._characters_left -= len(text)
        return text

    def _place_of_text(self, error: BaseException) -> Iterator[Frame]:
        """Yield where a SyntaxError found what is wrong: below the code that had it compiled."""
        if not is_a(error, SyntaxError):
            return
        with suppress(Exception):  # its attributes may have been set to anything
            path, line, text = error.filename, error.lineno, error.text  # type: ignore[attr-defined]
            if type(path) is not str or type(line) is not int:
                return
            # What has no file may have come from a user.
            shown = text if type(text) is str and not path.startswith("<") else None
            yield self._reader.read_mention(path, line, "<module>", shown)


def _own_stack(
    thing: object, trace: TracebackType | None, reader: StackReader
) -> tuple[list[Frame] | None, str]:
    """Return the frames that *thing* brings along, None if it has no stack.

    Beside them what it has as text that is no traceback of Python's, for the mechanism.
    """
    trace = _read_traceback(thing) or trace
    if trace is not None:
        return reader.read_traceback(trace), ""
    # What is in the object itself: a property is anybody's code.
    own = attributes(thing) or {}
    for name in _STACK_ATTRIBUTES:
        text = own.get(name)
        if type(text) is str and text.strip():
            found = reader.read_printed(text)
            return found, "" if found else text
    return None, ""


def _kept_stack(text: str) -> dict[str, Any]:
    return {"meta": {"stack": text}} if text else {}


def _read_traceback(thing: object) -> TracebackType | None:
    if issubclass(type(thing), BaseException):
        return traceback_of(thing)  # type: ignore[arg-type]  # it is one, whatever it says
    try:
        return _as_traceback(getattr(thing, "__traceback__", None))
    except Exception:  # noqa: BLE001 - as above
        return None


def _as_traceback(value: object) -> TracebackType | None:
    # By its type, as above.
    return value if type(value) is TracebackType else None


def _relation(link: _Link, boundary: Boundary) -> dict[str, Any]:
    """Return how the exception got here; what is not known is left out (SRV-303)."""
    error = link.error
    if link.parent is None:
        relation: dict[str, Any] = {"type": boundary.kind, "handled": boundary.handled}
    else:
        relation = {"type": "chained", "source": link.source, "parent_id": link.parent.number}
    if is_a(error, BaseExceptionGroup):
        relation["is_exception_group"] = True
    if type(number := errno_of(error)) is int:
        relation["meta"] = {"errno": {"number": number}}
    return relation


def _stacktrace(found: list[Frame]) -> dict[str, Any]:
    return {"stacktrace": {"type": "raw", "frames": found}} if found else {}


def _triple(given: object) -> tuple[Any, Any, Any] | None:
    """Return *given* if it is what ``sys.exc_info()`` may answer."""
    if type(given) is not tuple or len(given) != len(_TRIPLE):
        return None
    is_triple = all(
        part is None or issubclass(type(part), kind)
        for part, kind in zip(given, _TRIPLE, strict=True)
    )
    return given if is_triple else None


_TRIPLE = (type, BaseException, TracebackType)
