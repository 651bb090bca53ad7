"""docs/deployment.md is about the servers of the matrix, and knows their limits."""

from __future__ import annotations

import re

import pytest

from tests.process.matrix.limits import HABITS, LIMITS, Habit, Limit
from tests.process.matrix.servers import SERVERS
from tests.process.matrix.serving import ROOT

PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")


def first_word(name: str) -> str:
    """Return the name of the program in a server's name."""
    return re.split(r"[ ,]", name)[0]


def test_the_page_has_a_row_for_every_server() -> None:
    """Each server of the matrix has a row in the page's table, and each row is of one of them."""
    rows = set(re.findall(r"^\| `([a-z]+)`", PAGE, re.MULTILINE))

    assert rows == {first_word(name) for name in SERVERS}


@pytest.mark.parametrize("note", [*LIMITS, *HABITS], ids=lambda note: note.because[:40])
def test_what_a_server_cannot_is_on_the_page(note: Limit | Habit) -> None:
    """A paragraph or point of the page names the server and the end it is about."""
    words = {"recycling": "max-requests", "SIGINT": "Ctrl-C|SIGINT"}
    paragraphs = [text for text in re.split(r"\n\n|\n- ", PAGE) if not text.startswith("|")]
    for server in {first_word(name) for name in note.servers}:
        for stop in note.stops:
            sign = re.compile(f"(?s)(?=.*(?i:{server}))(?=.*(?:{words.get(stop, stop)}))")
            assert any(sign.match(paragraph) for paragraph in paragraphs), (server, stop)
