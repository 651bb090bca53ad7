"""``request.posthog``: the verbs of a client, bound to one request."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from posthog_web import _scope
from posthog_web._client.verb import explain_misuse
from posthog_web._events import Flaw, read_id
from posthog_web._exceptions.metadata import Boundary
from posthog_web._guard import safely
from posthog_web._web.request_scope import RequestScope
from posthog_web.typing import DistinctId, Moment, Properties

if TYPE_CHECKING:
    from posthog_web._client.core import Client


# HEAD and OPTIONS are asked by programs, about a request to come.
_ASKED = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

P = ParamSpec("P")
T = TypeVar("T")


def _verb(
    call: Callable[Concatenate[RequestPosthog, P], T],
) -> Callable[Concatenate[RequestPosthog, P], T | None]:
    """Make a verb of *call*, which never raises, and tells a wrong call from a fault of ours."""

    @safely
    @functools.wraps(call)
    def explained(self: RequestPosthog, /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return call(self, *args, **kwargs)
        except TypeError:
            wrong = explain_misuse(call, args, kwargs)
            if wrong is None:
                raise
            self._refuse(call.__name__, wrong)
            return None

    return explained


class RequestPosthog:
    """Captures for the person of one request, with what is known of the request.

    It can be used by all that serves the request, and by whatever the request starts. Nothing here
    raises, and nothing is looked up until something is captured.
    """

    def __init__(self, scope: RequestScope) -> None:
        """Belong to *scope*."""
        self._scope = scope

    @property
    def client(self) -> Client:
        """The client this request captures with."""
        return self._scope.client

    @property
    def distinct_id(self) -> str | None:
        """Who this request is about, as of now; None for nobody."""
        return self._scope.read_person().distinct_id

    @property
    def session_id(self) -> str | None:
        """The session this request belongs to, if it is known."""
        return self._scope.read_session_id()

    @_verb
    def capture(
        self,
        event: str,
        properties: Properties | None = None,
        *,
        distinct_id: DistinctId | None = None,
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        groups: Mapping[str, DistinctId] | None = None,
        disable_geoip: bool | None = None,
    ) -> str | None:
        """Capture that this request's person did something; see ``Client.capture``."""
        given: object = properties
        if isinstance(given, str):
            self._refuse("capture", "takes (event, properties); the person is the request's own")
            return None
        with self._active():
            return self.client.capture(
                event,
                properties,
                distinct_id=distinct_id,
                timestamp=timestamp,
                uuid=uuid,
                groups=self._with_groups(groups),
                disable_geoip=disable_geoip,
            )

    @_verb
    def identify(
        self,
        distinct_id: DistinctId,
        properties: Properties | None = None,
        set_once: Properties | None = None,
    ) -> str | None:
        """Name the person of this request; with properties, tell PostHog of them too."""
        try:
            # Named in code it is no claim of the browser's any more.
            person = str(read_id(distinct_id))
        except Flaw as flaw:
            self._refuse("identify", str(flaw))
            return None
        self._scope.changed(distinct_id=person)
        if properties is None and set_once is None:
            return None
        with self._active():
            return self.client.identify(person, properties, set_once)

    @_verb
    def set(self, properties: Properties) -> str | None:
        """Set properties of this request's person."""
        with self._active():
            return self.client.set(properties)

    @_verb
    def set_once(self, properties: Properties) -> str | None:
        """Set properties of this request's person that are not overwritten later."""
        with self._active():
            return self.client.set_once(properties)

    @_verb
    def alias(self, previous_id: DistinctId) -> str | None:
        """Tell PostHog that *previous_id* is this request's person too."""
        with self._active():
            return self.client.alias(previous_id)

    @_verb
    def group(
        self, group_type: str, group_key: DistinctId, properties: Properties | None = None
    ) -> str | None:
        """Let the rest of this request belong to a group; with properties, describe the group."""
        try:
            self._scope.add_group(
                read_id(group_type, "group_type"), read_id(group_key, "group_key")
            )
        except Flaw as flaw:
            self._refuse("group", str(flaw))
            return None
        if properties is None:
            return None
        with self._active():
            return self.client.group_identify(group_type, group_key, properties)

    @_verb
    def tag(self, name: str, value: Any) -> None:  # noqa: ANN401 - any value is a property
        """Set a property for all that this request captures from now on."""
        self._scope.with_tag(name, value)

    @_verb
    def capture_exception(
        self,
        exception: object = None,
        properties: Properties | None = None,
        *,
        level: str | None = None,
        fingerprint: str | None = None,
    ) -> str | None:
        """Report an exception that happened to this request; see ``Client.capture_exception``."""
        with self._active():
            return self.client.capture_exception(
                exception, properties=properties, level=level, fingerprint=fingerprint
            )

    async def resolve(self) -> str | None:
        """Find out who this request is about without blocking the event loop; return the id.

        Needed only in asynchronous Django views that want to know; events captured there are
        completed by themselves when the view is done.
        """
        await self._scope.resolve()
        return self.distinct_id

    @safely
    def _report_uncaught(
        self, error: BaseException, source: str, *, handled: bool = False
    ) -> str | None:
        """Report what the application let go, or made a response of, at the hook *source*."""
        if not self._scope.setup.captures_exceptions or self._scope.is_excluded():
            return None
        boundary = Boundary(kind="middleware", handled=handled, source=source)
        with self._active():
            return self.client._report_uncaught(error, boundary)  # noqa: SLF001 - for adapters

    @safely
    def _report_request(self, seconds: float) -> None:
        """Capture that the request was answered after *seconds*, unless nobody asked for it."""
        if self._scope.info.method in _ASKED and not self._scope.is_excluded():
            self.capture("http_request", {"duration_ms": round(seconds * 1000, 3)})

    def _with_groups(self, groups: object) -> Any:  # noqa: ANN401 - the client judges it
        """Return *groups* beside those of the request; what is no mapping as it is."""
        return {**self._scope.groups, **groups} if isinstance(groups, Mapping) else groups

    def _refuse(self, verb: str, reason: str) -> None:
        self._scope.setup.notices.warn(
            f"{verb}:{reason}", f"posthog_web: request.posthog.{verb}: %s; nothing is sent", reason
        )

    @contextmanager
    def _active(self) -> Generator[None]:
        """Make this request's scope current, where it, or a context inside it, is not."""
        around = _scope.current()
        if around is not None and _scope.lies_within(around, self._scope):
            yield
            return
        before = _scope.enter_as(self._scope)
        try:
            yield
        finally:
            _scope.restore(self._scope, before)
