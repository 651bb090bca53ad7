"""Level, source, mechanism and fingerprint: what is valid is kept, what is not goes alone."""

from __future__ import annotations

import enum
import logging
from typing import Any

import pytest

from posthog_web._exceptions.metadata import (
    IN_CODE,
    Boundary,
    describe_event,
    describe_mechanism,
    read_fingerprint,
    read_level,
    seal,
)
from tests.exceptions.reserved import RESERVED_NAMES

UNKNOWN = Boundary(kind=None, handled=None, level=None)
ENTRY = {"type": "ValueError", "value": "no", "mechanism": {"exception_id": 0}}


@pytest.mark.parametrize(
    ("given", "level"),
    [
        *((name, "fatal") for name in ("fatal", "critical", "alert", "emergency", "CRITICAL")),
        *((name, "warning") for name in ("warning", "warn", " Warning ")),
        *((name, "info") for name in ("info", "notice")),
        *((name, "debug") for name in ("debug", "trace")),
        ("error", "error"),
        ("log", "log"),
        (logging.CRITICAL, "fatal"),
        (logging.ERROR, "error"),
        (35, "warning"),
        (logging.INFO, "info"),
        (5, "debug"),
        *((value, None) for value in ("", "loud", None, True, 1.5, ["error"], b"error")),
    ],
)
@pytest.mark.spec("SRV-317")
def test_levels_are_brought_to_posthogs(given: object, level: str | None) -> None:
    """Other names for a level, and logging's numbers, become PostHog's; what is none is none."""
    assert read_level(given) == level


@pytest.mark.spec("SRV-304")
def test_a_mechanism_keeps_what_it_is_given() -> None:
    """All six known fields pass as they are, and so does what only this platform knows."""
    given = {
        "type": "task",
        "handled": False,
        "source": "cause",
        "synthetic": False,
        "exception_id": 3,
        "parent_id": 1,
        "meta": {"errno": {"number": 2}},
        "is_exception_group": True,
    }

    assert describe_mechanism(0, given) == given


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", ""),
        ("type", 7),
        ("handled", "yes"),
        ("handled", None),
        ("source", " "),
        ("synthetic", 1),
        ("exception_id", -1),
        ("exception_id", True),
        ("parent_id", "0"),
        ("meta", None),
    ],
)
@pytest.mark.spec("SRV-305", "SRV-303")
def test_a_malformed_field_goes_alone(field: str, value: object) -> None:
    """It is left out, not replaced by a placeholder, and its siblings stay."""
    good = {"type": "task", "handled": False, "source": "cause", "parent_id": 0}
    expected = {key: one for key, one in good.items() if key != field} | {"exception_id": 4}

    assert describe_mechanism(4, {**good, field: value}) == expected


@pytest.mark.spec("SRV-306")
def test_of_what_nothing_is_known_nothing_is_said() -> None:
    """Without metadata a mechanism has its number and an event its exceptions, and no more."""
    assert describe_mechanism(0, {}) == {"exception_id": 0}
    assert describe_event([ENTRY], UNKNOWN) == {
        "$exception_list": [ENTRY],
        "$exception_type": "ValueError",
        "$exception_message": "no",
    }


@pytest.mark.parametrize(
    "source",
    ["django", "Django.middleware", "django.middleware.v5", "a.b c", "/app.py", "", "a.", 7],
)
@pytest.mark.spec("SRV-309", "SRV-305")
def test_a_source_is_a_technology_and_a_hook(source: Any) -> None:
    """Anything else, which may be a version, a path or a value, is left out."""
    described = describe_event([ENTRY], Boundary(source=source, level="loud"))

    assert described.keys() == {"$exception_list", "$exception_type", "$exception_message"}


@pytest.mark.spec("SRV-308", "SRV-318")
def test_a_boundary_names_itself() -> None:
    """Its source and level are the event's; a call in code has no source, and is an error."""
    met = describe_event([ENTRY], Boundary(source="python.sys_excepthook", level="critical"))
    in_code = describe_event([ENTRY], IN_CODE)

    assert met["$exception_source"] == "python.sys_excepthook"
    assert met["$exception_level"] == "fatal"
    assert in_code["$exception_level"] == "error"
    assert "$exception_source" not in in_code


@pytest.mark.parametrize("value", ["", "  ", None, 7, True, ["a"], b"a"])
@pytest.mark.spec("SRV-324")
def test_a_fingerprint_is_a_name(value: object) -> None:
    """What is no text, or an empty one, is no fingerprint, wherever it comes from."""
    assert read_fingerprint(value) is None
    assert "$exception_fingerprint" not in describe_event(
        [ENTRY],
        Boundary(fingerprint=value),  # type: ignore[arg-type]
    )
    assert seal({"$exception_fingerprint": value}, {}) == {}


@pytest.mark.spec("SRV-322", "SRV-326", "SRV-313")
def test_what_is_reserved_comes_from_the_description_alone() -> None:
    """Nobody's properties replace the description, nor add what PostHog derives from it."""
    anybodys = dict.fromkeys(RESERVED_NAMES, "mine") | {
        "plan": "pro",
        "$exception_fingerprint": "f",
    }

    sealed = seal(anybodys, describe_event([ENTRY], UNKNOWN))

    assert sealed == {
        "plan": "pro",
        "$exception_fingerprint": "f",
        "$exception_list": [ENTRY],
        "$exception_type": "ValueError",
        "$exception_message": "no",
    }


class Odd(str):
    """Text that is equal to nothing but itself."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return self is other


class Named(enum.Enum):
    ISSUE = "$exception_issue_id"
    PLAN = "plan"


@pytest.mark.spec("SRV-322", "SRV-326")
def test_a_key_is_judged_as_it_is_sent() -> None:
    """Text that denies what it is, and members of an Enum, are the names they become."""
    odd = {Odd(name): "mine" for name in RESERVED_NAMES} | {Odd("city"): "Berlin"}

    sealed = seal({**odd, Named.ISSUE: "mine", Named.PLAN: "pro", 7: "seven"}, {})

    assert sealed == {"city": "Berlin", "plan": "pro", "7": "seven"}
    assert {type(key) for key in sealed} == {str}
