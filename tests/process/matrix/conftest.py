"""Notes what became of each cell, and prints the table when all is over."""

from __future__ import annotations

from typing import Any

import pytest

from tests.process.matrix.record import Record
from tests.process.matrix.servers import Cell

RECORD = Record()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Note how a test of a cell ended, and how many events it saw accepted."""
    report: pytest.TestReport = yield
    cell = getattr(item, "callspec", None) and item.callspec.params.get("cell")
    if isinstance(cell, Cell):
        events = sum(number for name, number in report.user_properties if name == "events")
        if report.failed:
            RECORD.note(cell, events=None)
        elif call.when == "call" and report.passed:
            RECORD.note(cell, events=events)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    lines = RECORD.draw()
    if lines:
        terminalreporter.section("the exit matrix")
        for line in lines:
            terminalreporter.write_line(line)
