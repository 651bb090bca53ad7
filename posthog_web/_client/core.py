"""The client itself: construction, the pipeline every event takes, and its end."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, Unpack, overload

from posthog_web import _config, _events, _moments
from posthog_web._client.events import EventVerbs
from posthog_web._client.exceptions import ExceptionVerb
from posthog_web._config import ClientOptions
from posthog_web._delivery import tap
from posthog_web._delivery.reporter import Reporter
from posthog_web._delivery.setup import make_lane
from posthog_web._events import Flaw
from posthog_web._guard import describe_fault
from posthog_web._identifiers import nobody, read_uuid, uuid7
from posthog_web._log import Notices, logger
from posthog_web._runtime import http
from posthog_web._runtime.system import LIBRARY, library_version, system_properties
from posthog_web._scope import Surroundings, current
from posthog_web._serialization import dumps, loads
from posthog_web.typing import BeforeSend, ClientArguments, Event, OnError, Properties

if TYPE_CHECKING:
    from types import TracebackType

    from posthog_web._delivery.accounting import Stats
    from posthog_web._delivery.lane import Lane

T = TypeVar("T")


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
        client._configure(replace(client.options, **{self._name: checked}))  # noqa: SLF001 - part of Client


class Queue:
    """What can be seen of a client's queue."""

    def __init__(self, lane: Lane) -> None:
        """Look at *lane*."""
        self._lane = lane

    def qsize(self) -> int:
        """Return the number of events that wait."""
        return self._lane.buffer.waiting

    def empty(self) -> bool:
        """Return whether nothing waits."""
        return self.qsize() == 0


