"""The class of an application's requests, and ``posthog`` in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posthog_web.flask.serving import posthog_of

if TYPE_CHECKING:
    from flask import Flask

    from posthog_web._web.request_posthog import RequestPosthog
    from posthog_web._web.setup import WebSetup


class WithPosthog:
    """What an application's request class gains.

    The setup is the class's own: on a thread without Flask's contexts nothing else tells it.
    """

    _posthog_setup: WebSetup

    @property
    def posthog(self) -> RequestPosthog:
        """PostHog, bound to this request."""
        return posthog_of(self, self._posthog_setup)


def extend_requests(app: Flask, setup: WebSetup, current: Any = None) -> None:  # noqa: ANN401 - a request
    """Give the requests of *app* their ``posthog``; a class that has one of its own keeps that.

    Args:
        app: The application.
        setup: Its setup.
        current: A request that was made before; the application may have changed its class since.
    """
    known: Any = app.request_class
    ours = issubclass(known, WithPosthog)
    if ours and known._posthog_setup is setup:  # noqa: SLF001 - this module's own
        return
    if not ours and hasattr(known, "posthog"):
        setup.notices.once(
            "request.posthog",
            "posthog_web: %s has a posthog of its own, and keeps it; capture with"
            " posthog_web.capture instead",
            known.__qualname__,
        )
        return
    bases = (known,) if ours else (WithPosthog, known)
    app.request_class = type(known.__name__, bases, {"_posthog_setup": setup})
    if type(current) is known:
        current.__class__ = app.request_class
