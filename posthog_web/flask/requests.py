"""The class of an application's requests, and ``posthog`` in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def extend_requests(app: Flask, setup: WebSetup) -> None:
    """Give the requests of *app* their ``posthog``."""
    app.request_class = type(
        app.request_class.__name__, (WithPosthog, app.request_class), {"_posthog_setup": setup}
    )
