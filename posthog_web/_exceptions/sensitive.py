"""What Django's ``sensitive_variables`` and ``sensitive_post_parameters`` say of a frame.

These decorators leave marks, which are read here without Django: in the wrappers' frames, in the
request, and for coroutines, whose callers are not to be found, in a table of Django's. Two things
differ from Django's own reporter: ``DEBUG`` changes nothing, as a report goes to another machine,
and the marks of all callers count, not those of the nearest.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from posthog_web._exceptions import dissection

_MODULE = "django.views.decorators.debug"
_ALL = "__ALL__"
_WRAPPER = "sensitive_variables_wrapper"

# Callers of one frame that are looked at. Beyond, all is taken for sensitive.
_MOST_CALLERS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What is sensitive in one frame: everything, or what goes by one of some names."""

    everything: bool = False
    names: frozenset[str] = frozenset()


_NONE = Marks()


def read_marks(frame: FrameType, variables: dict[str, Any]) -> Marks:
    """Return what is said of *frame*, in which these are the *variables*."""
    module = sys.modules.get(_MODULE)
    if module is None:
        return _NONE
    if frame.f_code.co_name == _WRAPPER:  # it has the arguments, by other names
        return Marks(everything=True)
    names: set[str] = set()
    of_coroutines = vars(module).get("coroutine_functions_to_sensitive_variables") or {}
    for marked in (*_of_callers(frame, of_coroutines), *_of_requests(variables)):
        if type(marked) is str and marked == _ALL:
            return Marks(everything=True)
        if type(marked) is tuple:
            names.update(name for name in marked if type(name) is str)
    return Marks(names=frozenset(names))


def _of_callers(frame: FrameType, of_coroutines: dict[int, Any]) -> Iterator[object]:
    """Yield what the decorators say that stand between *frame* and the outermost caller."""
    caller: FrameType | None = frame
    for _ in range(_MOST_CALLERS):
        if caller is None:
            return
        code = caller.f_code
        if code.co_name == _WRAPPER:
            wrapper = caller.f_locals.get(_WRAPPER)
            yield getattr(wrapper, "sensitive_variables", None)
        elif code.co_name == "sensitive_post_parameters_wrapper":
            yield caller.f_locals.get("parameters")
        elif code.co_flags & inspect.CO_COROUTINE:
            yield of_coroutines.get(hash(f"{code.co_filename}:{code.co_firstlineno}"))
        caller = caller.f_back
    yield _ALL


def _of_requests(variables: dict[str, Any]) -> Iterator[object]:
    """Yield what requests among *variables* say of the forms they hold."""
    for value in variables.values():
        if dissection.is_of(type(value), "django.http.request", "HttpRequest"):
            marked = (dissection.attributes(value) or {}).get("sensitive_post_parameters")
            # All of the form, which is never shown itself, are not all of the variables.
            yield marked if type(marked) is tuple else None
