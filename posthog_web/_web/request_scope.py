"""The scope of one request: what its events have in common, found out when the first one needs it.

Everything the request starts shares it. It holds the framework's request only through its source,
and queued events hold neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from posthog_web._guard import report_fault
from posthog_web._identifiers import nobody
from posthog_web._scope import NOBODY, ClaimedId, Person, new_token
from posthog_web._web.asking import asking
from posthog_web._web.consent import is_opted_out
from posthog_web._web.deferred import Deferred
from posthog_web._web.exclusion import exclusion_of
from posthog_web._web.identity import (
    UNKNOWN,
    UserIds,
    claimed_id,
    first_usable,
)
from posthog_web._web.paths import UNTOLD, Route
from posthog_web._web.request_info import RequestInfo, RequestProperties
from posthog_web._web.request_source import RequestSource
from posthog_web._web.visitor import Visitor, read_visitor

if TYPE_CHECKING:
    from posthog_web._client.core import Client
    from posthog_web._web.setup import WebSetup

T = TypeVar("T")

# Headers that decide whether, and for whom, events are captured.
_DECIDING_HEADERS = ("cookie", "sec-gpc", "dnt")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What was found out of a request for those who ask from elsewhere, or later."""

    person: Person
    route: Route | None


def _key_of(client: Client) -> str:
    return (client.options.project_api_key or "").strip()


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
        self._client: Client | None = None
        self._source = source
        self._user_ids = UserIds(setup.options.distinct_id, setup.warn_of_awaitable)
        self._info: RequestInfo | None = None
        self._properties: RequestProperties | None = None
        # By the project's key, which the application may choose late.
        self._visitors: dict[str, Visitor] = {}
        self._opted_out: dict[str, bool] = {}
        self._named: str | None = None
        self._session_id: str | None = None
        self._tags: dict[str, Any] = {}
        self.groups: Mapping[str, str] = {}
        self._nobody: str | None = None
        self._deferred = Deferred(source)
        self._over = False
        self._held: _Held | None = None
        self._kept_headers: dict[str, Sequence[str]] = {}
        self._token = new_token()

    # Identity

    def read_person(self) -> Person:
        """Return who this request is about, as of now: a login changes it."""
        named = self._named
        return self._found_person() if named is None else Person(distinct_id=named)

    def _found_person(self) -> Person:
        """Return who it is about where no code has named them."""
        held = self._held
        if held is not None and self._over:
            return held.person
        user = self._find_user()
        return held.person if held is not None and user is UNKNOWN else self._person_of(user)

    def _person_of(self, user: object) -> Person:
        """Return whom events are about if the framework's user has that id."""
        if user is UNKNOWN:
            return NOBODY
        if user is not None:
            return Person(distinct_id=str(user))
        return self._claimed_person() if self.setup.options.trust_client_ids else NOBODY

    def _claimed_person(self) -> Person:
        """Return whom the browser names, by a header or else by posthog-js's cookie."""
        visitor = self._read_visitor()
        visits = claimed_id([visitor.distinct_id or ""])
        named = claimed_id(self.info.distinct_ids) or visits
        if named is None:
            return NOBODY
        anonymous = visitor.anonymous and named == visits
        given = ClaimedId(named, anonymous=anonymous)
        return Person(distinct_id=given, claimed=True, anonymous=anonymous)

    def _read_visitor(self) -> Visitor:
        def read(key: str) -> Visitor:
            return read_visitor(self._header("cookie"), key, time.time_ns() // 1_000_000)

        return self._read_once(self._visitors, read)

    def _read_once(self, known: dict[str, T], read: Callable[[str], T]) -> T:
        """Return what is *known* by the key of the client's project, *read* where it is not yet."""
        client = self._client or self.setup.client
        if _key_of(client) not in known:
            client = self.client
        key = _key_of(client)
        if key not in known:
            known[key] = read(key)
        return known[key]

    def _header(self, name: str) -> Sequence[str]:
        if name in self._kept_headers:
            return self._kept_headers[name]
        try:
            return self._source.header(name)
        except Exception as error:  # noqa: BLE001 - requests can be malformed in any way
            report_fault(error, "header")
            return ()

    def _find_user(self) -> object:
        """Return the id of the framework's user, None if there is none, or UNKNOWN."""
        return self._read_user(self._source.find_user)

    def _read_user(self, find: Callable[[], object]) -> object:
        try:
            with asking(self._token, "user") as can_be_asked, self._source.unnoticed():
                return self._user_ids.read(find()) if can_be_asked else UNKNOWN
        except Exception as error:  # noqa: BLE001 - somebody else's user model and its database
            self.setup.warn_of_unreadable("user", error)
            return UNKNOWN

    @property
    def info(self) -> RequestInfo:
        """The request, read once; an unreadable one is empty."""
        if self._info is None:
            try:
                self._info = self._source.describe()
            except Exception as error:  # noqa: BLE001 - requests can be malformed in any way
                report_fault(error, "request")
                self._info = RequestInfo(method="", scheme="", host="", path="")
        return self._info

    # What the pipeline asks

    def read_place(self) -> int:
        """Return a token of this request, which does not keep it alive."""
        return self._token

    def read_nobody(self) -> str:
        """Return the one id of all events about nobody in this request."""
        if self._nobody is None:
            self._nobody = nobody()
        return self._nobody

    def read_session_id(self) -> str | None:
        """Return the session set in code, else the browser's."""
        if self._session_id is None and self.setup.options.trust_client_ids:
            session = first_usable(self.info.session_ids)
            return session or first_usable([self._read_visitor().session_id or ""])
        return self._session_id

    def is_opted_out(self) -> bool:
        """Return whether the browser says that nothing shall be captured."""
        options = self.setup.options
        return self._read_once(
            self._opted_out, lambda key: is_opted_out(options, key, self._header)
        )

    def read_tags(self) -> Mapping[str, Any]:
        """Return the tags set so far."""
        return self._tags

    def read_properties(self) -> Mapping[str, Any]:
        """Return the request's properties as of now."""
        options = self.setup.options
        if self._properties is None:
            self._properties = RequestProperties(self.info, options)
        route = self._find_route()
        window = first_usable(self.info.window_ids) if options.trust_client_ids else None
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
        extra = self._ask("extra_properties", self.response)
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

    def _ask(self, name: str, *values: object) -> Any:  # noqa: ANN401 - the application's own answer
        """Return what the application's function in option *name* says of this request."""
        if getattr(self.setup.options, name) is None:
            return None
        with asking(self._token, name) as can_be_asked:
            if not can_be_asked:
                return None
            try:
                with self._source.undisturbed():
                    return self.setup.call(name, self._source.native(), *values)
            except LookupError:
                return None  # It is over, and nobody keeps it for us.
            except Exception as error:  # noqa: BLE001 - what tidies up after the application's answer
                self.setup.warn_of_unreadable(name, error)
                return None

    def is_excluded(self) -> bool:
        """Return whether nothing is to be captured of this request that nobody asked for."""
        exclusion = exclusion_of(self.setup.options.excluded_paths)
        route = self._find_route()
        template = None if route is None else route.template
        return exclusion.excludes(self.info.path, template) or (
            self._ask("request_filter") is False
        )

    def _find_route(self) -> Route | None:
        if self._over and self._held is not None:
            return self._held.route
        try:
            return self._source.route()
        except Exception as error:  # noqa: BLE001 - routes are the application's objects
            report_fault(error, "route")
            return UNTOLD

    @property
    def client(self) -> Client:
        """The client of this request: the adapter's, unless the application has another for it."""
        if self._client is None and not self._over:
            # Only an answer is kept: asked too early, the application may not know yet.
            chosen = self._ask("client_for")
            self._client = None if chosen is None else self.setup.adopt(chosen)
        return self._client or self.setup.client

    def read_client(self) -> Any:  # noqa: ANN401 - as the scope protocol
        """Return the client of this request."""
        return self.client

    def awaits_person(self) -> bool:
        """Return whether the user can be had later, but not now."""
        if self._over or self._named is not None:
            return False
        try:
            return self._source.awaits_user()
        except Exception as error:  # noqa: BLE001 - somebody else's session
            self.setup.warn_of_unreadable("user", error)
            return False

    def defer(self, complete: Callable[[Person], object]) -> bool:
        """Keep *complete* for when the user is known."""
        taken = self._deferred.add(complete)
        if self._over:
            # On another thread the request has ended since it was asked whether to wait.
            self._hand_over_deferred()
        return taken

    def hold(self) -> None:
        """Find out what the framework tells only where, and as long as, it serves the request.

        From now on it is also found out at the end, for what goes on after that.
        """
        _ = self.info
        self._keep()
        if self.setup.options.client_for is not None:
            _ = self.client
        if waits := self.awaits_person():
            self._source.be_patient()
        person = NOBODY if waits else self.read_person()
        self._held = _Held(person=person, route=self._find_route())

    def _keep(self) -> None:
        """Note what is gone with the framework's request, and decides over what comes later."""
        self._kept_headers = {name: self._header(name) for name in _DECIDING_HEADERS}
        if self.setup.options.client_for is not None and self.outlives:
            _ = self.client

    # What changes it

    def changed(self, **values: Any) -> RequestScope:  # noqa: ANN401 - as the scope protocol
        """Set the person or the session, for all that shares this scope."""
        self._named = values.get("distinct_id", self._named)
        self._session_id = values.get("session_id", self._session_id)
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
        return bool(self._deferred) or (self._held is not None and self.awaits_person())

    async def resolve(self, *, last: bool = True) -> None:
        """Find the user, and complete the events that wait for it.

        Args:
            last: Complete them even when the task is cancelled meanwhile: who it is stays unknown,
                that it happened does not. False: it will be tried once more.
        """
        try:
            await self._source.resolve_user()
        except Exception as error:  # noqa: BLE001 - somebody else's user model and its database
            self.setup.warn_of_unreadable("user", error)
        except BaseException:
            if last:
                self._hand_over_deferred()
            raise
        self._hand_over_deferred()

    def settle_as(self, user: object) -> None:
        """Complete what waited as *user*'s, since the request's user is about to change."""
        if self._deferred:
            person = self._person_of(self._read_user(lambda: user))
            self._deferred.hand_over(lambda: person)

    def end(self) -> None:
        """Wait for nothing any more."""
        if self._held is not None and not self._over:
            self.hold()
        elif not self._over and (self._source.fades or self.setup.options.client_for is not None):
            self._keep()
        self._over = True
        self._hand_over_deferred()

    def _hand_over_deferred(self) -> None:
        """Complete what waits: only what nobody was named for, so a name comes too late for it."""
        self._deferred.hand_over(self._found_person)
