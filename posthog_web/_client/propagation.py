"""``propagate``: takes the current context to where Python does not take it by itself."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from posthog_web import _scope
from posthog_web._guard import safely

P = ParamSpec("P")
T = TypeVar("T")


def propagate(function: Callable[P, T]) -> Callable[P, T]:
    """Return *function*, bound to the context, or the request, that is current now.

    Tasks and ``asyncio.to_thread`` take it along by themselves. Threads, executors,
    ``loop.run_in_executor`` and greenlets do not::

        pool.submit(posthog_web.propagate(send_invoice), order)

    Each call has a context of its own inside, so what it tags stays there; afterwards the thread is
    as it was. It may run, and capture, when the request is over, and does not keep that alive.
    Outside any context *function* itself is returned.

    Raises:
        TypeError: It is a generator; its steps would run wherever they are asked for.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        msg = "propagate() cannot bind a generator; bind the function that runs it"
        raise TypeError(msg)
    scope = _scope.current()
    if scope is None:
        return function
    _hold(scope)

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        before = _scope.enter_below(scope)
        try:
            return function(*args, **kwargs)
        finally:
            _scope.put_back(before)

    async def call_async(*args: P.args, **kwargs: P.kwargs) -> Any:
        before = _scope.enter_below(scope)
        try:
            return await cast("Any", function(*args, **kwargs))
        finally:
            _scope.put_back(before)

    bound = call_async if _is_async(function) else call
    return cast("Callable[P, T]", functools.update_wrapper(bound, function))


def _is_async(function: Callable[..., object]) -> bool:
    """Return whether calling *function* makes a coroutine; an object may have an async call."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - not whether it can be called, but how
    )


@safely
def _hold(scope: _scope.Surroundings) -> None:
    scope.hold()
