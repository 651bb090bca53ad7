"""Timestamps as PostHog takes them: UTC, ISO 8601, microseconds, ``+00:00`` (protocol §1.3)."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

_second = (-1, "")


def now_text(nanoseconds: int) -> str:
    """Return the text of a moment given in nanoseconds since the epoch.

    The text of the last second is kept: at any rate worth caring about, the next event falls into
    the same one. The pair is replaced in one step, so threads cannot see half of it.
    """
    global _second  # noqa: PLW0603 - a cache of one
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    cached, text = _second
    if cached != seconds:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        _second = (seconds, text)
    return f"{text}.{rest // 1000:06d}+00:00"


def read_timestamp(value: object) -> str | None:
    """Return *value* as UTC text, or None when it is no moment.

    Takes datetimes (naive ones are UTC), dates (midnight UTC) and ISO 8601 text (SRV-023).
    """
    try:
        moment = _read(value)
        if moment is None:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat()
    except Exception:  # noqa: BLE001 - a time zone is somebody else's code
        return None


def _read(value: object) -> datetime | None:
    if isinstance(value, str):
        return datetime.fromisoformat(value.strip())
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None
