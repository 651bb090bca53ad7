"""Who one request is about, and in which session: looked up when an event needs it.

What outranks what, and why, is in ``identity``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from posthog_web._identifiers import nobody
from posthog_web._scope import NOBODY, ClaimedId, Person
from posthog_web._web.asking import asking
from posthog_web._web.identity import UNKNOWN, UserIds, claimed_id, first_usable
from posthog_web._web.request_reader import RequestReader
from posthog_web._web.request_source import RequestSource
from posthog_web._web.visitor import Visitor, read_visitor


class RequestIdentity:
    """The person and the session of one request: set in code, else as framework and browser say."""

    __slots__ = (
        "_held_person",
        "_named",
        "_nobody",
        "_reader",
        "_session_id",
        "_source",
        "_user_ids",
        "_visitors",
    )

    def __init__(self, reader: RequestReader, source: RequestSource) -> None:
        """Look nobody up yet."""
        self._reader = reader
        self._source = source
        self._user_ids = UserIds(reader.setup.options.distinct_id, reader.setup.warn_of_awaitable)
        # By the project's key, which the application may choose late.
        self._visitors: dict[str, Visitor] = {}
        self._named: str | None = None
        self._session_id: str | None = None
        self._nobody: str | None = None
        self._held_person: Person | None = None

    def change(self, values: Mapping[str, Any]) -> None:
        """Set the person or the session in code."""
        self._named = values.get("distinct_id", self._named)
        self._session_id = values.get("session_id", self._session_id)

    def read_person(self) -> Person:
        """Return who it is, as of now: a login changes it."""
        named = self._named
        return self.find_person() if named is None else Person(distinct_id=named)

    def find_person(self) -> Person:
        """Return who it is where no code has named them."""
        held = self._held_person
        if held is not None and self._reader.over:
            return held
        user = self._read_user(self._source.find_user)
        return held if held is not None and user is UNKNOWN else self._person_with(user)

    def person_of(self, user: object) -> Person:
        """Return who it is if *user* is the framework's user."""
        return self._person_with(self._read_user(lambda: user))

    def _read_user(self, find: Callable[[], object]) -> object:
        """Return the id of the user that *find* returns, None if there is none, or UNKNOWN."""
        try:
            with asking(self._reader.token, "user") as can_be_asked, self._source.unnoticed():
                return self._user_ids.read(find()) if can_be_asked else UNKNOWN
        except Exception as error:  # noqa: BLE001 - somebody else's user model and its database
            self._reader.setup.warn_of_unreadable("user", error)
            return UNKNOWN

    def _person_with(self, user_id: object) -> Person:
        if user_id is UNKNOWN:
            return NOBODY
        if user_id is not None:
            return Person(distinct_id=str(user_id))
        return self._claimed_person() if self._reader.setup.options.trust_client_ids else NOBODY

    def _claimed_person(self) -> Person:
        """Return whom the browser names, by a header or else by posthog-js's cookie."""
        visitor = self._read_visitor()
        visits = claimed_id([visitor.distinct_id or ""])
        named = claimed_id(self._reader.info.distinct_ids) or visits
        if named is None:
            return NOBODY
        anonymous = visitor.anonymous and named == visits
        given = ClaimedId(named, anonymous=anonymous)
        return Person(distinct_id=given, claimed=True, anonymous=anonymous)

    def _read_visitor(self) -> Visitor:
        def read(key: str) -> Visitor:
            return read_visitor(self._reader.header("cookie"), key, time.time_ns() // 1_000_000)

        return self._reader.read_once(self._visitors, read)

    def read_nobody(self) -> str:
        """Return the one id of all events about nobody in this request."""
        if self._nobody is None:
            self._nobody = nobody()
        return self._nobody

    def read_session_id(self) -> str | None:
        """Return the session set in code, else the browser's."""
        if self._session_id is None and self._reader.setup.options.trust_client_ids:
            session = first_usable(self._reader.info.session_ids)
            return session or first_usable([self._read_visitor().session_id or ""])
        return self._session_id

    def awaits_person(self) -> bool:
        """Return whether the user can be had later, but not now."""
        if self._reader.over or self._named is not None:
            return False
        try:
            return self._source.awaits_user()
        except Exception as error:  # noqa: BLE001 - somebody else's session
            self._reader.setup.warn_of_unreadable("user", error)
            return False

    async def resolve(self) -> None:
        """Look the user up without blocking the loop."""
        try:
            await self._source.resolve_user()
        except Exception as error:  # noqa: BLE001 - somebody else's user model and its database
            self._reader.setup.warn_of_unreadable("user", error)

    def hold(self) -> None:
        """Keep who it is for those who ask from elsewhere, or when the request is over."""
        if waits := self.awaits_person():
            self._source.be_patient()
        self._held_person = NOBODY if waits else self.read_person()
