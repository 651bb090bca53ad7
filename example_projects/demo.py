"""Starts a local PostHog, runs the examples against it and shows what arrived.

``python demo.py`` prints the address to open and stays until Ctrl+C; ``--check`` verifies what
arrived, ends what it started and exits with 0 or 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
PATIENCE = 20.0

# What the example does, by person; None is nobody.
EXPECTED = {
    "ada": Counter({"$identify": 1, "book viewed": 1, "order paid": 1, "$set": 1}),
    "grace": Counter({"$identify": 1, "book viewed": 1, "order paid": 1, "$set": 1}),
    "katherine": Counter({"$identify": 1, "book viewed": 1, "$exception": 1}),
    "$shop_corner": Counter({"$groupidentify": 1}),
    None: Counter({"shop opened": 1, "shop closed": 1}),
}


@contextmanager
def running_inspector(port: int) -> Iterator[str]:
    """Run the inspector as a process of its own; yield its address."""
    command = [sys.executable, "-m", "posthog_web", "inspector", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            first_line = process.stdout.readline() if process.stdout else ""
            if "http://" not in first_line:
                sys.exit("The inspector did not start.")
            yield first_line.split()[-1]
        finally:
            process.terminate()


def run_example(address: str) -> None:
    """Run the bookshop against the PostHog at *address*."""
    environment = {
        **os.environ,
        "POSTHOG_HOST": address,
        "POSTHOG_PROJECT_API_KEY": "phc_demo",
    }
    script = HERE / "first_event" / "first_event.py"
    subprocess.run([sys.executable, script], env=environment, check=True, timeout=PATIENCE)


def what_arrived(address: str) -> dict[str | None, Counter[str]]:
    """Return the names of all events, counted, by person."""
    listing = requests.get(f"{address}/api/events", timeout=PATIENCE).json()
    people: dict[str | None, Counter[str]] = {}
    for event in listing["events"]:
        person = None if event["personless"] else event["distinct_id"]
        people.setdefault(person, Counter())[event["name"]] += 1
    return people


def show(people: dict[str | None, Counter[str]]) -> None:
    """Print who did what."""
    total = sum(sum(events.values()) for events in people.values())
    print(f"\n{total} events arrived:\n")
    for person, events in people.items():
        listed = ", ".join(f"{times} {name}" for name, times in events.items())
        print(f"  {person or 'nobody':<14}{listed}")


def main() -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="verify what arrived, then stop")
    parser.add_argument("--port", type=int, default=8765, help="where the inspector listens")
    arguments = parser.parse_args()
    with running_inspector(0 if arguments.check else arguments.port) as address:
        run_example(address)
        people = what_arrived(address)
        show(people)
        if arguments.check:
            print("\nAs expected." if people == EXPECTED else f"\nExpected: {EXPECTED}")
            return int(people != EXPECTED)
        print(f"\nOpen {address} to see them. Ctrl+C ends it.", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
