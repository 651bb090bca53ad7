"""One contender reports exceptions, in a process of its own; prints its figures as JSON.

``python reporter.py {posthog_web|posthog} URL REPORTS``
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# As a web framework with its middleware: each call in a file of its own, of a usual length.
FILES = 20
LINES_ABOVE = 300

MODULE = """
def call(depth, then):
    if depth == 0:
        return then()
    from {following} import call as following

    return following(depth - 1, then)
"""


def write_application(folder: Path) -> Callable[[int, Callable[[], object]], object]:
    """Write modules that call each other in a ring; return the first one's function."""
    for number in range(FILES):
        above = "".join(f"VALUE_{line} = {line}  # of module {number}\n" for line in range(300))
        following = f"bench_layer_{(number + 1) % FILES}"
        (folder / f"bench_layer_{number}.py").write_text(above + MODULE.format(following=following))
    sys.path.insert(0, str(folder))
    entry: Callable[[int, Callable[[], object]], object]
    entry = importlib.import_module("bench_layer_0").call
    return entry


def raise_chained(causes: int) -> None:
    """Raise an exception that *causes* others led to."""
    try:
        if causes:
            raise_chained(causes - 1)
    except LookupError as cause:
        msg = f"could not go on after {causes}"
        raise LookupError(msg) from cause
    msg = "not found"
    raise LookupError(msg)


def fail(call: Callable[[int, Callable[[], object]], object], depth: int, causes: int) -> Exception:
    """Return an exception that was raised *depth* calls down."""
    try:
        call(depth, lambda: raise_chained(causes))
    except LookupError as error:
        return error
    raise AssertionError


def measure(client: Any, make: Callable[[], Exception], reports: int) -> dict[str, float]:  # noqa: ANN401 - either package's
    """Return what the first and each later report cost the thread that reports, in microseconds."""
    errors = [make() for _ in range(reports)]
    cpu = time.thread_time()
    client.capture_exception(errors[0], distinct_id="user-1")
    first = time.thread_time() - cpu
    cpu = time.thread_time()
    for error in errors[1:]:
        client.capture_exception(error, distinct_id="user-1")
    return {
        "first": first * 1e6,
        "later": (time.thread_time() - cpu) / (reports - 1) * 1e6,
    }


def run(package: str, url: str, reports: int) -> dict[str, float]:
    """Return all figures of *package*."""
    module = importlib.import_module(package)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        call = write_application(Path(folder))
        client = module.Posthog("phc_benchmark", host=url, project_root=folder)
        client.capture("warm", distinct_id="user-1")
        shapes = {"40 frames, 3 chained": (36, 2), "3 frames": (0, 0)}
        for shape, (depth, causes) in shapes.items():
            cpu = time.process_time()
            found = measure(client, lambda: fail(call, depth, causes), reports)  # noqa: B023 - called at once
            client.flush()
            figures |= {f"{shape}, {when}, µs": value for when, value in found.items()}
            figures[f"{shape}, all threads, µs"] = (time.process_time() - cpu) / reports * 1e6
        client.shutdown()
    return figures


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
