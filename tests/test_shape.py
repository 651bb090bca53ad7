"""Nothing here is larger than a reader can hold, and tests use real parts, not patches."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import posthog_web

PACKAGE = Path(posthog_web.__file__).parent
TESTS = Path(__file__).parent

MOST_MODULE_LINES = 400
MOST_FUNCTION_LINES = 50  # The docstring left out.
MOST_PATCH_LINES = 10  # In all tests together.

# Names under which things gather that have no name.
SAYS_NOTHING = {"common", "helpers", "misc", "utils"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield str(path.relative_to(PACKAGE.parent)), path.read_text(encoding="utf-8")


def test_modules_are_short() -> None:
    """A module has at most 400 lines, docstrings included."""
    lengths = {name: len(text.splitlines()) for name, text in modules()}

    assert {} == {name: length for name, length in lengths.items() if length > MOST_MODULE_LINES}


def test_functions_are_short() -> None:
    """A function has at most 50 lines, its docstring left out."""
    lengths = {
        f"{name}:{node.lineno} {node.name}": length_of(node)
        for name, text in modules()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, Function)
    }

    assert {} == {name: length for name, length in lengths.items() if length > MOST_FUNCTION_LINES}


def test_modules_are_named_after_what_they_hold() -> None:
    """No module or package is called utils, helpers, common or misc."""
    names = {part for name, _ in modules() for part in Path(name).with_suffix("").parts}

    assert not {name for name in names if name.strip("_") in SAYS_NOTHING}


def test_tests_hardly_patch() -> None:
    """All tests together patch on at most ten lines."""
    patches = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        for line in sorted(patch_lines(path.read_text(encoding="utf-8")))
    ]

    assert len(patches) <= MOST_PATCH_LINES, "\n".join(patches)


def test_the_ruler_leaves_the_docstring_out() -> None:
    """A function's length runs from its head to its end, without decorators and docstring."""
    text = '@decorated\ndef long(\n    one,\n):\n    """Two\n    lines."""\n\n    return one\n'

    [function] = ast.parse(text).body

    assert isinstance(function, ast.FunctionDef)
    assert length_of(function) == 5


def test_the_count_finds_every_kind_of_patch() -> None:
    """Patching is found by its names; a request with the verb PATCH is none."""
    text = """
def test_one(monkeypatch):
    monkeypatch.setattr(a, "b", c)
    with patch("x"), mock.patch.object(a, "b"):
        mocker.patch("x")
    client.patch("/resource")
"""

    assert patch_lines(text) == {2, 3, 4, 5}


def length_of(function: Function) -> int:
    """Return a function's lines, its docstring left out."""
    end = function.end_lineno or function.lineno
    length = end - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        length -= (docstring.end_lineno or 0) - docstring.lineno + 1
    return length


def patch_lines(text: str) -> set[int]:
    """Return the numbers of the lines that replace a real part by another."""
    return {
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.arg | ast.Name | ast.Attribute) and _patches(node)
    }


def _patches(node: ast.arg | ast.Name | ast.Attribute) -> bool:
    match node:
        case ast.arg(arg="monkeypatch") | ast.Name(id="monkeypatch" | "patch"):
            return True
        case ast.Attribute(attr="MonkeyPatch"):
            return True
        case ast.Attribute(value=ast.Name(id="mock" | "mocker"), attr="patch"):
            return True
        case ast.Attribute(value=ast.Attribute(attr="mock"), attr="patch"):
            return True
    return False
