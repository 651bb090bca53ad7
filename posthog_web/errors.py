"""The errors posthog_web raises or hands to ``on_error``.

::

    PosthogError
    ├── ConfigurationError (also a ValueError)      raised at start-up, never later
    └── DeliveryError                               handed to on_error, never raised
        ├── UnansweredError (also a ConnectionError)
        └── RefusedError
"""

from __future__ import annotations

from collections.abc import Mapping


class PosthogError(Exception):
    """Anything that goes wrong in posthog_web on purpose."""


class ConfigurationError(PosthogError, ValueError):
    """An option is unknown, of the wrong type or out of range; the message names it."""


class DeliveryError(PosthogError):
    """Events could not be delivered.

    Attributes:
        status: The HTTP status of the last answer; None when nobody answered.
        retry_after: Seconds the server asked to wait; None when it did not say.
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        """Keep *message* as the text of the error."""
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class UnansweredError(DeliveryError, ConnectionError):
    """Nobody answered: no name, no connection, no reply in time. The cause is attached."""


class RefusedError(DeliveryError):
    """The server answered and did not take the events.

    Attributes:
        request_id: Names the batch in protocol v1; the same for all attempts.
        attempts: How often the batch was sent.
        reasons: Why events were refused one by one (protocol v1), by their uuid; else empty.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        attempts: int = 1,
        reasons: Mapping[str, str] | None = None,
    ) -> None:
        """Keep *message* as the text of the error."""
        super().__init__(message, status=status, retry_after=retry_after)
        self.request_id = request_id
        self.attempts = attempts
        self.reasons = dict(reasons or {})
