"""One contender, one round, in a process of its own; prints its figures as JSON.

``python contender.py {posthog_web|posthog} URL EVENTS``
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any

PROPERTIES: dict[str, Any] = {
    "plan": "pro",
    "amount": 12.5,
    "currency": "EUR",
    "items": ["book", "lamp", "pen"],
    "path": "/checkout/payment",
    "referrer": "https://example.org/shop/books",
    "returning": True,
    "basket": {"size": 3, "coupon": None},
    "note": "Some longer text, such as a form may hold.",
}


def measure(package: str, url: str, events: int) -> dict[str, float]:
    """Capture *events* and wait for all of them to leave."""
    started = time.perf_counter()
    module = importlib.import_module(package)
    client = module.Posthog("phc_benchmark", host=url, max_queue_size=events)
    ready = time.perf_counter()
    all_threads, cpu = time.process_time(), time.thread_time()
    for _ in range(events):
        client.capture("order paid", distinct_id="user-1", properties=PROPERTIES)
    captured = time.thread_time() - cpu
    client.shutdown()
    return {
        "start, ms": (ready - started) * 1e3,
        "CPU of the capturing thread, µs": captured / events * 1e6,
        "from first capture to last answer, µs": (time.perf_counter() - ready) / events * 1e6,
        "CPU of all threads, µs": (time.process_time() - all_threads) / events * 1e6,
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
