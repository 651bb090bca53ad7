"""Python's hooks for exceptions that nobody caught: ours, and behind each the one before it.

They are in place as long as somebody listens, who is kept alive for that: a client that was made
for nothing else may be kept by nobody. What was there before is called in any case. When the last
listener leaves, a hook of ours is taken out where it is still the outermost; behind somebody else's
it stays in the chain, and there is nobody it tells.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from posthog_web import _own_work
from posthog_web._exceptions import loops
from posthog_web._exceptions.metadata import Boundary
from posthog_web._guard import report_fault, safely
from posthog_web._runtime import http

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listener:
    """Somebody who wants to know of exceptions.

    Attributes:
        who: What is told.
        report: Called with them, the exception and where it was met.
        unraisable: Whether they want to know of ``sys.unraisablehook`` too.
    """

    who: Any
    report: Callable[[Any, BaseException, Boundary], object]
    unraisable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where Python keeps a hook.

    Attributes:
        owner: The module it is an attribute of.
        name: The attribute.
        read: Returns the exception in the hook's arguments.
        boundary: Where that was met.
        unraisable: Whether only some listeners want to know.
    """

    owner: ModuleType
    name: str
    read: Callable[..., object]
    boundary: Boundary
    unraisable: bool = False


def _read_main(_kind: object, error: object, _trace: object) -> object:
    # What is mistyped at a prompt ends nothing.
    return None if hasattr(sys, "ps1") else error


def _read_arguments(arguments: Any) -> object:  # noqa: ANN401 - threading's and sys's have no base
    return arguments.exc_value


_ESCAPED = "onuncaughtexception"
_PLACES = (
    _Place(
        owner=sys,
        name="excepthook",
        read=_read_main,
        boundary=Boundary(
            kind=_ESCAPED, handled=False, source="python.sys_excepthook", level="fatal"
        ),
    ),
    _Place(
        owner=threading,
        name="excepthook",
        read=_read_arguments,
        boundary=Boundary(kind=_ESCAPED, handled=False, source="python.threading_excepthook"),
    ),
    _Place(
        owner=sys,
        name="unraisablehook",
        read=_read_arguments,
        boundary=Boundary(kind=_ESCAPED, handled=False, source="python.unraisablehook"),
        unraisable=True,
    ),
)
# Python itself says nothing of the one in a thread, and of the other only that it was interrupted.
_NO_FAILURES = (SystemExit, KeyboardInterrupt)

_listeners: dict[int, _Listener] = {}
# The id of the exception that a hook of ours, further out, has told of and passes on.
_told: ContextVar[int] = ContextVar("posthog_web_told", default=0)
_in_force: dict[int, _Link] = {}


class _Link:
    """A hook of ours. There may be two in a chain, of which the outer one tells.

    Attributes:
        previous: The hook that was there before.
    """

    __slots__ = ("_is_late", "_place", "_told", "previous")

    def __init__(self, place: _Place, previous: Callable[..., object]) -> None:
        self.previous = previous
        self._place = place
        self._told = _told
        self._is_late = sys.is_finalizing

    def __call__(self, *arguments: Any) -> None:  # noqa: ANN401 - whatever Python passes
        told, error = self._told.get(), 0
        try:
            if not self._is_late():
                error = self._see(arguments, told) or 0
        finally:
            passes_on = self._told.set(error)
            try:
                self.previous(*arguments)
            finally:
                self._told.reset(passes_on)

    @safely
    def _see(self, arguments: tuple[Any, ...], told: int) -> int:
        """Tell of the exception in *arguments*, unless it is the one of the id *told*."""
        error = self._place.read(*arguments)
        if id(error) != told:
            _tell(error, self._place.boundary, unraisable=self._place.unraisable)
        return id(error)


def listen(
    who: T, report: Callable[[T, BaseException, Boundary], object], *, unraisable: bool
) -> None:
    """Call *report* with *who* and each exception that nobody catches, until *who* leaves.

    With *unraisable*, those that Python cannot raise as well.
    """
    _listeners[id(who)] = _Listener(who=who, report=report, unraisable=unraisable)
    _settle()


def leave(who: object) -> None:
    """Tell *who* nothing any more. Whoever does not listen may leave, too."""
    if _listeners.pop(id(who), None) is not None:
        _settle()


def _settle() -> None:
    """Put in place the hooks that somebody wants, and take out the others."""
    with http.importing:  # threads take turns, and a fork waits for its own
        listeners = list(_listeners.values())
        for place in _PLACES:
            wanted = any(one.unraisable or not place.unraisable for one in listeners)
            _put_in(place) if wanted else _take_out(place)
        loops.watch(_tell) if listeners else loops.unwatch()


def _put_in(place: _Place) -> None:
    """Make a hook of ours the outermost one: behind another it may have been dropped unseen."""
    current = getattr(place.owner, place.name)
    if _in_force.get(id(place)) is not current:
        link = _in_force[id(place)] = _Link(place, current)
        setattr(place.owner, place.name, link)


def _take_out(place: _Place) -> None:
    link = _in_force.pop(id(place), None)
    if link is not None and getattr(place.owner, place.name) is link:
        setattr(place.owner, place.name, link.previous)


def _tell(error: object, boundary: Boundary, *, unraisable: bool = False) -> None:
    """Tell all listeners, but not of what happens while they are told."""
    kind = type(error)
    if not issubclass(kind, BaseException) or issubclass(kind, _NO_FAILURES):
        return
    if _own_work.is_reporting():
        return
    with _own_work.reporting():
        for listener in list(_listeners.values()):
            if listener.unraisable or not unraisable:
                try:
                    listener.report(listener.who, error, boundary)  # type: ignore[arg-type]  # see above
                except Exception as fault:  # noqa: BLE001 - one's fault must not cost the others
                    report_fault(fault, "hook")
