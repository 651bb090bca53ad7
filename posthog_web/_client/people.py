"""The verbs about people, groups and pages, in both call generations.

A verb reads its arguments, puts a name to the event and hands it to the client's pipeline. An
argument that leaves no event to send declines it with a warning; any other bad argument is left out
with a warning. Nothing here raises, whatever it is given.

``context`` is what the first generation took there; it is accepted and ignored.
"""

from __future__ import annotations

from typing import Any, overload
from uuid import UUID

from posthog_web import _events
from posthog_web._client.verb import Verbs, overloaded_verb, verb
from posthog_web._events import Flaw
from posthog_web.typing import DistinctId, Moment, Properties


class PeopleVerbs(Verbs):
    """``set``, ``set_once``, ``identify``, ``alias``, ``group_identify`` and ``page``.

    Each returns the id of its event, or None when there is none: nothing is captured while the
    client is disabled, opted out or shut down, or when an argument makes an event impossible.
    """

    @overload
    def set(
        self,
        properties: Properties,
        /,
        *,
        distinct_id: DistinctId | None = None,
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        disable_geoip: bool | None = None,
        context: object = None,
    ) -> str | None: ...

    @overload
    def set(
        self,
        distinct_id: DistinctId | None = None,
        properties: Properties | None = None,
        *,
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        disable_geoip: bool | None = None,
        context: object = None,
    ) -> str | None: ...

    @overloaded_verb
    def set(
        self,
        *positional: Any,
        distinct_id: Any = None,
        properties: Any = None,
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        disable_geoip: bool | None = None,
        context: object = None,  # noqa: ARG002 - see the module
    ) -> str | None:
        """Set properties of a person: ``set("user-1", {"plan": "pro"})``.

        Without an id the person of the current context is meant; ``set({"plan": "pro"})`` will do.
        """
        person, values = _events.read_person_update(positional, distinct_id, properties)
        return self._update_person("set", person, values, timestamp, uuid, disable_geoip)

    @overload
    def set_once(
        self,
        properties: Properties,
        /,
        *,
        distinct_id: DistinctId | None = None,
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        disable_geoip: bool | None = None,
        context: object = None,
    ) -> str | None: ...

    @overload
    def set_once(
        self,
        distinct_id: DistinctId | None = None,
        properties: Properties | None = None,
        *,
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        disable_geoip: bool | None = None,
        context: object = None,
    ) -> str | None: ...

    @overloaded_verb
    def set_once(
        self,
        *positional: Any,
        distinct_id: Any = None,
        properties: Any = None,
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        disable_geoip: bool | None = None,
        context: object = None,  # noqa: ARG002 - see the module
    ) -> str | None:
        """Set properties of a person that are not overwritten later. Arguments as for ``set``."""
        person, values = _events.read_person_update(positional, distinct_id, properties)
        return self._update_person("set_once", person, values, timestamp, uuid, disable_geoip)

    def _update_person(
        self,
        verb_name: str,
        distinct_id: Any,
        properties: Any,
        timestamp: Moment | None,
        uuid: UUID | str | None,
        disable_geoip: bool | None,
    ) -> str | None:
        """Emit an event with the person's properties beside its own (protocol §1.3)."""
        person = _events.read_optional_id(distinct_id)
        values = self._read_properties(verb_name, properties)
        if not values:
            msg = "there are no properties to set"
            raise Flaw(msg)
        event = f"${verb_name}"
        return self._emit(
            event,
            person,
            {},
            timestamp=timestamp,
            uuid=uuid,
            disable_geoip=disable_geoip,
            needs_person=True,
            top_level={event: values},
        )

    @verb
    def identify(
        self,
        distinct_id: DistinctId | None = None,
        properties: Properties | None = None,
        set_once: Properties | None = None,
        *,
        context: object = None,  # noqa: ARG002 - see the module
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        disable_geoip: bool | None = None,
    ) -> str | None:
        """Tell PostHog of a person, with what is known of them. Each call sends one event.

        Args:
            distinct_id: Who it is. None: the person of the current context.
            properties: What is true of them now.
            set_once: What is only set where nothing is set yet.
            context: Ignored.
            timestamp: When it became known, if not now.
            uuid: The event's id, if it has one already.
            disable_geoip: Overrides the client's option of that name.
        """
        top_level = {"$set": self._read_properties("identify", properties)}
        if set_once:
            top_level["$set_once"] = self._read_properties("identify", set_once)
        return self._emit(
            "$identify",
            _events.read_optional_id(distinct_id),
            {},
            timestamp=timestamp,
            uuid=uuid,
            disable_geoip=disable_geoip,
            needs_person=True,
            top_level=top_level,
        )

    @verb
    def alias(
        self,
        previous_id: DistinctId | None = None,
        distinct_id: DistinctId | None = None,
        *,
        context: object = None,  # noqa: ARG002 - see the module
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        disable_geoip: bool | None = None,
    ) -> str | None:
        """Tell PostHog that two ids name one person (SRV-043…047).

        Args:
            previous_id: The id used so far.
            distinct_id: The id used from now on. None: the person of the current context.
            context: Ignored.
            timestamp: When it became known, if not now.
            uuid: The event's id, if it has one already.
            disable_geoip: Overrides the client's option of that name.
        """
        previous = _events.read_id(previous_id, "previous_id")
        person = _events.read_optional_id(distinct_id)
        return self._emit(
            "$create_alias",
            previous,
            {"distinct_id": previous, **({"alias": person} if person else {})},
            timestamp=timestamp,
            uuid=uuid,
            disable_geoip=disable_geoip,
            person_property=None if person else "alias",
        )

    @verb
    def group_identify(
        self,
        group_type: str | None = None,
        group_key: DistinctId | None = None,
        properties: Properties | None = None,
        *,
        context: object = None,  # noqa: ARG002 - see the module
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        disable_geoip: bool | None = None,
        distinct_id: DistinctId | None = None,
    ) -> str | None:
        """Set properties of a group, such as a company (SRV-048…052).

        Args:
            group_type: What kind of group: ``"company"``.
            group_key: Which one.
            properties: What is true of it now.
            context: Ignored.
            timestamp: When it became known, if not now.
            uuid: The event's id, if it has one already.
            disable_geoip: Overrides the client's option of that name.
            distinct_id: Whose event it is. None: an id made of type and key, the same each time.
        """
        kind = _events.read_id(group_type, "group_type")
        key = _events.read_id(group_key, "group_key")
        person = f"${kind}_{key}" if distinct_id is None else _events.read_id(distinct_id)
        values = self._read_properties("group_identify", properties)
        return self._emit(
            "$groupidentify",
            person,
            {"$group_type": kind, "$group_key": key, "$group_set": values},
            timestamp=timestamp,
            uuid=uuid,
            disable_geoip=disable_geoip,
        )

    @verb
    def page(
        self,
        distinct_id: DistinctId | None = None,
        url: str | None = None,
        properties: Properties | None = None,
        *,
        context: object = None,  # noqa: ARG002 - see the module
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        disable_geoip: bool | None = None,
    ) -> str | None:
        """Capture that somebody saw a page (``$pageview``).

        Args:
            distinct_id: Who saw it. None: the person of the current context, or nobody.
            url: The page's address.
            properties: Anything else worth knowing.
            context: Ignored.
            timestamp: When it was seen, if not now.
            uuid: The event's id, if it has one already.
            disable_geoip: Overrides the client's option of that name.
        """
        merged = self._read_properties("page", properties)
        if url is not None:
            merged = {"$current_url": url, **merged}
        return self._emit(
            "$pageview",
            _events.read_optional_id(distinct_id),
            merged,
            timestamp=timestamp,
            uuid=uuid,
            disable_geoip=disable_geoip,
            enrich=True,
        )
