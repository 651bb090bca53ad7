"""The outage script: what the next deliveries are answered instead of the truth."""

from __future__ import annotations

import math
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from posthog_web.inspector.refusal import Refusal

LONGEST_DELAY = 600.0

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What protocol v1 answers about one event.

    Attributes:
        result: `ok`, `warning`, `drop`, `retry`, or a code yet to be invented.
        details: Why; PostHog leaves it out when there is nothing to say.
    """

    result: str = "ok"
    details: str | None = None

    @property
    def takes_event(self) -> bool:
        """True when the event is stored."""
        return self.result not in {"drop", "retry"}

    def describe(self) -> dict[str, str]:
        """Return its JSON."""
        details = {} if self.details is None else {"details": self.details}
        return {"result": self.result, **details}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One scripted answer.

    Attributes:
        status: The HTTP status; with 200 the events are stored as usual.
        headers: Extra headers, such as Retry-After or Location.
        delay: Seconds before answering.
        close: Close the connection instead of answering; status and headers are unused then.
        body: What to answer instead of JSON that fits; None for that.
        results: Protocol v1: the result of single events, by uuid, by name or by `*`. One
            that is None is left out of the answer; an event nobody names is ok.
    """

    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    close: bool = False
    body: str | None = None
    results: Mapping[str, Result | None] = field(default_factory=dict)

    @property
    def takes_events(self) -> bool:
        """True when the delivery succeeds all the same."""
        return not self.close and self.status == 200  # noqa: PLR2004 (the one success)

    def describe(self) -> dict[str, Any]:
        """Return its JSON, in the form `read_answer` reads."""
        results = {
            name: None if result is None else result.describe()
            for name, result in self.results.items()
        }
        return {
            "status": self.status,
            "headers": dict(self.headers),
            "delay": self.delay,
            "close": self.close,
            "body": self.body,
            "results": results,
        }


@dataclass(slots=True, kw_only=True)
class _Entry:
    answer: Answer
    times: int | None


class AnswerScript:
    """A queue of scripted answers, read one per delivery; empty means the truth is told.

    An answer with a number of times waits behind those before it. One without (None) lasts
    until something else is scripted or `clear()` is called. Safe to use from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[_Entry] = deque()

    def add(self, answer: Answer, times: int | None = None) -> None:
        """Script *answer* for the next *times* deliveries, None for all."""
        with self._lock:
            if self._entries and self._entries[-1].times is None:
                self._entries.pop()
            self._entries.append(_Entry(answer=answer, times=times))

    def take(self) -> Answer | None:
        """Return the answer to this delivery, None for the truth, and use it up."""
        with self._lock:
            if not self._entries:
                return None
            entry = self._entries[0]
            if entry.times is not None:
                entry.times -= 1
                if entry.times == 0:
                    self._entries.popleft()
            return entry.answer

    def clear(self) -> None:
        """Tell the truth again."""
        with self._lock:
            self._entries.clear()

    def describe(self) -> list[dict[str, Any]]:
        """Return what is still to be answered, in the form `read_answer` reads."""
        with self._lock:
            return [{**entry.answer.describe(), "times": entry.times} for entry in self._entries]


def read_answer(wanted: object) -> tuple[Answer, int | None]:
    """Return the answer and its number of times from JSON; what is left out has its default.

    Raises:
        Refusal: A field is unknown or has an impossible value.
    """
    if not isinstance(wanted, dict):
        raise Refusal(400, "invalid_answer", "An answer is a JSON object.")
    unknown = sorted(set(wanted) - set(_FIELDS))
    if unknown:
        detail = f"Unknown field {unknown[0]!r}; known are {', '.join(_FIELDS)}."
        raise Refusal(400, "invalid_answer", detail)
    values = {name: value for name, value in wanted.items() if value is not None}
    for name, value in values.items():
        is_possible, meaning = _FIELDS[name]
        if not is_possible(value):
            raise Refusal(400, "invalid_answer", f"`{name}` is {meaning}.")
    times = values.pop("times", None)
    results = {name: _result(wanted) for name, wanted in values.pop("results", {}).items()}
    answer = Answer(**values, results=results)
    if results and not answer.takes_events:
        raise Refusal(400, "invalid_answer", "`results` goes with status 200.")
    return answer, times


def _result(wanted: str | Mapping[str, str] | None) -> Result | None:
    if wanted is None:
        return None
    if isinstance(wanted, str):
        return Result(result=wanted)
    return Result(result=wanted.get("result", "ok"), details=wanted.get("details"))


def _is_status(value: object) -> bool:
    return type(value) is int and 200 <= value <= 599  # noqa: PLR2004 (the range of HTTP)


def _is_times(value: object) -> bool:
    return type(value) is int and value >= 1


def _is_delay(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 <= value <= LONGEST_DELAY
    )


def _is_headers(value: object) -> bool:
    # A line break in a header would let one script write a second answer.
    return isinstance(value, dict) and all(
        isinstance(content, str)
        and _HEADER_NAME.fullmatch(name)
        and _HEADER_VALUE.fullmatch(content)
        for name, content in value.items()
    )


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_results(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str) and _is_result(result) for name, result in value.items()
    )


def _is_result(value: object) -> bool:
    if isinstance(value, dict):
        return value.keys() <= {"result", "details"} and all(
            isinstance(text, str) for text in value.values()
        )
    return value is None or isinstance(value, str)


_FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "status": (_is_status, "an HTTP status from 200 to 599"),
    "times": (_is_times, "a whole number from 1, or null for always"),
    "headers": (_is_headers, "an object of header names and texts"),
    "delay": (_is_delay, f"a number of seconds from 0 to {LONGEST_DELAY:.0f}"),
    "close": (_is_boolean, "true or false"),
    "body": (_is_text, "a text"),
    "results": (_is_results, "an object: by uuid, name or `*` a code, or its result and details"),
}
