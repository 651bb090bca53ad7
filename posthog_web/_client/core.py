"""The client itself: construction, what can be changed, consent, waiting, and its end."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, Unpack, overload

from posthog_web import _config
from posthog_web._client import autocapture
from posthog_web._client.capture import CaptureVerbs
from posthog_web._client.endings import Endings
from posthog_web._client.exceptions import ExceptionVerb
from posthog_web._client.people import PeopleVerbs
from posthog_web._client.pipeline import Pipeline
from posthog_web._client.unavailable import missing
from posthog_web._config import ClientOptions, Resolved
from posthog_web._delivery.reporter import Reporter
from posthog_web._delivery.setup import make_lanes
from posthog_web._exceptions.metadata import ESCAPED
from posthog_web._exceptions.policy import make_policy
from posthog_web._log import Notices, logger
from posthog_web._runtime import http, process
from posthog_web.typing import ClientArguments, OnDrop, OnError, Properties

if TYPE_CHECKING:
    from types import TracebackType

    from posthog_web._delivery.accounting import Stats
    from posthog_web._delivery.lanes import Lanes

T = TypeVar("T")

# Where the default would send what somebody meant to keep, or keep elsewhere: one of these that
# cannot be read from the environment sends nothing at all.
_NOT_TO_BE_GUESSED = frozenset({"host", "before_send", "disabled", "send", "privacy_mode"})
_V1_ALONE = frozenset({"deflate", "zstd"})


class Live(Generic[T]):
    """An option that may be assigned on a client at any time; the next event obeys."""

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember which option this is."""
        self._name = name

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...

    @overload
    def __get__(self, client: Client, owner: type) -> T: ...

    def __get__(self, client: Client | None, owner: type) -> Self | T:
        """Return the value in force."""
        return self if client is None else getattr(client.options, self._name)

    def __set__(self, client: Client, value: T) -> None:
        """Check *value* and put it in force; a bad one raises ConfigurationError."""
        checked = _config.check(ClientOptions, self._name, value)
        # Two threads that change two options must not undo each other.
        with http.importing:
            client._configure(replace(client.options, **{self._name: checked}))


class Queue:
    """What can be seen of a client's queue."""

    def __init__(self, lanes: Lanes) -> None:
        """Look at *lanes*."""
        self._lanes = lanes

    def qsize(self) -> int:
        """Return the number of events that wait."""
        return self._lanes.waiting

    def empty(self) -> bool:
        """Return whether nothing waits."""
        return self.qsize() == 0


