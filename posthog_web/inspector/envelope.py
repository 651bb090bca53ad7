"""What a delivery says beside its events, as the log of requests shows it: without secrets.

A project's key is none: every browser that sends events is given it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

PROJECT_KEY_PREFIX = "phc_"

# Personal keys open the whole account and have no business in a capturing application.
PERSONAL_KEY_PREFIX = "phx_"

HIDDEN = "…"

_SECRET_HEADERS = frozenset({"cookie", "proxy-authorization"})

# An envelope is a few short fields; what is longer is not shown whole.
_LONGEST_TEXT = 200


def is_personal(key: str) -> bool:
    """Return whether *key* is one that must not be shown."""
    return key.strip().lower().startswith(PERSONAL_KEY_PREFIX)


def logged_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return *headers* by their names in lower case; one given twice is joined by a comma."""
    logged: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        shown = _shown(key, value)
        logged[key] = f"{logged[key]}, {shown}" if key in logged else shown
    return logged


def read_envelope(payload: object) -> dict[str, Any]:
    """Return the plain fields beside `batch` in *payload*; nothing when it is no batch."""
    if not isinstance(payload, Mapping) or "batch" not in payload:
        return {}
    return {name: _shortened(value) for name, value in payload.items() if _is_plain(value)}


def _shown(name: str, value: str) -> str:
    if name in _SECRET_HEADERS:
        return HIDDEN
    if name != "authorization":
        return value
    scheme, space, key = value.partition(" ")
    if key.strip().startswith(PROJECT_KEY_PREFIX):
        return value
    return f"{scheme} {HIDDEN}" if space else HIDDEN


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | bool | int)


def _shortened(value: Any) -> Any:  # noqa: ANN401 (a JSON scalar)
    if not isinstance(value, str):
        return value
    if is_personal(value):
        return f"{PERSONAL_KEY_PREFIX}{HIDDEN}"
    return value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]}{HIDDEN}"
