"""What posthog-js left in the browser: who visits, and in which session.

The cookie ``ph_<key>_posthog`` holds JSON in percent-encoding. Anybody can write one, so whoever it
names is only a claim, and one that cannot be read is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from posthog_web._serialization import loads

# As a cookie's name cannot hold them, posthog-js spells these characters of a key out.
_SPELLED_OUT = str.maketrans({"+": "PL", "/": "SL", "=": "EQ"})

# Browsers keep 4 KiB; what is longer was not written by posthog-js.
_LONGEST = 16 * 1024

# After as much idleness, or in all, posthog-js begins another session.
_SESSION_IDLE_MS = 30 * 60 * 1000
_SESSION_LENGTH_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Whom posthog-js says the browser belongs to.

    Attributes:
        distinct_id: Who; None if it does not say.
        anonymous: Whether nobody has been identified there yet.
        session_id: The session under way; None if there is none any more.
    """

    distinct_id: str | None = None
    anonymous: bool = False
    session_id: str | None = None


NO_VISITOR = Visitor()


def spell(api_key: str) -> str:
    """Return *api_key* as it stands in the names of cookies."""
    return api_key.translate(_SPELLED_OUT)


def find_cookies(headers: Iterable[str], name: str) -> Iterator[str]:
    """Yield the values of the cookie *name* in Cookie *headers*, the most specific one first."""
    for header in headers:
        for pair in header.split(";"):
            key, found, value = pair.partition("=")
            if found and key.strip() == name:
                yield value.strip().strip('"')


def read_visitor(headers: Iterable[str], api_key: str, now: int) -> Visitor:
    """Return what posthog-js of the project *api_key* wrote; *now* is milliseconds since 1970."""
    for text in find_cookies(headers, f"ph_{spell(api_key)}_posthog"):
        state = _read_state(text)
        if state is not None:
            return Visitor(
                distinct_id=_read_text(state.get("distinct_id")),
                anonymous=state.get("$user_state") != "identified",
                session_id=_read_session(state.get("$sesid"), now),
            )
    return NO_VISITOR


def _read_state(text: str) -> Mapping[str, Any] | None:
    if len(text) > _LONGEST:
        return None
    try:
        state = loads(unquote_to_bytes(text))
    except (ValueError, RecursionError):
        return None
    return state if isinstance(state, dict) else None


def _read_session(session: object, now: int) -> str | None:
    """Return the id in ``[last activity, id, start]``, if posthog-js would go on with it."""
    match session:
        case [int() | float() as active, str() as session_id, int() | float() as start]:
            if now - active <= _SESSION_IDLE_MS and now - start <= _SESSION_LENGTH_MS:
                return session_id
        case _:
            pass
    return None


def _read_text(value: object) -> str | None:
    return value if isinstance(value, str) else None
