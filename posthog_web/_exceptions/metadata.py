"""What a report says beside types, messages and stacks: how bad it is, where it was met, by whom.

All of it is optional, and a field that is not valid is left out alone (SRV-303…306).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from posthog_web._exceptions.message import name_of
from posthog_web._serialization import dumps, loads

_LEVELS = {
    "fatal": "fatal",
    "critical": "fatal",
    "alert": "fatal",
    "emergency": "fatal",
    "error": "error",
    "warning": "warning",
    "warn": "warning",
    "log": "log",
    "info": "info",
    "notice": "info",
    "debug": "debug",
    "trace": "debug",
}

# Levels of the standard library between which an application may have its own.
_THRESHOLDS = (
    (logging.CRITICAL, "fatal"),
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
)

# A technology and one of its hooks; no versions, routes, classes or paths (SRV-308, SRV-309).
_SOURCE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")

_FINGERPRINT = "$exception_fingerprint"

# What describes an exception, and what PostHog derives from it: nobody else may say it (SRV-322,
# SRV-326). The fingerprint is not among them: it is the caller's to choose (SRV-324).
RESERVED = frozenset(
    {
        "$exception_list",
        "$exception_type",
        "$exception_message",
        "$exception_level",
        "$exception_source",
        "$exception_handled",
        "$debug_images",
        "$exception_types",
        "$exception_values",
        "$exception_sources",
        "$exception_functions",
        "$exception_fingerprint_record",
        "$exception_fingerprint_version",
        "$exception_issue_id",
        "$exception_release",
        "$cymbal_errors",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """Where an exception was met: what only whoever met it can know (SRV-307…323).

    Attributes:
        kind: The mechanism's type: generic, middleware, task, …
        handled: Whether the application went on as if it had dealt with it; None: not known.
        source: The technology and hook, such as ``django.middleware``; None for a call in code.
        level: How bad it is, in any spelling that ``read_level`` knows; None: not known.
        fingerprint: The issue it belongs to, where somebody decided that; None: PostHog decides.
    """

    kind: str | None = "generic"
    handled: bool | None = True
    source: str | None = None
    level: str | int | None = "error"
    fingerprint: str | None = None


IN_CODE = Boundary()
# Whoever is outside of a context may still deal with what leaves it.
ESCAPED = Boundary(handled=None)


def read_level(value: object) -> str | None:
    """Return one of PostHog's levels for a name, or a number of ``logging``; None if it is none."""
    if type(value) is int:
        return next((name for least, name in _THRESHOLDS if value >= least), "debug")
    name = name_of(value)
    return None if name is None else _LEVELS.get(name.strip().lower())


def read_fingerprint(value: object) -> str | None:
    """Return *value* if it can name an issue; None otherwise (SRV-324)."""
    name = name_of(value)
    return name if name is not None and name.strip() else None


def describe_mechanism(exception_id: int, supplied: Mapping[str, object]) -> dict[str, Any]:
    """Return the mechanism of an entry: its number, and what is valid of *supplied*.

    Keys beyond the known ones pass as they are: they are of the platform (SRV-304).
    """
    mechanism: dict[str, Any] = {}
    for key, value in supplied.items():
        is_valid = _FIELDS.get(key, _is_known)
        if is_valid(value):
            mechanism[key] = value
    mechanism.setdefault("exception_id", exception_id)
    return mechanism


def describe_event(entries: list[dict[str, Any]], boundary: Boundary) -> dict[str, Any]:
    """Return the properties of an ``$exception`` event that has *entries*, at least one."""
    source = boundary.source if _is_source(boundary.source) else None
    optional = {
        "$exception_level": read_level(boundary.level),
        "$exception_source": source,
        _FINGERPRINT: read_fingerprint(boundary.fingerprint),
    }
    return {
        "$exception_list": entries,
        "$exception_type": entries[0]["type"],
        "$exception_message": entries[0]["value"],
        **{key: value for key, value in optional.items() if value is not None},
    }


def seal(properties: Mapping[Any, Any], described: Mapping[str, Any]) -> dict[Any, Any]:
    """Return *properties*, of anybody, with what *described* says of an exception.

    What is reserved comes from *described* alone; a fingerprint that is none is left out.
    """
    named = {_as_sent(key): value for key, value in properties.items()}
    sealed = {key: value for key, value in named.items() if key not in RESERVED}
    if read_fingerprint(sealed.get(_FINGERPRINT)) is None:
        sealed.pop(_FINGERPRINT, None)
    return {**sealed, **described}


def _as_sent(key: object) -> str:
    """Return a key as the text that is sent for it, which compares as text does."""
    if type(key) is str:
        return key
    if issubclass(type(key), str) and not issubclass(type(key), Enum):
        return str.__getitem__(key, slice(None))  # type: ignore[index]
    read: dict[str, None] = loads(dumps({key: None}))
    return next(iter(read))


def _is_name(value: object) -> bool:
    return type(value) is str and bool(value.strip())


def _is_flag(value: object) -> bool:
    return type(value) is bool


def _is_number(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_source(value: object) -> bool:
    return type(value) is str and _SOURCE.fullmatch(value) is not None


def _is_known(value: object) -> bool:
    return value is not None


_FIELDS: dict[str, Callable[[object], bool]] = {
    "type": _is_name,
    "handled": _is_flag,
    "source": _is_name,
    "synthetic": _is_flag,
    "exception_id": _is_number,
    "parent_id": _is_number,
}
