"""How an adapter is configured: its own options and the client's, in the framework's own way."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from posthog_web import _config
from posthog_web._client.core import Client
from posthog_web._client.default import default_client
from posthog_web._config import ClientOptions, WebOptions
from posthog_web._config.sources import ALIASES, check_names
from posthog_web._exceptions.metadata import Boundary
from posthog_web._guard import describe_fault, report_fault, safely
from posthog_web._log import Notices
from posthog_web._runtime import ending, signals
from posthog_web._runtime.offload import offload

_CLIENT_NAMES = _config.names(ClientOptions) | frozenset(ALIASES)

# Where the default would tell what somebody meant to keep: what is used of one of these that cannot
# be read from the environment.
_STRICTEST: Mapping[str, Any] = {
    "capture_ip": "off",
    "opt_out_by_default": True,
    "respect_dnt": True,
    "respect_gpc": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSetup:
    """An adapter's configuration.

    Attributes:
        client: Where events go.
        options: The adapter's own options.
        captures_exceptions: Whether uncaught exceptions are reported.
        notices: Where the adapter says things.
    """

    client: Client
    options: WebOptions
    captures_exceptions: bool
    notices: Notices

    def adopt(self, chosen: object) -> Client:
        """Return the client *chosen* for a request; the usual one if it is none, with a warning."""
        if isinstance(chosen, Client):
            return chosen
        self.notices.warn(
            "client_for", "posthog_web: client_for must return a Client, or None for the usual one"
        )
        return self.client

    def is_failure(self, status: int | None) -> bool:
        """Return whether a response with that status makes its exception one to report."""
        return status in self.options.failed_request_status_codes

    @safely
    def report(self, error: BaseException, source: str) -> None:
        """Report what went wrong outside of any request, at the hook *source*."""
        if self.captures_exceptions:
            boundary = Boundary(kind="middleware", handled=False, source=source)
            self.client._report_uncaught(error, boundary)  # noqa: SLF001 - for adapters

    async def drain(self) -> None:
        """Send what is left when a server ends its application, without blocking the loop.

        Of all clients in this process, which live on: there may be a next lifespan. What could not
        be sent is said, for a server may end the process without a word.
        """
        try:
            if not ending.unsettled():
                return
            await offload(lambda: ending.drain(give_up=False))
            if left := ending.unsettled():
                self.notices.warn(
                    "lifespan",
                    "posthog_web: %d event(s) could not be sent before the server shut down",
                    left,
                    count=left,
                )
        except Exception as error:  # noqa: BLE001 - the application's end is not ours to spoil
            report_fault(error, "lifespan")

    def chain_server_signals(self) -> bool:
        """Chain the handlers of a server that ends by a signal, if ``handle_signals`` says so.

        Returns:
            False if it is wanted and this is not the main thread: only there can it be done.
        """
        wanted = self.options.handle_signals
        return wanted is False or signals.chain_servers(only_known=wanted == "auto")

    def call(self, name: str, *values: object) -> Any:  # noqa: ANN401 - the application's own answer
        """Return what the application's function in option *name* answers.

        None without one, and where it fails, which is said once in a while.
        """
        function = getattr(self.options, name)
        if function is None:
            return None
        try:
            return function(*values)
        except Exception as error:  # noqa: BLE001 - the application's own code
            self.warn_of_fault(name, error)
            return None

    def warn_of_fault(self, name: str, error: Exception) -> None:
        """Warn that the application's function in option *name* failed."""
        self.notices.warn(f"hook:{name}", f"posthog_web: {name} failed: %s", describe_fault(error))

    def warn_of_awaitable(self, name: str) -> None:
        """Warn, once, that *name* is asynchronous: capture needs the id, and cannot wait for it."""
        self.notices.once(
            f"awaitable:{name}",
            "posthog_web: %s is asynchronous, which an id cannot wait for; the usual id is used",
            name,
        )

    def warn_of_unreadable(self, site: str, error: Exception) -> None:
        """Warn that the application's own *site* failed when we read it."""
        self.notices.warn(
            site, f"posthog_web: the {site} could not be read: %s", describe_fault(error)
        )


def configure(
    *,
    arguments: Mapping[str, Any],
    settings: Mapping[str, Any] | None = None,
    label: str = "{name}",
    client: Client | None = None,
) -> WebSetup:
    """Return the setup of an adapter; see ``posthog_web._config.resolve`` for the sources.

    With a *client* given, only the adapter's own options are read.

    Raises:
        ConfigurationError: An option is unknown, or has a bad value.
    """
    settings = settings or {}
    check_names(settings, label)
    check_names(arguments, "{name}")
    web = _config.resolve(
        WebOptions,
        arguments=_without_client_options(arguments),
        settings=_without_client_options(settings),
        settings_label=label,
        environ=os.environ,
    )
    written: frozenset[str] = frozenset()
    if client is None:
        resolved = _config.resolve(
            ClientOptions,
            arguments=_client_options(arguments),
            settings=_client_options(settings),
            settings_label=label,
            environ=os.environ,
        )
        client, written = default_client.share(resolved), resolved.written
    notices = Notices()
    used = {name: f"{value!r} is used" for name, value in _STRICTEST.items()}
    for site, remark in web.remarks(used):
        notices.once(site, remark)
    stricter = {name: value for name, value in _STRICTEST.items() if name in web.complaints}
    options = replace(web.options, **stricter)
    return WebSetup(
        client=client,
        options=options,
        captures_exceptions=_captures_exceptions(options, client, written),
        notices=notices,
    )


def _captures_exceptions(options: WebOptions, client: Client, written: frozenset[str]) -> bool:
    """Return the adapter's word; without one, yes, unless autocapture was written off."""
    if options.capture_exceptions is not None:
        return options.capture_exceptions
    autocapture = "enable_exception_autocapture"
    return autocapture not in written or client.options.enable_exception_autocapture


def _client_options(source: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in source.items() if name in _CLIENT_NAMES}


def _without_client_options(source: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in source.items() if name not in _CLIENT_NAMES}
