"""Gives the tests a shop with books; pytest-django would do it with less."""

from __future__ import annotations

import os
from collections.abc import Iterator

import django
import pytest
from django.core.management import call_command
from django.test.utils import (
    setup_databases,
    setup_test_environment,
    teardown_databases,
    teardown_test_environment,
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
django.setup()


@pytest.fixture(scope="session", autouse=True)
def _shop() -> Iterator[None]:
    """Open a shop in memory."""
    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    call_command("seed", verbosity=0)
    yield
    teardown_databases(databases, verbosity=0)
    teardown_test_environment()
