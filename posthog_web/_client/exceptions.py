"""The verb that reports exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from posthog_web import _events
from posthog_web._client.verb import Verbs, verb
from posthog_web._events import Flaw
from posthog_web._exceptions import chain
from posthog_web._exceptions.chain import Boundary
from posthog_web._exceptions.marks import mark_captured, was_captured
from posthog_web._log import logger
from posthog_web._scope import place
from posthog_web.typing import DistinctId, Moment, Properties


class ExceptionVerb(Verbs):
    """``capture_exception``."""

    @verb
    def capture_exception(
        self,
        exception: object = None,
        distinct_id: DistinctId | None = None,
        properties: Properties | None = None,
        *,
        context: object = None,  # noqa: ARG002 - what the first generation took; ignored
        timestamp: Moment | None = None,
        uuid: UUID | str | None = None,
        groups: Mapping[str, DistinctId] | None = None,
        flags: object = None,
        disable_geoip: bool | None = None,
    ) -> str | None:
        """Report an exception as one ``$exception`` event, with its causes and their stacks.

        Args:
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

        Returns:
            The event's uuid, or None when it was not accepted.
        """
        person = None if distinct_id is None else _events.read_id(distinct_id)
        error = chain.find_exception(exception)
        root = self._project_root()
        if error is not None:
            described = chain.describe_exception(error, root)
        elif exception is not None and not chain.is_empty_triple(exception):
            described = chain.describe_message(chain.text_of(exception), root)
        else:
            msg = "there is no exception to capture"
            raise Flaw(msg)
        merged = self._read_properties("capture_exception", properties)
        if flags is not None:
            self._remind("capture_exception", "feature flags are not available yet")
        if groups is not None and (read := self._read_groups("capture_exception", groups)):
            merged["$groups"] = read
        number = self._emit(
            "$exception",
            person,
            {**merged, **described},
            timestamp=timestamp,
            uuid=uuid,
            disable_geoip=disable_geoip,
            enrich=True,
        )
        return self._captured(error, number)

    @verb
    def _report_uncaught(self, error: BaseException, boundary: Boundary) -> str | None:
        """Report, once, what an application let go at *boundary* (for adapters, SRV-323)."""
        if was_captured(error, place()):
            return None
        described = chain.describe_exception(error, self._project_root(), boundary)
        return self._captured(error, self._emit("$exception", None, described, enrich=True))

    def _project_root(self) -> str:
        try:
            return str(Path(self.options.project_root or ".").absolute())
        except OSError:  # the working directory is gone: a release folder that was removed
            return ""

    def _captured(self, error: BaseException | None, number: str | None) -> str | None:
        """Remember that *error* was captured, if it was; return *number*."""
        if number is not None and error is not None:
            mark_captured(error, place())
            if self.options.log_captured_exceptions:
                logger.error("posthog_web: captured an exception", exc_info=error)
        return number
