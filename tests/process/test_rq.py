"""A real RQ worker, whose work horses leave without a word: what their jobs captured arrives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job

from posthog_web.inspector import Inspector
from tests.delivery.servers import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 40.0


def work(redis_url: str, host: str, jobs: list[str], *options: str, timeout: int = 10) -> list[Job]:
    """Enqueue jobs, have a worker do them all, and return them."""
    with Redis.from_url(redis_url) as connection:
        connection.flushall()
        queue = Queue(connection=connection)
        done = [
            queue.enqueue(f"tests.process.rq_site.{name}", number, job_timeout=timeout)
            for number, name in enumerate(jobs)
        ]
        ended = subprocess.run(
            [sys.executable, "-m", "rq.cli", "worker", "--burst", "--url", redis_url, *options],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "SITE_HOST": host, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        assert "posthog_web:" not in ended.stderr
        for job in done:
            job.refresh()
    return done


def numbers(inspector: Inspector) -> list[int]:
    """Return which jobs arrived, sorted; fail if one came twice."""
    assert {event["deliveries"] for event in inspector.events()} <= {1}
    return sorted(event["properties"]["number"] for event in inspector.events("job"))


@pytest.mark.slow
@pytest.mark.parametrize("worker", ["rq.Worker", "rq.worker.SpawnWorker", "rq.SimpleWorker"])
def test_jobs_deliver(inspector: Inspector, redis_url: str, worker: str) -> None:
    """Forked, spawned or in the worker itself; done or failed; on whichever thread: all arrive."""
    inspector.answer(status=200, delay=0.2)
    jobs = ["capture", "fail", "capture_in_thread"]

    done = work(redis_url, inspector.url, jobs, "--worker-class", worker)

    assert numbers(inspector) == [0, 1, 2]
    assert [job.is_finished for job in done] == [True, False, True]
    assert [job.is_failed for job in done] == [False, True, False]


@pytest.mark.slow
def test_jobs_that_are_cut_short_deliver(inspector: Inspector, redis_url: str) -> None:
    """A job that takes too long, and one that raises SystemExit: what they captured arrives."""
    done = work(redis_url, inspector.url, ["take_too_long", "leave"], timeout=1)

    assert numbers(inspector) == [0, 1]
    assert [job.is_failed for job in done] == [True, True]


@pytest.mark.slow
def test_with_nobody_listening_jobs_are_done_all_the_same(redis_url: str) -> None:
    """A job's outcome does not depend on PostHog."""
    done = work(redis_url, f"http://127.0.0.1:{free_port()}", ["capture"])

    assert done[0].is_finished
