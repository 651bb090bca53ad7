"""Waiting on a thread of its own for what would block an event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def offload(call: Callable[[], T]) -> T:
    """Return what *call* returns; it runs on a thread of its own.

    Not on the loop's executor: that may be full of threads that wait for something else. If the
    waiting is cancelled, *call* goes on to its end. Where no thread can be started (the interpreter
    is ending) it runs here.
    """
    import asyncio  # noqa: PLC0415 - whoever waits here has it; others need not load it

    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)  # type: ignore[arg-type]  # there is a value if there is no error
        else:
            future.set_exception(error)

    def run() -> None:
        value: T | None = None
        failure: BaseException | None = None
        try:
            value = call()
        except BaseException as error:  # noqa: BLE001 - it is whoever waits who is told
            failure = error
        # A loop that was closed meanwhile has nobody who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, value, failure)

    try:
        threading.Thread(target=run, name="posthog-web-wait", daemon=True).start()
    except RuntimeError:
        return call()
    return await future
