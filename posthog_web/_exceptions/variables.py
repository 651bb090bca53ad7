"""The local variables of stack frames, as text (protocol §3.4): masked, and within a budget.

Numbers stay numbers, all else becomes text, lists and dicts and objects that of JSON. The frame
that raised is read first and may have half of what an event may say; its callers share the rest.
"""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from posthog_web._config.options import ClientOptions
from posthog_web._exceptions import sensitive
from posthog_web._exceptions.budget import LIMITS, Limits, Stopwatch
from posthog_web._exceptions.files import Files, find_root
from posthog_web._exceptions.masking import REDACTED, Mask, compile_patterns
from posthog_web._exceptions.origins import Origins
from posthog_web._exceptions.rendering import Rendering, Rules

# There are systems that do not tell threads apart.
_CLOCK: Callable[[], float] = getattr(time, "thread_time", time.monotonic)

ReadVariables = Callable[[FrameType], dict[str, Any] | None]


def make_reader(
    options: ClientOptions,
    *,
    limits: Limits = LIMITS,
    clock: Callable[[], float] = _CLOCK,
) -> Callable[[], ReadVariables] | None:
    """Return what is called once for each event, and gives what reads frames within its budget.

    None where nobody asked for variables. The clock is the processor's: while a thread waits for
    others, its budget is not spent.
    """
    if not options.capture_exception_code_variables:
        return None
    modules = options.in_app_modules
    rules = Rules(
        mask=Mask(
            names_secret=compile_patterns(options.code_variables_mask_patterns),
            leaves_out=compile_patterns(options.code_variables_ignore_patterns),
            url_credentials=options.code_variables_mask_url_credentials,
            detect=options.code_variables_detect_secrets,
        ),
        origins=Origins(Files(find_root(options.project_root), modules), modules),
        limits=limits,
    )
    return lambda: _EventReader(rules, clock).read


class _EventReader:
    """Reads the frames of one event. It keeps no frame and no value, only what it has spent."""

    __slots__ = ("_frames", "_known", "_room", "_rules", "_watch")

    def __init__(self, rules: Rules, clock: Callable[[], float]) -> None:
        self._rules = rules
        self._room = rules.limits.event
        self._watch = Stopwatch(clock, rules.limits.seconds)
        # By id: the frames live at least as long as they are being told of.
        self._frames: set[int] = set()
        self._known: dict[str, bool] = {}

    def read(self, frame: FrameType) -> dict[str, Any] | None:
        """Return the variables of *frame* by name, or None where there is nothing to tell.

        None, too, of a frame met before: it may stand in the stacks of several exceptions.
        """
        limits = self._rules.limits
        # The variables of modules and classes are not local, and their namespace may be anybody's.
        if id(frame) in self._frames or not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            return None
        self._watch.start()
        if self._room <= 0 or len(self._frames) >= limits.frames or self._watch.is_over():
            return None
        self._frames.add(id(frame))
        return self._told(copy_variables(frame), frame)

    def _told(self, variables: dict[str, Any], frame: FrameType) -> dict[str, Any] | None:
        limits = self._rules.limits
        marks = sensitive.read_marks(frame, variables)
        share = max(self._room // 2, min(self._room, limits.least))
        left = share
        told: dict[str, Any] = {}
        for name in _ordered(variables, self._rules.mask.leaves_out)[: limits.variables]:
            if left <= 0 or self._watch.is_over():
                break
            if marks.everything or name in marks.names:
                value: Any = REDACTED
            else:
                reading = Rendering(
                    self._rules, marks.names, self._known, self._watch, min(limits.value, left)
                )
                value = reading.tell(name, variables[name])
            told[name] = value
            left -= len(name) + len(str(value))
        self._room -= share - left
        return told or None


def copy_variables(frame: FrameType) -> dict[str, Any]:
    """Return a copy of the local variables of *frame*, the frame of a function.

    Until Python 3.12 a frame that is asked makes a dict, and keeps it. Of a frame that goes on
    running, an exception stays alive in there that was caught and dropped long ago. So the copies
    are taken out again, unless somebody else holds that dict (they called ``locals``), or may write
    it back (a debugger).
    """
    code, seen = frame.f_code, frame.f_locals
    copied = dict(seen)
    if (
        type(seen) is dict
        and sys.getrefcount(seen) <= _REFERENCES
        and frame.f_trace is None
        and sys.gettrace() is None
    ):
        # Only these: code that was run with exec() keeps its own in there, and nowhere else.
        for name in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
            seen.pop(name, None)
    return copied


# The frame's own, the variable's, and the argument's of the function that counts.
_REFERENCES = 3


def _ordered(variables: dict[str, Any], leaves_out: Callable[[str], bool]) -> list[str]:
    """Return the names to tell of, the simplest values first (protocol §3.4)."""
    # What is no name was put in there by way of locals(), or is the iterator of a comprehension.
    names = [
        name
        for name in variables
        if type(name) is str and name.isidentifier() and not leaves_out(name)
    ]
    return sorted(names, key=lambda name: (id(type(variables[name])) not in _SIMPLE, name))


_SIMPLE = frozenset(map(id, (type(None), bool, int, float, str)))
