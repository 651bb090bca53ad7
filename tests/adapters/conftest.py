"""Runs every row for every adapter it applies to, and prints the table when all is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.adapters.apps.application import Application
from tests.adapters.apps.views import STAGE, Stage
from tests.adapters.record import Record
from tests.adapters.start import Start
from tests.adapters.table import ADAPTERS, Adapter, applies

RECORD = pytest.StashKey[Record]()


def pytest_configure(config: pytest.Config) -> None:
    """Start recording."""
    config.stash[RECORD] = Record()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for an adapter once for each."""
    if "adapter" in metafunc.fixturenames:
        names = [name for name in ADAPTERS if applies(metafunc.function.__name__, name)]
        metafunc.parametrize("adapter", names, ids=names, indirect=True)
