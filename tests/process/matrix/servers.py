"""The rows of the matrix: each server, how it is started, and which ends it knows."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Where their commands are: not every server can be run as a module.
BIN = Path(sys.executable).parent

APPLICATIONS = "tests.process.matrix.applications"

# The columns.
SIGTERM, SIGINT, SIGHUP, RECYCLING = "SIGTERM", "SIGINT", "SIGHUP", "recycling"
STOPS = (SIGTERM, SIGINT, SIGHUP, RECYCLING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A framework's application.

    Attributes:
        name: What the framework is called.
        interface: "wsgi" or "asgi".
        place: Its module and callable, after ``APPLICATIONS``.
        path: What a request asks for.
    """

    name: str
    interface: str
    place: str
    path: str = "/"


FRAMEWORKS: Mapping[str, Application] = {
    application.name: application
    for application in (
        Application(name="Django WSGI", interface="wsgi", place="django_app:wsgi"),
        Application(name="Django ASGI", interface="asgi", place="django_app:asgi", path="/async"),
        Application(name="Flask", interface="wsgi", place="flask_app:app"),
        Application(name="FastAPI", interface="asgi", place="fastapi_app:app"),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server, set up in one way.

    Attributes:
        name: What its row is called.
        interface: What it serves: "wsgi" or "asgi".
        command: The program and its arguments; {port}, {fd} and {application} are filled in.
        workers: The processes that answer requests.
        ends: The stops it knows.
        recycling: Further arguments that make it replace workers under traffic, all by itself.
        survives: Whether it goes on after that; a server of one process ends instead.
        installs_handlers: Whether the application calls ``posthog_web.install_signal_handlers()``.
        grace: Seconds it may take for its own end, on a busy machine; ours come on top.
    """

    name: str
    interface: str
    command: tuple[str, ...]
    workers: int = 1
    ends: tuple[str, ...] = STOPS
    recycling: tuple[str, ...] = ()
    survives: bool = True
    installs_handlers: bool = False
    grace: float = 4.0

    @property
    def takes_a_socket(self) -> bool:
        """Whether it is given a listening socket; else it is told a port."""
        return any("{fd}" in word for word in self.command)

    def arguments(self, application: Application, stop: str, *, port: int, fd: int) -> list[str]:
        """Return what to run to serve *application*."""
        words = [*self.command, *(self.recycling if stop == RECYCLING else ())]
        place = f"{APPLICATIONS}.{application.place}"
        return [word.format(port=port, fd=fd, application=place, bin=BIN) for word in words]


PYTHON = (sys.executable, "-m")

GUNICORN = (*PYTHON, "gunicorn", "--bind", "fd://{fd}", "--no-control-socket", "{application}")
# Requests after which a worker is replaced, by the servers that count them.
MAX_REQUESTS = 10
GUNICORN_RECYCLING = ("--max-requests", f"{MAX_REQUESTS}")

UVICORN = (*PYTHON, "uvicorn", "--fd", "{fd}", "{application}")
UVICORN_RECYCLING = ("--limit-max-requests", f"{MAX_REQUESTS}")

GRANIAN = (*PYTHON, "granian", "--port", "{port}", "{application}")
# It counts memory, not requests: more than a megabyte is always in use, so each second one goes.
GRANIAN_RECYCLING = ("--workers-max-rss", "1", "--rss-sample-interval", "1", "--rss-samples", "1")

HYPERCORN = (*PYTHON, "hypercorn", "--bind", "fd://{fd}")
HYPERCORN_RECYCLING = GUNICORN_RECYCLING

WAITRESS = (*PYTHON, "waitress", "--listen", "127.0.0.1:{port}", "{application}")

UWSGI = (
    *("{bin}/uwsgi", "--http-socket", "127.0.0.1:{port}", "--virtualenv", f"{BIN.parent}"),
    *("--module", "{application}", "--master", "--processes", "2", "--need-app"),
    # Without this, SIGTERM reloads; with --die-on-term, it interrupts requests and skips all hooks.
    *("--hook-master-start", "unix_signal:15 gracefully_kill_them_all"),
)
# It lets each live for ten seconds all the same. That is as well: one that is told to stop while it
# starts does not heed it.
UWSGI_RECYCLING = GUNICORN_RECYCLING


def _gunicorn(name: str, *options: str, workers: int = 2, interface: str = "wsgi") -> Server:
    return Server(
        name=name,
        interface=interface,
        command=(*GUNICORN, "--workers", str(workers), *options),
        workers=workers,
        recycling=GUNICORN_RECYCLING,
    )


def _uwsgi(name: str, *options: str) -> Server:
    return Server(
        name=name,
        interface="wsgi",
        command=(*UWSGI, *options),
        workers=2,
        recycling=UWSGI_RECYCLING,
    )


SERVERS: Mapping[str, Server] = {
    server.name: server
    for server in (
        _gunicorn("gunicorn sync"),
        _gunicorn("gunicorn gthread", "--worker-class", "gthread", "--threads", "4"),
        _gunicorn("gunicorn gevent", "--worker-class", "gevent"),
        _gunicorn("gunicorn --preload", "--preload"),
        _gunicorn("gunicorn gevent --preload", "--preload", "--worker-class", "gevent"),
        _gunicorn(
            "gunicorn uvicorn worker",
            *("--worker-class", "uvicorn_worker.UvicornWorker"),
            interface="asgi",
        ),
        Server(
            name="uvicorn",
            interface="asgi",
            command=UVICORN,
            ends=(SIGTERM, SIGINT, RECYCLING),
            recycling=UVICORN_RECYCLING,
            survives=False,
        ),
        Server(
            name="uvicorn, two workers",
            interface="asgi",
            command=(*UVICORN, "--workers", "2"),
            workers=2,
            recycling=UVICORN_RECYCLING,
        ),
        Server(
            name="hypercorn wsgi",
            interface="wsgi",
            command=(*HYPERCORN, "wsgi:{application}"),
            recycling=HYPERCORN_RECYCLING,
        ),
        Server(
            name="hypercorn asgi",
            interface="asgi",
            command=(*HYPERCORN, "asgi:{application}"),
            recycling=HYPERCORN_RECYCLING,
        ),
        Server(
            name="granian wsgi",
            interface="wsgi",
            command=(*GRANIAN, "--interface", "wsgi"),
            recycling=GRANIAN_RECYCLING,
        ),
        Server(
            name="granian asgi",
            interface="asgi",
            command=(*GRANIAN, "--interface", "asgi"),
            recycling=GRANIAN_RECYCLING,
        ),
        Server(
            name="daphne",
            interface="asgi",
            command=(*PYTHON, "daphne", "--fd", "{fd}", "{application}"),
            ends=(SIGTERM, SIGINT),
        ),
        Server(name="waitress", interface="wsgi", command=WAITRESS, ends=(SIGTERM, SIGINT)),
        Server(
            name="waitress, handlers installed",
            interface="wsgi",
            command=WAITRESS,
            ends=(SIGTERM, SIGINT),
            installs_handlers=True,
        ),
        _uwsgi("uwsgi"),
        _uwsgi("uwsgi --threads", "--enable-threads", "--threads", "2"),
        _uwsgi("uwsgi --lazy-apps", "--enable-threads", "--lazy-apps"),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: an application under a server, and a stop."""

    application: Application
    server: Server
    stop: str

    @property
    def row(self) -> str:
        """What its row is called."""
        return f"{self.application.name}, {self.server.name}"

    def __str__(self) -> str:
        return f"{self.row}, {self.stop}"


CELLS = tuple(
    Cell(application=application, server=server, stop=stop)
    for server in SERVERS.values()
    for application in FRAMEWORKS.values()
    if application.interface == server.interface
    for stop in server.ends
)
