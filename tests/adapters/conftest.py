"""Runs every row of the contract for each adapter, and prints the table when all is over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from posthog_web.testing import RecordedEvents
from tests.adapters.apps.views import STAGE
from tests.adapters.record import Record
from tests.adapters.situation import Starter
from tests.adapters.table import ADAPTERS, Adapter, applies
from tests.adapters.versions import describe_versions

RECORD = Record()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for an adapter once for each it applies to."""
    if "adapter" in metafunc.fixturenames:
        names = [name for name in ADAPTERS if applies(metafunc.function.__name__, name)]
        metafunc.parametrize("adapter", names, indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note all rows, before some tests are taken away."""
    for item in items:
        if isinstance(item, pytest.Function) and "adapter" in item.fixturenames:
            RECORD.expect(item)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note how a phase of a test ended."""
    RECORD.note(report.nodeid, passed=report.outcome != "failed")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    lines = RECORD.draw(tuple(ADAPTERS))
    if lines:
        terminalreporter.section("the adapters' contract")
        terminalreporter.write_line(describe_versions())
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Return one adapter after the other."""
    return ADAPTERS[request.param]


@pytest.fixture
def start(adapter: Adapter) -> Iterator[Starter]:
    """Start the adapter's application in process, as often as the test likes."""
    with Starter(adapter) as starter:
        yield starter
    STAGE.reset()


@pytest.fixture
def events(posthog_events: RecordedEvents) -> RecordedEvents:
    """Return what is captured, recorded in process."""
    return posthog_events
