"""The lines of code around the one where a frame stands."""

from __future__ import annotations

import linecache
import os
import stat
from typing import Any, TypeAlias

from posthog_web._exceptions.masking import mask_source

# Lines of half a kilobyte, mostly, and only those that have a secret.
MAX_BLOCKS = 256

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
        if not _belongs(path, namespace):
            return None
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


class Blocks:
    """Blocks of lines without the secrets that are written into them, each looked through once.

    The same lines come with each failure; to look through them again would take longer than all
    else that is told of a frame. Remembered are numbers that stand for lines, and masked lines.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        """Know no lines yet."""
        self._known: dict[int, str | None] = {}

    def mask(self, around: Around) -> Around:
        """Return these lines without what is secret in them."""
        before, line, after = around
        block = "\n".join((*before, line, *after))
        key = hash(block)
        masked = self._known.get(key, "")
        if masked == "":
            found = mask_source(block)
            masked = None if found == block else found
            if len(self._known) >= MAX_BLOCKS:
                self._known.clear()
            self._known[key] = masked
        if masked is None:
            return around
        here = len(before)
        lines = masked.split("\n")
        return lines[:here], lines[here], lines[here + 1 :]


def clip(text: str) -> str:
    """Return a line without its end, and no longer than is worth showing."""
    return text[:MAX_LINE].rstrip("\r\n")


def _belongs(path: str, namespace: dict[str, Any]) -> bool:
    """Return whether *path* can only mean the file that the code was made of.

    A relative one is looked for along ``sys.path`` as well, where another file may have its name;
    it is read where it is the module's own, from the working directory.
    """
    if os.path.isabs(path) or path.startswith("<"):
        return True
    home = dict.get(namespace, "__file__")
    if type(home) is not str or not os.path.exists(path):
        return False
    return os.path.abspath(path) == os.path.abspath(home)


def _is_readable(path: str) -> bool:
    """Return whether reading *path* comes to an end soon: a pipe's does not."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # no file; there may be a loader
        return True
    return stat.S_ISREG(found.st_mode) and found.st_size <= MAX_FILE
