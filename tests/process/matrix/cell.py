"""One run: a server is asked, stopped in one way in one situation, and the events are compared."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

from posthog_web.inspector import Inspector
from tests.process.matrix.applications.captures import EACH, INSTALLS_HANDLERS
from tests.process.matrix.limits import habits_of
from tests.process.matrix.servers import MAX_REQUESTS, RECYCLING, SIGHUP, SIGINT, Cell
from tests.process.matrix.serving import End, Running, serving
from tests.process.matrix.situations import SHUTDOWN_TIMEOUT, Situation
from tests.process.matrix.traffic import Traffic

# Requests before a stop.
REQUESTS = 5

# What is not to be written because of us.
COMPLAINTS = ("posthog_web: internal error", "could not be sent", "Exception ignored")
TRACEBACK = "Traceback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of a run.

    Attributes:
        cell: Where it was.
        accepted: The ids of events that were accepted, as far as an answer told of them.
        deliveries: How often PostHog stored each event of a request, by id.
        others: The same for events of no request.
        cut: Requests whose connection was closed without an answer.
        failures: Requests that failed otherwise, in words.
        problems: What is wrong with the events themselves.
        end: How the server ended.
    """

    cell: Cell
    accepted: frozenset[str]
    deliveries: dict[str, int]
    others: dict[str, int]
    cut: int
    failures: tuple[str, ...]
    problems: tuple[str, ...]
    end: End

    @property
    def lost(self) -> frozenset[str]:
        """What was accepted, and did not arrive."""
        return self.accepted - self.deliveries.keys() - self.others.keys()

    def flaws(self) -> Iterator[str]:
        """Yield, in words, what is not as promised."""
        if self.lost:
            yield f"{len(self.lost)} of {len(self.accepted)} events were lost"
        yield from self._surplus()
        yield from (f"a request failed: {words}" for words in self.failures)
        yield from self.problems
        budget = self.cell.server.grace + SHUTDOWN_TIMEOUT
        if self.end.seconds > budget:
            yield f"the end took {self.end.seconds:.1f} s instead of {budget:.1f} s"
        yield from self._complaints()

    def _surplus(self) -> Iterator[str]:
        counts = [*self.deliveries.values(), *self.others.values()]
        if any(count != 1 for count in counts):
            yield f"{sum(count != 1 for count in counts)} events were stored more than once"
        # A view may have captured before its connection was cut.
        unexpected = len(self.deliveries.keys() - self.accepted)
        if unexpected > EACH * self.cut:
            yield f"{unexpected} events were stored that nobody accepted"

    def _complaints(self) -> Iterator[str]:
        habits = habits_of(self.cell)
        if self.cut and not any(habit.cuts for habit in habits):
            yield f"{self.cut} connections were closed without an answer"
        unwanted = COMPLAINTS
        if not any(habit.traces for habit in habits):
            unwanted = (*unwanted, TRACEBACK)
        for line in self.end.log.splitlines():
            if any(words in line for words in unwanted):
                yield f"it wrote: {line}"


def run(cell: Cell, situation: Situation) -> Run:
    """Serve an application, ask it, stop it, and return what came of it."""
    with Inspector() as inspector:
        situation.prepare(inspector)
        variables = {
            "POSTHOG_PROJECT_API_KEY": "phc_matrix",
            "POSTHOG_HOST": inspector.url,
            **situation.variables,
        }
        if cell.server.installs_handlers:
            variables[INSTALLS_HANDLERS] = "1"
        with serving(cell, variables) as running:
            traffic = Traffic(running, cell.application.path)
            traffic.wait_until_served()
            end = _stop(running, traffic, cell, situation)
        events = inspector.events()
        return Run(
            cell=cell,
            accepted=frozenset(traffic.accepted),
            deliveries=_by_id(event for event in events if event["event"] == "seen"),
            others=_by_id(event for event in events if event["event"] != "seen"),
            cut=traffic.cut,
            failures=tuple(traffic.failures),
            problems=tuple(inspector.problems()),
            end=end,
        )


def _by_id(events: Iterator[dict[str, object]]) -> dict[str, int]:
    return {event["uuid"]: event["deliveries"] for event in events}


def _stop(running: Running, traffic: Traffic, cell: Cell, situation: Situation) -> End:
    """Do what belongs to the column, until the last of the server's processes is gone."""
    server = cell.server
    if cell.stop == RECYCLING and not server.survives:
        traffic.request(MAX_REQUESTS - 1)
        return running.end(since=monotonic())
    if cell.stop == RECYCLING:
        traffic.flow_until_answered_by(server.workers + 2)
    else:
        # None is stopped while it starts.
        traffic.flow_until_answered_by(server.workers)
    if cell.stop == SIGHUP:
        running.tell(signal.SIGHUP)
        traffic.flow_until_answered_by(2 * server.workers)
    elif cell.stop != RECYCLING:
        traffic.request(REQUESTS)
    told = monotonic()
    running.tell(signal.SIGINT if cell.stop == SIGINT else signal.SIGTERM, to_all=situation.to_all)
    return running.end(since=told)
