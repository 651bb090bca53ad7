"""The local variables of a frame, copied without leaving anything behind in it."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

# The frame's own, the variable's, and the argument's of the function that counts.
_REFERENCES = 3


def copy_variables(frame: FrameType) -> dict[str, Any]:
    """Return a copy of the local variables of *frame*, the frame of a function.

    Until Python 3.12 a frame that is asked makes a dict, and keeps it. Of a frame that goes on
    running, an exception stays alive in there that was caught and dropped long ago. So the copies
    are taken out again, unless somebody else holds that dict (they called ``locals``), or may write
    it back (a debugger).
    """
    code, seen = frame.f_code, frame.f_locals
    # Not dict(seen): from Python 3.13 on that looks each name up among all others.
    copied = dict(seen.items())
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
