"""The verb that reports exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import Any, overload
from uuid import UUID

from posthog_web import _events
from posthog_web._client.verb import Verbs, overloaded_verb, verb
from posthog_web._delivery.lanes import Lanes
from posthog_web._events import Flaw
from posthog_web._exceptions import chain
from posthog_web._exceptions.marks import (
    Mark,
    is_known_failure,
    mark_captured,
    unmark,
    was_captured,
)
from posthog_web._exceptions.metadata import IN_CODE, Boundary, read_fingerprint, read_level
from posthog_web._exceptions.policy import Policy
from posthog_web._exceptions.storms import fingerprint_of
from posthog_web._log import Notices, logger
from posthog_web._scope import place
from posthog_web.typing import DistinctId, Moment, Properties


class ExceptionVerb(Verbs):
    """``capture_exception``."""

    _policy: Policy
    _lanes: Lanes
    _notices: Notices

    @overload
    def capture_exception(
        self,
        exception: object = None,
        properties: Properties | None = None,
        *,
        distinct_id: DistinctId | None = None,
        context: object = None,
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        groups: Mapping[str, DistinctId] | None = None,
        flags: object = None,
        disable_geoip: bool | None = None,
        level: str | None = None,
        fingerprint: str | None = None,
    ) -> str | None: ...

    @overload
    def capture_exception(
        self,
        exception: object = None,
        distinct_id: DistinctId | None = None,
        properties: Properties | None = None,
        *,
        context: object = None,
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        groups: Mapping[str, DistinctId] | None = None,
        flags: object = None,
        disable_geoip: bool | None = None,
        level: str | None = None,
        fingerprint: str | None = None,
    ) -> str | None: ...

    @overloaded_verb
    def capture_exception(
        self,
        *positional: Any,
        exception: Any = None,
        distinct_id: Any = None,
        properties: Any = None,
        context: object = None,  # noqa: ARG002 - what the first generation took; ignored
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        groups: Any = None,
        flags: object = None,
        disable_geoip: bool | None = None,
        level: str | None = None,
        fingerprint: str | None = None,
    ) -> str | None:
        """Report an exception as one ``$exception`` event, with its causes and their stacks.

        ``capture_exception(error, {"order": 1})`` or, as before,
        ``capture_exception(error, "user-1", {"order": 1})``.

        Args:
            positional: ``(exception, properties)`` or ``(exception, distinct_id, properties)``.
            exception: What went wrong: an exception, an exc_info triple, or anything that can be
                written as text. None: the exception being handled.
            distinct_id: Whom it happened to. None: the person of the current context, or nobody.
            properties: Anything else worth knowing; it cannot replace the description.
            context: Ignored.
            timestamp: When it happened, if not now.
            uuid: The event's id, if it has one already.
            groups: The groups it belongs to, by type.
            flags: Accepted; feature flags are not available in this version.
            disable_geoip: Overrides the client's option of that name.
            level: How bad it is: fatal, error, warning, log, info or debug. None: error.
            fingerprint: The issue it belongs to, by a name of your own. None: PostHog decides.

        Returns:
            The event's uuid, or None when it was not accepted.
        """
        exception, distinct_id, properties = _events.read_exception_call(
            positional, exception, distinct_id, properties
        )
        person = _events.read_optional_id(distinct_id)
        error = chain.find_exception(exception)
        if error is None and (exception is None or chain.is_empty_triple(exception)):
            msg = "there is no exception to capture"
            raise Flaw(msg)
        if error is not None and was_captured(error, self._mark()):
            return None
        merged = self._read_properties("capture_exception", properties)
        if flags is not None:
            self._remind("capture_exception", "feature flags are not available yet")
        if groups is not None and (read := self._read_groups("capture_exception", groups)):
            merged["$groups"] = read
        return self._report(
            exception,
            error,
            self._read_boundary(level, fingerprint),
            distinct_id=person,
            properties=merged,
            timestamp=timestamp,
            uuid=uuid,
            disable_geoip=disable_geoip,
        )

    @verb
    def _report_uncaught(
        self,
        error: BaseException,
        boundary: Boundary,
        properties: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Report, once, what nobody caught before *boundary*, unless it is expected (SRV-323)."""
        if error in self._policy.expected or is_known_failure(error, self._mark()):
            return None
        return self._report(error, error, boundary, properties=properties)

    def _report(
        self,
        given: object,
        error: BaseException | None,
        boundary: Boundary,
        *,
        distinct_id: str | None = None,
        properties: Mapping[str, Any] | None = None,
        **details: Any,
    ) -> str | None:
        """Emit the event about *given*, which means *error* if that is one.

        There is none where there were too many of its kind.
        """
        policy = self._policy
        fingerprint, storms = fingerprint_of(error, policy.stacks.files), policy.storms
        left_out = storms.admit(fingerprint)
        if left_out is None:
            self._leave_out(error)
            return None
        mark, event_id = self._mark(), None
        if error is not None:
            # Before all else: another thread may be about to report the same one.
            mark_captured(error, mark)
        try:
            described = chain.describe(given, policy.stacks, boundary)
            if left_out:
                described["$suppressed_count"] = left_out
            event_id = self._emit(
                "$exception",
                distinct_id,
                properties or {},
                described=described,
                enrich=True,
                **details,
            )
        finally:
            if event_id is None:
                storms.take_back(fingerprint, left_out)
            if error is not None:
                self._settle(error, mark, accepted=event_id is not None)
        return event_id

    def _settle(self, error: BaseException, mark: Mark, *, accepted: bool) -> None:
        """Let the next one report *error* if this report was refused; else log it if wanted."""
        if not accepted:
            unmark(error, mark)
        elif self.options.log_captured_exceptions:
            self._log(error)

    @staticmethod
    def _log(error: BaseException) -> None:
        with suppress(Exception):  # an application's handler may raise
            logger.error("posthog_web: captured an exception", exc_info=error)

    def _read_boundary(self, level: object, fingerprint: object) -> Boundary:
        """Return what a call in code says of its exception; without what cannot be read."""
        known, issue = read_level(level), read_fingerprint(fingerprint)
        for name, given, read in (("level", level, known), ("fingerprint", fingerprint, issue)):
            if given is not None and read is None:
                self._remind("capture_exception", f"the {name} cannot be read; it is ignored")
        return Boundary(level=known or IN_CODE.level, fingerprint=issue)

    def _leave_out(self, error: BaseException | None) -> None:
        # Counted with the next report: who sees it after us does not count it again.
        if error is not None:
            mark_captured(error, self._mark())
        self._lanes.analytics.decline("rate_limited")
        self._notices.warn(
            "storm",
            "posthog_web: an exception happens so often that not every one is reported; the next"
            " report has $suppressed_count",
        )

    def _mark(self) -> Mark:
        return Mark(place(), self._policy.reporter, monotonic())
