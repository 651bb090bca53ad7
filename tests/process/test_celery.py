"""A real Celery worker: what its tasks captured arrives when it, or a child of its pool, ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery
from redis import Redis

from posthog_web.inspector import Inspector

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0


class Worker:
    """A worker that is running."""

    def __init__(self, process: subprocess.Popen[str], redis_url: str) -> None:
        self.process = process
        self._app = Celery(broker=redis_url, backend=redis_url)

    def run(self, task: str, count: int) -> set[int]:
        """Run a task that often, wait for it, and return which processes did."""
        results = [
            self._app.send_task(f"tests.process.celery_site.{task}", (number,))
            for number in range(count)
        ]
        done = {result.get(timeout=PATIENCE, propagate=False) for result in results}
        self._app.close()
        return {pid for pid in done if isinstance(pid, int)}

    def stop(self, number: signal.Signals = signal.SIGTERM) -> str:
        """Send it a signal, wait for its end and return what it said."""
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=PATIENCE)
        return said


@contextmanager
def working(
    redis_url: str, inspector: Inspector, *options: str, **variables: str
) -> Iterator[Worker]:
    """Run a worker, for which tasks wait until it is there."""
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
    with subprocess.Popen(
        [
            sys.executable, "-m", "celery", "-A", "tests.process.celery_site", "worker",
            "--loglevel", "WARNING", "--concurrency", "2", "--without-mingle",
            "--without-gossip", *options,
        ],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "SITE_REDIS": redis_url,
            "SITE_HOST": inspector.url,
            "C_FORCE_ROOT": "1",
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:  # fmt: skip
        watchdog = threading.Timer(2 * PATIENCE, process.kill)
        watchdog.start()
        try:
            yield Worker(process, redis_url)
        finally:
            watchdog.cancel()
            process.kill()


def numbers(inspector: Inspector) -> list[int]:
    """Return which tasks arrived, sorted; fail if one came twice."""
    assert {event["deliveries"] for event in inspector.events()} <= {1}
    return sorted(event["properties"]["number"] for event in inspector.events("task"))


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["prefork", "solo", "threads"])
def test_a_warm_shutdown_delivers(inspector: Inspector, redis_url: str, pool: str) -> None:
    """SIGTERM with events waiting in the pool's children, or threads: all arrive, once."""
    inspector.answer(status=200, delay=0.2)
    with working(redis_url, inspector, "--pool", pool) as worker:
        worker.run("capture", 8)
        said = worker.stop()

    assert numbers(inspector) == list(range(8))
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_other_ends_deliver(inspector: Inspector, redis_url: str, number: signal.Signals) -> None:
    """Ctrl-C is a warm shutdown, SIGQUIT a cold one: what finished tasks captured arrives."""
    with working(redis_url, inspector) as worker:
        worker.run("capture", 8)
        worker.stop(number)

    assert numbers(inspector) == list(range(8))


@pytest.mark.slow
def test_children_that_are_recycled_deliver(inspector: Inspector, redis_url: str) -> None:
    """With max-tasks-per-child each of many children sends its own before it goes."""
    with working(redis_url, inspector, "--max-tasks-per-child", "2") as worker:
        pids = worker.run("capture", 10)
        worker.stop()

    assert len(pids) > 2
    assert numbers(inspector) == list(range(10))


@pytest.mark.slow
def test_failing_tasks_deliver(inspector: Inspector, redis_url: str) -> None:
    """What a task captured before it failed arrives like everything else."""
    with working(redis_url, inspector) as worker:
        worker.run("fail", 4)
        worker.stop()

    assert numbers(inspector) == list(range(4))


@pytest.mark.slow
def test_a_goodbye_is_heard(inspector: Inspector, redis_url: str) -> None:
    """A receiver of worker_process_shutdown captures, be it a child's first event: it arrives."""
    with working(redis_url, inspector, SITE_SAYS_GOODBYE="1") as worker:
        worker.run("capture", 1)
        worker.stop()

    assert numbers(inspector) == [0]
    assert len(inspector.events("goodbye")) == 2
