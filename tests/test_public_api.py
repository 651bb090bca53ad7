"""What posthog_web offers changes only on purpose, and every piece of it says what it is for."""

from __future__ import annotations

import builtins
from difflib import unified_diff
from typing import Any

import pytest

from tools.public_api import SNAPSHOT, list_names, list_undocumented

RENEWAL = "Meant so? Renew tests/public_api.txt: python tools/public_api.py --write"


def test_the_public_names_are_those_of_the_snapshot() -> None:
    """Names, kinds and signatures are the ones in tests/public_api.txt."""
    known = SNAPSHOT.read_text(encoding="utf-8").splitlines() if SNAPSHOT.exists() else []

    changes = list(unified_diff(known, list_names(), "snapshot", "now", n=0, lineterm=""))

    if changes:
        pytest.fail("\n".join([RENEWAL, *changes]), pytrace=False)


def test_everything_public_has_a_docstring() -> None:
    """Classes, functions, methods and properties explain themselves."""
    assert [] == list_undocumented()


def test_a_star_import_hides_no_builtin() -> None:
    """``from posthog_web import *`` brings no ``set``, nor anything else Python has already."""
    namespace: dict[str, Any] = {}

    exec("from posthog_web import *", namespace)  # noqa: S102 - a star import fits nowhere else

    assert "capture" in namespace
    assert not set(namespace).intersection(dir(builtins))
