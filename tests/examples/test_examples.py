"""Each example proves itself, with the tests a reader finds beside it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.examples.running_demo import EXAMPLES

NAMES = ("django_shop", "flask_notes", "fastapi_chat")


@pytest.mark.parametrize("name", NAMES)
def test_the_tests_of_an_example_pass(name: str) -> None:
    """They run as its README says: in its folder, in a process of their own."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=EXAMPLES / name,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_read_in_five_minutes(name: str) -> None:
    """Its README has about fifteen lines, and its Python fewer than four hundred."""
    readme = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    python = [
        path
        for path in (EXAMPLES / name).rglob("*.py")
        if path.parent.name not in {"migrations", "commands"} and not path.name.startswith("test_")
    ]

    assert len(readme.splitlines()) <= 20
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in python) < 400
