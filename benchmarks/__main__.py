"""Measures posthog_web beside the official package: rounds take turns, medians are compared."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections import defaultdict
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
ROUNDS = 5
EVENTS = 10_000
REPORTS = 500
CONTENDERS = {"posthog_web": "posthog-web", "posthog": "posthog"}


def run_round(package: str, url: str) -> dict[str, float]:
    """Return the figures of one round of *package*."""
    figures: dict[str, float] = {}
    for program, count in (("contender.py", EVENTS), ("reporter.py", REPORTS)):
        command = [sys.executable, str(HERE / program), package, url, str(count)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=120)
        figures |= json.loads(done.stdout)
    return figures


def main() -> None:
    """Run all rounds and print the table."""
    figures: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    sink = [sys.executable, str(HERE / "sink.py")]
    with subprocess.Popen(sink, stdout=subprocess.PIPE, text=True) as server:
        url = server.stdout.readline().strip() if server.stdout else ""
        try:
            for _ in range(ROUNDS):
                for package in CONTENDERS:
                    for name, value in run_round(package, url).items():
                        figures[name][package].append(value)
        finally:
            server.terminate()
    versions = [f"{name} {metadata.version(name)}" for name in CONTENDERS.values()]
    print(f"{EVENTS:,} events and {REPORTS} exceptions of each kind a round, medians of {ROUNDS}")
    print("rounds in turn, per event; of exceptions the CPU of the thread that reports:")
    print(f"{' beside '.join(versions)}\n")
    for name, by_package in figures.items():
        ours, theirs = (statistics.median(by_package[package]) for package in CONTENDERS)
        print(f"{name:<42}{ours:>9.1f}{theirs:>10.1f}   {ours / theirs:.2f} of theirs")


if __name__ == "__main__":
    main()
