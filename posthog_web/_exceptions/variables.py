"""The local variables of stack frames, as text (protocol §3.4): masked, and within a budget.

Numbers stay numbers, all else becomes text, lists and dicts and objects that of JSON. The frame
that raised is read first and may have half of what an event may say; its callers share the rest.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable
from itertools import islice
from types import FrameType
from typing import Any

from posthog_web._config.options import ClientOptions
from posthog_web._exceptions.budget import LIMITS, Limits, Stopwatch
from posthog_web._exceptions.files import Files
from posthog_web._exceptions.masking import Mask, compile_patterns
from posthog_web._exceptions.origins import Origins
from posthog_web._exceptions.redaction import REDACTED
from posthog_web._exceptions.rendering import Rendering, Rules
from posthog_web._exceptions.sensitive import Callers
from posthog_web._exceptions.snapshots import copy_variables

# There are systems that do not tell threads apart.
_CLOCK: Callable[[], float] = getattr(time, "thread_time", time.monotonic)

# Names of a frame that are looked at; a function that has more was not written by hand.
_MOST_NAMES = 400


def make_reader(
    options: ClientOptions,
    files: Files,
    *,
    limits: Limits = LIMITS,
    clock: Callable[[], float] = _CLOCK,
) -> Callable[[], EventReader] | None:
    """Return what is called once for each event, and gives what reads frames within its budget.

    None where nobody asked for variables. *files* knows whose code is whose. The clock is
    the processor's: while a thread waits for others, its budget is not spent.
    """
    if not options.capture_exception_code_variables:
        return None
    rules = Rules(
        mask=Mask(
            names_secret=compile_patterns(options.code_variables_mask_patterns),
            leaves_out=compile_patterns(options.code_variables_ignore_patterns),
            url_credentials=options.code_variables_mask_url_credentials,
            detect=options.code_variables_detect_secrets,
        ),
        origins=Origins(files, options.in_app_modules),
        limits=limits,
    )
    return lambda: EventReader(rules, clock)


class EventReader:
    """Reads the frames of one event. It keeps no frame and no value, only what it has spent."""

    __slots__ = ("_callers", "_frames", "_known", "_room", "_rules", "_watch")

    def __init__(self, rules: Rules, clock: Callable[[], float]) -> None:
        """Read by *rules*, as long as *clock* allows."""
        self._rules = rules
        self._callers = Callers()
        self._room = rules.limits.event
        self._watch = Stopwatch(clock, rules.limits.seconds)
        # By id: the frames live at least as long as they are being told of.
        self._frames: set[int] = set()
        self._known: dict[str, bool] = {}

    def follow(self, stack: Iterable[FrameType]) -> None:
        """Learn what Django's decorators say of a traceback's frames, before any of them is read.

        *stack* begins with the outermost. A frame that was left does not say who waited for it.
        """
        self._callers.follow(stack)

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
        sensitive = self._callers.read_sensitive(frame, variables)
        share = max(self._room // 2, min(self._room, limits.least))
        left = share
        told: dict[str, Any] = {}
        for name in _ordered(variables, self._rules.mask.leaves_out)[: limits.variables]:
            if left <= 0 or self._watch.is_over():
                break
            if sensitive.everything or name in sensitive.names:
                value: Any = REDACTED
            else:
                reading = Rendering(
                    self._rules, sensitive.names, self._known, self._watch, min(limits.value, left)
                )
                value = reading.tell(name, variables[name])
            told[name] = value
            left -= len(name) + len(str(value))
        self._room -= share - left
        return told or None


def _ordered(variables: dict[str, Any], leaves_out: Callable[[str], bool]) -> list[str]:
    """Return the names to tell of, the simplest values first (protocol §3.4)."""
    # What is no name was put in there by way of locals(), or is the iterator of a comprehension.
    names = [
        name
        for name in islice(variables, _MOST_NAMES)
        if type(name) is str and name.isidentifier() and not leaves_out(name)
    ]
    return sorted(names, key=lambda name: (id(type(variables[name])) not in _SIMPLE, name))


_SIMPLE = frozenset(map(id, (type(None), bool, int, float, str)))
