"""What became of each cell, and the table as text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from string import ascii_lowercase

from tests.adapters.record import FAILED, NOT_APPLICABLE, NOT_RUN, PASSED
from tests.process.matrix.limits import HABITS, LIMITS, habits_of, limit_of, situations_of
from tests.process.matrix.servers import CELLS, STOPS, Cell
from tests.process.matrix.situations import SITUATIONS

LEGEND = (
    f"{PASSED} n: all n accepted events arrived, once, in time   {FAILED} fails   "
    f"{NOT_RUN} was not run   {NOT_APPLICABLE} the server knows no such end, or see the letter"
)
WIDTH = 14
NOTES = (*LIMITS, *HABITS)
LETTERS = {note.because: letter for note, letter in zip(NOTES, ascii_lowercase, strict=False)}


class Record:
    """The outcome of each cell that was run."""

    def __init__(self) -> None:
        self._events: dict[Cell, int] = {}
        self._failed: set[Cell] = set()

    def note(self, cell: Cell, *, events: int | None) -> None:
        """Take note of one test of a cell; None for the number of events: it failed."""
        if events is None:
            self._failed.add(cell)
        else:
            self._events[cell] = self._events.get(cell, 0) + events

    def draw(self) -> list[str]:
        """Return the table's lines; none if no cell was run."""
        if not self._events and not self._failed:
            return []
        rows: dict[str, dict[str, Cell]] = {}
        for cell in CELLS:
            rows.setdefault(cell.row, {})[cell.stop] = cell
        width = max(map(len, rows))
        head = " ".join([" " * width, *(stop.ljust(WIDTH) for stop in STOPS)])
        return [
            head.rstrip(),
            *(
                " ".join(
                    [row.ljust(width), *(self._show(cells.get(stop)) for stop in STOPS)]
                ).rstrip()
                for row, cells in rows.items()
            ),
            LEGEND,
            *(f"{letter}: {because}" for because, letter in LETTERS.items()),
        ]

    def _show(self, cell: Cell | None) -> str:
        letters = "" if cell is None else "".join(letters_of(cell))
        return f"{self._sign(cell)} {letters}".ljust(WIDTH)

    def _sign(self, cell: Cell | None) -> str:
        if cell is None or not situations_of(cell):
            return NOT_APPLICABLE
        if cell in self._failed:
            return FAILED
        if cell in self._events:
            return f"{PASSED} {self._events[cell]}"
        return NOT_RUN


def letters_of(cell: Cell) -> Iterator[str]:
    """Yield the letters of the notes on a cell."""
    limits = {limit_of(cell, situation) for situation in SITUATIONS[cell.stop]} - {None}
    habits = habits_of(cell)
    return (LETTERS[note.because] for note in NOTES if note in chain(limits, habits))
