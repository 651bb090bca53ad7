"""A Celery application for the worker that test_celery starts."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import worker_process_shutdown

from posthog_web import Client

app = Celery("site", broker=os.environ["SITE_REDIS"], backend=os.environ["SITE_REDIS"])
app.conf.broker_connection_retry_on_startup = True
client = Client("phc_test", os.environ["SITE_HOST"], flush_at=1000, flush_interval=60)


@app.task
def capture(number: int) -> int:
    """Capture an event, which waits, and return the process."""
    client.capture("user123", "task", {"number": number})
    return os.getpid()


@app.task
def fail(number: int) -> None:
    """Capture an event, and fail."""
    client.capture("user123", "task", {"number": number})
    raise LookupError


if "SITE_SAYS_GOODBYE" in os.environ:

    @worker_process_shutdown.connect(weak=False)
    def _say_goodbye(**_: object) -> None:
        client.capture("user123", "goodbye")
