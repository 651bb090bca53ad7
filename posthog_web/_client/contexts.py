"""Contexts: who acts, in which session and with which tags, for the length of a block.

Everything captured inside takes its person, session and tags from the context, whichever client
captures. Two tasks inside one context cannot overwrite each other's changes.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, cast, overload

from posthog_web import _scope
from posthog_web._events import Flaw, read_id
from posthog_web._exceptions.metadata import ESCAPED
from posthog_web._guard import safely
from posthog_web._log import logger
from posthog_web.typing import DistinctId

if TYPE_CHECKING:
    from types import TracebackType

    from posthog_web._client.core import Client

P = ParamSpec("P")
T = TypeVar("T")


class Context:
    """A context manager, made by ``new_context``; each time it is entered there is a new scope."""

    def __init__(
        self,
        find_client: Callable[[], Client | None],
        *,
        fresh: bool,
        capture_exceptions: bool | None,
        client: Client | None,
    ) -> None:
        """Enter nothing yet; *find_client* returns the client to report exceptions with."""
        self._find_client = find_client
        self._fresh = fresh
        self._capture_exceptions = capture_exceptions
        self._client = client
        self._entered: list[_scope.Scope] = []

    def __enter__(self) -> Self:
        """Make the scope current."""
        self._entered.append(_scope.enter(fresh=self._fresh, client=self._client))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Report what leaves by exception, with this context's person and tags; then restore."""
        try:
            if issubclass(type(error), Exception):
                self._report(error)
        finally:
            _scope.leave(self._entered.pop())

    @safely
    def _report(self, error: BaseException | None) -> None:
        client = self._client or self._find_client()
        if client is None or error is None:
            return
        wanted = self._capture_exceptions
        if wanted is None:
            wanted = client.options.enable_exception_autocapture
        if wanted:
            client._report_uncaught(error, ESCAPED)


class Contexts:
    """The functions of contexts, bound to a way of finding the client they report with."""

    def __init__(self, find_client: Callable[[], Client | None]) -> None:
        """Look for the client only when an exception is to be reported."""
        self._find_client = find_client

    def new_context(
        self,
        fresh: bool = False,
        capture_exceptions: bool | None = None,
        client: Client | None = None,
    ) -> Context:
        """Return a context manager whose block has tags, a person and a session of its own.

        Args:
            fresh: See nothing of the contexts around; otherwise what is not set here is read there.
                Inside a request that is opted out nothing is captured either way.
            capture_exceptions: Report an exception that leaves the block. None: as the client's
                ``enable_exception_autocapture`` says. It goes on its way in any case.
            client: The client that module-level verbs use inside the block.
        """
        return Context(
            self._find_client, fresh=fresh, capture_exceptions=capture_exceptions, client=client
        )

    @overload
    def scoped(self, fresh: Callable[P, T], /) -> Callable[P, T]: ...

    @overload
    def scoped(
        self, fresh: bool = False, capture_exceptions: bool | None = None
    ) -> Callable[[Callable[P, T]], Callable[P, T]]: ...

    def scoped(self, fresh: Any = False, capture_exceptions: bool | None = None) -> Any:
        """Return a decorator that runs each call of a function, async ones too, in a new context.

        ``@scoped`` and ``@scoped()`` are the same.

        Raises:
            TypeError: The function is a generator; use ``with new_context()`` inside it instead.
        """
        if callable(fresh):
            return self.scoped()(fresh)

        def decorate(function: Callable[P, T]) -> Callable[P, T]:
            if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
                msg = "scoped() cannot decorate a generator; use new_context() inside it"
                raise TypeError(msg)

            @functools.wraps(function)
            def call(*args: P.args, **kwargs: P.kwargs) -> T:
                with self.new_context(fresh, capture_exceptions):
                    return function(*args, **kwargs)

            @functools.wraps(function)
            async def call_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self.new_context(fresh, capture_exceptions):
                    return await cast("Any", function(*args, **kwargs))

            return (
                cast("Callable[P, T]", call_async)
                if inspect.iscoroutinefunction(function)
                else call
            )

        return decorate


def identify_context(distinct_id: DistinctId) -> None:
    """Name the person of the current context; outside any, or for an empty id, nothing happens."""
    try:
        # Named in code it is no claim of a browser's any more.
        person = str(read_id(distinct_id))
    except Flaw as flaw:
        logger.warning("posthog_web: identify_context: %s; nothing is changed", flaw)
        return
    _scope.change(distinct_id=person)


def set_context_session(session_id: str) -> None:
    """Name the session of the current context; outside any nothing happens."""
    given: object = session_id
    if isinstance(given, str) and given.strip():
        _scope.change(session_id=session_id)
    else:
        logger.warning("posthog_web: set_context_session: an id is text; nothing is changed")


def tag(name: str, value: Any) -> None:
    """Set a property of all that is captured in the current context; outside any, do nothing."""
    given: object = name
    if isinstance(given, str):
        _scope.add_tag(name, value)
    else:
        logger.warning("posthog_web: tag: a tag's name is text; nothing is set")
