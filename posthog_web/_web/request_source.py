"""What an adapter tells of one request, in no framework's words."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from posthog_web._web.paths import Route
from posthog_web._web.request_info import RequestInfo


class RequestSource(Protocol):
    """An adapter's view of one request. Reading it must leave no trace in the framework."""

    @property
    def fades(self) -> bool:
        """Whether nothing can be read any more once the framework lets go of its request."""

    def describe(self) -> RequestInfo:
        """Return what is known from the first moment on."""

    def header(self, name: str) -> Sequence[str]:
        """Return the values of the header *name* (in lower case), in order."""

    def native(self) -> object:
        """Return the request as the application knows it."""

    def route(self) -> Route | None:
        """Return the route as far as it can be told; the same object until it changes."""

    def find_user(self) -> object:
        """Return the framework's user, None if there is none, UNKNOWN if it cannot be had now."""

    def awaits_user(self) -> bool:
        """Return whether the user can only be had later, without blocking now."""

    async def resolve_user(self) -> None:
        """Look the user up without blocking the loop, for ``find_user`` to return."""

    def be_patient(self) -> None:
        """Let events of other threads wait for the user too, if that can only be had later."""

    def note_user(self) -> object:
        """Return what tells later whether the user is another one; ask nothing for it."""

    def is_noted_user(self, note: object) -> bool:
        """Return whether the user is who it was when *note* was taken."""

    def unnoticed(self) -> AbstractContextManager[None]:
        """Return a block in which the application's own code can be asked who its user is."""

    def undisturbed(self) -> AbstractContextManager[None]:
        """Return a block in which the application's functions are asked."""


class PromptSource:
    """What a source has that can always tell at once who the user is: nobody waits for it."""

    __slots__ = ()

    def awaits_user(self) -> bool:
        """Return False."""
        return False

    async def resolve_user(self) -> None:
        """Do nothing: there is no more to find."""

    def be_patient(self) -> None:
        """Do nothing: nobody waits."""

    def note_user(self) -> None:
        """Return nothing: it is for those who wait."""

    def is_noted_user(self, note: object) -> bool:  # noqa: ARG002 - as the protocol
        """Return True."""
        return True

    def unnoticed(self) -> AbstractContextManager[None]:
        """Return a block like any other."""
        return nullcontext()

    def undisturbed(self) -> AbstractContextManager[None]:
        """Return a block like any other."""
        return nullcontext()
