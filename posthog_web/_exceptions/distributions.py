"""Which packages of a folder were installed into it, beside the application's own code.

Platforms that take one folder, such as AWS Lambda, have libraries and application side by side. An
installer leaves a record of what it put there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_DIST_INFO = ".dist-info"
# Of a folder, the records that are read, and of each as much: a folder of libraries alone has
# hundreds, and those need no record to be known for what they are.
_MOST_RECORDS = 200
_MAX_RECORD = 256 * 1024

# `requests/api.py,sha256=…,6449`
_TOP_LEVEL = re.compile(r'^"?([\w-]+)(?:[/\\]|\.py[,"]|\.[\w.-]*\.(?:so|pyd)[,"])', re.MULTILINE)


def read_installed(folder: str) -> frozenset[str]:
    """Return the top-level modules that were installed into *folder* from somewhere else.

    A project that was installed from its own sources (``pip install -t build .``) is not among
    them. What cannot be read counts for nothing.
    """
    try:
        with os.scandir(folder) as entries:
            records = [entry.path for entry in entries if entry.name.endswith(_DIST_INFO)]
    except OSError:
        return frozenset()
    names: set[str] = set()
    for path in records[:_MOST_RECORDS]:
        names.update(_read_record(Path(path)))
    return frozenset(names)


def _read_record(dist_info: Path) -> set[str]:
    try:
        # Where it came from, if that is no index.
        if '"dir_info"' in _read(dist_info / "direct_url.json"):
            return set()
    except OSError:
        pass
    try:
        return set(_TOP_LEVEL.findall(_read(dist_info / "RECORD")))
    except OSError:
        return set()


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_MAX_RECORD)
