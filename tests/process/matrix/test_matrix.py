"""Under every server, and however it ends: what was accepted arrives, once, in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.process.matrix.cell import Run, run
from tests.process.matrix.limits import UWSGI, limit_of, situations_of
from tests.process.matrix.servers import CELLS, RECYCLING, SERVERS, SIGHUP, SIGTERM, Cell
from tests.process.matrix.situations import QUEUED, SITUATIONS, Situation

RELOADED = "Flask, gunicorn gthread"

# Servers that run at the same time, for situations of one cell.
AT_ONCE = 4

# One cell for each server that `make test` installs, by turns with Django and without; a reload and
# a recycling.
QUICK = [
    cell
    for number, server in enumerate(SERVERS.values())
    for cell in [cell for cell in CELLS if (cell.server, cell.stop) == (server, SIGTERM)][
        number % 2 :
    ][:1]
    if server.name not in UWSGI and situations_of(cell)
] + [cell for cell in CELLS if cell.row == RELOADED and cell.stop in {SIGHUP, RECYCLING}]

Note = Callable[[str, object], None]


def is_certainly_lost(cell: Cell, situation: Situation) -> bool:
    """Return whether events are lost each time."""
    limit = limit_of(cell, situation)
    return limit is not None and limit.certain


CERTAIN = [
    cell for cell in CELLS if any(is_certainly_lost(cell, one) for one in SITUATIONS[cell.stop])
]


def run_all(cell: Cell, situations: Sequence[Situation]) -> dict[str, Run]:
    """Run a cell in several situations at once, each with a server and a PostHog of its own."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = pool.map(lambda situation: run(cell, situation), situations)
        return dict(zip((situation.name for situation in situations), runs, strict=True))


def judge(runs: dict[str, Run], note: Note) -> None:
    """Note the number of events, and fail with all that is wrong and what the servers wrote."""
    note("events", sum(len(one.accepted) for one in runs.values()))
    flaws = {name: found for name, one in runs.items() if (found := list(one.flaws()))}
    logs = "\n".join(f"--- {name}\n{runs[name].end.log[-4000:]}" for name in flaws)
    assert not flaws, f"{flaws}\n{logs}"


@pytest.mark.parametrize("cell", QUICK, ids=str)
def test_a_server_told_to_stop_delivers(cell: Cell, record_property: Note) -> None:
    """A server stopped at once, with events nothing but the end can send: they arrive."""
    judge(run_all(cell, [QUEUED]), record_property)


@pytest.mark.slow
@pytest.mark.parametrize("cell", [cell for cell in CELLS if situations_of(cell)], ids=str)
def test_every_server_delivers_at_every_end(cell: Cell, record_property: Note) -> None:
    """Every stop, in every situation: all arrives, once, in time, and nothing is complained of."""
    judge(run_all(cell, situations_of(cell)), record_property)


@pytest.mark.slow
@pytest.mark.parametrize("cell", CERTAIN, ids=str)
def test_what_cannot_hold_does_not(cell: Cell) -> None:
    """What is said to be lost is lost: else the page of limits is to be corrected."""
    situations = [one for one in SITUATIONS[cell.stop] if is_certainly_lost(cell, one)]

    assert [name for name, one in run_all(cell, situations).items() if not one.lost] == []
