"""What tests of job queues need: a Redis of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NotThere

from tests.delivery.servers import free_port

PATIENCE = 20.0


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Run a Redis on loopback that writes nothing to disk, and return its address."""
    if "redis" in os.environ.get("SKIP", "").split():
        pytest.skip('SKIP="redis": no test with a job queue')
    program = shutil.which("redis-server")
    if program is None:
        reason = 'There is no Redis: apt-get install redis-server (or SKIP="redis").'
        pytest.fail(reason, pytrace=False)
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.05)):
        try:
            with Redis(port=port) as connection:
                connection.ping()
        except NotThere:
            pause.wait(0.05)
        else:
            return
    pytest.fail("redis-server does not answer", pytrace=False)
