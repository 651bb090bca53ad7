"""The lines of code around the one where a frame stands."""

from __future__ import annotations

import linecache
import os
import stat
from typing import Any, TypeAlias

Around: TypeAlias = tuple[list[str], str, list[str]]
"""The lines before, the line itself, and those after, in the order of the file."""

CONTEXT_LINES = 5
MAX_LINE = 1024

# Bytes. linecache reads a file whole, and keeps it.
MAX_FILE = 4 * 1024 * 1024


def read_around(path: str, line: int, namespace: dict[str, Any]) -> Around | None:
    """Return the source around *line*, counted from 1; None where there is none.

    *namespace* is the globals of the code: its loader reads what is no file, as in an archive.
    The files are not looked at again once they were read: what was imported then is what runs.
    """
    try:
        if path not in linecache.cache and not _is_readable(path):
            return None
        # A loader answers by the name of a module, whatever file is asked for.
        is_whole = dict.get(namespace, "__file__") == path
        lines = linecache.getlines(path, namespace if is_whole else None)
        if not 1 <= line <= len(lines):
            return None
        first = max(line - 1 - CONTEXT_LINES, 0)
        # As clip() does; called for each line, it would be half of what a report costs.
        shown = [text[:MAX_LINE].rstrip("\r\n") for text in lines[first : line + CONTEXT_LINES]]
    except Exception:  # noqa: BLE001 - a loader may be anybody's
        return None
    here = line - 1 - first
    return shown[:here], shown[here], shown[here + 1 :]


def clip(text: str) -> str:
    """Return a line without its end, and no longer than is worth showing."""
    return text[:MAX_LINE].rstrip("\r\n")


def _is_readable(path: str) -> bool:
    """Return whether reading *path* comes to an end soon: a pipe's does not."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # no file; there may be a loader
        return True
    return stat.S_ISREG(found.st_mode) and found.st_size <= MAX_FILE
