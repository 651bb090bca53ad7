"""What no library can keep under some servers, with the reason; and what servers do by themselves.

Each sentence here is printed under the table, and is in docs/deployment.md in other words.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.process.matrix.servers import RECYCLING, SIGHUP, SIGINT, SIGTERM, Cell
from tests.process.matrix.situations import SITUATIONS, TO_ALL, Situation

UWSGI = ("uwsgi", "uwsgi --threads", "uwsgi --lazy-apps")
HYPERCORN = ("hypercorn wsgi", "hypercorn asgi")
GEVENT = ("gunicorn gevent", "gunicorn gevent --preload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What cannot hold.

    Attributes:
        servers: Where.
        stops: When.
        situations: In which situations, by name; all of them if there is none.
        because: What is lost, and why.
        certain: Whether it is lost each time, so that a test can tell when this is no longer true.
    """

    servers: tuple[str, ...]
    stops: tuple[str, ...]
    situations: tuple[str, ...] = ()
    because: str
    certain: bool = True

    def covers(self, cell: Cell, situation: Situation) -> bool:
        """Return whether *cell* cannot hold in *situation*."""
        return (
            cell.server.name in self.servers
            and cell.stop in self.stops
            and (not self.situations or situation.name in self.situations)
        )


LIMITS = (
    Limit(
        servers=("waitress",),
        stops=(SIGTERM,),
        because="waitress leaves SIGTERM to its default action: the process is gone, with all that "
        "is queued, before any Python runs; posthog_web.install_signal_handlers() helps",
    ),
    Limit(
        servers=HYPERCORN,
        stops=(SIGTERM,),
        situations=(TO_ALL.name,),
        because="hypercorn's workers leave SIGTERM to its default action, so what they queued is "
        "lost if it is sent to them, not to the main process alone (systemd: KillMode=mixed)",
    ),
    Limit(
        servers=UWSGI,
        stops=(SIGTERM,),
        situations=(TO_ALL.name,),
        certain=False,
        because="uWSGI's workers take a SIGTERM of their own for an order to drop everything: "
        "those in a request skip all exit handlers (systemd: KillMode=mixed)",
    ),
    Limit(
        servers=UWSGI,
        stops=(SIGINT,),
        certain=False,
        because="uWSGI takes SIGINT for an order to drop everything: workers that are not done "
        "with a request skip all exit handlers, and what they queued is lost",
    ),
    Limit(
        servers=("granian wsgi",),
        stops=(SIGTERM, SIGINT),
        situations=(TO_ALL.name,),
        certain=False,
        because="granian's WSGI worker, told by the terminal or systemd and by its parent at once, "
        "at times never ends; so it does without us (systemd: KillMode=mixed)",
    ),
    Limit(
        servers=("gunicorn uvicorn worker",),
        stops=(SIGINT,),
        situations=tuple(
            situation.name for situation in SITUATIONS[SIGINT] if situation is not TO_ALL
        ),
        certain=False,
        because="sent to gunicorn's main process alone, SIGINT never ends its uvicorn workers: "
        "they are killed after --graceful-timeout; Ctrl-C reaches all processes and is fine",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """What a server does by itself, with or without us.

    Attributes:
        servers: Which.
        stops: When.
        cuts: Whether it closes connections it has accepted, unanswered.
        traces: Whether it writes tracebacks.
        because: Why.
    """

    servers: tuple[str, ...]
    stops: tuple[str, ...]
    cuts: bool = False
    traces: bool = False
    because: str


HABITS = (
    Habit(
        servers=("gunicorn uvicorn worker", "uvicorn, two workers"),
        stops=(SIGHUP, RECYCLING),
        cuts=True,
        because="uvicorn closes connections it has accepted but not read from when it stops",
    ),
    Habit(
        servers=HYPERCORN,
        stops=(SIGHUP, RECYCLING),
        cuts=True,
        traces=True,
        because="hypercorn cancels connections it has accepted when it replaces a worker",
    ),
    Habit(
        servers=("granian wsgi", "granian asgi"),
        stops=(RECYCLING,),
        cuts=True,
        because="granian resets a connection now and then when it replaces a worker",
    ),
    Habit(
        servers=GEVENT,
        stops=(SIGINT,),
        traces=True,
        because="gunicorn's handler of a second SIGINT raises SystemExit while gevent shuts down",
    ),
)


def limit_of(cell: Cell, situation: Situation) -> Limit | None:
    """Return why *cell* cannot hold in *situation*, or None."""
    return next((limit for limit in LIMITS if limit.covers(cell, situation)), None)


def habits_of(cell: Cell) -> list[Habit]:
    """Return what the server of *cell* does by itself at its stop."""
    return [
        habit for habit in HABITS if cell.server.name in habit.servers and cell.stop in habit.stops
    ]


def situations_of(cell: Cell) -> list[Situation]:
    """Return the situations in which *cell* has to hold."""
    return [situation for situation in SITUATIONS[cell.stop] if limit_of(cell, situation) is None]
