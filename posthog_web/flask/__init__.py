"""PostHog for Flask.

::

    from posthog_web.flask import FlaskPosthog

    posthog = FlaskPosthog()
    posthog.init_app(app)          # reads app.config["POSTHOG_PROJECT_API_KEY"] and its like

Then, in a view: ``request.posthog.capture("order paid", {"plan": "pro"})``. The ``request``
exported here is Flask's own, typed with that attribute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request as _request

from posthog_web._web.request_posthog import RequestPosthog
from posthog_web.flask.extension import FlaskPosthog

if TYPE_CHECKING:
    from flask import Request as FlaskRequest

    class Request(FlaskRequest):
        """A request of an application with the extension."""

        @property
        def posthog(self) -> RequestPosthog:
            """The verbs of a client, bound to this request."""
            raise NotImplementedError

    request: Request
else:
    request = _request

__all__ = ["FlaskPosthog", "RequestPosthog", "request"]
