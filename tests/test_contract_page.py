"""The page of what every adapter does says what the tests say, and the oldest versions are old."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from tools.contract_page import Situation, describe_oldest, render

PROJECT: dict[str, Any] = tomllib.loads(
    Path(__file__).parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8")
)


def situation(name: str, sentence: str, chapter: str, *adapters: str) -> Situation:
    """Return a row."""
    return Situation(name=name, sentence=sentence, chapter=chapter, adapters=frozenset(adapters))


def test_each_chapter_is_a_table() -> None:
    """A row has its sentence, a sign for each adapter, and the reason where there is none."""
    page = render(
        [
            situation("test_a", "It is so.", "First.", "One", "Two"),
            situation("test_b", "a | b is so.", "Second: the rest.", "Two"),
        ],
        {("test_b", "One"): "one has no pipes"},
        ("One", "Two"),
    )

    assert page.splitlines() == [
        "",
        "## First",
        "",
        "| situation | One | Two |",
        "|---|:-:|:-:|",
        "| It is so. | ✓ | ✓ |",
        "",
        "## Second: the rest",
        "",
        "| situation | One | Two |",
        "|---|:-:|:-:|",
        "| a \\| b is so.<br>*\N{EN DASH}: one has no pipes* | \N{EN DASH} | ✓ |",
    ]


def test_a_reason_is_said_once() -> None:
    """Two adapters that lack a situation for the same reason share it."""
    row = situation("test_a", "It is so.", "First.", "Three")
    reasons = {("test_a", "One"): "no", ("test_a", "Two"): "no"}

    assert render([row], reasons, ("One", "Two", "Three")).count(": no*") == 1


def test_the_oldest_versions_are_the_oldest_declared() -> None:
    """What `make test-slow` installs as oldest is what pyproject.toml asks for at least."""
    asked = [
        *PROJECT["project"]["dependencies"],
        *(one for extra in PROJECT["project"]["optional-dependencies"].values() for one in extra),
    ]
    least = dict(one.partition(";")[0].strip().split(">=") for one in asked)
    oldest = dict(
        one.partition(";")[0].strip().split("==")
        for one in PROJECT["dependency-groups"]["oldest"]
        if isinstance(one, str)
    )

    # FastAPI is no extra of ours, and what compresses has no part in a request.
    assert least.items() - oldest.items() == {("zstandard", least["zstandard"])}
    assert oldest.keys() - least.keys() == {"fastapi"}


def test_the_page_names_the_oldest() -> None:
    """The reader learns which versions the table holds for."""
    said = describe_oldest(PROJECT)

    assert "Django 4.2" in said
    assert "Starlette 0.40" in said
