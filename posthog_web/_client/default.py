"""The client behind ``posthog_web.capture`` and its like.

Which one that is: the current scope's; else one assigned to ``posthog_web.default_client``, or made
before from the module's attributes; else that of the first adapter configured in this process; else
one made now, from the attributes set on the module and the environment.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

from posthog_web import _config, _scope
from posthog_web._client.capture import CaptureVerbs
from posthog_web._client.core import Client, Live
from posthog_web._client.exceptions import ExceptionVerb
from posthog_web._client.flush_after import FlushAfterVerb
from posthog_web._client.people import PeopleVerbs
from posthog_web._client.unavailable import missing
from posthog_web._config import ClientOptions, Resolved
from posthog_web._delivery.accounting import Stats
from posthog_web._log import Notices
from posthog_web._runtime import http, process
from posthog_web.errors import ConfigurationError

_KEYS = ("project_api_key", "api_key")
_NAMES = (*_config.names(ClientOptions), "api_key")
_LIVE = tuple(name for name, value in vars(Client).items() if isinstance(value, Live))


class DefaultClient(CaptureVerbs, PeopleVerbs, ExceptionVerb, FlushAfterVerb):
    """The verbs of a client that is found, or made, when one of them is called."""

    def __init__(self, attributes: Mapping[str, Any] | None = None) -> None:
        """Read options from *attributes*, the namespace of a module, when the time has come."""
        self._attributes = {} if attributes is None else attributes
        self._notices = Notices()
        # Threads take turns at making the client, with the lock that forks wait for too. A signal
        # handler may interrupt one in its turn, hence setdefault, to decide between the two.
        self._making = http.importing
        self._own: dict[str, Client] = {}
        self._followed: dict[str, Any] = {}
        self._adapters: list[weakref.ref[Client]] = []

    def bind(self, attributes: Mapping[str, Any]) -> None:
        """Read options from *attributes* from now on."""
        self._attributes = attributes

    # Which client

    def find(self) -> Client | None:
        """Return the client that is meant now; None if it cannot be made, which is logged once."""
        return self.find_configured() or self._make()

    def find_configured(self) -> Client | None:
        """Return the client that is meant now, but make none that has no key."""
        client = self._chosen() or self._made()
        if client is None and any(self._attributes.get(name) for name in _KEYS):
            client = self._make()
        client = client or next(self._adapters_clients(), None)
        if client is None and any(os.environ.get(f"POSTHOG_{name.upper()}") for name in _KEYS):
            client = self._make()
        return client

    def _existing(self) -> Client | None:
        return self._chosen() or self._made() or next(self._adapters_clients(), None)

    def share(self, resolved: Resolved[ClientOptions]) -> Client:
        """Return a client for an adapter: the module's if it has this key and host, else its own.

        Adapters with the same options share one. The first with a key is the process's default.
        """
        options = resolved.options
        with self._making:
            own = self._chosen() or self._made()
            if own is not None and not own._closed and _same_project(own.options, options):
                return own
            for client in self._adapters_clients():
                if client.options == options:
                    return client
            made = Client._made_of(resolved)
            self._adapters.append(weakref.ref(made))
            return made

    def _target(self) -> Client | None:
        return self.find()

    def _chosen(self) -> Client | None:
        scope = _scope.current()
        chosen = None if scope is None else scope.read_client()
        client = self._attributes.get("default_client") if chosen is None else chosen
        if client is None or isinstance(client, Client):
            return client
        self._notices.once("chosen", "posthog_web: what was assigned as client is none")
        return None

    def _made(self) -> Client | None:
        """Return the module's own client, with what was assigned to the module since."""
        client = self._own.get("client")
        if client is not None:
            self._follow(client)
        return client

    def _adapters_clients(self) -> Iterator[Client]:
        """Yield the clients of adapters that are still in use, the first one with a key first."""
        self._adapters = [known for known in self._adapters if known() is not None]
        clients = [client for known in self._adapters if (client := known()) is not None]
        in_use = [client for client in clients if not client._closed]
        yield from sorted(in_use, key=lambda client: not client._reachable)

    def _make(self) -> Client | None:
        try:
            resolved = self._resolve()
        except ConfigurationError as error:
            self._notices.once("configuration", "posthog_web: %s; nothing is sent", error)
            return None
        return self._make_of(resolved)

    def _resolve(self) -> Resolved[ClientOptions]:
        # Never with the lock: dotted paths import the application's modules, which may capture.
        options = {name: self._attributes[name] for name in _NAMES if name in self._attributes}
        return _config.resolve(ClientOptions, arguments=options, environ=os.environ)

    def _make_of(self, resolved: Resolved[ClientOptions]) -> Client:
        process.install_hooks()
        attributes = self._attributes
        with self._making:
            if "client" in self._own:
                return self._own["client"]
            made = Client._made_of(resolved)
            for client in self._adapters_clients():
                if _same_project(client.options, made.options):
                    made = client
                    break
            self._followed = {name: attributes.get(name) for name in _LIVE}
            return self._own.setdefault("client", made)

    def _follow(self, client: Client) -> None:
        for name in _LIVE:
            value = self._attributes.get(name)
            if value is not self._followed.get(name):
                self._followed[name] = value
                try:
                    setattr(client, name, value)
                except ConfigurationError as error:
                    self._notices.warn(f"configuration:{name}", "posthog_web: %s", error)

    # What a client does beside capturing

    def setup(self) -> Client:
        """Make the client that the functions here use now, not with the first of them; return it.

        Needed for what begins with the client, such as ``enable_exception_autocapture``. A client
        that is there already, an adapter's say, is returned as it is.

        Raises:
            ConfigurationError: An option that was assigned has a bad value.
        """
        client = self._chosen() or self._made()
        if client is None:
            resolved = self._resolve()
            client = self.find_configured() or self._make_of(resolved)
        return client

    def flush(self, timeout: float | None = None) -> bool:
        """Send all that waits, now, and wait for it; see ``Client.flush``."""
        client = self._existing()
        return client is None or client.flush(timeout)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for all that waits to leave at its own pace; see ``Client.join``."""
        client = self._existing()
        return client is None or client.join(timeout)

    def shutdown(self, timeout: float | None = None) -> bool:
        """Send what waits, then end the client for good; see ``Client.shutdown``."""
        client = self._existing()
        return client is None or client.shutdown(timeout)

    async def aflush(self, timeout: float | None = None) -> bool:
        """Flush without blocking the event loop; see ``Client.aflush``."""
        client = self._existing()
        return client is None or await client.aflush(timeout)

    async def ashutdown(self, timeout: float | None = None) -> bool:
        """Shut down without blocking the event loop; see ``Client.ashutdown``."""
        client = self._existing()
        return client is None or await client.ashutdown(timeout)

    def stats(self) -> Stats:
        """Return what became of all events so far; see ``Client.stats``."""
        client = self._existing()
        return Stats() if client is None else client.stats()

    def opt_out(self) -> None:
        """Drop everything captured from now on, in this process."""
        if (client := self.find()) is not None:
            client.opt_out()

    def opt_in(self) -> None:
        """Capture again after ``opt_out()``."""
        if (client := self.find()) is not None:
            client.opt_in()

    def read_unassigned(self, name: str, module: object) -> object:
        """Return what attribute *name* of *module* says before anybody assigns it: the default.

        Raises:
            AttributeError: It is no option's name.
        """
        if name == "default_client":
            return self._own.get("client")
        if name in _NAMES:
            return getattr(ClientOptions(), _config.ALIASES.get(name, name))
        raise missing(module, "module 'posthog_web'", name)

    def is_opted_out(self) -> bool:
        """Return whether captures are dropped by choice."""
        client = self._existing()
        return client is not None and client.is_opted_out()


def _same_project(one: ClientOptions, other: ClientOptions) -> bool:
    return one.project_api_key == other.project_api_key and _config.ingestion_host(
        one.host
    ) == _config.ingestion_host(other.host)


default_client = DefaultClient()
"""The one behind the module ``posthog_web``, which binds it to its attributes."""
