"""Tracebacks that came as text."""

from __future__ import annotations

import traceback

import pytest

from posthog_web._exceptions.printed_stack import MAX_TEXT, read_printed


def _fail(depth: int) -> None:
    if depth:
        _fail(depth - 1)
    msg = "below"
    raise LookupError(msg)


def _printed() -> str:
    try:
        try:
            _fail(1)
        except LookupError as cause:
            msg = "above"
            raise ValueError(msg) from cause
    except ValueError:
        return traceback.format_exc()
    raise AssertionError


def test_the_last_of_several_tracebacks_is_read() -> None:
    """It is the one of the exception that is reported; those before it led to it."""
    [frame] = read_printed(_printed())

    assert frame.path == __file__
    assert frame.function == "_printed"
    assert frame.source == "raise ValueError(msg) from cause"
    assert frame.line > 20


def test_frames_are_read_as_python_prints_them() -> None:
    """The outermost call comes first; a frame without a line of source, or a name, is one too."""
    text = """Traceback (most recent call last):
  File "/app/a.py", line 3, in start
    go(
    ~~^
  File "<string>", line 1
  File "/app/b c.py", line 12, in Shop.go.<locals>.<lambda>
ValueError: no
"""

    found = read_printed(text)

    assert [(one.path, one.line, one.function, one.source) for one in found] == [
        ("/app/a.py", 3, "start", "go("),
        ("<string>", 1, "<module>", ""),
        ("/app/b c.py", 12, "Shop.go.<locals>.<lambda>", ""),
    ]


def test_a_group_is_read_too() -> None:
    """The lines of an exception group are drawn as a tree."""
    text = """  + Exception Group Traceback (most recent call last):
  |   File "/app/a.py", line 3, in start
  |     raise group
  | ExceptionGroup: two (2 sub-exceptions)
"""

    assert [one.function for one in read_printed(text)] == ["start"]


@pytest.mark.parametrize(
    "text",
    ["", "Error: no\n    at go (app.js:3:1)", 'File "', 'File "a", line 1' * 3, "\0", "\ud800"],
)
def test_what_is_no_traceback_has_no_frames(text: str) -> None:
    """Other languages' stacks, and anything else, give nothing."""
    assert read_printed(text) == []


def test_a_long_text_is_read_from_its_end() -> None:
    """What is nearest to the failure is there."""
    frame = '  File "/app/a.py", line 3, in again\n'

    assert 0 < len(read_printed("Traceback\n" + frame * 100_000)) <= MAX_TEXT // len(frame)
