"""What became of each cell of the contract's table, and the table as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

PASSED, FAILED, NOT_APPLICABLE, NOT_RUN = "✓", "✗", "\N{EN DASH}", "·"

LEGEND = (
    f"{PASSED} holds   {FAILED} fails   {NOT_RUN} was not run   "
    f"{NOT_APPLICABLE} does not apply: tests/adapters/table.py says why"
)


@dataclass(slots=True)
class Row:
    """One situation.

    Attributes:
        place: Its test's file and line, for the order.
        title: What it says.
        tests: Its tests by adapter.
    """

    place: tuple[str, int]
    title: str
    tests: dict[str, list[str]] = field(default_factory=dict)


class Record:
    """Rows, and the outcome of each test in them."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._passed: dict[str, bool] = {}

    def expect(self, item: pytest.Function) -> None:
        """Take note of a test that belongs into the table."""
        name = item.originalname
        row = self._rows.get(name)
        if row is None:
            title = name.removeprefix("test_").replace("_", " ")
            row = self._rows[name] = Row((item.location[0], item.location[1] or 0), title)
        row.tests.setdefault(item.callspec.params["adapter"], []).append(item.nodeid)

    def note(self, test: str, *, passed: bool) -> None:
        """Take note of how a phase of a test ended; one that failed decides."""
        self._passed[test] = passed and self._passed.get(test, True)

    def draw(self, columns: Sequence[str]) -> list[str]:
        """Return the table's lines; none if none of its tests ran."""
        rows = sorted(self._rows.values(), key=lambda row: row.place)
        if not any(
            test in self._passed for row in rows for tests in row.tests.values() for test in tests
        ):
            return []
        width = max(len(row.title) for row in rows)
        return [
            " ".join([" " * width, *columns]),
            *(
                " ".join(
                    [row.title.ljust(width), *(self._cell(row, name) for name in columns)]
                ).rstrip()
                for row in rows
            ),
            LEGEND,
        ]

    def _cell(self, row: Row, column: str) -> str:
        return self._sign(row.tests.get(column, [])).center(len(column))

    def _sign(self, tests: Sequence[str]) -> str:
        if not tests:
            return NOT_APPLICABLE
        outcomes = list(self._outcomes(tests))
        if not outcomes:
            return NOT_RUN
        return PASSED if all(outcomes) else FAILED

    def _outcomes(self, tests: Sequence[str]) -> Iterator[bool]:
        return (self._passed[test] for test in tests if test in self._passed)
