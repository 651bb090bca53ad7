"""What can be told of one request: by the framework, and by the application's own functions.

Nothing here raises: what cannot be read is reported, and is empty. What the framework tells only
where, and as long as, it serves the request is kept for those who ask from elsewhere, or later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from posthog_web._guard import report_fault
from posthog_web._scope import new_token
from posthog_web._web.asking import asking
from posthog_web._web.paths import UNTOLD, Route
from posthog_web._web.request_info import RequestInfo
from posthog_web._web.request_source import RequestSource

if TYPE_CHECKING:
    from posthog_web._client.core import Client
    from posthog_web._web.setup import WebSetup

T = TypeVar("T")

# Headers that decide whether, and for whom, events are captured.
_DECIDING_HEADERS = ("cookie", "sec-gpc", "dnt")


def _key_of(client: Client) -> str:
    return (client.options.project_api_key or "").strip()


class RequestReader:
    """Reads one request, and asks the application about it.

    Attributes:
        setup: How the adapter was configured.
        token: Stands for the request with those who must not keep it alive.
        held: Whether it has been read for those who ask from elsewhere, or later.
        over: Whether the request has ended.
    """

    __slots__ = (
        "_client",
        "_held_route",
        "_info",
        "_kept_headers",
        "_source",
        "held",
        "over",
        "setup",
        "token",
    )

    def __init__(self, setup: WebSetup, source: RequestSource) -> None:
        """Read nothing yet."""
        self.setup = setup
        self.token = new_token()
        self.held = False
        self.over = False
        self._source = source
        self._client: Client | None = None
        self._info: RequestInfo | None = None
        self._kept_headers: Mapping[str, Sequence[str]] = {}
        self._held_route: Route | None = None

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

    def header(self, name: str) -> Sequence[str]:
        """Return the values of the header *name* (in lower case)."""
        if name in self._kept_headers:
            return self._kept_headers[name]
        try:
            return self._source.header(name)
        except Exception as error:  # noqa: BLE001 - requests can be malformed in any way
            report_fault(error, "header")
            return ()

    def route(self) -> Route | None:
        """Return the route as far as it can be told."""
        if self.over and self.held:
            return self._held_route
        try:
            return self._source.route()
        except Exception as error:  # noqa: BLE001 - routes are the application's objects
            report_fault(error, "route")
            return UNTOLD

    def ask(self, name: str, *values: object) -> Any:  # noqa: ANN401 - the application's own answer
        """Return what the application's function in option *name* says of this request."""
        if getattr(self.setup.options, name) is None:
            return None
        with asking(self.token, name) as can_be_asked:
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

    @property
    def client(self) -> Client:
        """The client of this request: the adapter's, unless the application has another for it."""
        if self._client is None and not self.over:
            # Only an answer is kept: asked too early, the application may not know yet.
            chosen = self.ask("client_for")
            self._client = None if chosen is None else self.setup.adopt(chosen)
        return self._client or self.setup.client

    def read_once(self, known: dict[str, T], read: Callable[[str], T]) -> T:
        """Return what is *known* by the key of the client's project, *read* where it is not yet."""
        client = self._client or self.setup.client
        if _key_of(client) not in known:
            client = self.client
        key = _key_of(client)
        if key not in known:
            known[key] = read(key)
        return known[key]

    def hold(self) -> None:
        """Keep all that may be asked for from elsewhere, or later."""
        _ = self.info
        self._keep(with_client=True)
        self._held_route = self.route()
        self.held = True

    def end(self, *, with_client: bool) -> None:
        """Keep what is gone with the framework's request, and decides over what comes later.

        Args:
            with_client: Somebody may capture later: find out which client the application chooses.
        """
        changes = self._source.fades or self.setup.options.client_for is not None
        if changes and not self.held and not self.over:
            self._keep(with_client=with_client)
        self.over = True

    def _keep(self, *, with_client: bool) -> None:
        self._kept_headers = {name: self.header(name) for name in _DECIDING_HEADERS}
        if with_client and self.setup.options.client_for is not None:
            _ = self.client
