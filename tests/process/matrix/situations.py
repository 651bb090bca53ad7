"""What a stopped server meets: when its events would have left, and how PostHog answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from posthog_web.inspector import Inspector
from tests.process.matrix.servers import RECYCLING, SIGHUP, SIGINT, SIGTERM

# Only an end can send within this time.
ONLY_THE_END: Mapping[str, str] = {"POSTHOG_FLUSH_AT": "1000", "POSTHOG_FLUSH_INTERVAL": "30"}

# Seconds a process may take for our events, if nobody says otherwise.
SHUTDOWN_TIMEOUT = 5.0


def _late(inspector: Inspector) -> None:
    inspector.answer(200, delay=0.2)


def _very_late(inspector: Inspector) -> None:
    inspector.answer(200, delay=1.5)


def _refuse_first(inspector: Inspector) -> None:
    inspector.answer(503, times=1)
    _late(inspector)


def _close_first(inspector: Inspector) -> None:
    inspector.answer(close=True, times=1)
    _late(inspector)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One situation.

    Attributes:
        name: What it is called in a message.
        prepare: Tells PostHog how to answer.
        variables: The server's environment.
        to_all: Whether the signal goes to all processes at once, as systemd or a terminal sends it.
    """

    name: str
    prepare: Callable[[Inspector], None] = _late
    variables: Mapping[str, str] = field(default_factory=lambda: ONLY_THE_END)
    to_all: bool = False


QUEUED = Situation(name="only the end sends")
EAGER = Situation(name="events are on their way", variables={})

TO_ALL = Situation(name="all processes are told", to_all=True)

SITUATIONS: Mapping[str, tuple[Situation, ...]] = {
    SIGTERM: (
        QUEUED,
        EAGER,
        TO_ALL,
        Situation(name="PostHog answers after 1.5 s", prepare=_very_late),
        Situation(name="PostHog refuses the first request", prepare=_refuse_first),
        Situation(name="PostHog closes the first connection", prepare=_close_first),
    ),
    SIGINT: (QUEUED, EAGER, TO_ALL),
    SIGHUP: (QUEUED, EAGER),
    RECYCLING: (QUEUED, EAGER),
}
