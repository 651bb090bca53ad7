"""``capture`` and ``capture_ai``, in both call generations.

Both read the same arguments, and differ in the lane their events take. An argument that leaves no
event to send declines it with a warning; any other bad argument is left out with a warning. Nothing
here raises, whatever it is given.

``context`` is what the first generation took there; it is accepted and ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast, overload
from uuid import UUID

from posthog_web import _events
from posthog_web._client.verb import Verbs, overloaded_verb
from posthog_web.typing import DistinctId, Moment, Properties

F = TypeVar("F")


def _with_signature_of(_model: F) -> Callable[[Callable[..., Any]], F]:
    """Give a verb the overloads of another."""
    return lambda verb: cast("F", verb)


class CaptureVerbs(Verbs):
    """``capture`` and ``capture_ai``.

    Each returns the id of its event, or None when there is none: nothing is captured while the
    client is disabled, opted out or shut down, or when an argument makes an event impossible.
    """

    @overload
    def capture(
        self,
        event: str,
        properties: Properties | None = None,
        *,
        distinct_id: DistinctId | None = None,
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        groups: Mapping[str, DistinctId] | None = None,
        flags: object = None,
        send_feature_flags: bool | Mapping[str, Any] = False,
        disable_geoip: bool | None = None,
        context: object = None,
    ) -> str | None: ...

    @overload
    def capture(
        self,
        distinct_id: DistinctId,
        event: str,
        properties: Properties | None = None,
        *,
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        groups: Mapping[str, DistinctId] | None = None,
        flags: object = None,
        send_feature_flags: bool | Mapping[str, Any] = False,
        disable_geoip: bool | None = None,
        context: object = None,
    ) -> str | None: ...

    @overloaded_verb
    def capture(
        self,
        *positional: Any,
        event: Any = None,
        distinct_id: Any = None,
        properties: Any = None,
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        groups: Any = None,
        flags: object = None,
        send_feature_flags: bool | Mapping[str, Any] = False,
        disable_geoip: bool | None = None,
        context: object = None,  # noqa: ARG002 - see the module
    ) -> str | None:
        """Capture that somebody did something.

        ``capture("paid", {"plan": "pro"}, distinct_id="user-1")`` or, as before,
        ``capture("user-1", "paid", {"plan": "pro"})``: two texts mean a person and an event.

        Args:
            positional: ``(event, properties)`` or ``(distinct_id, event, properties)``.
            event: What happened.
            distinct_id: Who did it. None: the person of the current context; without one the event
                is about nobody and makes no profile. An empty id drops the event (SRV-011).
            properties: Anything worth knowing; any value is accepted.
            timestamp: When it happened, if not now. Without a zone it is UTC.
            uuid: The event's id, if it has one already.
            groups: The groups it belongs to, by type: ``{"company": "acme"}``.
            flags: Accepted; feature flags are not available in this version.
            send_feature_flags: Accepted; feature flags are not available in this version.
            disable_geoip: Overrides the client's option of that name.
            context: Ignored.

        Returns:
            The event's uuid, or None when it was not accepted.
        """
        name, person, merged = self._read_capture(
            "capture", positional, event, distinct_id, properties, groups
        )
        if name == "$exception":
            self._remind("capture", "exceptions are better captured with capture_exception")
        if flags is not None or send_feature_flags is not False:
            self._remind("capture", "feature flags are not available yet; the event goes without")
        return self._emit(
            name,
            person,
            merged,
            timestamp=timestamp,
            uuid=uuid,
            disable_geoip=disable_geoip,
            enrich=True,
        )

    @_with_signature_of(capture)
    @overloaded_verb
    def capture_ai(
        self,
        *positional: Any,
        event: Any = None,
        distinct_id: Any = None,
        properties: Any = None,
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        groups: Any = None,
        flags: object = None,  # noqa: ARG002 - an event of AI carries no flags
        send_feature_flags: bool | Mapping[str, Any] = False,  # noqa: ARG002 - the same
        disable_geoip: bool | None = None,
        context: object = None,  # noqa: ARG002 - see the module
    ) -> str | None:
        """Capture something an AI model did: ``$ai_generation``, ``$ai_span`` and their kin.

        Arguments and result are those of ``capture``. Such events may be large (8 MiB each, where
        others may have 900 KiB), so they wait in a queue of their own and go to an endpoint of
        their own: neither holds up the other (SRV-338…344).
        """
        name, person, merged = self._read_capture(
            "capture_ai", positional, event, distinct_id, properties, groups
        )
        return self._emit(
            name,
            person,
            merged,
            timestamp=timestamp,
            uuid=uuid,
            disable_geoip=disable_geoip,
            enrich=True,
            ai=True,
        )

    def _read_capture(
        self,
        verb_name: str,
        positional: tuple[Any, ...],
        event: Any,
        distinct_id: Any,
        properties: Any,
        groups: Any,
    ) -> tuple[str, str | None, dict[Any, Any]]:
        """Return name, person and properties of an event."""
        distinct_id, event, properties = _events.read_capture(
            positional, distinct_id, event, properties
        )
        name = _events.read_event_name(event)
        person = _events.read_optional_id(distinct_id)
        merged = self._read_properties(verb_name, properties)
        if groups is not None and (read := self._read_groups(verb_name, groups)):
            merged["$groups"] = read
        return name, person, merged
