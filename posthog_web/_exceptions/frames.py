"""Stack frames as PostHog takes them (protocol §3.3): outermost call first, raise point last."""

from __future__ import annotations

import linecache
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

Frame = dict[str, Any]

CONTEXT_LINES = 5
MAX_LINE = 1024
MAX_FRAMES = 100

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LIBRARY_PARTS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_STDLIB = os.path.join(sysconfig.get_paths()["stdlib"], "")


def from_traceback(trace: TracebackType | None, project_root: str) -> list[Frame]:
    """Return the frames of *trace*; of a very deep one, the outermost and the innermost."""
    return [_frame(frame, line, project_root) for frame, line in _bounded(traceback.walk_tb(trace))]


def from_caller(project_root: str) -> list[Frame]:
    """Return the frames that lead to the call into this package."""
    stack = list(traceback.walk_stack(sys._getframe()))  # noqa: SLF001 - the only way to the stack
    outside = [pair for pair in reversed(stack) if not _is_own(pair[0])]
    return [_frame(frame, line, project_root) for frame, line in _bounded(iter(outside))]


def _is_own(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_OWN)


def _bounded(pairs: Iterator[tuple[FrameType, int]]) -> list[tuple[FrameType, int]]:
    """Return at most MAX_FRAMES: in a recursion, the middle tells nothing."""
    kept = list(pairs)
    half = MAX_FRAMES // 2
    return kept if len(kept) <= MAX_FRAMES else kept[:half] + kept[-half:]


def _frame(frame: FrameType, line: int, project_root: str) -> Frame:
    path = frame.f_code.co_filename
    module = frame.f_globals.get("__name__")
    return {
        "platform": "python",
        "filename": _short_path(path, module),
        "abs_path": _absolute(path),
        "function": frame.f_code.co_qualname,
        "module": module if isinstance(module, str) else None,
        "lineno": line,
        **_in_app(path, project_root),
        **_source(frame, line),
    }


def _short_path(path: str, module: object) -> str:
    """Return *path* from the folder of the top-level package on."""
    depth = module.count(".") + 1 if isinstance(module, str) else 1
    if os.path.basename(path) == "__init__.py":
        depth += 1
    return "/".join(path.split(os.sep)[-depth:])


def _in_app(path: str, project_root: str) -> dict[str, bool]:
    """Return whether *path* is the application's own code; nothing where that is not known."""
    if path.startswith(("<", _STDLIB)) or any(part in path for part in _LIBRARY_PARTS):
        return {"in_app": False}
    inside = _absolute(path).startswith(os.path.join(project_root, ""))
    return {"in_app": True} if inside and project_root else {}


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError:  # a relative path, and the working directory is gone
        return path


def _source(frame: FrameType, line: int) -> dict[str, Any]:
    """Return the source around *line*; nothing where there is none (SRV-288…290)."""
    try:
        lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)
    except Exception:  # noqa: BLE001 - a loader may be anybody's
        return {}
    if not 1 <= line <= len(lines):
        return {}
    shown = [text.rstrip("\r\n")[:MAX_LINE] for text in lines]
    return {
        "pre_context": shown[max(line - 1 - CONTEXT_LINES, 0) : line - 1],
        "context_line": shown[line - 1],
        "post_context": shown[line : line + CONTEXT_LINES],
    }
