"""The road of an event inside a client: from a verb's arguments to the hand-over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from posthog_web import _events, _moments
from posthog_web._client.verb import Verbs
from posthog_web._config import ClientOptions
from posthog_web._delivery import tap
from posthog_web._delivery.lane import Lane
from posthog_web._delivery.lanes import Lanes
from posthog_web._delivery.reporter import Reporter
from posthog_web._events import Flaw
from posthog_web._exceptions.metadata import seal
from posthog_web._guard import describe_fault
from posthog_web._identifiers import nobody, read_uuid, uuid7
from posthog_web._log import Notices
from posthog_web._runtime.system import LIBRARY, library_version, system_properties
from posthog_web._scope import NOBODY, ClaimedId, Person, Surroundings, current
from posthog_web._serialization import dumps, loads
from posthog_web.typing import BeforeSend, Event

# What changes a person, which a stranger must not: events by name, and properties beside others.
_EVENTS_CHANGING_PEOPLE = frozenset(
    {"$identify", "$create_alias", "$merge_dangerously", "$set", "$set_once", "$unset"}
)
_PROPERTIES_CHANGING_PEOPLE = ("$set", "$set_once", "$unset")
# Where events that make one person of two name the other one.
_JOINS = {"$create_alias": "alias", "$identify": "$anon_distinct_id", "$merge_dangerously": "alias"}
_ONLY_CLAIMED = (
    "it is only named by the browser, so the event goes without $set; an application that knows"
    " the person says so with request.posthog.identify()"
)


class Pipeline(Verbs):
    """Builds events, shows them to the hooks and hands them over.

    What it needs is set up by the client: the options in force, whether events are taken at all
    (``_open``) and could be sent (``_reachable``), and where they go.
    """

    options: ClientOptions
    _lanes: Lanes
    _notices: Notices
    _reporter: Reporter
    _open: bool
    _closed: bool
    _reachable: bool

    def _target(self) -> Pipeline:
        return self

    def _prepare(self, options: ClientOptions) -> None:
        """Put together, once, what all events carry."""
        self._base = {
            "$lib": LIBRARY,
            "$lib_version": library_version(),
            **({"$is_server": True} if options.is_server else {}),
            **({"$geoip_disable": True} if options.disable_geoip else {}),
        }
        self._enriched_base = {**self._base, **system_properties()}

    def _accepts(self) -> bool:
        """Return whether an event captured now would be built at all."""
        if self._open:
            return (self._reachable or tap.current() is not None) and self._has_consent()
        if self._closed:
            self._notices.warn(
                "closed", "posthog_web: captured after shutdown; the event is dropped"
            )
        return False

    def _has_consent(self) -> bool:
        scope = current()
        if scope is None or not scope.is_opted_out():
            return True
        self._lanes.analytics.decline("opted_out")
        return False

    def _decline(self, verb: str, reason: str) -> None:
        self._lanes.analytics.decline("invalid_event")
        self._notices.warn(
            f"invalid:{verb}:{reason}", f"posthog_web: {verb}: %s; nothing is sent", reason
        )

    def _remind(self, verb: str, remark: str) -> None:
        """Warn of something in a call that is not used while its event is sent."""
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
        groups, flaws = _events.read_groups(value)
        for flaw in flaws:
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
        needs_person: bool = False,
        person_property: str | None = None,
        top_level: Mapping[str, Any] | None = None,
        ai: bool = False,
        described: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Build an event, pass it through the hooks and hand it over; return its uuid.

        It takes the lane of analytics, or of *ai*. *enrich* adds what the process runs on and the
        tags of the current scope; *top_level* goes beside the properties. Without a *distinct_id*
        the scope's person is meant, else nobody, or if it *needs_person* there is no event. With
        *person_property* the event has an id of its own, and the scope's person goes there. What is
        *described* of an exception nobody else can replace, tags and super_properties neither.
        """
        scope = current()
        merged = self._merge(scope, properties, disable_geoip=disable_geoip, enrich=enrich)
        if described is not None:
            merged = seal(merged, described)
        moment, event_id = self._stamp(timestamp, uuid)
        event: Event = {
            "event": name,
            "distinct_id": distinct_id,
            "properties": merged,
            "timestamp": moment,
            "uuid": event_id,
        }
        if top_level:
            event |= top_level
        lane = self._lanes.ai if ai else self._lanes.analytics
        # A claim that is passed on stays a claim.
        claim = _find_claim(event)
        if claim is not None and _weaken(event, claim):
            self._remind("distinct_id", _ONLY_CLAIMED)
        if distinct_id is not None and person_property is None:
            return self._hand_over(event, lane)
        return self._find_person(event, lane, scope, person_property, needs_person=needs_person)

    def _merge(
        self,
        scope: Surroundings | None,
        properties: Mapping[Any, Any],
        *,
        disable_geoip: bool | None,
        enrich: bool,
    ) -> dict[Any, Any]:
        """Return the properties of an event; of one that has several sources, the last one's."""
        merged: dict[Any, Any] = dict(self._enriched_base if enrich else self._base)
        if disable_geoip is not None:
            _decide_geoip(merged, disable=disable_geoip)
        if scope is not None:
            merged |= _scope_properties(scope, enrich=enrich)
        if self.options.super_properties:
            merged |= self.options.super_properties
        merged |= properties
        return merged

    def _find_person(
        self,
        event: Event,
        lane: Lane,
        scope: Surroundings | None,
        person_property: str | None,
        *,
        needs_person: bool,
    ) -> str | None:
        """Put the scope's person where it belongs in *event*, now or when it is known."""

        def complete(event: Event, person: Person) -> str | None:
            if person_property is None:
                return self._complete(event, lane, scope, person, needs_person=needs_person)
            event["properties"][person_property] = _events.require_person(person)
            return self._hand_over(event, lane)

        if scope is None:
            return complete(event, NOBODY)
        if scope.awaits_person():
            return self._defer(event, lane, scope, complete)
        return complete(event, scope.read_person())

    def _complete(
        self,
        event: Event,
        lane: Lane,
        scope: Surroundings | None,
        person: Person,
        *,
        needs_person: bool,
    ) -> str | None:
        """Name the *person* of the *scope*, or nobody, and hand over (SRV-269)."""
        if needs_person:
            _events.require_person(person)
        if person.claimed:
            _weaken(event, person)
        if person.distinct_id is None:
            event["properties"].setdefault("$process_person_profile", False)
        event["distinct_id"] = (
            person.distinct_id or (None if scope is None else scope.read_nobody()) or nobody()
        )
        return self._hand_over(event, lane)

    def _defer(
        self,
        event: Event,
        lane: Lane,
        scope: Surroundings,
        complete: Callable[[Event, Person], object],
    ) -> str | None:
        """Keep a snapshot of *event* until the scope knows its person."""
        snapshot = dumps(event)
        kept = loads(snapshot)

        # What a test records is not counted.
        token = object() if tap.current() is not None else lane.expect(snapshot)

        def complete_kept(person: Person) -> None:
            lane.receive(token)
            try:
                complete(kept, person)
            except Flaw as flaw:
                self._decline(kept["event"], str(flaw))

        if token is not None and scope.defer(complete_kept):
            return event["uuid"]  # type: ignore[no-any-return]  # the stamp is text
        lane.receive(token)
        lane.drop("queue_full", snapshot)
        return None

    def _stamp(self, timestamp: object, uuid: object) -> tuple[str, str]:
        """Return the event's moment and id: the caller's where they can be read (SRV-023…025)."""
        now = time.time_ns()
        moment = _moments.now_text(now) if timestamp is None else _moments.read_timestamp(timestamp)
        if moment is None:
            self._remind("timestamp", "it cannot be read; the current time is used")
            moment = _moments.now_text(now)
        event_id = None if uuid is None else read_uuid(uuid)
        if uuid is not None and event_id is None:
            self._remind("uuid", "it cannot be read; a new one is used")
        return moment, event_id or uuid7(now // 1_000_000)

    def _hand_over(self, event: Event, lane: Lane) -> str | None:
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
        if len(encoded) > lane.largest_event:
            self._notices.warn(
                "too_large",
                "posthog_web: %r is %d KiB, over the limit of %d; it is dropped",
                event["event"][:100],
                len(encoded) // 1024,
                lane.largest_event // 1024,
            )
            lane.drop("too_large", encoded)
            return None
        self._reporter.trace("captured %r, %d bytes", event["event"][:100], len(encoded))
        return event["uuid"] if self._deliver(encoded, lane) else None

    def _run_hooks(self, hooks: tuple[BeforeSend, ...], event: Event) -> Event | None:
        hooked = _events.run_hooks(hooks, event)
        if hooked.fault is not None:
            self._notices.warn(
                "before_send",
                "posthog_web: before_send failed: %s; the event is dropped",
                hooked.fault if isinstance(hooked.fault, Flaw) else describe_fault(hooked.fault),
            )
        elif hooked.event is None:
            # Often on purpose, and often a forgotten `return`: said once, and not as a warning.
            self._notices.once(
                "before_send:none",
                "posthog_web: before_send returned None, which drops the event",
                level=logging.INFO,
            )
        if hooked.event is None:
            self._lanes.analytics.decline("before_send")
        return hooked.event

    def _deliver(self, encoded: bytes, lane: Lane) -> bool:
        if (recorder := tap.current()) is not None:
            recorder(encoded)
            return True
        if not self.options.send:
            lane.drop("send_is_off", encoded)
            return True
        return lane.send(encoded) if self.options.sync_mode else lane.put(encoded)


def _find_claim(event: Event) -> Person | None:
    """Return whom a browser claims to be, if that is whom *event* was given."""
    if event["event"] == "$groupidentify":
        return None  # A group may be described by anybody: its events change no person.
    joined = event["properties"].get(_JOINS.get(event["event"], ""))
    for name in (event["distinct_id"], joined):
        if isinstance(name, ClaimedId):
            return Person(distinct_id=name, claimed=True, anonymous=name.anonymous)
    return None


def _weaken(event: Event, person: Person) -> bool:
    """Take from *event* what must not be said of a *person* who is only claimed.

    Returns:
        Whether there was anything.

    Raises:
        Flaw: The event would say nothing else.
    """
    if event["event"] in _EVENTS_CHANGING_PEOPLE:
        _events.require_person(person)
    properties = event["properties"]
    removed = [
        name for name in _PROPERTIES_CHANGING_PEOPLE if properties.pop(name, None) is not None
    ]
    if person.anonymous:
        properties.setdefault("$process_person_profile", False)
    return bool(removed)


def _decide_geoip(properties: dict[str, Any], *, disable: bool) -> None:
    """Put in force what a single call wants (SRV-026)."""
    if disable:
        properties["$geoip_disable"] = True
    else:
        properties.pop("$geoip_disable", None)


def _scope_properties(scope: Surroundings, *, enrich: bool) -> dict[str, Any]:
    """Return what the current scope adds to an event.

    Its session always; the request and the tags only to events about what happened.
    """
    properties: dict[str, Any] = {}
    if enrich:
        tags = scope.read_tags()
        properties |= scope.read_properties()
        properties |= tags
        if tags:
            properties["$context_tags"] = list(tags)
    session = scope.read_session_id()
    if session is not None:
        properties["$session_id"] = session
    return properties
