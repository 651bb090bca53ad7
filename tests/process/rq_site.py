"""Jobs for the worker that test_rq starts."""

from __future__ import annotations

import os
import threading
import time

from posthog_web import Client

client = Client("phc_test", os.environ["SITE_HOST"], flush_at=1000, flush_interval=60)


def capture(number: int) -> int:
    """Capture an event, which waits, and return the process."""
    client.capture("user123", "job", {"number": number})
    return os.getpid()


def fail(number: int) -> None:
    """Capture an event, and fail."""
    capture(number)
    raise LookupError


def capture_in_thread(number: int) -> None:
    """Capture on another thread."""
    thread = threading.Thread(target=capture, args=(number,))
    thread.start()
    thread.join()


def take_too_long(number: int) -> None:
    """Capture, and go on until the job is ended."""
    capture(number)
    while True:
        time.sleep(0.05)  # noqa: TID251 - it is to take long


def leave(number: int) -> None:
    """Capture, and leave the work horse."""
    capture(number)
    raise SystemExit(3)
