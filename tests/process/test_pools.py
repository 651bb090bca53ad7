"""Pools of processes: what their workers captured arrives when they are closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from posthog_web.inspector import Inspector
from tests.process.program import Ended, run
from tests.process.test_multiprocessing import METHODS, QUIET

POOL = """
import multiprocessing
import posthog_web
from concurrent.futures import ProcessPoolExecutor
client = Client("phc_test", url, flush_interval=60, flush_at=1000)
def work(number):
    client.capture("user123", "task", {{"number": number}})
    return os.getpid()
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    {use}
    say(workers=len(set(pids)))
"""

CLOSED = """
    pool = context.Pool(2)
    pids = pool.map(work, range(20), chunksize=1)
    pool.close()
    pool.join()
"""
RENEWED = CLOSED.replace("Pool(2)", "Pool(2, maxtasksperchild=3)")
EXECUTOR = """
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        pids = list(pool.map(work, range(20)))
"""
TERMINATED = """
    with context.Pool(2{options}) as pool:
        pids = pool.map(work, range(20), chunksize=1)
    pool.join()
"""


def run_pool(inspector: Inspector, folder: Path, use: str, method: str = "fork") -> Ended:
    """Run a program that gives a pool twenty tasks."""
    ended = run(POOL.format(method=method, use=use), inspector.url, *QUIET, saved_in=folder)
    assert (ended.code, ended.errors) == (0, "")
    return ended


def numbers(inspector: Inspector) -> list[int]:
    """Return which tasks arrived; fail if one came twice."""
    assert {event["deliveries"] for event in inspector.events()} <= {1}
    return sorted(event["properties"]["number"] for event in inspector.events("task"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("use", [CLOSED, EXECUTOR], ids=["Pool", "ProcessPoolExecutor"])
def test_a_pool_that_is_closed_delivers(
    inspector: Inspector, tmp_path: Path, use: str, method: str
) -> None:
    """close and join, or the end of an executor's block: every task's event arrives, once."""
    run_pool(inspector, tmp_path, use, method)

    assert numbers(inspector) == list(range(20))


def test_workers_that_are_renewed_deliver(inspector: Inspector, tmp_path: Path) -> None:
    """With maxtasksperchild each of many short-lived workers sends its own."""
    ended = run_pool(inspector, tmp_path, RENEWED)

    assert ended.said[-1]["workers"] > 2
    assert numbers(inspector) == list(range(20))


@pytest.mark.parametrize("where", ["in the parent", "in each worker"])
def test_a_terminated_pool_delivers_with_signal_handlers(
    inspector: Inspector, tmp_path: Path, where: str
) -> None:
    """The end of a pool's block kills its workers by SIGTERM; installed handlers send first."""
    initializer = ", initializer=posthog_web.install_signal_handlers"
    use = TERMINATED.format(options=initializer if where == "in each worker" else "")
    if where == "in the parent":
        use = "\n    posthog_web.install_signal_handlers()" + use

    run_pool(inspector, tmp_path, use)

    assert numbers(inspector) == list(range(20))
