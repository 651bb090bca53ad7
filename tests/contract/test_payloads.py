"""What PostHog is sent about an exception is, word for word, what was reviewed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.golden import CASES, PAYLOADS, normalise, read, record


@pytest.mark.parametrize("case", CASES)
@pytest.mark.spec("SRV-283", "SRV-287", "SRV-295", "SRV-296", "SRV-297")
def test_a_report_is_as_it_was_reviewed(case: str) -> None:
    """The whole event, but for what differs from run to run; ``tools.golden --write`` renews it."""
    assert record(case) == read(case)


def test_every_payload_has_its_case() -> None:
    """No file is left of a case that is no more."""
    assert {path.stem for path in PAYLOADS.iterdir()} == set(CASES)


def find_key(value: Any, key: str) -> bool:
    """Return whether *key* is anywhere in *value*."""
    if isinstance(value, dict):
        return key in value or any(find_key(one, key) for one in value.values())
    return isinstance(value, list) and any(find_key(one, key) for one in value)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.spec("SRV-303", "SRV-326", "SRV-327", "SRV-313")
def test_nothing_is_said_that_is_not_known(case: str) -> None:
    """No field is null or empty but for messages and lists, and none belongs to PostHog."""
    properties = read(case)["properties"]

    assert "null" not in json.dumps(properties)
    for name in ("types", "values", "sources", "functions", "handled", "issue_id", "release"):
        assert not find_key(properties, f"$exception_{name}")
    assert not find_key(properties, "$debug_images")


def test_little_is_normalised() -> None:
    """What says something stays: lines, functions, messages, and anybody's own properties."""
    frame = {
        "abs_path": str(Path(__file__).parent / "failures" / "simple.py"),
        "filename": "simple.py",
        "lineno": 7,
        "context_line": "raise",
        "in_app": True,
    }
    library = {
        "abs_path": "/lib/json/decoder.py",
        "filename": "json/decoder.py",
        "function": "decode",
        "lineno": 9,
        "pre_context": [],
        "in_app": False,
    }
    expected = [
        {**frame, "abs_path": "<root>/tests/contract/failures/simple.py"},
        {**library, "abs_path": "str", "lineno": "int", "pre_context": "list", "<times>": 2},
    ]
    event = {
        "uuid": "1",
        "timestamp": "now",
        "distinct_id": "user-1",
        "properties": {
            "plan": "pro",
            "$os": "Linux",
            "$exception_list": [
                {"stacktrace": {"frames": [{"filename": "runner"}, frame, library, library]}}
            ],
        },
    }

    assert normalise(event) == {
        "uuid": "<uuid>",
        "timestamp": "<timestamp>",
        "distinct_id": "user-1",
        "properties": {"plan": "pro", "$exception_list": [{"stacktrace": {"frames": expected}}]},
    }
