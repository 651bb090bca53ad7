"""What is expected to arrive at the inspector, and what did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import requests

PATIENCE = 10.0

Arrivals = Mapping[str, Mapping[str, Counter[str]]]

# By application and person: how often which event. An exception counts by its type.
EXPECTED: Arrivals = {
    "first_event": {
        "ada": Counter({"$identify": 1, "book viewed": 1, "order paid": 1, "$set": 1}),
        "grace": Counter({"$identify": 1, "book viewed": 1, "order paid": 1, "$set": 1}),
        "katherine": Counter(
            {"$identify": 1, "book viewed": 1, "$exception PaymentDeclinedError": 1}
        ),
        "$shop_corner": Counter({"$groupidentify": 1}),
        "nobody": Counter({"shop opened": 1, "shop closed": 1}),
    },
    "django_shop": {
        "nobody": Counter({"book viewed": 2}),
        "visitor-1": Counter({"book viewed": 1}),
        # Django's people are known by their primary keys.
        "1": Counter(
            {"signed in": 1, "$set": 1, "book viewed": 1, "card charged": 1, "order paid": 1}
        ),
        "2": Counter(
            {
                "signed in": 1,
                "$set": 1,
                "book viewed": 1,
                "$exception PaymentDeclinedError": 1,
                "card charged": 1,
                "order paid": 1,
            }
        ),
    },
    "flask_notes": {
        "grace": Counter(
            {
                "signed in": 1,
                "$set": 1,
                "note written": 2,
                "note deleted": 1,
                "notes exported": 1,
                "$exception NotImplementedError": 1,
            }
        ),
        "katherine": Counter({"signed in": 1, "$set": 1, "note written": 1}),
    },
    "fastapi_chat": {
        "nobody": Counter({"room described": 1}),
        "hedy": Counter({"signed in": 1, "$identify": 1, "room entered": 1, "message sent": 2}),
        "katherine": Counter(
            {
                "signed in": 1,
                "$identify": 1,
                "room entered": 1,
                "message sent": 1,
                "$exception ZeroDivisionError": 1,
            }
        ),
    },
}

EXPECTED_TOTAL = sum(counts.total() for people in EXPECTED.values() for counts in people.values())


def count_arrivals(inspector: str) -> int:
    """Return how many events have arrived at the inspector at that address."""
    total: int = _ask(inspector, limit="1", summary="1")["total"]
    return total


def read_arrivals(inspector: str) -> dict[str, dict[str, Counter[str]]]:
    """Return what has arrived there, counted by application and person."""
    arrivals: dict[str, dict[str, Counter[str]]] = {}
    for row in _ask(inspector)["events"]:
        properties = row["event"]["properties"]
        people = arrivals.setdefault(properties.get("app", "first_event"), {})
        person = "nobody" if row["personless"] else row["distinct_id"]
        people.setdefault(person, Counter())[_label(row["name"], properties)] += 1
    return arrivals


def describe(arrivals: Arrivals) -> Iterator[str]:
    """Yield lines that tell who did what where."""
    for application, people in arrivals.items():
        yield f"\n{application}"
        for person, counts in people.items():
            done = ", ".join(
                label if times == 1 else f"{label} ({times})" for label, times in counts.items()
            )
            yield f"  {person:<13}{done}"


def differences(arrivals: Arrivals) -> list[str]:
    """Return a line for each count that is not as expected; none is good news."""
    keys = {
        (application, person, label)
        for table in (EXPECTED, arrivals)
        for application, people in table.items()
        for person, counts in people.items()
        for label in counts
    }
    return [
        f"{application}, {person}: {label}: {was}, expected {wanted}"
        for application, person, label in sorted(keys)
        if (was := _count(arrivals, application, person, label))
        != (wanted := _count(EXPECTED, application, person, label))
    ]


def _count(table: Arrivals, application: str, person: str, label: str) -> int:
    return table.get(application, {}).get(person, Counter())[label]


def _label(name: str, properties: Mapping[str, Any]) -> str:
    if name != "$exception":
        return name
    return f"$exception {properties['$exception_list'][0]['type']}"


def _ask(inspector: str, **parameters: str) -> Any:  # noqa: ANN401 (as JSON has it)
    address = f"{inspector}/api/events"
    with requests.Session() as session:
        session.trust_env = False
        return session.get(address, params=parameters, timeout=PATIENCE).json()
