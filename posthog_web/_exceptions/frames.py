"""Stack frames as PostHog takes them (protocol §3.3): outermost call first, raise point last."""

from __future__ import annotations

import inspect
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from types import FrameType, TracebackType
from typing import Any, Protocol

from posthog_web._exceptions.files import OWN, Files
from posthog_web._exceptions.masking import mask_source
from posthog_web._exceptions.message import MAX_NAME
from posthog_web._exceptions.printed_stack import read_printed
from posthog_web._exceptions.snapshots import copy_variables
from posthog_web._exceptions.source_lines import Around, Blocks, clip, read_around
from posthog_web._guard import report_fault

Frame = dict[str, Any]
Stop = tuple[FrameType, int | None]

# Of one stack. In a recursion, the middle tells nothing.
MAX_FRAMES = 100

# Of one event, the lines in characters: PostHog refuses events of a megabyte, and a long chain has
# many stacks.
MAX_EVENT_FRAMES = 400
MAX_EVENT_SOURCE = 150_000
LEAST_FRAMES = 8

_HIDING = ("__tracebackhide__", "__traceback_hide__")


class VariableReader(Protocol):
    """Reads the local variables of the frames of one event, within that event's budget."""

    def follow(self, stack: Iterable[FrameType], /) -> None:
        """Learn of the frames of a traceback, the outermost first, before any of them is read."""

    def read(self, frame: FrameType, /) -> dict[str, Any] | None:
        """Return the variables of *frame* by name, or None where there is nothing to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacks:
    """How a client reads stacks; made once, from its options.

    Attributes:
        files: What is known of the files met so far.
        variables: Called once per event; gives what reads local variables. None where nobody asked
            for them.
        blocks: What is secret in the lines met so far.
    """

    files: Files
    variables: Callable[[], VariableReader] | None = None
    blocks: Blocks = field(default_factory=Blocks, repr=False, compare=False)


class StackReader:
    """Reads the stacks of one event, the most important first, within what an event may hold."""

    __slots__ = ("_blocks", "_files", "_frames_left", "_source_left", "_variables")

    def __init__(self, stacks: Stacks) -> None:
        """Read as *stacks* says."""
        self._blocks = stacks.blocks
        self._files = stacks.files
        self._frames_left = MAX_EVENT_FRAMES
        self._source_left = MAX_EVENT_SOURCE
        self._variables = stacks.variables and stacks.variables()

    def read_traceback(self, trace: TracebackType | None) -> list[Frame]:
        """Return the frames of *trace*, without those that hide."""
        if self._variables is not None:
            try:
                self._variables.follow(one.tb_frame for one in _walk(trace))
            except Exception as error:  # noqa: BLE001 - what is not known to be harmless is not told
                report_fault(error, "variables")
                self._variables = None
        stops = ((one.tb_frame, one.tb_lineno) for one in _walk(trace))
        return self._read(stop for stop in stops if not _is_hidden(stop[0]))

    def read_caller(self) -> list[Frame]:
        """Return the frames that lead to the call into this package."""
        # Never a list that has the frame of this call in it: that would be a circle, which keeps
        # everything on the stack alive until somebody collects it.
        stops: list[Stop] = []
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the only way to the stack
        while frame is not None:
            if not frame.f_code.co_filename.startswith(OWN) and not _is_hidden(frame):
                stops.append((frame, frame.f_lineno))
            frame = frame.f_back
        return self._read(reversed(stops))

    def read_printed(self, text: str) -> list[Frame]:
        """Return the frames of a printed traceback.

        Their files are not opened: whoever wrote the text could have any file sent.
        """
        kept = _bounded(read_printed(text), self._allowance())
        self._frames_left -= len(kept)
        return [
            self.read_mention(one.path, one.line, one.function, one.source or None) for one in kept
        ]

    def read_mention(self, path: str, line: int, function: str, source: str | None) -> Frame:
        """Return the frame for a place that is only told of."""
        frame = {**self._files.describe_mention(path), "function": function, "lineno": line}
        return frame if source is None else frame | self._shown(([], mask_source(clip(source)), []))

    def _read(self, stops: Iterable[Stop]) -> list[Frame]:
        kept = _bounded(stops, self._allowance())
        self._frames_left -= len(kept)
        # From the raise point outwards: what is told of last may be told without its source.
        found = [self._frame(frame, line) for frame, line in reversed(kept)]
        return found[::-1]

    def _allowance(self) -> int:
        return max(min(MAX_FRAMES, self._frames_left), LEAST_FRAMES)

    def _frame(self, frame: FrameType, line: int | None) -> Frame:
        code = frame.f_code
        path = str.__str__(code.co_filename)
        told = {
            **self._files.describe(path, frame.f_globals),
            "function": code.co_qualname[:MAX_NAME] or "<unknown>",
        }
        if line is not None:
            told["lineno"] = line
            if self._source_left > 0:
                around = read_around(path, line, frame.f_globals)
                # Whoever writes a password into code writes it into the application's.
                if around is not None and told.get("in_app") is not False:
                    around = self._blocks.mask(around)
                told |= self._shown(around)
        if told.get("in_app") and (variables := self._read_variables(frame)):
            told["code_variables"] = variables
        return told

    def _shown(self, around: Around | None) -> Frame:
        """Return the fields of source lines, and count them."""
        if around is None:
            return {}
        before, here, after = around
        self._source_left -= sum(map(len, before)) + len(here) + sum(map(len, after))
        return {"pre_context": before, "context_line": here, "post_context": after}

    def _read_variables(self, frame: FrameType) -> dict[str, Any] | None:
        if self._variables is None:
            return None
        try:
            return self._variables.read(frame)
        except Exception as error:  # noqa: BLE001 - a report without variables is one all the same
            report_fault(error, "variables")
            return None


def _walk(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _bounded(found: Iterable[Any], most: int) -> list[Any]:
    """Return at most *most*: as many of the outermost as of the innermost."""
    remaining = iter(found)
    half = most // 2
    head = list(islice(remaining, half))
    return head + list(deque(remaining, maxlen=most - half))


def _is_hidden(frame: FrameType) -> bool:
    """Return whether a frame asks to be left out, as those of tools in between do."""
    code = frame.f_code
    # The names first: to copy variables takes long, and a namespace may be anybody's.
    is_function = code.co_flags & inspect.CO_OPTIMIZED
    names = code.co_varnames if is_function else code.co_names
    if _HIDING[0] not in names and _HIDING[1] not in names:
        return False
    try:
        variables = copy_variables(frame) if is_function else frame.f_locals
        return any(_is_true(variables.get(name)) for name in _HIDING)
    except Exception:  # noqa: BLE001 - a namespace that fails
        return False


def _is_true(value: object) -> bool:
    """Return the truth of a plain value; that of others is code."""
    return type(value) in {bool, int, str} and bool(value)
