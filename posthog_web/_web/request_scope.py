"""The scope of one request: what its events have in common, found out when the first one needs it.

Everything the request starts shares it. It holds the framework's request only through its source,
and queued events hold neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from posthog_web._scope import Person
from posthog_web._web.consent import is_opted_out
from posthog_web._web.deferred import Deferred
from posthog_web._web.exclusion import exclusion_of
from posthog_web._web.identity import first_usable
from posthog_web._web.request_identity import RequestIdentity
from posthog_web._web.request_info import RequestInfo, RequestProperties
from posthog_web._web.request_reader import RequestReader
from posthog_web._web.request_source import RequestSource

if TYPE_CHECKING:
    from posthog_web._client.core import Client
    from posthog_web._web.setup import WebSetup


class RequestScope:
    """Surroundings of all that is captured during a request.

    Attributes:
        setup: How the adapter was configured.
        status: The status of the response, once it is known.
        response: The response as the application knows it, once there is one.
        outlives: Whether somebody may have kept it, to capture when the request is over.
        groups: The groups its events belong to, by type.
    """

    def __init__(self, setup: WebSetup, source: RequestSource) -> None:
        """Find out nothing yet."""
        self.setup = setup
        self.status: int | None = None
        self.response: object = None
        self.outlives = True
        self.groups: Mapping[str, str] = {}
        self._reader = RequestReader(setup, source)
        self._identity = RequestIdentity(self._reader, source)
        self._deferred = Deferred(source)
        self._properties: RequestProperties | None = None
        # By the project's key, which the application may choose late.
        self._opted_out: dict[str, bool] = {}
        self._tags: dict[str, Any] = {}

    # What the pipeline asks

    def read_person(self) -> Person:
        """Return who this request is about, as of now: a login changes it."""
        return self._identity.read_person()

    def read_session_id(self) -> str | None:
        """Return the session set in code, else the browser's."""
        return self._identity.read_session_id()

    def read_nobody(self) -> str:
        """Return the one id of all events about nobody in this request."""
        return self._identity.read_nobody()

    def read_place(self) -> int:
        """Return a token of this request, which does not keep it alive."""
        return self._reader.token

    def is_opted_out(self) -> bool:
        """Return whether the browser says that nothing shall be captured."""
        options, header = self.setup.options, self._reader.header
        return self._reader.read_once(
            self._opted_out, lambda key: is_opted_out(options, key, header)
        )

    def read_tags(self) -> Mapping[str, Any]:
        """Return the tags set so far."""
        return self._tags

    def read_properties(self) -> Mapping[str, Any]:
        """Return the request's properties as of now."""
        options, info = self.setup.options, self._reader.info
        if self._properties is None:
            self._properties = RequestProperties(info, options)
        route = self._reader.route()
        window = first_usable(info.window_ids) if options.trust_client_ids else None
        later = {
            "$request_route": route.template if route is not None else None,
            "$response_status_code": self.status,
            "$window_id": window,
            "$groups": self.groups,
        }
        properties = self._properties.read(route) | {
            name: value for name, value in later.items() if value
        }
        if options.extra_properties is not None:
            properties |= self._extra_properties()
        return properties

    def _extra_properties(self) -> Mapping[str, Any]:
        extra = self._reader.ask("extra_properties", self.response)
        if extra is None:
            return {}
        if isinstance(extra, Mapping):
            try:
                return dict(extra)
            except Exception as error:  # noqa: BLE001 - the application's own mapping
                self.setup.warn_of_fault("extra_properties", error)
                return {}
        self.setup.notices.warn(
            "extra_properties", "posthog_web: extra_properties must return a mapping, or None"
        )
        return {}

    @property
    def client(self) -> Client:
        """The client of this request: the adapter's, unless the application has another for it."""
        return self._reader.client

    def read_client(self) -> Any:  # noqa: ANN401 - as the scope protocol
        """Return the client of this request."""
        return self._reader.client

    def awaits_person(self) -> bool:
        """Return whether the user can be had later, but not now."""
        return self._identity.awaits_person()

    def defer(self, complete: Callable[[Person], object]) -> bool:
        """Keep *complete* for when the user is known."""
        taken = self._deferred.add(complete)
        if self._reader.over:
            # On another thread the request has ended since it was asked whether to wait.
            self._hand_over_deferred()
        return taken

    def hold(self) -> None:
        """Find out what the framework tells only where, and as long as, it serves the request.

        From now on it is also found out at the end, for what goes on after that.
        """
        self._reader.hold()
        self._identity.hold()

    # What adapters ask

    @property
    def info(self) -> RequestInfo:
        """The request, read once; an unreadable one is empty."""
        return self._reader.info

    def is_excluded(self) -> bool:
        """Return whether nothing is to be captured of this request that nobody asked for."""
        exclusion = exclusion_of(self.setup.options.excluded_paths)
        route = self._reader.route()
        template = None if route is None else route.template
        return exclusion.excludes(self._reader.info.path, template) or (
            self._reader.ask("request_filter") is False
        )

    # What changes it

    def changed(self, **values: Any) -> RequestScope:  # noqa: ANN401 - as the scope protocol
        """Set the person or the session, for all that shares this scope."""
        self._identity.change(values)
        return self

    def with_tag(self, name: str, value: object) -> RequestScope:
        """Set a tag, for all that shares this scope."""
        self._tags = {**self._tags, name: value}
        return self

    def add_group(self, kind: str, key: str) -> None:
        """Let later events belong to a group."""
        self.groups = {**self.groups, kind: key}

    # Its end

    def has_deferred(self) -> bool:
        """Return whether events wait for their person, or will be captured when it is gone."""
        return bool(self._deferred) or (self._reader.held and self.awaits_person())

    async def resolve(self, *, last: bool = True) -> None:
        """Find the user, and complete the events that wait for it.

        Args:
            last: Complete them even when the task is cancelled meanwhile: who it is stays unknown,
                that it happened does not. False: it will be tried once more.
        """
        try:
            await self._identity.resolve()
        except BaseException:
            if last:
                self._hand_over_deferred()
            raise
        self._hand_over_deferred()

    def settle_as(self, user: object) -> None:
        """Complete what waited as *user*'s, since the request's user is about to change."""
        if self._deferred:
            person = self._identity.person_of(user)
            self._deferred.hand_over(lambda: person)

    def end(self) -> None:
        """Wait for nothing any more."""
        if self._reader.held and not self._reader.over:
            self.hold()
        self._reader.end(with_client=self.outlives)
        self._hand_over_deferred()

    def _hand_over_deferred(self) -> None:
        """Complete what waits: only what nobody was named for, so a name comes too late for it."""
        self._deferred.hand_over(self._identity.find_person)
