"""What belongs to one request of Flask's, kept on the request itself.

Not in its environ, which may be given to an application again, as it is or as a copy. Copies of a
request's context share the request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import request

from posthog_web._web.lifetime import Lifetime
from posthog_web.flask.context import current_context, current_request
from posthog_web.flask.source import FlaskSource

if TYPE_CHECKING:
    from posthog_web._web.request_posthog import RequestPosthog
    from posthog_web._web.setup import WebSetup

_ATTRIBUTE = "_posthog_web"


@dataclass(slots=True, kw_only=True, eq=False)
class Serving:
    """How far a request has come.

    Attributes:
        lifetime: Its lifetime.
        context: The id of the context it is dispatched in, while it is.
        refused: Whether the answer is made of one of Werkzeug's exceptions, and so is no stream.
        given_up: The id of the exception that Flask itself makes a 500 of.
        goes_on: Whether something of it is to be called after its context.
    """

    lifetime: Lifetime
    context: int | None = None
    refused: bool = False
    given_up: int | None = None
    goes_on: bool = False

    def is_dispatched(self) -> bool:
        """Return whether the current context is the one that the request is dispatched in.

        Others of the same request may be pushed inside, or in a thread of its own.
        """
        return self.context is not None and self.context == id(current_context())


def serving_of(flask_request: Any, setup: WebSetup) -> Serving:  # noqa: ANN401 - the request, or Flask's proxy of it
    """Return what belongs to a request of the application with *setup*, made by who asks first."""
    actual = current_request() if flask_request is request else flask_request
    serving: Serving | None = vars(actual).get(_ATTRIBUTE)
    if serving is None:
        made = Serving(lifetime=Lifetime(setup, FlaskSource(actual)))
        made.lifetime.scope.outlives = False
        serving = vars(actual).setdefault(_ATTRIBUTE, made)
    return serving


def posthog_of(flask_request: Any, setup: WebSetup) -> RequestPosthog:  # noqa: ANN401 - as above
    """Return a request's ``posthog`` for the application, which may keep it for later."""
    serving = serving_of(flask_request, setup)
    serving.lifetime.scope.outlives = True
    return serving.lifetime.posthog
