"""Stacks that came as text, from a process that shares no memory with this one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from posthog_web._exceptions.source_lines import clip

# Characters; the end is nearest to the failure.
MAX_TEXT = 200_000

_HEAD = "Traceback (most recent call last):"
# An exception group's lines begin with its tree.
_FRAME = re.compile(
    r'[\s|+-]*File "(?P<path>[^"]{1,1000})", line (?P<line>\d{1,9})(?:, in (?P<name>.{1,500}))?'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A frame as a traceback prints it; *source* is empty where no line was printed."""

    path: str
    line: int
    function: str
    source: str


def read_printed(text: str) -> list[Mention]:
    """Return the frames of a printed traceback, outermost call first; of several, the last one's.

    What is no traceback of Python has none.
    """
    text = text[-MAX_TEXT:]
    return list(_mentions(text[max(text.rfind(_HEAD), 0) :].splitlines()))


def _mentions(lines: list[str]) -> Iterator[Mention]:
    for number, line in enumerate(lines):
        found = _FRAME.fullmatch(line)
        if found is None:
            continue
        following = lines[number + 1] if number + 1 < len(lines) else ""
        yield Mention(
            path=found["path"],
            line=int(found["line"]),
            function=found["name"] or "<module>",
            source="" if _is_marker(following) else clip(following.strip()),
        )


def _is_marker(line: str) -> bool:
    """Return whether *line* is something else than the source of the frame above it."""
    return _FRAME.fullmatch(line) is not None or not line.startswith((" ", "\t"))
