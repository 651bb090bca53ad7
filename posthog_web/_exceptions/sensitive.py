"""What Django's ``sensitive_variables`` and ``sensitive_post_parameters`` say of a frame.

These decorators leave marks, which are read here without Django: in the wrappers' frames, in the
request, for coroutines in a table of Django's, and for generators, which run when the wrapper has
long returned, on the function that their module or class has by that name. Two things differ from
Django's own reporter: ``DEBUG`` changes nothing, as a report goes to another machine, and the marks
of all callers count, not those of the nearest.

Callers are the frames that a frame was called from and those above it in the traceback: that is how
a task, a thread or a generator that failed is joined to whoever waited for it. Not found are the
marks of one who waits for nothing (a task that reports its own failure), and those of a generator
that is defined within a function.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import FrameType, FunctionType
from typing import Any

from posthog_web._exceptions import dissection
from posthog_web._exceptions.anatomy import namespace_of
from posthog_web._exceptions.snapshots import copy_variables

_MODULE = "django.views.decorators.debug"
_ALL = "__ALL__"
_WRAPPER = "sensitive_variables_wrapper"
_POST_WRAPPER = "sensitive_post_parameters_wrapper"
_WRAPPERS = frozenset({_WRAPPER, _POST_WRAPPER})
_COROUTINE = inspect.CO_COROUTINE
_RESUMED = _COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR

# Frames that are looked at for one event, and variables of one frame. Beyond, all is taken for
# sensitive.
MOST_CALLERS = 5_000
_MOST_VARIABLES = 1_000

# Decorators of one function.
_MOST_WRAPPERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitive:
    """What is sensitive in one frame: everything, or what goes by one of some names."""

    everything: bool = False
    names: frozenset[str] = frozenset()

    def __or__(self, other: Sensitive) -> Sensitive:
        """Return what either says."""
        if other is _NONE:
            return self
        if self is _NONE:
            return other
        everything = self.everything or other.everything
        return Sensitive(everything=everything, names=self.names | other.names)


_NONE = Sensitive()
_EVERYTHING = Sensitive(everything=True)


class Callers:
    """What decorators say of the frames of one event. Each frame is looked at once.

    It keeps no frame: their ids, while they are being told of.
    """

    __slots__ = ("_known", "_left")

    def __init__(self) -> None:
        """Know no frame yet."""
        self._known: dict[int, Sensitive] = {}
        self._left = MOST_CALLERS

    def follow(self, stack: Iterable[FrameType]) -> None:
        """Take each frame of *stack*, the outermost first, for a caller of those after it."""
        if _MODULE not in sys.modules:
            return
        outer = _NONE
        for frame in stack:
            if self._left <= 0:
                return
            self._known[id(frame)] = outer = self._of(frame) | outer

    def read_sensitive(self, frame: FrameType, variables: dict[str, Any]) -> Sensitive:
        """Return what is said of *frame*, in which these are the *variables*."""
        if _MODULE not in sys.modules:
            return _NONE
        if frame.f_code.co_name == _WRAPPER:  # it has the arguments, by other names
            return _EVERYTHING
        return self._of(frame) | _joined(_of_requests(variables))

    def _of(self, frame: FrameType) -> Sensitive:
        """Return what is said of *frame* and of the frames that it was called from."""
        unknown: list[Sensitive] = []
        sensitive = _NONE
        ids: list[int] = []
        caller: FrameType | None = frame
        while caller is not None:
            known = self._known.get(id(caller))
            if known is not None:
                sensitive = known
                break
            self._left -= 1
            if self._left < 0:
                sensitive = _EVERYTHING
                break
            code = caller.f_code
            may_be_marked = code.co_flags & _RESUMED or code.co_name in _WRAPPERS
            unknown.append(_joined(_of_decorators(caller)) if may_be_marked else _NONE)
            ids.append(id(caller))
            caller = caller.f_back
        for key, own in zip(reversed(ids), reversed(unknown), strict=True):
            sensitive = self._known[key] = own | sensitive
        return sensitive


def _joined(found: Iterable[object]) -> Sensitive:
    names: set[str] = set()
    for marked in found:
        if type(marked) is str and marked == _ALL:
            return _EVERYTHING
        if type(marked) is tuple:
            names.update(name for name in marked if type(name) is str)
    return Sensitive(names=frozenset(names)) if names else _NONE


def _of_decorators(frame: FrameType) -> Iterator[object]:
    """Yield what the decorators say of which *frame* is the wrapper's, or the function's."""
    code = frame.f_code
    if code.co_name == _WRAPPER:
        wrapper = copy_variables(frame).get(_WRAPPER)
        yield from _of_function(wrapper)
    elif code.co_name == _POST_WRAPPER:
        yield copy_variables(frame).get("parameters")
    elif code.co_flags & _RESUMED:
        if code.co_flags & _COROUTINE:
            table = vars(sys.modules[_MODULE]).get("coroutine_functions_to_sensitive_variables")
            yield (table or {}).get(hash(f"{code.co_filename}:{code.co_firstlineno}"))
        yield from _of_function(_find_function(frame))


def _find_function(frame: FrameType) -> object:
    """Return what the module or the class of a function has by its name: it may be decorated."""
    first, *others = frame.f_code.co_qualname.split(".")
    found = dict.get(frame.f_globals, first)
    for name in others:
        if not issubclass(type(found), type):
            return None
        found = namespace_of(found).get(name)  # type: ignore[arg-type]
    return found


def _of_function(found: object) -> Iterator[object]:
    """Yield what Django's decorator says of a function, among others' decorators."""
    for _ in range(_MOST_WRAPPERS):
        if type(found) in {classmethod, staticmethod}:
            found = found.__func__  # type: ignore[attr-defined]
        if type(found) is not FunctionType:
            return
        yield found.__dict__.get("sensitive_variables")
        found = found.__dict__.get("__wrapped__")


def _of_requests(variables: dict[str, Any]) -> Iterator[object]:
    """Yield what requests among *variables* say of the forms they hold."""
    if len(variables) > _MOST_VARIABLES:
        yield _ALL
        return
    for value in variables.values():
        if dissection.is_of(type(value), "django.http.request", "HttpRequest"):
            marked = (dissection.attributes(value) or {}).get("sensitive_post_parameters")
            # All of the form, which is never shown itself, are not all of the variables.
            yield marked if type(marked) is tuple else None
