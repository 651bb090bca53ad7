"""Which lines of code are read, and what is remembered of them."""

from __future__ import annotations

import contextlib
import linecache
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from posthog_web import Client
from posthog_web._exceptions.redaction import REDACTED
from posthog_web._exceptions.source_lines import MAX_BLOCKS, Blocks, read_around
from posthog_web.testing import RecordedEvents


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Work in a folder with another beside it along sys.path."""
    beside = tmp_path / "beside"
    beside.mkdir()
    work = tmp_path / "work"
    work.mkdir()
    sys.path.insert(0, str(beside))
    with contextlib.chdir(work):
        yield work
    sys.path.remove(str(beside))
    linecache.clearcache()


def _compiled(path: str, **names: object) -> types.FunctionType:
    namespace: dict[str, object] = {"__name__": "made", **names}
    exec(compile("def fail():\n    raise LookupError\n", path, "exec"), namespace)  # noqa: S102
    fail = namespace["fail"]
    assert isinstance(fail, types.FunctionType)
    return fail


def test_a_relative_path_is_no_reason_to_search(
    folder: Path, posthog_events: RecordedEvents
) -> None:
    """Code whose name is that of another file along sys.path is told without that one's lines."""
    other = folder.parent / "beside" / "conf.py"
    other.write_text("first = 1\nsecond = 'of another file'\n")
    client = Client("phc_test", project_root=str(folder))

    linecache.getlines("conf.py")  # as somebody's traceback does
    for namespace in ({}, {"__file__": str(other)}):
        with pytest.raises(LookupError) as caught:
            _compiled("conf.py", **namespace)()
        client.capture_exception(caught.value)

    for event in posthog_events:
        frame = event.properties["$exception_list"][0]["stacktrace"]["frames"][-1]
        assert frame["filename"] == "conf.py"
        assert "context_line" not in frame


def test_a_relative_path_of_the_modules_own_file_is_read(folder: Path) -> None:
    """A module that was imported from the working directory has its lines; its neighbour none."""
    own = folder / "conf.py"
    own.write_text("first = 1\nsecond = 2\n")

    assert read_around("conf.py", 2, {"__file__": str(own)}) == (["first = 1"], "second = 2", [])
    assert read_around("conf.py", 2, {"__file__": "conf.py"}) == (["first = 1"], "second = 2", [])
    assert read_around("conf.py", 2, {"__file__": str(folder / "other.py")}) is None
    assert read_around("conf.py", 2, {}) is None


def test_masked_lines_are_remembered_without_what_was_masked() -> None:
    """Neither the lines that were read nor the secrets in them stay in memory."""
    blocks = Blocks()
    secret = "correcthorse"
    around = (["a = 1"], f'password = "{secret}"', ["b = 2"])

    for _ in range(2):
        masked = blocks.mask(around)

        assert masked == (["a = 1"], f'password = "{REDACTED}"', ["b = 2"])
    plain = (["a = 1"], "b = password", ["c = 3"])
    assert blocks.mask(plain) is plain
    assert list(blocks._known.values()) == [
        "\n".join((*masked[0], masked[1], *masked[2])),
        None,
    ]


def test_what_is_remembered_of_lines_is_bounded() -> None:
    """Lines that are made up for each request do not pile up."""
    blocks = Blocks()
    for number in range(MAX_BLOCKS + 10):
        blocks.mask(([], f"a = {number}", []))

    assert len(blocks._known) == 10
