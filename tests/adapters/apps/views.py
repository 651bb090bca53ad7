"""What the applications do, in no framework's words.

A view is given ``ask``, which returns the request's ``posthog``; one that does not ask leaves it
alone. Without posthog_web it gets ``SILENT`` instead, so that the same application can answer with
and without it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NoReturn

import posthog_web
from tests.adapters.apps.claims import (
    claim_aliased,
    claim_captured,
    claim_joined,
    claim_known_otherwise,
    claim_set,
    claim_vouched_for,
    fresh,
)

PATIENCE = 10.0

Ask = Callable[[], Any]
View = Callable[[Ask], str]


class Boom(Exception):  # noqa: N818 - what a view raises is its own affair
    """What the views raise."""


def explode(error: BaseException | None = None) -> NoReturn:
    """Raise *error*, or what the views raise."""
    raise error or Boom


class Trouble(Exception):  # noqa: N818 - as above
    """What the applications have a handler for, which answers with its status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"trouble that is answered with {status}")
        self.status = status


class Silent:
    """Stands in for ``request.posthog`` where posthog_web is not installed."""

    distinct_id = None
    session_id = None

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Return a verb that does nothing."""
        return lambda *_args, **_keywords: None


SILENT = Silent()


async def go_on() -> None:
    """Wait for nobody, but let others have their turn."""
    await asyncio.sleep(0)


@dataclass(slots=True)
class Stage:
    """What a test and the views inside its application share.

    Attributes:
        error: What ``raises`` raises; None: a fresh Boom.
        meet: Called by ``meets`` between its two captures: waits for all the others.
        meet_later: The same, to be awaited.
        seen: The last request object, held weakly.
        client: The client that ``hold-client`` found.
        on_stop: Called when the application's lifespan ends.
        trace: What happened, in order.
        work: Bound in a view, to run elsewhere, and later.
        failing: The places where the application is to fail.
    """

    error: BaseException | None = None
    meet: Callable[[], object] = object
    meet_later: Callable[[], Awaitable[object]] = go_on
    seen: weakref.ref[Any] | None = None
    client: Any = None
    on_stop: Callable[[], object] = object
    trace: list[str] = field(default_factory=list)
    work: Callable[[], Any] | None = None
    failing: set[str] = field(default_factory=set)

    def fail(self, place: str) -> None:
        """Raise if it is the application's *place* to fail."""
        if place in self.failing:
            raise Boom(place)

    def reset(self) -> None:
        """Set the stage for the next test."""
        self.error = self.seen = self.client = self.work = None
        self.trace.clear()
        self.failing.clear()
        self.meet = self.on_stop = object
        self.meet_later = go_on

    def watch(self, request: object) -> None:
        """Remember *request* without keeping it alive."""
        self.seen = weakref.ref(request)

    def is_gone(self) -> bool:
        """Return whether the last request object dies.

        A thread that served it may hold it for a moment more, until its last frame is gone.
        """
        deadline = monotonic() + 5
        while self.seen is not None and self.seen() is not None and monotonic() < deadline:
            gc.collect()
            threading.Event().wait(0.01)
        return self.seen is not None and self.seen() is None


STAGE = Stage()


def nothing(_ask: Ask) -> str:
    """Capture nothing."""
    return "nothing"


def capture(ask: Ask) -> str:
    """Capture one event."""
    ask().capture("seen", {"n": 1})
    return "captured"


def twice(ask: Ask) -> str:
    """Capture two events."""
    ask().capture("seen", {"n": 1})
    ask().capture("seen", {"n": 2})
    return "captured"


def explicit(ask: Ask) -> str:
    """Capture with everything given."""
    ask().capture(
        "seen",
        {"$session_id": "explicit-session"},
        distinct_id="explicit-person",
        groups={"company": "acme"},
    )
    return "captured"


def profile(ask: Ask) -> str:
    """Capture and ask for a profile."""
    ask().capture("seen", {"$process_person_profile": True})
    return "captured"


def two_strings(ask: Ask) -> str:
    """Capture as one would on a client, which is refused."""
    return f"captured {ask().capture('somebody', 'seen')}"


def module_level(_ask: Ask) -> str:
    """Capture on the module."""
    posthog_web.capture("seen", {"n": 1})
    return "captured"


def module_level_two_strings(_ask: Ask) -> str:
    """Capture on the module for somebody else."""
    posthog_web.capture("somebody-else", "seen")
    return "captured"


def hold_client(ask: Ask) -> str:
    """Capture, and leave the client on the stage."""
    STAGE.client = ask().client
    ask().capture("seen")
    return "held"


def known(ask: Ask) -> str:
    """Tell what the request knows."""
    return json.dumps([ask().distinct_id, ask().session_id])


def ambient(_ask: Ask) -> str:
    """Tell what the context knows."""
    return json.dumps(posthog_web.get_distinct_id())


def same(ask: Ask) -> str:
    """Tell whether there is one posthog."""
    return str(ask() is ask())


def tagged(ask: Ask) -> str:
    """Capture before and after tagging."""
    ask().capture("before")
    ask().tag("plan", "pro")
    ask().capture("seen")
    posthog_web.capture("also seen")
    return "captured"


def grouped(ask: Ask) -> str:
    """Capture as part of a group."""
    ask().group("company", "acme")
    ask().capture("seen")
    return "captured"


def group_described(ask: Ask) -> str:
    """Describe a group."""
    ask().group("company", "acme", {"seats": 5})
    return "captured"


def identified(ask: Ask) -> str:
    """Name the person, and capture."""
    ask().identify("chosen")
    ask().capture("seen", {"$set": {"plan": "pro"}})
    return "captured"


