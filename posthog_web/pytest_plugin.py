"""Fixtures for tests of applications that use posthog_web; pytest loads this by itself.

Only what a fixture needs is imported, when it is used: a plugin is loaded in every test run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from posthog_web.testing import RecordedEvents


@pytest.fixture
def posthog_events() -> Generator[RecordedEvents]:
    """Events captured during the test, recorded instead of sent."""
    from posthog_web.testing import record_events  # noqa: PLC0415 - see the module

    with record_events() as events:
        yield events
