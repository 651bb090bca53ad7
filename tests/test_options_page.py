"""The page of options has all of them, under the headings they have in the source."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pytest

from posthog_web._config import ClientOptions, WebOptions, kinds
from posthog_web._config.options import option
from tools.options_page import as_cell, render, show, write_page


@dataclass(frozen=True, slots=True, kw_only=True)
class SomeOptions:
    """Options as they are written."""

    # The first ones
    first: int = option(kinds.whole(1), 10_000, "Its unit.")

    # Others
    second: bool | None = option(kinds.FLAG, None, "None: as first_of_all() says.")


def test_options_stand_below_their_headings() -> None:
    """A comment between options begins a table; a row has all that is known of one."""
    assert render(SomeOptions).splitlines() == [
        "### The first ones",
        "",
        "| option | takes | default | meaning |",
        "|---|---|---|---|",
        "| `first` | a whole number of at least 1 | `10_000` | Its unit. |",
        "",
        "### Others",
        "",
        "| option | takes | default | meaning |",
        "|---|---|---|---|",
        "| `second` | `True` or `False` | `None` | `None`: as `first_of_all()` says. |",
    ]


def test_every_option_has_one_row() -> None:
    """None is missing, and none is there twice."""
    rows = [line.split("`")[1] for line in write_page().splitlines() if line.startswith("| `")]

    assert rows == [item.name for cls in (ClientOptions, WebOptions) for item in fields(cls)]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("routes such as '/item/<int:number>'", "routes such as `'/item/<int:number>'`"),
        ("never below flush_at.", "never below `flush_at`."),
        ("unless a_b=False", "unless `a_b=False`"),
        ("such as range(500, 600) (the first)", "such as `range(500, 600)` (the first)"),
        ("one | two", "one \\| two"),
    ],
)
def test_what_is_code_is_shown_as_code(text: str, cell: str) -> None:
    """Names and quoted texts are code, so that no mark in them sets type."""
    assert as_cell(text) == cell


@pytest.mark.parametrize(
    ("default", "cell"),
    [
        (1_048_576, "`1_048_576`"),
        (0.5, "`0.5`"),
        ((), "`()`"),
        (("^__",), "`('^__',)`"),
        (tuple(range(500, 600)), "`range(500, 600)`"),
        (("a|b", "c", "d", "e"), "`('a\\|b', 'c', 'd', …)`"),
        ((500, 502, 503, 504), "`(500, 502, 503, …)`"),
    ],
)
def test_a_default_is_written_as_in_code(default: object, cell: str) -> None:
    """Long numbers have their groups, many statuses are a range, and long lists are cut."""
    assert show(default) == cell