def person_described(ask: Ask) -> str:
    """Name the person, and describe it."""
    ask().identify("chosen", {"plan": "pro"}, {"first": "today"})
    return "captured"


def person_set(ask: Ask) -> str:
    """Set properties of the person."""
    ask().set({"plan": "pro"})
    ask().set_once({"first": "today"})
    return "captured"


def person_set_with_event(ask: Ask) -> str:
    """Set properties of the person, along with an event."""
    ask().capture("seen", {"$set": {"plan": "pro"}, "$set_once": {"first": "today"}})
    return "captured"


def person_set_by_module(_ask: Ask) -> str:
    """Set properties of the person, on the module."""
    posthog_web.set({"plan": "pro"})
    posthog_web.capture("seen", {"$set": {"plan": "pro"}})
    return "captured"


def aliased(ask: Ask) -> str:
    """Join another id to the person."""
    ask().alias("before")
    return "captured"


def raises(_ask: Ask) -> str:
    """Fail."""
    raise STAGE.error or Boom("the view failed")


def raises_from_another(_ask: Ask) -> str:
    """Fail because of something else."""
    try:
        {}["missing"]
    except KeyError as error:
        msg = "the view failed"
        raise Boom(msg) from error
    return ""


def reports(ask: Ask) -> str:
    """Fail, report it, and go on."""
    try:
        raises(ask)
    except Boom as error:
        ask().capture_exception(
            error, {"handled by": "the view"}, level="warning", fingerprint="the view"
        )
    return "reported"


def reports_and_raises(ask: Ask) -> str:
    """Fail, report it, and let it go on."""
    try:
        raises(ask)
    except Boom as error:
        ask().capture_exception(error)
        raise
    return ""


def opens_context(ask: Ask) -> str:
    """Capture around and inside a context of its own."""
    with posthog_web.new_context():
        posthog_web.identify_context("inner")
        ask().capture("in request")
        posthog_web.capture("in context")
    posthog_web.capture("afterwards")
    return "captured"


def leaves_context(_ask: Ask) -> str:
    """Leave a context open that is blind to the request."""
    ExitStack().enter_context(posthog_web.new_context(fresh=True))
    posthog_web.identify_context("inner")
    return "left"


def propagates(ask: Ask) -> str:
    """Hand work to threads that know nothing of the request: now, and for when it is over."""
    posthog = ask()

    def work(name: str) -> None:
        posthog.capture(name)
        posthog_web.capture(f"{name}, on the module")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(posthog_web.propagate(work), "in a thread").result(PATIENCE)
        leftover = pool.submit(posthog_web.get_distinct_id).result(PATIENCE)

    def later() -> None:
        posthog.capture("later")
        posthog_web.capture("later, on the module")

    STAGE.work = posthog_web.propagate(later)
    return f"left in the thread: {leftover}"


async def propagates_async(ask: Ask) -> str:
    """Hand work to an executor of the loop's, and keep a coroutine for when it is over."""
    posthog = ask()

    def work() -> None:
        posthog.capture("in a thread")
        posthog_web.capture("in a thread, on the module")

    async def later() -> None:
        posthog.capture("later")
        await asyncio.sleep(0)
        posthog_web.capture("later, on the module")

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as pool:
        await loop.run_in_executor(pool, posthog_web.propagate(work))
        leftover = await loop.run_in_executor(pool, posthog_web.get_distinct_id)
    coroutine = posthog_web.propagate(later)
    STAGE.work = lambda: asyncio.run(coroutine())
    return f"left in the thread: {leftover}"


def meets(ask: Ask) -> str:
    """Capture, wait until all others have, and capture again."""
    ask().capture("first")
    STAGE.meet()
    posthog_web.capture("second")
    return json.dumps([ask().distinct_id, ask().session_id])


async def meets_async(ask: Ask) -> str:
    """Capture, wait until all others have, and capture again."""
    ask().capture("first")
    await STAGE.meet_later()
    posthog_web.capture("second")
    return json.dumps([ask().distinct_id, ask().session_id])


def spreads(_ask: Ask) -> str:
    """Start nothing: a function has no tasks."""
    return "alone"


async def spreads_async(ask: Ask) -> str:
    """Capture in a task, in a thread, and in a task that goes on after a pause."""

    async def in_a_task() -> None:
        posthog_web.capture("in a task")
        await asyncio.sleep(0)
        ask().capture("later in a task")

    task = asyncio.create_task(in_a_task())
    await asyncio.to_thread(posthog_web.capture, "in a thread")
    await task
    return "spread"


# The same path in every application: /capture, and /async/capture for the view as a coroutine.
VIEWS: Mapping[str, View] = {
    view.__name__.replace("_", "-"): view
    for view in (
        aliased, ambient, capture, claim_aliased, claim_captured, claim_joined,
        claim_known_otherwise, claim_set, claim_vouched_for,
        explicit, fresh, group_described, grouped, hold_client, identified,
        known, leaves_context, meets, module_level, module_level_two_strings, nothing,
        opens_context, person_described, person_set, person_set_by_module, person_set_with_event,
        profile, propagates, raises, raises_from_another, reports, reports_and_raises, same,
        spreads, tagged, twice, two_strings,
    )
}  # fmt: skip

# Views whose coroutine is more than the view itself.
ASYNC_VIEWS: Mapping[str, Callable[[Ask], Awaitable[str]]] = {
    "meets": meets_async,
    "propagates": propagates_async,
    "spreads": spreads_async,
}


async def run_async(name: str, ask: Ask) -> str:
    """Run view *name* inside a coroutine."""
    if name in ASYNC_VIEWS:
        return await ASYNC_VIEWS[name](ask)
    return VIEWS[name](ask)