class Client(EventVerbs, ExceptionVerb):
    """Captures events and sees to it that they reach PostHog.

    One client serves all threads, tasks and forked children of a process. It starts nothing until
    the first event, and never raises once it is made.

    Attributes:
        options: All options in force.
        queue: The events that wait; ``queue.qsize()`` counts them.
    """

    on_error: Live[OnError | None] = Live()
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
        self._notices = Notices()
        self._reporter = Reporter(self._notices)
        self._closed = False
        self._opted_out = False
        key = _config.judge_key(resolved.options.project_api_key)
        # Events meant for an address that cannot be read must not go to the default one instead.
        self._reachable = bool(key.text) and "host" not in resolved.complaints
        self._configure(resolved.options)
        self._remark(key.remark, resolved.complaints)
        self._lane = make_lane(resolved.options, key.text, self._reporter)
        self.queue = Queue(self._lane)

    def _remark(self, key_remark: str, complaints: Mapping[str, str]) -> None:
        """Say, once, what is odd about the configuration."""
        if key_remark and not self.disabled:
            self._notices.once("key", f"posthog_web: {key_remark}")
        for option, complaint in complaints.items():
            consequence = "; nothing is sent" if option == "host" else ""
            self._notices.once(f"environment:{option}", f"posthog_web: {complaint}{consequence}")

    def _configure(self, options: ClientOptions) -> None:
        """Put *options* in force."""
        self.options = options
        self._reporter.on_error = options.on_error
        self._reporter.debug = options.debug
        if options.debug and logger.level == logging.NOTSET:
            logger.setLevel(logging.DEBUG)
        self._base = {
            "$lib": LIBRARY,
            "$lib_version": library_version(),
            **({"$is_server": True} if options.is_server else {}),
        }
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
        """Send what is left and end the client."""
        self.shutdown()

    def __del__(self) -> None:
        """Let threads send what is here and stop, when nobody holds the client any more."""
        lane: Lane | None = getattr(self, "_lane", None)  # absent if the options were refused
        if lane is not None:
            lane.retire()

    def __repr__(self) -> str:
        """Return where this client sends, without its key."""
        return f"<Client of {_config.ingestion_host(self.options.host)}>"

    # The pipeline

    def _target(self) -> Client:
        return self

    def _accepts(self) -> bool:
        """Return whether an event captured now would be built at all."""
        if self._open:
            return self._reachable or tap.current() is not None
        if self._closed:
            self._notices.warn(
                "closed", "posthog_web: captured after shutdown; the event is dropped"
            )
        return False

    def _decline(self, verb: str, reason: str) -> None:
        self._lane.decline("invalid_event")
        self._notices.warn(
            f"invalid:{verb}:{reason}", f"posthog_web: {verb}: %s; nothing is sent", reason
        )

    def _remind(self, verb: str, remark: str) -> None:
        """Warn of an argument that is not used while its event is sent."""
        self._notices.warn(f"odd:{verb}:{remark}", f"posthog_web: {verb}: %s", remark)

    def _read_properties(self, verb: str, value: object) -> dict[Any, Any]:
        """Return a copy of *value*; without it, and with a warning, if it is no mapping."""
        try:
            return _events.read_mapping(value, "properties")
        except Flaw as flaw:
            self._remind(verb, f"{flaw}; the event goes without")
            return {}

    def _read_groups(self, verb: str, value: object) -> dict[str, str]:
        """Return the groups that can be read; the others are left out with a warning."""
        groups = {}
        try:
            for kind, key in _events.read_mapping(value, "groups").items():
                groups[_events.read_id(kind, "a group's type")] = _events.read_id(
                    key, "a group's key"
                )
        except Flaw as flaw:
            self._remind(verb, f"{flaw}; the event goes without")
        return groups

    def _emit(
        self,
        name: str,
        distinct_id: str | None,
        properties: Mapping[Any, Any],
        *,
        timestamp: object = None,
        uuid: object = None,
        disable_geoip: bool | None = None,
        enrich: bool = False,
        top_level: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Build an event, pass it through the hooks and hand it over; return its uuid.

        *enrich* adds what the process runs on and the tags of the current scope; *top_level* goes
        beside the properties. Without a *distinct_id* the scope's person is meant, else nobody.
        """
        scope = current()
        if distinct_id is None and scope is not None:
            distinct_id = scope.read_distinct_id()
        event: Event = {
            "event": name,
            "distinct_id": distinct_id or nobody(),
            "properties": {
                **self._base,
                **(system_properties() if enrich else {}),
                **({"$geoip_disable": True} if self._without_geoip(wish=disable_geoip) else {}),
                **({} if scope is None else _scope_properties(scope, tags=enrich)),
                **({} if distinct_id else {"$process_person_profile": False}),
                **(self.options.super_properties or {}),
                **properties,
            },
            **self._stamp(name, timestamp, uuid),
            **(top_level or {}),
        }
        return self._hand_over(event)

    def _without_geoip(self, *, wish: bool | None) -> bool:
        return self.options.disable_geoip if wish is None else wish

    def _stamp(self, verb: str, timestamp: object, uuid: object) -> dict[str, str]:
        """Return the event's moment and id: the caller's where they can be read (SRV-023…025)."""
        now = time.time_ns()
        moment = _moments.now_text(now) if timestamp is None else _moments.read_timestamp(timestamp)
        if moment is None:
            self._remind(verb, "the timestamp cannot be read; the current time is used")
            moment = _moments.now_text(now)
        number = None if uuid is None else read_uuid(uuid)
        if uuid is not None and number is None:
            self._remind(verb, "the uuid cannot be read; a new one is used")
        return {"timestamp": moment, "uuid": number or uuid7(now // 1_000_000)}

    def _hand_over(self, event: Event) -> str | None:
        if self.options.privacy_mode:
            event = _events.without_private_ai(event)
        encoded = dumps(event)
        if self.options.before_send:
            # The hooks get a copy of their own, in just the form it would be sent: whatever they
            # do to it, the caller's objects stay as they are.
            hooked = self._run_hooks(self.options.before_send, loads(encoded))
            if hooked is None:
                return None
            event, encoded = hooked, dumps(hooked)
        if len(encoded) > _events.MAX_EVENT_BYTES:
            self._lane.drop("too_large")
            self._notices.warn(
                "too_large",
                "posthog_web: %r is %d KiB, over the limit of 900; it is dropped",
                event["event"][:100],
                len(encoded) // 1024,
            )
            return None
        self._reporter.trace("captured %r, %d bytes", event["event"][:100], len(encoded))
        return event["uuid"] if self._deliver(encoded) else None

    def _run_hooks(self, hooks: tuple[BeforeSend, ...], event: Event) -> Event | None:
        hooked = _events.run_hooks(hooks, event)
        if hooked.fault is not None:
            self._notices.warn(
                "before_send",
                "posthog_web: before_send failed: %s; the event is dropped",
                describe_fault(hooked.fault),
            )
        if hooked.event is None:
            self._lane.decline("before_send")
        return hooked.event

    def _deliver(self, encoded: bytes) -> bool:
        if (recorder := tap.current()) is not None:
            recorder(encoded)
            return True
        if not self.options.send:
            self._lane.drop("send_is_off")
            return True
        return self._lane.send(encoded) if self.options.sync_mode else self._lane.put(encoded)

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
        """Return whether captures are dropped by choice: opted out, or disabled."""
        return self._opted_out or self.options.disabled

    # Waiting and ending

    def flush(self, timeout: float | None = None) -> bool:
        """Send all that waits, now, and wait for it.

        Args:
            timeout: Seconds to wait at most; None: the option ``flush_timeout``.

        Returns:
            Whether PostHog took everything captured so far. The client goes on either way.
        """
        return self._wait(timeout, hurry=True)

    def join(self, timeout: float | None = None) -> bool:
        """Wait as ``flush`` does, but let events leave at their own pace."""
        return self._wait(timeout, hurry=False)

    def _wait(self, timeout: float | None, *, hurry: bool) -> bool:
        seconds = self._seconds(timeout, self.options.flush_timeout)
        return self._lane.crew.flush(seconds, hurry=hurry)

    def _seconds(self, timeout: object, default: float) -> float:
        if timeout is None:
            return default
        if isinstance(timeout, int | float) and timeout >= 0:
            return timeout
        self._notices.warn("timeout", "posthog_web: a timeout must be a number of seconds")
        return default

    def shutdown(self, timeout: float | None = None) -> bool:
        """Send what waits, then end the client for good. Calling it again does nothing more.

        Args:
            timeout: Seconds it may take in all; None: the option ``shutdown_timeout``.

        Returns:
            Whether PostHog took everything. What it did not is dropped, counted and said.
        """
        self._closed = True
        self._update_gate()
        return self._lane.crew.close(self._seconds(timeout, self.options.shutdown_timeout))

    def stats(self) -> Stats:
        """Return what became of all events so far, as of one moment, in this process."""
        return self._lane.stats()


class Posthog(Client):
    """The same as ``Client``, by the name most people know."""


def _scope_properties(scope: Surroundings, *, tags: bool) -> dict[str, Any]:
    """Return what the current scope adds to an event: its session, and its *tags* if wanted."""
    properties = dict(scope.read_tags()) if tags else {}
    if properties:
        properties["$context_tags"] = list(properties)
    session = scope.read_session_id()
    if session is not None:
        properties["$session_id"] = session
    return properties
