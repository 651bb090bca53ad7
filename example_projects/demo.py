"""Starts a local PostHog and the examples, sends people through them and shows what arrived.

``python demo.py`` prints the addresses to open and stays until Ctrl+C; ``--check`` verifies what
arrived, ends what it started and exits with 0 or 1.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from time import monotonic

import requests
from demo_arrivals import EXPECTED_TOTAL, count_arrivals, describe, differences, read_arrivals
from demo_fleet import Fleet, Plan, Program, ProgramFailedError
from demo_traffic import VISITS, UnexpectedAnswerError

HERE = Path(__file__).resolve().parent
ARRIVAL_SECONDS = 10.0
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Commands = Mapping[str, Sequence[str]]

GUNICORN = ("-m", "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0", "--workers", "2")
UVICORN = ("-m", "uvicorn", "--port", "0", "--timeout-graceful-shutdown", "1")

# By folder: what runs first, to its end, and what runs then, until the demo ends.
BEFORE: Commands = {
    "first_event": ("first_event.py",),
    "django_shop": ("manage.py", "seed"),
}
SERVERS: Commands = {
    "django_shop": (*GUNICORN, "shop.wsgi"),
    "flask_notes": (*GUNICORN, "notes:create_app()"),
    "fastapi_chat": (*UVICORN, "chat:app"),
}


def plan(commands: Commands, inspector: str, state: Path) -> Iterator[Plan]:
    """Yield how examples are started: they send to *inspector* and keep their files in *state*."""
    for name, command in commands.items():
        yield Plan(
            name=name,
            command=command,
            folder=HERE / name,
            environment={
                "POSTHOG_HOST": inspector,
                "POSTHOG_PROJECT_API_KEY": "phc_demo",
                "SHOP_DATABASE": str(state / "shop.sqlite3"),
                "NOTES_DATABASE": str(state / "notes.sqlite3"),
            },
        )


def start_inspector(fleet: Fleet, port: int) -> str:
    """Start the inspector, on any free port if it is 0; return its address."""
    command = ("-m", "posthog_web", "inspector", "--port", str(port))
    [inspector] = fleet.start(Plan(name="The inspector", command=command, folder=HERE))
    return inspector.find_address()


def demonstrate(fleet: Fleet, state: Path, port: int, *, check: bool) -> int | None:
    """Do all of it; return the exit status, or None to stay."""
    inspector = start_inspector(fleet, 0 if check else port)
    print("The inspector is there; now the examples, and people for them.", flush=True)
    fleet.run(*plan(BEFORE, inspector, state))
    servers = fleet.start(*plan(SERVERS, inspector, state))
    addresses = {server.name: server.find_address() for server in servers}
    for server in servers:
        visit(server)
    if check:
        # What an application holds, it sends at its end; only then is nothing missing.
        fleet.end(servers)
        return verify(inspector)
    wait_for_arrivals(fleet, inspector)
    print(*describe(read_arrivals(inspector)), sep="\n")
    print(f"\nOpen {inspector} to see them, and these to make more:\n")
    for name, address in addresses.items():
        print(f"  {name:<15}{address}")
    print("\nCtrl+C ends it.", flush=True)
    return None


def visit(server: Program) -> None:
    """Let people use an application."""
    try:
        VISITS[server.name](server.find_address())
    except (UnexpectedAnswerError, requests.RequestException) as error:
        server.fail(f"did not do what was expected ({error})")


def wait_for_arrivals(fleet: Fleet, inspector: str) -> None:
    """Wait until all has arrived, as long as that makes sense."""
    deadline = monotonic() + ARRIVAL_SECONDS
    while count_arrivals(inspector) < EXPECTED_TOTAL and monotonic() < deadline:
        fleet.closed.wait(0.1)


def verify(inspector: str) -> int:
    """Print what arrived, and what differs from what should have; return the exit status."""
    arrivals = read_arrivals(inspector)
    print(*describe(arrivals), sep="\n")
    wrong = differences(arrivals)
    print("\nNot as expected:" if wrong else f"\nAll {EXPECTED_TOTAL} events, as expected.")
    for line in wrong:
        print(f"  {line}")
    return int(bool(wrong))


def attempt(fleet: Fleet, outcomes: SimpleQueue[int], state: Path, port: int, check: bool) -> None:  # noqa: FBT001 (a thread's target)
    """Demonstrate, and put the exit status, if there is one, into *outcomes*."""
    status: int | None = 1
    try:
        status = demonstrate(fleet, state, port, check=check)
    except ProgramFailedError as error:
        if not fleet.closed.is_set():
            print(f"\n{error}", file=sys.stderr)
    except Exception:
        # What fails after the decision to end, fails because of it.
        if not fleet.closed.is_set():
            raise
    finally:
        if status is not None:
            outcomes.put(status)


def main() -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="verify what arrived, then stop")
    parser.add_argument("--port", type=int, default=8765, help="where the inspector listens")
    arguments = parser.parse_args()
    # A SimpleQueue, since nothing else that wakes a thread may be used from a signal handler.
    outcomes: SimpleQueue[int] = SimpleQueue()
    for number in ENDING_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(
                number, lambda number, _: outcomes.put(128 + number if arguments.check else 0)
            )
    with TemporaryDirectory(prefix="posthog-web-demo-") as state, Fleet() as fleet:
        work = partial(attempt, fleet, outcomes, Path(state), arguments.port, check=arguments.check)
        threading.Thread(target=work, daemon=True).start()
        return outcomes.get()


if __name__ == "__main__":
    sys.exit(main())