class Client(Pipeline, CaptureVerbs, PeopleVerbs, ExceptionVerb, Endings):
    """Captures events and sees to it that they reach PostHog.

    One client serves all threads, tasks and forked children of a process. It starts nothing until
    the first event, and never raises once it is made.

    Attributes:
        options: All options in force.
        queue: The events that wait; ``queue.qsize()`` counts them.
        on_error: May be assigned at any time, like the others below; see ``options``.
        on_drop: Told of each event that will never arrive.
        before_send: One hook or a list of them.
        debug: Whether each step is logged.
        disabled: Whether every call does nothing.
        send: Whether events leave.
        super_properties: Properties of every event.
        privacy_mode: Whether prompts and outputs stay here.
    """

    on_error: Live[OnError | None] = Live()
    on_drop: Live[OnDrop | None] = Live()
    before_send: Live[Any] = Live()
    debug: Live[bool] = Live()
    disabled: Live[bool] = Live()
    send: Live[bool] = Live()
    super_properties: Live[Properties | None] = Live()
    privacy_mode: Live[bool] = Live()

    def __init__(
        self,
        project_api_key: str | None = None,
        host: str | None = None,
        **options: Unpack[ClientArguments],
    ) -> None:
        """Make a client; what is not given comes from ``POSTHOG_*`` variables or the defaults.

        Without a usable key the client does nothing, and says so once.

        Raises:
            ConfigurationError: An option is unknown, of the wrong type or out of range.
        """
        resolved = _config.resolve(
            ClientOptions,
            arguments={"project_api_key": project_api_key, "host": host, **options},
            environ=os.environ,
        )
        self._start(resolved)

    @classmethod
    def _made_of(cls, resolved: Resolved[ClientOptions]) -> Self:
        """Return a client with options that are resolved already, by an adapter or the module."""
        client = cls.__new__(cls)
        client._start(resolved)
        return client

    def _start(self, resolved: Resolved[ClientOptions]) -> None:
        process.install_hooks()
        self._notices = Notices()
        self._reporter = Reporter(self._notices)
        self._closed = False
        self._ended_well = True
        self._opted_out = False
        self._policy = make_policy(resolved.options, self._notices)
        key = _config.judge_key(resolved.options.project_api_key)
        self._reachable = bool(key.text) and not _NOT_TO_BE_GUESSED & resolved.complaints.keys()
        self._configure(resolved.options)
        self._remark(key.remark, resolved)
        self._lanes = make_lanes(resolved.options, key.text, self._reporter)
        self.queue = Queue(self._lanes)
        if self._reachable:
            autocapture.start(self)

    def _remark(self, key_remark: str, resolved: Resolved[ClientOptions]) -> None:
        """Say, once, what is odd about the configuration."""
        if key_remark and not self.disabled:
            self._notices.once("key", f"posthog_web: {key_remark}")
        if self.options.capture_mode == "v0" and self.options.capture_compression in _V1_ALONE:
            self._notices.once(
                "compression",
                "posthog_web: capture_compression=%r needs capture_mode='v1'; gzip is used",
                self.options.capture_compression,
            )
        for site, remark in resolved.remarks(dict.fromkeys(_NOT_TO_BE_GUESSED, "nothing is sent")):
            self._notices.once(site, remark)

    def _configure(self, options: ClientOptions) -> None:
        """Put *options* in force."""
        self.options = options
        self._reporter.on_error = options.on_error
        self._reporter.on_drop = options.on_drop
        self._reporter.debug = options.debug
        if options.debug and logger.level == logging.NOTSET:
            logger.setLevel(logging.DEBUG)
        self._prepare(options)
        if self._reachable and options.send and not options.disabled:
            http.load()
        self._update_gate()

    def _update_gate(self) -> None:
        self._open = not (self.options.disabled or self._opted_out or self._closed)

    def __enter__(self) -> Self:
        """Use the client for the length of a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Send what is left and end the client; with autocapture, report what leaves the block."""
        if self.options.enable_exception_autocapture and isinstance(error, Exception):
            self._report_uncaught(error, ESCAPED)
        self.shutdown()

    def __del__(self) -> None:
        """Let threads send what is here and stop, when nobody holds the client any more."""
        # Options that were refused leave no lane behind, and a dying interpreter no names:
        # `suppress` is such a name. Nor does any thread of it run on, to let go of a lock.
        try:
            if not sys.is_finalizing():
                self._lanes.retire()
        except Exception:  # noqa: BLE001, S110 - see above
            pass

    if not TYPE_CHECKING:  # checkers would take any name for one that is there

        def __getattr__(self, name: str) -> object:
            """Raise AttributeError; for names of PostHog's own client it says where these are."""
            raise missing(self, "a client of posthog_web", name)

    def __repr__(self) -> str:
        """Return where this client sends, without its key."""
        return f"<Client of {self._reporter.host}>"

    # Consent

    def opt_out(self) -> None:
        """Drop everything captured from now on, in this process. What is queued still leaves."""
        self._opted_out = True
        self._update_gate()

    def opt_in(self) -> None:
        """Capture again after ``opt_out()``."""
        self._opted_out = False
        self._update_gate()

    def is_opted_out(self) -> bool:
        """Return whether nothing is captured: opted out, disabled, shut down or without a key."""
        return not (self._open and self._reachable)

    def stats(self) -> Stats:
        """Return what became of all events so far, as of one moment, in this process."""
        return self._lanes.stats()


class Posthog(Client):
    """The same as ``Client``, by the name most people know."""
